// What proxies say of effects, over the real bus: repeated, old, late, twice and forged.
import t, { type Test } from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { type Kamailio, startKamailio } from '../../adapters/cli/stage/kamailio.js';
import { aliveLine, onlineLine, outcomeLine, subjects } from '../../adapters/nats/index.js';
import { failed, letter, messagesTo, reported, reportsTo } from '../conformance/wire/letters.js';
import { hesitant, sentinel, store } from '../conformance/wire/steps.js';
import { startChain, users } from '../support/chain.js';

const settings = { 'http.port': String(await freePort()) };
const chain = await startChain({ child: true, phoneMs: 20_000, settings });
t.teardown(() => chain.stop());
t.setTimeout(100_000);

interface SendSeen {
  readonly line: string;
  readonly node: string;
  readonly effectId: string;
  readonly token: string;
}

/** Every effect that the engine hands to the proxies, in order. */
const sends: SendSeen[] = [];
const outcomes: string[] = [];
chain.bus.subscribe(subjects.send, {
  callback: (_error, message) => {
    const line = message.string();
    const [, node = '', effectId = '', token = ''] = line.split(' ');
    sends.push({ line, node, effectId, token });
  },
});
chain.bus.subscribe(subjects.outcome, {
  callback: (_error, message) => void outcomes.push(message.string()),
});
await chain.bus.flush();

const localOf = (id: string): string => id.slice(0, id.indexOf('@'));

/** The n-th attempt to push a message, when it has been sent. */
const attempt = (id: string, number = 1): Promise<SendSeen> =>
  chain.waitUntil(`attempt ${number}`, () =>
    sends.find(({ effectId }) => effectId === `d-${localOf(id)}-${number}`),
  );

/** Some proxy says what became of an effect. */
async function say(effectId: string, token: string, status: number, node = 'other') {
  const line = outcomeLine.format({
    ...{ node, effectId, token, status, via: 'reply' as const },
    retryAfterSeconds: null,
  });
  if (!line.ok) throw new TypeError(line.finding.message);
  chain.bus.publish(subjects.outcome, line.value);
  await chain.bus.flush();
}

async function counted(event: string): Promise<number> {
  const found = new RegExp(`^deferred_im_events_total\\{event="${event}"\\} (\\d+)$`, 'm').exec(
    await chain.http('/metrics'),
  );
  return Number(found?.[1] ?? 0);
}

/** Resolves when a curiosity was counted once more. */
async function countsOneMore(event: string, happens: () => Promise<void>): Promise<void> {
  const before = await counted(event);
  await happens();
  await chain.waitUntil(event, async () => (await counted(event)) === before + 1);
}

/** A message that rings at Bob's phone, which waits to be told its answer. */
async function ringing() {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = letter(alice, bob);
  const id = await store(chain, alice, bob, kept);
  const answer = hesitant(bob);
  await bob.register();
  const { effectId, token } = await attempt(id);
  await chain.waitUntil('the push', () => messagesTo(bob).length > 0);
  return { alice, bob, kept, id, answer, effectId, token };
}

const silentProxy = silence();

t.test('C8 an effect that comes again is sent once and answered from memory', async (t) => {
  const { bob, id, answer, effectId } = await ringing();
  const { line } = await attempt(id);
  for (let times = 0; times < 3; times += 1) chain.bus.publish(subjects.send, line);
  answer(200);
  await chain.reaches(id, 'delivered');
  chain.bus.publish(subjects.send, line);
  await chain.waitUntil('the answer from memory', () =>
    outcomes.some((one) => one.includes(effectId) && one.endsWith(' 200 memory')),
  );
  t.equal((await chain.life(id)).state, 'delivered');
  t.equal(messagesTo(bob).length, 1);
});

t.test('C9 failure of an old attempt is ignored, success of any attempt wins', async (t) => {
  const { alice, bob, id, answer, effectId, token } = await ringing();
  answer(480);
  await chain.reaches(id, 'stored');
  const again = hesitant(bob);
  await bob.register();
  await attempt(id, 2);
  await chain.waitUntil('the second push', () => messagesTo(bob).length === 2);
  await countsOneMore('stale-answer', () => say(effectId, token, 603));
  t.equal((await chain.life(id)).state, 'delivering');
  await say(effectId, token, 200);
  await chain.reaches(id, 'delivered');
  await countsOneMore('stale-answer', async () => again(603));
  t.equal((await chain.life(id)).state, 'delivered');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last), 'no report about it');
});

t.test('C10 a success that comes after the failure changes nothing any more', async (t) => {
  const { alice, kept, id, answer, effectId, token } = await ringing();
  answer(603);
  await chain.reaches(id, 'reported');
  await countsOneMore('late-success', () => say(effectId, token, 200));
  t.equal((await chain.life(id)).state, 'reported');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [kept, last]), failed(kept, last), 'one report, and no other after it');
});

