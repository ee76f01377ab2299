// What is said while a backlog drains stays behind it, on the wire.
import t from 'tap';
import { startChain } from '../../support/chain.js';
import { command, isResult, letter, resultsTo } from './letters.js';
import { hesitant, store } from './steps.js';

const chain = await startChain({ phoneMs: 10_000 });
t.teardown(() => chain.stop());

t.test('spec 3.4 live messages stay behind the backlog of their sender', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const stored = Array.from({ length: 4 }, (_, at) => letter(alice, bob, { text: `stored ${at}` }));
  for (const one of stored) await store(chain, alice, bob, one);
  const answerPush = hesitant(bob);
  await bob.register();
  await chain.waitUntil('the first push', () => bob.received.length === 1);
  const live = Array.from({ length: 3 }, (_, at) => letter(alice, bob, { text: `live ${at}` }));
  for (const one of live) t.equal((await alice.message(one)).status, 202, 'queued, not relayed');
  t.equal(bob.received.length, 1, 'nothing overtook what is on its way');
  answerPush(200);
  const all = [...stored, ...live].map((one) => one.body);
  await chain.waitUntil('everything', () => bob.received.length >= all.length);
  t.same(
    bob.received.map((one) => one.body.toString()),
    all,
  );
  await chain.waitUntil('an empty mailbox', async () => (await chain.mailbox(bob)).length === 0);
  await chain.waitUntil('the proxy relays again', async () => {
    return (await alice.message(letter(alice, bob))).status === 200;
  });
});

t.test(
  'spec 3.4 a conversation that goes on while the backlog drains keeps its order',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const texts = Array.from({ length: 40 }, (_, at) => `number ${at}`);
    for (const text of texts.slice(0, 20))
      await store(chain, alice, bob, letter(alice, bob, { text }));
    const registering = bob.register();
    // One after the other, as RFC 3428 section 8 asks of her: relayed or queued, whatever the moment brings.
    for (const text of texts.slice(20)) {
      const { status } = await alice.message(letter(alice, bob, { text }));
      t.ok(status === 200 || status === 202, String(status));
    }
    await registering;
    await chain.waitUntil('everything', () => bob.received.length >= texts.length);
    const heard = bob.received.map((one) => /number \d+/.exec(one.body.toString())?.[0]);
    t.same(heard, texts);
  },
);

t.test('RFC 3428 section 8 a result waits for the push that is pending', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob, letter(alice, bob));
  let [pending, most] = [0, 0];
  let answerPush: (status: number) => void = () => undefined;
  bob.onMessage = async (request) => {
    pending += 1;
    most = Math.max(most, pending);
    const held = new Promise<number>((resolve) => {
      answerPush = resolve;
    });
    const status = isResult(request) ? 200 : await held;
    pending -= 1;
    return status;
  };
  await bob.register();
  await chain.waitUntil('the push', () => pending === 1);
  t.equal((await bob.message(command({ op: 'list' }))).status, 202);
  t.equal((await bob.message(command({ op: 'delete', ids: [id] }))).status, 202);
  answerPush(480);
  await chain.waitUntil('both results', () => resultsTo(bob).length === 2);
  t.equal(most, 1, 'never two at once');
  t.match(resultsTo(bob), [{ op: 'list' }, { op: 'delete', results: [{ id, status: 202 }] }]);
});
