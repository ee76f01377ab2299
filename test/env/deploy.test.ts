// G4 and G5 with the real process: a new release put over an old one and taken back. The store decides: a format it does
// not know is refused, and of two processes that overlap one writes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openEngine } from '../../adapters/compose.js';
import { sealRow } from '../../runtime/integrity.js';
import { createStore } from '../../runtime/store.js';
import { aliceWrites, run, type Served, start, temporaryFolder } from '../adapters/cli/command.js';
import { type GoldenStore, goldenPath, storeOf } from '../support/golden-store.js';
import { repositoryRoot } from '../support/repository.js';

const flags = ['--nats-servers', 'nats://127.0.0.1:9', '--http-port', '0'];
const common = ['--host', 'store.example.org', '--allow-volatile-folder', 'true', ...flags];

/** The one line that says why it did not start. */
function refusal(served: Served): unknown {
  const lines = served
    .err()
    .split('\n')
    .filter((one) => one.includes('service.refused'));
  return lines.length === 1 ? JSON.parse(lines[0] as string) : lines;
}

t.test('G4 a store of a newer format is refused by its number, and left as it is', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const golden = JSON.parse(
    readFileSync(join(repositoryRoot, goldenPath(1)), 'utf8'),
  ) as GoldenStore;
  const rows = storeOf(golden);
  const key = '40!S!identity';
  const identity = JSON.parse(
    Buffer.from(rows.get(key) ?? [])
      .subarray(9)
      .toString(),
  );
  rows.insert(key, sealRow(key, JSON.stringify({ ...identity, version: 2 })).value);
  await createStore(
    { folder },
    rows.keys().map((one) => ({ key: one, value: rows.get(one) as Uint8Array })),
  );
  const served = start(t, ['serve', '--folder', folder, ...common]);
  t.equal((await served.ended).code, 65);
  t.match(refusal(served), { code: 'DEFERRED_IM_STORE_FORMAT', why: /format 2, known is 1/ });
  const verified = await run('store', 'verify', folder, '--json');
  t.equal(verified.code, 65);
  t.match(verified.err, 'DEFERRED_IM_STORE_FORMAT');
});

t.test('G5 old and new process overlap: one writes, then the other', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const engine = await openEngine({ folder, host: 'store.example.org', onEffect: () => {} });
  const from = { asserted: 'sip:alice@example.com' };
  const reply = await engine.submit(aliceWrites('m1', 'hello'), from);
  await engine.close();
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));

  const old = start(t, ['serve', '--folder', folder, ...common]);
  await old.up;
  const early = start(t, ['serve', '--folder', folder, ...common]);
  t.equal((await early.ended).code, 75, 'the new one comes too early');
  t.match(refusal(early), { code: 'DEFERRED_IM_STORE_LOCKED' });
  const shown = await run('messages', 'show', reply.deferredId, '--folder', folder);
  t.equal(shown.code, 0, 'the old one still answers');

  old.kill('SIGTERM');
  t.equal((await old.ended).code, 0);
  const late = start(t, ['serve', '--folder', folder, ...common]);
  await late.up;
  const again = await run('messages', 'show', reply.deferredId, '--folder', folder, '--json');
  t.match(JSON.parse(again.out), { state: 'stored' }, 'the new one has the store');
  late.kill('SIGTERM');
  t.equal((await late.ended).code, 0);
});
