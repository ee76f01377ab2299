// Conformance rows about how long a message lives, on the real process behind a real proxy, whose clock is moved by an
// operator's word: Date and Expires, limits of the operator, expiry during a push and at the instant of a delete.
import t from 'tap';
import { type PolicyFile, shippedPolicy } from '../../../machines/index.js';
import { startChain } from '../../support/chain.js';
import { failed, type Letter, letter, messagesTo, reported, reportsTo } from './letters.js';
import { hesitant, sentinel, store } from './steps.js';

const chain = await startChain({ child: true, settings: { clock: 'virtual', test: 'true' } });
t.teardown(() => chain.stop());

const pass = (seconds: number): Promise<unknown> => chain.admin('clock.advance', { seconds });

/** The engine's time, in whole seconds as a Date header can hold them. */
async function nowMs(): Promise<number> {
  const { now } = (await chain.admin('readiness')) as { readonly now: number };
  return Math.floor(now / 1000) * 1000;
}

const utc = (ms: number): string => new Date(ms).toUTCString();

const policy = (id: string, settings: PolicyFile['settings'] = {}): Promise<unknown> => {
  const file = shippedPolicy(id) as PolicyFile;
  return chain.activate({ ...file, settings: { ...file.settings, ...settings } });
};

/** A letter is stored, and seen to be unexpired after some seconds and reported after a few more. */
async function livesFor(
  headers: (nowMs: number) => Readonly<Record<string, string>>,
  seconds: number,
): Promise<{ readonly alive: string; readonly sent: Letter; readonly told: readonly string[] }> {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: headers(await nowMs()) });
  const id = await store(chain, alice, bob, sent);
  await pass(seconds - 2);
  const alive = (await chain.life(id)).state;
  await pass(4);
  await chain.reaches(id, 'reported');
  return { alive, sent, told: reported(alice, [sent]) };
}

t.test('C10 expiry counts from Date', async (t) => {
  const twentyMinutesAgo = (now: number) => ({ Date: utc(now - 1_200_000), Expires: '3600' });
  const { alive, sent, told } = await livesFor(twentyMinutesAgo, 2_400);
  t.equal(alive, 'stored');
  t.same(told, failed(sent));
});

t.test('C11 without Date expiry counts from receipt', async (t) => {
  const { alive, sent, told } = await livesFor(() => ({ Expires: '3600' }), 3_600);
  t.equal(alive, 'stored');
  t.same(told, failed(sent));
});

t.test('C15 operator default does not lengthen Expires', async (t) => {
  await policy('delete-and-report', { defaultExpirySeconds: 604_800 });
  const dated = (now: number) => ({ Date: utc(now), Expires: '3600' });
  const { alive, told, sent } = await livesFor(dated, 3_600);
  t.equal(alive, 'stored');
  t.same(told, failed(sent));
});

t.test('C97 a Date ahead of the clock is believed for five minutes', async (t) => {
  const ahead = (now: number) => ({ Date: utc(now + 18_000_000), Expires: '60' });
  const { alive, told, sent } = await livesFor(ahead, 360);
  t.equal(alive, 'stored');
  t.same(told, failed(sent));
});

t.test('C12 C18 no limit means no expiry, the largest one overflows nothing', async (t) => {
  await policy('delete-and-report', { defaultExpirySeconds: 'none', maxExpirySeconds: 'none' });
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const unlimited = letter(alice, bob);
  const id = await store(chain, alice, bob, unlimited);
  t.equal((await chain.life(id)).message.expiresAtMs, null);
  const now = await nowMs();
  const headers = { Date: utc(now), Expires: '4294967295' };
  const largest = await store(chain, alice, bob, letter(alice, bob, { headers }));
  t.equal((await chain.life(largest)).message.expiresAtMs, now + 4_294_967_295_000);
  await pass(80 * 86_400);
  t.equal((await chain.life(id)).state, 'stored');
  t.same(reportsTo(alice), []);
  await pass(11 * 86_400);
  await chain.reaches(id, 'reported');
  t.same(
    reported(alice, [unlimited]).slice(0, 1),
    failed(unlimited),
    'the longest life has its end',
  );
  await policy('delete-and-report');
});

t.test('C23 expired message delivered late is marked', async (t) => {
  await policy('deliver-late');
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const headers = { Date: utc(await nowMs()), Expires: '3600' };
  const sent = letter(alice, bob, { headers });
  const id = await store(chain, alice, bob, sent);
  await pass(3_700);
  await chain.reaches(id, 'expired');
  await bob.register();
  await chain.reaches(id, 'delivered');
  const [got] = messagesTo(bob);
  t.same([got?.header('Date'), got?.header('Expires')], [headers.Date, '3600'], 'he sees its age');
  await policy('delete-and-report');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(last), 'and no failure is told');
});

t.test('C94 expiry during a push waits for its answer', async (t) => {
  for (const [status, state] of [
    [200, 'delivered'],
    [480, 'reported'],
  ] as const) {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const answer = hesitant(bob);
    const sent = letter(alice, bob, { headers: { Expires: '60' } });
    const id = await store(chain, alice, bob, sent);
    await pass(50);
    await bob.register();
    await chain.waitUntil('the push', () => bob.received.length > 0);
    await pass(20);
    t.equal((await chain.life(id)).state, 'delivering', 'it waits');
    answer(status);
    await chain.reaches(id, state);
    t.same(reported(alice, [sent]), status === 200 ? [] : failed(sent));
  }
});

t.test('C31 delete and expiry together report once', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { Expires: '60' } });
  const id = await store(chain, alice, bob, sent);
  await pass(59);
  const both = [pass(1), chain.ask('delete', { asserted: bob.uri, ids: [id] })];
  await Promise.all(both);
  await chain.reaches(id, 'reported');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(sent, last));
});

t.test('C06 deferred ids are unique and well formed, a kill between them', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const ids = [await store(chain, alice, bob), await store(chain, alice, bob)];
  await chain.killEngine();
  await chain.startEngine();
  await chain.serving();
  ids.push(await store(chain, alice, bob));
  t.equal(new Set(ids).size, 3);
  for (const id of ids) t.match(id, /^[0-9a-f]{2}[a-z2-7]{26}@mailserver32\.example\.org$/);
});
