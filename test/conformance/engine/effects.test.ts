// Rows C, D, F and G of the failure table at the engine's own door: effects that are lost, doubled
// or answered twice, crashes at every point of their way, and policies that fail.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import {
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
  writtenAtMs,
} from '../../support/messages.js';
import { reporting } from './reporting.js';

t.test('C33 owed report survives a crash', async (t) => {
  const { test, id } = await reporting();
  test.effects.up = false;
  await test.submit(deleted([id]));
  t.same(test.effects.sent, [], 'removal decided, report not yet sent');
  const again = await test.crash();
  t.equal(again.effects.reports.length, 1);
  const identity = again.effects.last;
  const third = await again.crash();
  t.same(third.effects.last, identity, 'the same report, byte for byte');
  await third.answer(third.effects.last, 200);
  const fourth = await third.crash();
  await fourth.clock.advance(hoursMs(1));
  t.same(fourth.effects.sent, []);
  t.equal(fourth.life(id).outcome, 'reported');
});

t.test('C1 killed before publish', async (t) => {
  const { test, id } = await reporting();
  const release = test.store.hold();
  const registered = test.register();
  await test.clock.settle();
  const released = release();
  test.store.hold();
  await Promise.all([released, registered]);
  const again = await test.crash(true);
  t.same(test.effects.sent, [], 'decided and durable, not yet sent');
  t.equal(again.state(id), 'delivering');
  t.equal(again.effects.deliveries.length, 1);
});

t.test('C2 killed after publish: the same effect id again', async (t) => {
  const { test } = await reporting();
  await test.register();
  const again = await test.crash();
  t.equal(again.effects.last.effectId, test.effects.last.effectId);
  t.equal(again.effects.last.token, test.effects.last.token);
});

t.test('C3 killed after an outcome arrived, before its commit', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  test.store.hold();
  const { effectId, token } = test.effects.last;
  void test.engine.submit({ type: 'effect.answered', effectId, token, status: 200 });
  await test.clock.settle();
  const again = await test.crash();
  t.equal(again.state(id), 'delivering');
  await again.answer(again.effects.last, 200);
  t.equal(again.state(id), 'delivered');
});

t.test('C4 killed after outcome commit: nothing more to do', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  await test.answer(test.effects.last, 200);
  const again = await test.crash();
  await again.clock.advance(hoursMs(2));
  t.same(again.effects.sent, []);
  t.equal(again.state(id), 'delivered');
});

t.test('C5 killed after report commit, before publish', async (t) => {
  const { test } = await reporting();
  test.effects.up = false;
  await test.clock.advanceTo(expiresAtMs);
  const again = await test.crash();
  t.equal(again.effects.reports.length, 1);
});

t.test('C6 killed after report publish: one identity', async (t) => {
  const { test } = await reporting();
  await test.clock.advanceTo(expiresAtMs);
  const again = await test.crash();
  const first = test.effects.last;
  t.match(again.effects.last, {
    effectId: first.effectId,
    callId: first.callId,
    fromTag: first.fromTag,
    cseq: first.cseq,
  });
});

t.test('C7 effect dropped: repeated after 2, 4, 8, 16 s, then given up', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const at: number[] = [0];
  test.effects.heard = () => at.push((test.clock.now() - writtenAtMs) / 1000);
  await test.clock.advance(39_999);
  t.same(at, [0, 2, 6, 14, 30]);
  t.equal(new Set(test.effects.sent.map((one) => one.effectId)).size, 1);
  await test.clock.advance(1);
  t.equal(test.state(id), 'stored');
});

t.test('C8 effect duplicated: the second answer changes nothing', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const { last } = test.effects;
  await test.answer(last, 200);
  const commits = test.store.commits;
  await test.answer(last, 200);
  await test.answer(last, 480);
  t.equal(test.store.commits, commits, 'not even a write');
  t.equal(test.state(id), 'delivered');
});

t.test('C9 success of any attempt wins, failure of an old one is ignored', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const first = test.effects.last;
  await test.answer(first, 480);
  await test.register();
  t.equal(test.effects.last.cseq, 2);
  await test.answer(first, 603);
  t.equal(test.state(id), 'delivering', 'attempt 1 is history');
  t.equal(test.engine.stats().events['stale-answer'], 1);
  await test.answer(first, 200);
  t.equal(test.state(id), 'delivered');
});

t.test('C9 a late success finds a message that waits', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const first = test.effects.last;
  await test.answer(first, 408);
  t.equal(test.state(id), 'stored');
  await test.answer(first, 200);
  t.equal(test.state(id), 'delivered');
});

t.test('C10 success arrives after the failure was committed', async (t) => {
  for (const ended of [false, true]) {
    const { test, id } = await reporting();
    await test.register();
    const push = test.effects.last;
    await test.answer(push, 603);
    if (ended) await test.answer(test.effects.last, 200);
    await test.answer(push, 200);
    t.equal(test.state(id), ended ? 'reported' : 'reporting.sending');
    t.equal(test.engine.stats().events['late-success'], 1);
    t.equal(test.effects.reports.length, 1);
  }
});

t.test('C11 bus down: expiries on time, reports wait in the outbox', async (t) => {
  const { test, id } = await reporting();
  test.effects.up = false;
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.state(id), 'reporting.sending');
  await test.clock.advance(hoursMs(3));
  t.same(test.effects.sent, []);
  t.equal(test.state(id), 'reporting.sending', 'no attempt was used up');
  test.effects.up = true;
  test.engine.wake();
  await test.clock.settle();
  t.equal(test.effects.reports.length, 1);
});

