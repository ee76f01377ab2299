// The engine's answer to a held sender is late, or lost on the bus: its way to the server is in the
// hands of the test. The sender hears 503 within the hold; what she is told and what becomes of
// her message agree.
import t from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { failed, letter, messagesTo, reported } from '../conformance/wire/letters.js';
import { sentinel } from '../conformance/wire/steps.js';
import { startChain } from '../support/chain.js';
import { answered, send } from './flow.js';
import { Relay } from './relay.js';

const holdMs = 1000;
const relay = await Relay.open();
const chain = await startChain({
  child: true,
  holdMs,
  settings: { 'http.port': String(await freePort()) },
  engineBus: async (natsPort) => {
    relay.to(natsPort);
    return `nats://127.0.0.1:${relay.port}`;
  },
});
t.teardown(async () => {
  await chain.stop();
  await relay.close();
});
t.setTimeout(100_000);

const lateLines = async (): Promise<number> => {
  const metrics = await chain.http('/metrics');
  return Number(/^deferred_im_bus_total\{what="late"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
};

t.test('A4 A9 a late answer: she heard 503, and no report follows', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const before = await lateLines();
  relay.hold();
  const refused = letter(alice, bob);
  const sent = await send(alice, refused);
  answered(t, [sent], holdMs);
  t.equal(sent.answer.status, 503);
  t.equal((await chain.mailbox(bob)).length, 1, 'it is stored all the same');
  await chain.waitUntil('the proxy says so', async () => (await lateLines()) > before);
  relay.release();
  const id = await chain.newest(bob);
  await chain.admin('messages.expire', { id });
  t.equal((await chain.life(id)).state, 'dropped', 'no report is owed');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [refused, last]), failed(last));
});

t.test('A4 she sends it again, hears 202, and a report is owed again', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const before = await lateLines();
  relay.hold();
  const owed = letter(alice, bob);
  t.equal((await send(alice, owed)).answer.status, 503);
  await chain.waitUntil('the proxy says so', async () => (await lateLines()) > before);
  relay.release();
  await chain.waitUntil('202', async () => (await alice.message(owed)).status === 202);
  t.equal((await chain.mailbox(bob)).length, 1, 'one copy');
  await chain.admin('messages.expire', { id: await chain.newest(bob) });
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [owed, last]), failed(owed, last));
});

t.test('A12 the answer is lost with the connection: her repetition hears 202', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  relay.hold();
  const lost = letter(alice, bob);
  const sending = send(alice, lost);
  await chain.waitUntil('it is stored', async () => (await chain.mailbox(bob)).length === 1);
  relay.cut();
  const sent = await sending;
  answered(t, [sent], holdMs);
  t.equal(sent.answer.status, 503);
  await chain.waitUntil('ready', async () => (await chain.http('/readyz')) === 'ready\n');
  await chain.waitUntil('202', async () => (await alice.message(lost)).status === 202);
  t.equal((await chain.mailbox(bob)).length, 1, 'one copy');
  await bob.register();
  await chain.waitUntil('the delivery', async () => (await chain.mailbox(bob)).length === 0);
  t.same(
    messagesTo(bob).map(({ body }) => body.toString()),
    [lost.body],
  );
});
