// A report that is sent as soon as its message is stored, when it is not taken: tried again as any report, under one identity
// (spec 6.8), while its message waits.
import t from 'tap';
import { defaultReportRules } from '../../../machines/index.js';
import { limits, type OutgoingReport } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import { cpim, deleted, incoming, received } from '../../support/messages.js';

const telling = { settings: { reportRules: { ...defaultReportRules, stored: true } } };
const asking = received(incoming({ cpim: cpim({ dispositions: ['processing'] }) }));

const saidIn = (test: EngineUnderTest): readonly OutgoingReport[] =>
  test.effects.reports.filter((one) => one.status === 'stored');

t.test('C50 a passing refusal of stored is tried again under one identity', async (t) => {
  for (const status of [408, 480, 503]) {
    const test = await EngineUnderTest.open(telling);
    await test.accept(asking);
    await test.answer(test.effects.last, status);
    await test.clock.advance(limits.earlyRetryMs - 1);
    t.equal(saidIn(test).length, 1, `${status}`);
    await test.clock.advance(1);
    const [first, second] = saidIn(test);
    t.match(
      second?.effectId,
      /^p-[a-z0-9]{28}-2$/,
      'another attempt, that no proxy answers from memory',
    );
    t.equal(second?.cseq, 2);
    for (const name of ['imdnMessageId', 'callId', 'fromTag'] as const)
      t.equal(second?.[name], first?.[name], name);
    await test.answer(test.effects.last, 200);
    await test.clock.advance(10 * limits.earlyRetryMs);
    t.equal(saidIn(test).length, 2, 'it was heard');
  }
});

t.test('C50 it is waited as long as the answer asks', async (t) => {
  const test = await EngineUnderTest.open(telling);
  await test.accept(asking);
  const { effectId, token } = test.effects.last;
  const retryAfterSeconds = 1200;
  await test.submit({ type: 'effect.answered', effectId, token, status: 503, retryAfterSeconds });
  await test.clock.advance(1_199_999);
  t.equal(saidIn(test).length, 1);
  await test.clock.advance(1);
  t.equal(saidIn(test).length, 2);
});

t.test('C50 its attempts are bounded, and survive a crash', async (t) => {
  let test = await EngineUnderTest.open(telling);
  const id = await test.accept(
    received(incoming({ expiresSeconds: null, cpim: cpim({ dispositions: ['processing'] }) })),
  );
  for (let attempt = 1; attempt <= limits.earlyAttemptsMax; attempt += 1) {
    t.match(saidIn(test).at(-1), { cseq: attempt });
    await test.answer(test.effects.last, 480);
    if (attempt === 3) test = await test.crash();
    await test.clock.advance(limits.earlyRetryMs);
  }
  const before = test.effects.sent.length;
  await test.clock.advance(10 * limits.earlyRetryMs);
  t.equal(test.effects.sent.length, before, 'then it is given up');
  t.equal(test.state(id), 'stored');
});

t.test('C50 stored is said of no message that waits no longer', async (t) => {
  const test = await EngineUnderTest.open(telling);
  const id = await test.accept(asking);
  await test.answer(test.effects.last, 480);
  await test.submit(deleted([id]));
  await test.clock.advance(10 * limits.earlyRetryMs);
  t.equal(saidIn(test).length, 1);
});

t.test('C50 A4 a sender who heard 503 is told stored no more, unless he asks again', async (t) => {
  for (const waiting of [true, false]) {
    const test = await EngineUnderTest.open(telling);
    const deferredId = await test.accept(asking);
    const unheard = { type: 'message.unacknowledged', deferredId } as const;
    if (waiting) await test.answer(test.effects.last, 480);
    await test.submit(unheard);
    if (!waiting) await test.answer(test.effects.last, 480);
    await test.clock.advance(10 * limits.earlyRetryMs);
    t.equal(saidIn(test).length, 1, waiting ? 'it was due again' : 'it was under way');
    t.match(await test.submit(asking), { kind: 'accepted', duplicate: true });
    await test.clock.advance(limits.earlyRetryMs);
    t.same([...new Set(saidIn(test).map(({ cseq }) => cseq))], [1, 2], 'he heard 202');
    const [first, second] = saidIn(test);
    t.equal(second?.imdnMessageId, first?.imdnMessageId);
  }
});

t.test('C50 what waited for the bus until its message ended is not said', async (t) => {
  const test = await EngineUnderTest.open(telling);
  test.effects.up = false;
  const both = cpim({ dispositions: ['processing', 'negative-delivery'] });
  const id = await test.accept(received(incoming({ cpim: both })));
  await test.submit(deleted([id]));
  test.effects.up = true;
  test.engine.wake();
  await test.clock.settle();
  t.same(
    test.effects.reports.map(({ status }) => status),
    ['failed'],
  );
});

t.test('C50 A4 what waited for the bus until its sender heard 503 is not said', async (t) => {
  const test = await EngineUnderTest.open(telling);
  test.effects.up = false;
  const deferredId = await test.accept(asking);
  await test.submit({ type: 'message.unacknowledged', deferredId });
  test.effects.up = true;
  test.engine.wake();
  await test.clock.advance(10 * limits.earlyRetryMs);
  t.same(saidIn(test), []);
});

t.test('C50 a late success of an earlier attempt is a success', async (t) => {
  for (const underWay of [false, true]) {
    const test = await EngineUnderTest.open(telling);
    await test.accept(asking);
    const first = test.effects.last;
    await test.answer(first, 480);
    if (underWay) await test.clock.advance(limits.earlyRetryMs);
    const told = saidIn(test).length;
    await test.answer(first, 200);
    await test.clock.advance(10 * limits.earlyRetryMs);
    t.equal(saidIn(test).length, told);
  }
});