t.test('C11 bus down: no push begins, and what waits expires on time', async (t) => {
  const { test, id } = await reporting();
  test.effects.up = false;
  await test.register();
  t.equal(test.state(id), 'stored', 'nothing is on its way, nothing keeps it from expiring');
  const other = await test.accept(received(numbered(2)));
  await test.clock.advance(minutesMs(10));
  test.effects.up = true;
  test.engine.wake();
  await test.clock.settle();
  t.equal(test.state(id), 'delivering', 'the run goes on at once, no retry step is waited for');
  test.effects.up = false;
  await test.answer(test.effects.last, 200);
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.state(other), 'reporting.sending');
});

t.test('C11 the answer of a push is waited for while the bus is away', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  await test.clock.advance(30_000);
  test.effects.up = false;
  await test.clock.advance(minutesMs(30));
  t.equal(test.state(id), 'delivering');
  test.effects.up = true;
  test.engine.wake();
  await test.clock.advance(39_000);
  t.equal(test.state(id), 'delivering', 'its patience counts from the return');
  t.equal(test.effects.deliveries.length, 1, 'one attempt');
  await test.clock.advance(2000);
  t.equal(test.state(id), 'stored');
});

t.test('C12 an outage that nobody noticed renews the wait for an answer as well', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  await test.clock.advance(35_000);
  test.engine.wake();
  await test.clock.advance(39_999);
  t.equal(test.state(id), 'delivering');
  t.equal(test.effects.deliveries.length, 1);
  await test.clock.advance(1);
  t.equal(test.state(id), 'stored');
});

t.test('C11 an hour at most: then the attempt has failed for a passing reason', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: 86_400 })));
  await test.register();
  test.effects.up = false;
  await test.clock.advance(hoursMs(1) + 39_999);
  t.equal(test.state(id), 'delivering');
  await test.clock.advance(1);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(hoursMs(2));
  t.equal(test.state(id), 'stored', 'and no other begins');
  t.equal(test.store.family('t').length, 1, 'D9 still one timer row');
});

t.test(
  'C11 a push under way, a crash, and no bus at boot: its fate waits for the answer',
  async (t) => {
    const { test, id } = await reporting();
    await test.clock.advanceTo(expiresAtMs - 10_000);
    await test.register();
    const again = await test.crash(false);
    again.effects.up = false;
    await again.clock.advance(minutesMs(5));
    t.equal(again.state(id), 'delivering', 'the phone may have it: it is not given up');
    again.effects.up = true;
    again.engine.wake();
    await again.answer(test.effects.last, 200);
    t.equal(again.state(id), 'delivered');
    t.same(again.effects.reports, []);
  },
);

t.test('C12 bus away while an effect waits for its answer: patience begins anew', async (t) => {
  const { test, id } = await reporting();
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.effects.sent.length, 1);
  test.effects.up = false;
  await test.clock.advance(minutesMs(10));
  t.equal(test.effects.sent.length, 1);
  test.effects.up = true;
  await test.clock.advance(4000);
  t.equal(test.effects.sent.length > 1, true, 'repeated without being asked');
  t.equal(new Set(test.effects.sent.map((one) => one.effectId)).size, 1);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
});

t.test('C21 two proxies answer one effect: the first outcome wins', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const { effectId, token } = test.effects.last;
  const answers = [603, 200].map((status) =>
    test.engine.submit({ type: 'effect.answered', effectId, token, status }),
  );
  await test.clock.settle();
  await Promise.all(answers);
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
});

t.test('C22 an outcome for a foreign message is dropped and counted', async (t) => {
  const { test, id } = await reporting();
  await test.register();
  const { effectId, token } = test.effects.last;
  const local = id.slice(0, id.indexOf('@'));
  const forged = [
    { effectId, token: token.replace(/^./, (sign) => (sign === 'a' ? 'b' : 'a')) },
    { effectId: `d-${local}-2`, token },
    { effectId: `r-${local}-1`, token },
    { effectId: 'x', token },
    { effectId: 'd-__proto__-1', token },
    { effectId: `d-${local}-1e0`, token },
    { effectId: `d-${local}-01`, token },
    { effectId: '', token: '' },
  ];
  const commits = test.store.commits;
  for (const one of forged) await test.submit({ type: 'effect.answered', status: 200, ...one });
  t.equal(test.engine.stats().events['foreign-token'], forged.length);
  t.equal(test.store.commits, commits);
  t.equal(test.state(id), 'delivering');
});

t.test('C56 undeliverable report is dropped, a temporary refusal is tried again', async (t) => {
  for (const status of [404, 603]) {
    const { test, id } = await reporting();
    await test.submit(deleted([id]));
    await test.answer(test.effects.last, status);
    t.equal(test.life(id).outcome, 'report-refused');
    await test.clock.advance(daysMs(1));
    t.equal(test.effects.sent.length, 1);
  }
  const { test, id } = await reporting();
  await test.submit(deleted([id]));
  await test.answer(test.effects.last, 503);
  t.equal(test.state(id), 'reporting.backing-off');
  await test.clock.advance(minutesMs(5));
  const [first, second] = test.effects.reports;
  t.equal(second?.cseq, 2);
  t.equal(
    (first as { imdnMessageId: string }).imdnMessageId,
    (second as { imdnMessageId: string }).imdnMessageId,
  );
});

t.test('a report that nobody takes ends after its tries', async (t) => {
  const { test, id } = await reporting();
  test.answerAll(503);
  await test.submit(deleted([id]));
  await test.clock.advance(hoursMs(2));
  t.equal(test.effects.reports.length, 10);
  t.equal(test.life(id).outcome, 'report-refused');
});
