// Subscriptions to notices on the simulated engine (RFC 6665, C61): who is told, when, and what ends it.
import t from 'tap';
import { type Command, limits, type OutgoingNotice, type Watcher } from '../../../runtime/index.js';
import { EngineUnderTest, type TestOptions } from '../../support/engine.js';
import {
  bob,
  deleted,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  plain,
  received,
} from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

const open = (options: TestOptions = {}) =>
  EngineUnderTest.open({ policyId: 'notify-and-pull', ...options });

interface Asked {
  readonly seconds?: number;
  readonly begins?: boolean;
  readonly cseq?: number;
  readonly aor?: string;
}

/** Bob's phone, or another of them, asks. */
function asked(phone = 'phone', given: Asked = {}): Command {
  const { seconds = 3600, begins = true, cseq = 1, aor = bob } = given;
  const watcher: Watcher = {
    ...{ callId: `${phone}@192.0.2.7`, localTag: `dim-${phone}`, remoteTag: `tag-${phone}` },
    ...{ localUri: aor, remoteUri: aor, target: `sip:bob@192.0.2.7;line=${phone}` },
    ...{ routes: [], eventId: null, list: true, cseq },
  };
  return { type: 'subscription.requested', aor, node: 'node1', watcher, begins, seconds };
}

const informs = (test: EngineUnderTest): readonly OutgoingNotice[] =>
  test.effects.notices.filter((one) => one.within !== undefined);
const mails = (test: EngineUnderTest): readonly OutgoingNotice[] =>
  test.effects.notices.filter((one) => one.within === undefined);
async function rowsOf(test: EngineUnderTest, family: string): Promise<readonly Buffer[]> {
  const rows: Buffer[] = [];
  for await (const [key, value] of test.store.scan('', '~', 100_000))
    if (key[3] === family) rows.push(Buffer.from(value));
  return rows;
}

const statesOf = (test: EngineUnderTest) => informs(test).map((one) => one.within?.state);

t.test('C61 told at once, then when a message comes, and when he returns', async (t) => {
  const test = await open();
  test.answerAll(200);
  t.same(await test.submit(asked()), { kind: 'subscribed', seconds: 3600 });
  t.match(informs(test), [
    {
      ...{ aor: bob, waiting: 0, cseq: 1, node: 'node1', callId: 'phone@192.0.2.7' },
      ...{ fromTag: 'dim-phone', within: { remoteTag: 'tag-phone', state: 3600 } },
    },
  ]);
  t.match(informs(test)[0]?.effectId, /^s-[0-9a-f]{2}[a-z2-7]{26}-1$/);
  await test.accept(received(incoming()));
  t.match(informs(test)[1], { waiting: 1, cseq: 2 });
  await test.register();
  t.match(informs(test)[2], { waiting: 1, cseq: 3 });
  await test.register();
  await test.clock.advance(minutesMs(30));
  t.equal(informs(test).length, 3, 'a refresh of his registration is no return');
  t.same(mails(test), []);
});

t.test('C61 one NOTIFY under way at a time; what changes meanwhile is one more', async (t) => {
  const test = await open();
  await test.submit(asked());
  for (let number = 1; number <= 5; number += 1) await test.accept(received(numbered(number)));
  t.equal(informs(test).length, 1);
  await test.answer(test.effects.last, 200);
  t.equal(informs(test).length, 2);
  t.match(informs(test)[1], { waiting: 5, cseq: 2 });
  await test.answer(test.effects.last, 200);
  t.equal(informs(test).length, 2);
});

t.test('C61 users who did not subscribe are told by a MESSAGE as before', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.submit(asked('phone', { aor: 'sip:carol@example.org' }));
  await test.accept(received(incoming()));
  await test.register();
  t.equal(mails(test).length, 1);
  t.equal(informs(test).length, 1, 'carol hears nothing of his');
});

t.test('C61 who gets his messages pushed hears of changes as well', async (t) => {
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  await test.submit(asked());
  await test.accept(received(incoming()));
  await test.register();
  t.equal(test.effects.deliveries.length, 1);
  t.same(
    informs(test).map((one) => one.cseq),
    [1, 2, 3],
    'it came, and it was delivered',
  );
});

