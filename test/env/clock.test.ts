// D3 with the real process: it starts with a wall clock a good month after the last instant of its store. Nothing expires
// until somebody vouches for the clock. The store is made under a clock of the past; no bus is needed.
import { join } from 'node:path';
import t from 'tap';
import { openEngine } from '../../adapters/compose.js';
import { foundingRows } from '../../runtime/found.js';
import { hostClock, hostEntropy, limits } from '../../runtime/index.js';
import { createStore } from '../../runtime/store.js';
import { aliceWrites, run, start, temporaryFolder } from '../adapters/cli/command.js';

/** Asks until the answer fits, for at most half a minute. */
async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  for (let turn = 0; ; turn += 1) {
    const answer = await ask();
    if (fits(answer) || turn === 150) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

t.test('D3 the real process holds expiries until the clock is confirmed', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const agoMs = limits.bootGapMaxMs + 3_600_000;
  const past = { ...hostClock, now: () => hostClock.now() - agoMs };
  await createStore({ folder }, foundingRows(past, hostEntropy, { host: 'store.example.org' }));
  const engine = await openEngine({ folder, onEffect: () => {}, world: { clock: past } });
  const reply = await engine.submit(aliceWrites('m1', 'still on for lunch?', 60), {
    asserted: 'sip:alice@example.com',
  });
  await engine.close();
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));

  const flags = ['--nats-servers', 'nats://127.0.0.1:9', '--http-port', '0'];
  const host = ['--host', 'store.example.org', '--allow-volatile-folder', 'true'];
  const served = start(t, ['serve', '--folder', folder, ...host, ...flags]);
  await served.up;
  const at = ['--folder', folder, '--json'];
  const state = async () =>
    (JSON.parse((await run('messages', 'show', reply.deferredId, ...at)).out) as { state: string })
      .state;
  const log = await until(
    async () => served.err(),
    (text) => text.includes('clock.held'),
  );
  t.match(log, /"event":"clock.held"/, 'an alarm says so');
  t.equal(await state(), 'stored', 'a month past its expiry by the wall, and not expired');
  t.equal((await run('clock', 'confirm', ...at)).code, 0);
  const after = await until(state, (now) => now !== 'stored');
  t.equal(after, 'reporting.sending', 'now it has expired');
  served.kill('SIGTERM');
  t.equal((await served.ended).code, 0);
});
