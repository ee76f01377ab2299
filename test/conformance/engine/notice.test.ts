// Conformance rows of spec chapter 14 about notices: one for each return, about all that waits, and
// no message changes by it.
import t from 'tap';
import { type Command, limits } from '../../../runtime/index.js';
import { EngineUnderTest, type TestOptions } from '../../support/engine.js';
import {
  bob,
  contact,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
  registered,
} from '../../support/messages.js';

const open = (options: TestOptions = {}) =>
  EngineUnderTest.open({ policyId: 'notify-and-pull', ...options });

const requested = (ids: readonly string[] | 'all'): Command => ({
  type: 'messages.requested',
  aor: bob,
  ids,
});

/** Bob sets what he wants. */
const wants = (change: object): Command => ({
  type: 'preferences.changed',
  aor: bob,
  change,
  by: { role: 'owner' },
});

const texts = (test: EngineUnderTest) =>
  test.effects.deliveries.map((one) => one.message.cpim?.imdnMessageId?.split('-')[1]);

t.test('C61 spec 3.1 one notice for all that waits, and no message changes', async (t) => {
  const test = await open();
  const ids = [];
  for (let number = 1; number <= 5; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  await test.register();
  t.equal(test.effects.sent.length, 1);
  const [notice] = test.effects.notices;
  t.match(notice, { type: 'notify', aor: bob, waiting: 5, cseq: 1, node: 'node1' });
  t.match(notice?.effectId, /^n-[0-9a-f]{2}[a-z2-7]{26}-1$/);
  const { messages, next } = await notice!.list(3);
  t.same(
    [messages.map((one) => one.deferredId), next],
    [ids.slice(0, 3), ids[2]],
    'what it says is read when it is sent',
  );
  await test.answer(test.effects.last, 200);
  for (const id of ids) t.equal(test.state(id), 'stored');
  await test.register();
  await test.clock.advance(hoursMs(0.9));
  t.equal(test.effects.sent.length, 1, 'no IMDN, no second notice, nothing pushed');
  t.match(test.life(ids[0]!).trail.at(-1), { effects: [notice?.effectId] }, 'whose turn it was');
  t.equal(test.life(ids[4]!).trail.length, 1, 'and nothing is written of the others');
});

t.test('C62 empty mailbox gives no notice', async (t) => {
  const test = await open();
  await test.register();
  const id = await test.accept(received(incoming()));
  await test.submit(deleted([id]));
  await test.answer(test.effects.last, 200);
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  await test.register();
  t.same(test.effects.notices, []);
});

t.test('C62 what is gone before the notice goes out is not announced', async (t) => {
  const test = await open();
  const id = await test.accept(received(incoming()));
  await test.register();
  const [notice] = test.effects.notices;
  await test.submit(deleted([id]));
  const sent = () => test.effects.sent.filter((one) => one.type === 'notify').length;
  t.equal(sent(), 1);
  await test.clock.advance(minutesMs(1));
  t.equal(sent(), 1, 'not repeated on the bus');
  await test.answer(notice!, 480);
  await test.register();
  await test.clock.advance(minutesMs(10));
  t.equal(sent(), 1, 'nothing waits: nobody is told again');
});

t.test('C64 device without IM tag gets no notice', async (t) => {
  const test = await open({ settings: { requireImTag: true } });
  await test.accept(received(incoming()));
  await test.register();
  t.same(test.effects.sent, []);
  const tagged = contact(test.clock.now() + hoursMs(1), undefined, ['+g.oma.sip-im']);
  await test.submit(registered([tagged]));
  t.equal(test.effects.notices.length, 1);
});

t.test('spec 3.1 a refresh is no return, a new contact and a new return are', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.accept(received(incoming({ expiresSeconds: null })));
  const [one, two] = ['sip:bob@192.0.2.7', 'sip:bob@192.0.2.8'];
  const told = () => test.effects.notices.length;
  await test.register(1, one);
  await test.register(1, one);
  t.equal(told(), 1);
  await test.register(1, two);
  t.equal(told(), 2, 'another device');
  await test.clock.advance(hoursMs(2));
  await test.register(1, one);
  t.equal(told(), 3, 'his registration had lapsed');
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  await test.register(1, one);
  t.equal(told(), 4);
});

t.test('what arrives after the notice is announced with the next turn', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.accept(received(numbered(1)));
  await test.register();
  t.equal(test.effects.notices.length, 1);
  // His phone did not take it: it was stored although he is registered.
  await test.accept(received(numbered(2)));
  await test.clock.advance(minutesMs(2));
  t.match(test.effects.notices, [{ waiting: 1 }, { waiting: 2 }]);
  await test.clock.advance(minutesMs(30));
  t.equal(test.effects.notices.length, 2);
});

t.test('spec 3.1 a notice that failed for a passing reason is repeated by the steps', async (t) => {
  const test = await open();
  await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 480);
  t.equal(test.effects.notices.length, 1);
  await test.clock.advance(minutesMs(1));
  t.equal(test.effects.notices.length, 2);
  await test.answer(test.effects.last, 480);
  await test.register();
  t.equal(test.effects.notices.length, 3, 'a refresh is a second chance');
  await test.answer(test.effects.last, 415);
  await test.clock.advance(minutesMs(20));
  t.equal(test.effects.notices.length, 3, 'a device that takes none is left alone');
});

