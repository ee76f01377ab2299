// The engine as `deferred-im serve` runs it, which stops at the failpoint that DEFERRED_IM_FAILPOINT names. It takes its
// settings from the environment. Unlike test/kill/service.ts it is started by a chain, and ended by its process group.
import { createOutput, processStreams } from '../../adapters/cli/output.js';
import { runServe } from '../../adapters/cli/serve.js';
import { exitCodes } from '../../runtime/index.js';
import { parseStop, Stops } from '../kill/failpoint.js';

const stops = new Stops((stop) => process.stderr.write(`stopped at ${stop.point}\n`));
const given = process.env['DEFERRED_IM_FAILPOINT'];
if (given !== undefined) {
  const stop = parseStop(given);
  if (stop === null) throw new TypeError(`not a failpoint: ${given}`);
  stops.arm(stop);
}
// As main.ts does: whoever ends the service must end the process.
process.exitCode = await runServe(
  { flags: {}, output: createOutput(false, processStreams) },
  stops.hook,
).catch((cause: unknown) => {
  process.stderr.write(`${cause}\n`);
  return exitCodes.internal;
});