t.test('C22 an outcome with a foreign token is dropped and counted', async (t) => {
  const { id, answer, effectId, token } = await ringing();
  const other = await ringing();
  const foreign = `${token.startsWith('a') ? 'b' : 'a'}${token.slice(1)}`;
  await countsOneMore('foreign-token', () => say(effectId, foreign, 603));
  await countsOneMore('foreign-token', () => say(effectId, other.token, 200));
  await countsOneMore('foreign-token', () => say(`d-${'a'.repeat(28)}-1`, token, 200));
  t.equal((await chain.life(id)).state, 'delivering');
  t.equal((await chain.life(other.id)).state, 'delivering');
  answer(200);
  other.answer(200);
  await chain.reaches(id, 'delivered');
  await chain.reaches(other.id, 'delivered');
});

t.test('C21 two proxies answer one effect: the first outcome wins', async (t) => {
  const natsUrl = chain.nats.url;
  const other = await startKamailio({ natsUrl, node: 'n2', users, phoneMs: 20_000 });
  t.teardown(() => other.stop());
  await other.storeReady();
  for (const first of ['other', 'own'] as const) {
    const { alice, id, answerOwn, answerOther } = await ringingTwice(other);
    if (first === 'other') {
      answerOther(200);
      await chain.reaches(id, 'delivered');
      await countsOneMore('stale-answer', async () => answerOwn(603));
    } else {
      answerOwn(603);
      await chain.reaches(id, 'reported');
      await countsOneMore('late-success', async () => answerOther(200));
    }
    t.equal((await chain.life(id)).state, first === 'other' ? 'delivered' : 'reported');
    t.equal(reportsTo(alice).length, first === 'other' ? 0 : 1);
  }
});

/** One push that two proxies carry out: Bob's two devices ring, each at its own proxy. */
async function ringingTwice(other: Kamailio) {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const device = await chain.agent(bob.user, { proxyPort: other.port });
  const named = Buffer.from(bob.uri).toString('base64');
  const heard: string[] = [];
  const registrations = chain.bus.subscribe(subjects.online, {
    callback: (_error, message) => void heard.push(message.string()),
  });
  await chain.bus.flush();
  await device.register();
  await chain.waitUntil('his registration there', () => heard.some((one) => one.includes(named)));
  registrations.unsubscribe();
  const id = await store(chain, alice, bob);
  const [answerOwn, answerOther] = [hesitant(bob), hesitant(device)];
  await bob.register();
  const { line, node } = await attempt(id);
  if (node === other.node) throw new Error('the engine chose the other proxy');
  chain.bus.publish(subjects.send, line.replace(`v1 ${node} `, `v1 ${other.node} `));
  for (const one of [bob, device])
    await chain.waitUntil('both devices ring', () => messagesTo(one).length > 0);
  return { alice, id, answerOwn, answerOther };
}

t.test('C7 C15 a proxy that says nothing of an effect hears it again, seldom', async (t) => {
  await silentProxy(t);
});

/** Begun before the others, as it takes its time: a push through a proxy that is silent about it. */
function silence(): (t: Test) => Promise<void> {
  const begun = (async () => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const id = await store(chain, alice, bob);
    const alive = aliveLine.format({ node: 'silent' });
    const contacts = `<${bob.contact}>`;
    const online = onlineLine.format({
      node: 'silent',
      saveCode: 1,
      aor: bob.uri,
      contacts,
      expires: 600,
    });
    if (!alive.ok || !online.ok) throw new TypeError('the lines cannot be written');
    chain.bus.publish(subjects.alive, alive.value);
    chain.bus.publish(subjects.online, online.value);
    const { effectId, token } = await attempt(id);
    return { id, effectId, token, begunMs: performance.now() };
  })();
  return async (t) => {
    const { id, effectId, token, begunMs } = await begun;
    const heard = (): SendSeen[] => sends.filter((one) => one.effectId === effectId);
    await chain.waitUntil('two repetitions', () => heard().length >= 3);
    const repeats = heard().length - 1;
    // After 2, 4, 8 and 16 s more: at most one for each of these that has passed.
    const elapsedMs = performance.now() - begunMs;
    const most = [2000, 6000, 14_000, 30_000].filter((dueMs) => dueMs <= elapsedMs + 500).length;
    t.ok(repeats <= most, `${repeats} repetitions, at most ${most} expected`);
    t.equal(new Set(heard().map(({ line }) => line)).size, 1, 'the same line each time');
    await say(effectId, token, 200, 'silent');
    await chain.reaches(id, 'delivered');
  };
}