t.test('a notice is repeated on the bus under one identity, then given up for now', async (t) => {
  const test = await open();
  await test.accept(received(incoming()));
  await test.register();
  await test.clock.advance(39_999);
  t.equal(test.effects.sent.length, 5, 'after 2, 4, 8 and 16 s');
  t.equal(test.effects.notices.length, 1);
  await test.clock.advance(minutesMs(2));
  t.equal(test.effects.notices.length, 2);
});

t.test('C33 a notice survives a crash, before and after its commit', async (t) => {
  const test = await open();
  await test.accept(received(incoming()));
  await test.register();
  const again = await test.crash();
  t.equal(again.effects.last.effectId, test.effects.last.effectId, 'the same once more');
  t.equal(again.effects.last.token, test.effects.last.token);
  await again.answer(again.effects.last, 200);
  const third = await again.crash();
  await third.register();
  t.same(third.effects.sent, [], 'he was told');
});

t.test('an answer to a notice that is none is ignored', async (t) => {
  const test = await open();
  await test.accept(received(incoming()));
  await test.register();
  const effect = test.effects.last;
  await test.submit({
    type: 'effect.answered',
    effectId: effect.effectId,
    token: 'x'.repeat(26),
    status: 603,
  });
  t.equal(test.engine.stats().events['foreign-token'], 1);
  await test.answer(effect, 200);
  await test.answer(effect, 480);
  t.equal(test.engine.stats().events['stale-answer'], 1);
  await test.clock.advance(minutesMs(5));
  t.equal(test.effects.sent.length, 1);
});

t.test('spec 4.2 what he asks for is pushed, at the head; the others stay', async (t) => {
  const test = await open();
  test.answerAll(200);
  const ids = [];
  for (let number = 1; number <= 3; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  await test.register();
  await test.submit(requested([ids[2]!, ids[0]!]));
  t.same(texts(test), ['3', '1']);
  t.equal(test.state(ids[0]!), 'delivered');
  t.equal(test.state(ids[1]!), 'stored');
  t.equal(test.effects.notices.length, 1);
  await test.submit(requested('all'));
  t.same(texts(test), ['3', '1', '2']);
  t.same(test.effects.reports, []);
});

t.test('spec 4.2 a push he asked for that fails leaves the message to be asked for', async (t) => {
  const test = await open();
  const id = await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 200);
  await test.submit(requested([id]));
  await test.answer(test.effects.last, 480);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(minutesMs(35));
  t.equal(test.effects.deliveries.length, 1, 'nothing is pushed unasked');
  await test.submit(requested([id]));
  t.equal(test.effects.deliveries.length, 2);
});

t.test('spec 4.2 what he asked for behind one that fails is pushed at the next try', async (t) => {
  const test = await open();
  const ids = [];
  for (let number = 1; number <= 3; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  await test.register();
  await test.answer(test.effects.last, 200);
  await test.submit(requested(ids));
  await test.answer(test.effects.last, 486);
  t.same(texts(test), ['1']);
  test.answerAll(200);
  await test.clock.advance(minutesMs(1));
  t.same(texts(test), ['1', '2', '3']);
  t.equal(test.state(ids[0]!), 'stored');
});

t.test('C21 C25 under notify-and-pull expiry and deletion are reported as ever', async (t) => {
  const test = await open();
  const [expiring, removed] = [
    await test.accept(received(numbered(1))),
    await test.accept(received(numbered(2))),
  ];
  await test.register();
  await test.answer(test.effects.last, 200);
  await test.submit(deleted([removed]));
  t.equal(test.effects.reports.length, 1);
  await test.answer(test.effects.last, 200);
  await test.clock.advanceTo(expiresAtMs + 1000);
  t.equal(test.effects.reports.length, 2);
  t.equal(test.state(expiring), 'reporting.sending');
});

t.test('a notice holds its run back like a push: the window of users is kept', async (t) => {
  const test = await open();
  const users = Array.from(
    { length: limits.deliveryWindow + 3 },
    (_, at) => `sip:user${at}@example.org`,
  );
  for (const [at, aor] of users.entries())
    await test.accept(received(numbered(at, { aor, toUri: aor })));
  for (const [at, aor] of users.entries()) await test.register(1, `sip:user${at}@192.0.2.9`, aor);
  t.equal(test.effects.notices.length, limits.deliveryWindow);
  await test.answer(test.effects.notices[0]!, 200);
  t.equal(test.effects.notices.length, limits.deliveryWindow + 1);
});

t.test('spec 3 push or notice by preference, asked at the return', async (t) => {
  const test = await EngineUnderTest.open();
  const ids = [await test.accept(received(numbered(1))), await test.accept(received(numbered(2)))];
  await test.submit(wants({ delivery: 'notice' }));
  await test.register(1, 'sip:bob@192.0.2.7');
  t.match(test.effects.sent, [{ type: 'notify', waiting: 2 }], 'a policy that pushes asks no more');
  await test.answer(test.effects.last, 200);
  await test.submit(requested([ids[1]!]));
  t.same(texts(test), ['2'], 'what he asks for is pushed');
  await test.answer(test.effects.last, 200);
  await test.submit(wants({ delivery: null }));
  await test.register(1, 'sip:bob@192.0.2.8');
  t.same(texts(test), ['2', '1'], 'as it is set when he returns');
});

t.test('spec 3.1 a user who wants no notices gets none', async (t) => {
  const test = await open();
  const id = await test.accept(received(incoming()));
  await test.submit(wants({ notices: 'off' }));
  await test.register();
  t.same(test.effects.sent, []);
  t.equal(test.state(id), 'stored');
  await test.submit(wants({ notices: 'once' }));
  await test.register();
  t.equal(test.effects.notices.length, 1);
});