t.test('C100 renewed, ended, and asked for once: the last NOTIFY says so', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.submit(asked());
  await test.clock.advance(minutesMs(50));
  await test.submit(asked('phone', { begins: false, cseq: 2 }));
  await test.clock.advance(minutesMs(50));
  t.same(statesOf(test), [3600, 3600], 'it was renewed in time');
  await test.submit(asked('phone', { begins: false, cseq: 3, seconds: 0 }));
  t.same(statesOf(test).slice(2), ['timeout']);
  const late = await test.submit(asked('phone', { begins: false, cseq: 4 }));
  t.match(late, { kind: 'refused', status: 481 });
  await test.submit(asked('other', { seconds: 0 }));
  t.same(statesOf(test).slice(3), ['timeout'], 'a fetch');
  await test.accept(received(incoming()));
  t.equal(informs(test).length, 4);
});

t.test('C100 it ends with its time, also when that passes while the engine is down', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.submit(asked());
  await test.clock.advance(3_600_001);
  t.same(statesOf(test), [3600, 'timeout']);
  await test.submit(asked('second'));
  const later = new SimulatedClock(test.clock.now() + hoursMs(2));
  const again = await EngineUnderTest.on(test.store.afterCrash(false), later);
  await later.advance(1000);
  t.same(statesOf(again).slice(-1), ['timeout']);
});

t.test('C101 a dialog of nobody, or of another user, is refused; an older CSeq too', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.submit(asked('phone', { cseq: 5 }));
  const lost = await test.submit(asked('unknown', { begins: false }));
  t.match(lost, { kind: 'refused', code: 'no-such-subscription', status: 481 });
  const foreign = asked('phone', { begins: false, cseq: 6, aor: 'sip:mallory@example.org' });
  t.match(await test.submit(foreign), { kind: 'refused', status: 481 });
  const old = await test.submit(asked('phone', { begins: false, cseq: 4 }));
  t.match(old, { kind: 'refused', code: 'out-of-order', status: 500 });
  const same = await test.submit(asked('phone', { cseq: 5 }));
  t.match(same, { kind: 'subscribed' }, 'the same once more is answered as before');
});

t.test('C102 what ends a subscription, and what does not', async (t) => {
  for (const [status, ends] of [
    [481, true],
    [408, true],
    [404, true],
    [0, true],
    [489, true],
    [500, false],
    [486, false],
  ] as const) {
    const test = await open();
    await test.submit(asked());
    await test.answer(test.effects.last, status);
    await test.accept(received(incoming()));
    t.equal(informs(test).length, ends ? 1 : 2, `${status}`);
  }
});

t.test('C102 a return that no NOTIFY reached is told by MESSAGE', async (t) => {
  const test = await open();
  await test.submit(asked());
  await test.answer(test.effects.last, 200);
  await test.accept(received(incoming()));
  await test.answer(test.effects.last, 200);
  await test.register();
  t.equal(informs(test).length, 3);
  await test.answer(test.effects.last, 481);
  t.match(mails(test), [{ aor: bob, waiting: 1 }]);
  await test.answer(test.effects.last, 200);
  await test.register();
  t.equal(test.effects.notices.length, 4, 'he was told');
});

t.test(
  'C102 a NOTIFY that failed and ended nothing is no telling: he is told by MESSAGE',
  async (t) => {
    for (const status of [486, 500, 503]) {
      const test = await open();
      await test.submit(asked());
      await test.answer(test.effects.last, 200);
      await test.accept(received(incoming()));
      await test.answer(test.effects.last, 200);
      await test.register();
      await test.answer(test.effects.last, status);
      t.match(mails(test), [{ aor: bob, waiting: 1 }], `${status}`);
    }
  },
);

t.test('C102 two subscriptions: told when either is heard, by MESSAGE when none is', async (t) => {
  for (const [second, mailed] of [
    [200, 0],
    [481, 1],
    [500, 1],
  ] as const) {
    const test = await open();
    for (const phone of ['phone', 'tablet']) {
      await test.submit(asked(phone));
      await test.answer(test.effects.last, 200);
    }
    await test.accept(received(incoming()));
    for (const one of informs(test).slice(-2)) await test.answer(one, 200);
    await test.register();
    const [first, other] = informs(test).slice(-2);
    await test.answer(first!, 481);
    t.same(mails(test), [], 'the other one may be heard');
    await test.answer(other!, second);
    t.equal(mails(test).length, mailed, `${second}`);
  }
});

