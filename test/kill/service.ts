// The service as a test build: what `deferred-im serve` runs, with failpoints. Its settings are one JSON argument. It
// stops where DEFERRED_IM_FAILPOINT says or a line on standard input, and tells every stop on file descriptor 3 before
// it happens, in a write that is over when the process is killed. `open PATH` has it open and close a file, as a careless
// library would. It ends with its parent.
import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createOutput, processStreams } from '../../adapters/cli/output.js';
import { runServe } from '../../adapters/cli/serve.js';
import { exitCodes } from '../../runtime/index.js';
import { formatStop, parseStop, Stops } from './failpoint.js';

const tell = (line: string): void => void writeSync(3, `${line}\n`);
const stops = new Stops((stop) => tell(`hit ${formatStop(stop)}`));

function arm(text: string): void {
  const stop = parseStop(text);
  if (stop === null) throw new TypeError(`not a failpoint: ${text}`);
  stops.arm(stop);
}

const given = process.env['DEFERRED_IM_FAILPOINT'];
if (given !== undefined) arm(given);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [word, path] = line.split(' ');
  if (word === 'open' && path !== undefined) {
    closeSync(openSync(path, 'r'));
    tell('opened');
  } else arm(line);
});
lines.on('close', () => process.kill(process.pid, 'SIGKILL'));

const flags = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;
// As main.ts does: whoever ends the service must end the process.
process.exitCode = await runServe(
  { flags, output: createOutput(false, processStreams) },
  stops.hook,
).catch((cause: unknown) => {
  process.stderr.write(`${cause}\n`);
  return exitCodes.internal;
});
