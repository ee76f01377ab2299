// A program for the ballast test: opens the store of a folder as the service does and tells in one line of JSON what it
// found and what it was told. `fill` first stores messages and then kills itself, so that the next opening has a log to
// put into a table, and needs room for it.
import { readConfig } from '../../adapters/config.js';
import { openServed } from '../../adapters/service-options.js';
import { hasBallast, RuntimeFault } from '../../runtime/index.js';
import { incoming, numbered } from '../support/messages.js';
import { seeded } from '../support/world.js';

const [what = '', folder = '', watermarkFolder = ''] = process.argv.slice(2);
const read = readConfig({
  file: null,
  environment: {},
  flags: {
    ...{ folder, 'watermark-folder': watermarkFolder, host: 'store.example.org' },
    // More than what LevelDB may clear away in the background while we look: its last log and a table.
    ...{ 'ballast-octets': '8388608', 'quota-free-octets': '4194304' },
  },
});
if (!read.ok) throw new Error(JSON.stringify(read.findings));

const events: string[] = [];
const log = (_level: string, event: string) => void events.push(event);
const exit = (code: number) => process.exit(code);
const effects = { ready: () => false, send: () => {} };
const { engine, ready, close } = await openServed(read.config, { log, exit }, { effects }).catch(
  (cause: unknown) => {
    process.stdout.write(`${cause instanceof RuntimeFault ? cause.code : cause}\n`);
    process.exit(cause instanceof RuntimeFault ? cause.exitCode : 70);
  },
);
await ready;

if (what === 'fill') {
  const random = seeded(4);
  for (let number = 0; number < 100; number += 1) {
    // Nothing a table could be made smaller of.
    const octets = Uint8Array.from({ length: 15_000 }, () => random() * 256);
    const text = Buffer.from(octets).toString('base64');
    const message = numbered(number, { text, dateMs: null, expiresSeconds: 86_400 });
    const reply = await engine.submit({ type: 'message.received', message, node: null });
    if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
  }
  process.kill(process.pid, 'SIGKILL');
}

const ids = await engine.ids(null, 1000);
const fresh = incoming({ callId: what, cpim: null, dateMs: null });
const offered = await engine.submit({ type: 'message.received', message: fresh, node: null });
const waiting = ids.filter((id) => engine.show(id)?.state === 'stored');
const deletion = { type: 'messages.deleted', aor: fresh.aor, ids: waiting.slice(0, 1) } as const;
const deleted = await engine.submit(deletion);
await close();
const ballast = hasBallast(folder);
process.stdout.write(
  `${JSON.stringify({
    ...{ events, ballast, waiting: waiting.length },
    offered: offered.kind === 'refused' ? offered.code : offered.kind,
    deleted: deleted.kind === 'results' ? deleted.results[0]?.status : deleted.kind,
  })}\n`,
);
