// The engine is killed around the answer to the last SEND of a large message: after its commit and before the MSRP 200,
// after that 200, and with an error in between. The sender, who heard 200 or nothing, brings it again: one copy is kept,
// and one report goes out.
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  bring,
  largeLetter,
  openSession,
  startLargeChain,
} from '../conformance/wire/large-parts.js';
import { failed, reported } from '../conformance/wire/letters.js';

let stop: string | null = null;
const chain = await startLargeChain({
  child: true,
  program: fileURLToPath(new URL('./stopping-engine.js', import.meta.url)),
  stop: () => stop,
});
t.teardown(() => chain.stop());
t.setTimeout(100_000);

/** Starts the engine anew, to stop at a point, or nowhere. */
async function restart(at: string | null): Promise<void> {
  await chain.stopEngine();
  stop = at;
  await chain.startEngine();
  await chain.serving();
}

for (const [at, heard] of [
  ['ack.before:1:kill', null],
  ['ack.after:1:kill', '200 OK'],
] as const) {
  t.test(`A4 A5 C08 killed at ${at}: nothing lost, nothing twice`, async (t) => {
    await restart(at);
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 5000);
    const { peer } = await openSession(alice, bob);
    const ids = peer.sendAll('killedmessage', sent.body, 1000);
    await chain.waitUntil('the connection is gone', () => peer.closed);
    t.equal(peer.answerTo(ids.at(-1)!), heard);
    await chain.killEngine();
    t.match(chain.engineLog(), `stopped at ${at.split(':')[0]}`);
    await restart(null);
    const stored = (await chain.mailbox(bob)).map(({ deferredId }) => deferredId);
    t.equal(stored.length, 1, 'what was committed is there');
    t.equal(await bring(chain, alice, bob, sent), stored[0], 'brought again it is the same');
    t.equal((await chain.mailbox(bob)).length, 1);
    await chain.admin('messages.expire', { id: stored[0] });
    await chain.reaches(stored[0]!, 'reported');
    t.same(reported(alice, [sent]), failed(sent), 'one report');
  });
}

t.test(
  'A4 an error between commit and answer: the sender hears nothing, and tries again',
  async (t) => {
    await restart('ack.before:1:throw');
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 3000);
    const { call, peer } = await openSession(alice, bob);
    const [id] = peer.sendAll('brokenmessage', sent.body, 10_000);
    await chain.waitUntil('the connection is gone', () => peer.closed);
    t.equal(peer.answerTo(id!), null);
    await call.bye();
    const again = await bring(chain, alice, bob, sent);
    t.same(
      (await chain.mailbox(bob)).map(({ deferredId }) => deferredId),
      [again],
    );
  },
);
