// Conformance rows of spec chapter 14 in which days must pass, on the real process behind a real proxy: its store was made
// for tests, and its clock is moved by an operator's word. SIP and the bus go on in real time.
import t from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import { type PolicyFile, shippedPolicy } from '../../../machines/index.js';
import { startChain } from '../../support/chain.js';
import { failed, letter, messagesTo, reported, reportsTo } from './letters.js';
import { sentinel, store } from './steps.js';

const chain = await startChain({
  child: true,
  settings: { clock: 'virtual', test: 'true', 'http.port': String(await freePort()) },
});
t.teardown(() => chain.stop());

const daySeconds = 86_400;

const pass = (days: number): Promise<unknown> =>
  chain.admin('clock.advance', { seconds: days * daySeconds });

const activate = (id: string): Promise<unknown> => chain.activate(shippedPolicy(id) as PolicyFile);

t.test('C13 operator default applies without Expires, seven days later', async (t) => {
  await activate('delete-and-report');
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  await pass(6);
  t.equal((await chain.life(id)).state, 'stored');
  await pass(2);
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
});

t.test('C14 operator cap beats a longer Expires, on day eight', async (t) => {
  const file = shippedPolicy('delete-and-report') as PolicyFile;
  await chain.activate({
    ...file,
    settings: { ...file.settings, maxExpirySeconds: 7 * daySeconds },
  });
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { Expires: String(30 * daySeconds) } });
  const id = await store(chain, alice, bob, sent);
  await pass(6);
  t.equal((await chain.life(id)).state, 'stored');
  await pass(2);
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
});

t.test('C77 some other policy: grace, then delete', async (t) => {
  await activate('grace-then-delete');
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const [first, second] = [letter(alice, bob), letter(alice, carol)];
  const ids = [await store(chain, alice, bob, first), await store(chain, alice, carol, second)];
  await pass(8);
  for (const id of ids) await chain.reaches(id, 'expired.waiting');
  await carol.register();
  await chain.reaches(ids[1]!, 'delivered');
  const [got] = messagesTo(carol);
  const shownMs = Date.parse(got?.header('Date') ?? '') + Number(got?.header('Expires')) * 1000;
  const { expiresAtMs } = (await chain.life(ids[1]!)).message;
  t.ok(Math.abs(shownMs - expiresAtMs!) < 2000, 'delivered marked: she can see that it expired');
  t.same(reportsTo(alice), [], 'kept, or delivered: no report');
  await pass(3);
  await chain.reaches(ids[0]!, 'reported');
  await activate('delete-and-report');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [first, second, last]), failed(first, last), 'deleted and one report');
});

t.test('C78 some other policy: hold for the operator', async (t) => {
  await activate('hold-for-operator');
  const alice = await chain.alice();
  const people = await Promise.all(Array.from({ length: 4 }, () => chain.bob()));
  const sent = people.map((one) => letter(alice, one));
  const ids: string[] = [];
  for (const [at, one] of people.entries()) ids.push(await store(chain, alice, one, sent[at]!));
  const [released, dropped, extended, left] = ids as [string, string, string, string];
  await pass(8);
  for (const id of ids) await chain.reaches(id, 'expired');
  await people[0]!.register();
  await chain.admin('messages.release', { id: released, by: 'carol' });
  await chain.reaches(released, 'delivered');
  t.equal(messagesTo(people[0]!).length, 1);
  await chain.admin('messages.drop', { id: dropped, by: 'carol' });
  await chain.reaches(dropped, 'reported');
  await chain.admin('messages.extend', { id: extended, seconds: daySeconds, by: 'carol' });
  await people[2]!.register();
  await chain.reaches(extended, 'delivered');
  t.match((await chain.life(extended)).trail, [{}, {}, { event: 'message.extended', by: 'carol' }]);
  t.equal((await chain.life(left)).state, 'expired');
  await pass(83);
  await chain.reaches(left, 'reported');
  await activate('delete-and-report');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [...sent, last]), failed(sent[1]!, sent[3]!, last));
});

t.test(
  'nobody can take it for the real thing: readiness, metrics, every line of the log',
  async (t) => {
    const { now } = (await chain.admin('readiness')) as { now: number };
    t.match(await chain.admin('readiness'), { ready: true, clock: 'virtual' });
    t.ok(now > Date.now() + 90 * daySeconds * 1000);
    t.match(await chain.http('/readyz'), /^ready, virtual clock at 2\d{3}-.+Z\n$/);
    t.match(await chain.http('/metrics'), `deferred_im_virtual_clock_seconds ${now / 1000}`);
    const lines = chain
      .engineLog()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    t.ok(lines.length > 10);
    t.same(
      lines
        .filter((line) => JSON.parse(line).event !== undefined)
        .filter((line) => !line.includes('"clock":"virtual"')),
      [],
    );
  },
);

t.test('time goes on where it stood, and never back', async (t) => {
  const { now } = (await chain.admin('readiness')) as { now: number };
  const to = new Date(now + 3_600_000).toISOString();
  t.same(await chain.admin('clock.set', { to }), { now: now + 3_600_000 });
  await t.rejects(chain.admin('clock.set', { to: new Date(now).toISOString() }), /clock-back/);
  await chain.killEngine();
  await chain.startEngine();
  t.match(await chain.admin('readiness'), { now: now + 3_600_000 }, 'a kill takes no time back');
});
