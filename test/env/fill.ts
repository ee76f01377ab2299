// A program for the full-disk test: `fill` stores messages until the store ends the process, naming each accepted id;
// `check` opens the store again and says how many of those ids it does not know.
import { readFileSync } from 'node:fs';
import { openFolder } from '../../runtime/index.js';
import { incoming } from '../support/messages.js';

const [what, folder, watermarkFolder, list] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const effects = { ready: () => false, send: () => {} };
const location = { folder, watermarkFolder, host: 'store.example.org' };
const { engine, ready, close } = await openFolder(location, { effects, freeOctetsMin: 0 });
await ready;

if (what === 'fill') {
  const text = 'x'.repeat(20_000);
  for (let number = 0; number < 100_000; number += 1) {
    const aor = `sip:user${number % 50}@example.org`;
    const batch = Array.from({ length: 4 }, (_, part) => {
      const callId = `${number}-${part}`;
      return engine.submit({
        type: 'message.received',
        message: incoming({ aor, callId, cpim: null, text, expiresSeconds: null }),
        node: null,
      });
    });
    for (const reply of await Promise.all(batch)) {
      if (reply.kind === 'accepted') process.stdout.write(`${reply.deferredId}\n`);
    }
  }
} else {
  const ids = readFileSync(list, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('.org'));
  const lost = ids.filter((id) => engine.show(id) === null);
  process.stdout.write(`${ids.length} accepted, ${lost.length} lost\n`);
  await close();
}
