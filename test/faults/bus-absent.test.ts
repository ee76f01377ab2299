// The engine boots while there is no bus: it runs, says that it is not ready and why, decides what
// is due on time, and everything that has to go out goes out when the bus comes.
import t from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { failed, letter, messagesTo, reported, reportsTo } from '../conformance/wire/letters.js';
import { hesitant, sentinel, store } from '../conformance/wire/steps.js';
import { startChain } from '../support/chain.js';
import { answered, send } from './flow.js';

const holdMs = 1000;
const settings = { 'http.port': String(await freePort()) };
const chain = await startChain({ child: true, holdMs, phoneMs: 20_000, settings });
t.teardown(() => chain.stop());
t.setTimeout(100_000);

t.test('C11 no bus at boot: it runs, is not ready, and loses nothing', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const [pushed, kept, short] = [
    letter(alice, bob),
    letter(alice, bob),
    letter(alice, carol, { headers: { Expires: '2' } }),
  ];
  const pushedId = await store(chain, alice, bob, pushed);
  const keptId = await store(chain, alice, bob, kept);
  const shortId = await store(chain, alice, carol, short);
  const answer = hesitant(bob);
  await bob.register();
  await chain.waitUntil('the push rings', () => messagesTo(bob).length > 0);
  await Promise.all([chain.killEngine(), chain.killNats()]);
  await chain.startEngine('up');

  const absent = /^not ready: bus: (connecting|disconnected)$/m;
  await chain.waitUntil('the store is checked', async () =>
    absent.test(await chain.http('/readyz')),
  );
  t.equal(await chain.http('/healthz'), 'ok\n');
  t.match(await chain.admin('readiness'), { ready: false });
  await chain.waitUntil('a line in the log', () =>
    /"event":"bus.status","ready":false,"reason":"disconnected"/.test(chain.engineLog()),
  );

  await chain.waitUntil('the expiry', async () => (await chain.life(shortId)).state !== 'stored');
  const { state, message, trail } = await chain.life(shortId);
  t.equal(state, 'reporting.sending', 'decided without a bus');
  t.ok(trail.at(-1)!.atMs >= message.expiresAtMs!, 'and not before its time');
  t.same(reportsTo(alice), []);
  t.equal((await chain.life(pushedId)).state, 'delivering', 'its answer is still to come');
  t.equal((await chain.life(keptId)).state, 'stored', 'it waits behind the other');
  answered(t, [await send(alice, letter(alice, carol))], holdMs);

  answer(200);
  await chain.restartNats();
  await chain.reaches(shortId, 'reported');
  await chain.reaches(pushedId, 'delivered');
  await chain.reaches(keptId, 'delivered');
  await chain.waitUntil('ready', async () => (await chain.http('/readyz')) === 'ready\n');
  await chain.busAgain();
  t.same(
    messagesTo(bob).map(({ body }) => body.toString()),
    [pushed.body, kept.body],
    'each once, in order; nobody had to register again',
  );
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [pushed, kept, short, last]), failed(short, last));
});

t.test('C11 service begins although nobody was there at boot', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob);
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.equal(messagesTo(bob).length, 1);
});