t.test('C102 a NOTIFY that was under way when he returned is followed by one more', async (t) => {
  const test = await open();
  await test.submit(asked());
  await test.accept(received(incoming()));
  await test.register();
  t.equal(informs(test).length, 1);
  await test.answer(test.effects.last, 200);
  t.equal(informs(test).length, 2);
  await test.clock.advance(limits.effectPatienceMs + 1000);
  t.equal(mails(test).length, 1, 'nothing was heard of it');
});

t.test('C103 a subscription and its NOTIFY survive a crash', async (t) => {
  const test = await open();
  await test.submit(asked());
  const again = await test.crash();
  t.equal(again.effects.last.effectId, test.effects.last.effectId, 'the same once more');
  t.equal(again.effects.last.cseq, 1);
  await again.answer(again.effects.last, 200);
  await again.accept(received(incoming()));
  t.match(informs(again).at(-1), { cseq: 2, waiting: 1 });
  await again.answer(again.effects.last, 200);
  const third = await again.crash();
  t.same(third.effects.sent, []);
  await third.submit(deleted('all'));
  t.match(informs(third), [{ cseq: 3, waiting: 0 }]);
});

t.test('C103 the subscriptions of a user are bounded: the first to lapse gives way', async (t) => {
  const test = await open();
  test.answerAll(200);
  for (let count = 0; count < limits.subscriptionsMax; count += 1)
    await test.submit(asked(`phone${count}`, { seconds: 3600 - count }));
  await test.submit(asked('newest'));
  t.equal(informs(test).at(-2)?.callId, `phone${limits.subscriptionsMax - 1}@192.0.2.7`);
  t.equal(informs(test).at(-2)?.within?.state, 'probation');
  const before = informs(test).length;
  await test.accept(received(incoming()));
  t.equal(informs(test).length - before, limits.subscriptionsMax);
});

t.test('C103 fetches without number leave nothing behind, whatever becomes of them', async (t) => {
  const test = await open();
  for (let count = 0; count < 3 * limits.subscriptionsMax; count += 1)
    await test.submit(asked(`fetch${count}`, { seconds: 0 }));
  const [row] = await rowsOf(test, 's');
  t.ok((row?.toString().match(/callId/g) ?? []).length <= limits.subscriptionsMax);
  await test.clock.advance(minutesMs(5));
  for (const family of 'snut') t.same(await rowsOf(test, family), [], family);
});

t.test('C100 a fetch, or an end, that is repeated is answered as before', async (t) => {
  const test = await open();
  const fetch = asked('phone', { seconds: 0 });
  t.same(await test.submit(fetch), { kind: 'subscribed', seconds: 0 });
  t.same(await test.submit(fetch), { kind: 'subscribed', seconds: 0 }, 'its answer was lost');
  t.equal(informs(test).length, 1, 'and is no second one');
  await test.submit(asked('other'));
  const end = asked('other', { begins: false, cseq: 2, seconds: 0 });
  for (const _ of [1, 2]) t.same(await test.submit(end), { kind: 'subscribed', seconds: 0 });
  const renewal = asked('other', { begins: false, cseq: 3 });
  t.match(await test.submit(renewal), { kind: 'refused', status: 481 }, 'it is over all the same');
});

t.test('C103 a turn that waits for a NOTIFY is not forgotten among fetches', async (t) => {
  const test = await open();
  await test.submit(asked());
  await test.accept(received(incoming()));
  await test.register();
  await test.submit(asked('phone', { begins: false, cseq: 2, seconds: 0 }));
  for (let count = 0; count < 2 * limits.subscriptionsMax; count += 1)
    await test.submit(asked(`fetch${count}`, { seconds: 0 }));
  test.answerAll(200);
  await test.clock.advance(minutesMs(5));
  t.equal(informs(test).filter(({ callId }) => callId === 'phone@192.0.2.7').length, 2);
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  await test.accept(received(numbered(2)));
  await test.register();
  t.equal(mails(test).length, 1, 'his next return is told of: nothing holds his run');
});

t.test('a subscriber without messages is not forgotten when he unregisters', async (t) => {
  const test = await open();
  test.answerAll(200);
  await test.submit(asked());
  await test.register();
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  await test.accept(received(plain()));
  t.equal(informs(test).at(-1)?.waiting, 1);
});
