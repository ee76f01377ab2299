// Conformance rows of spec chapter 14 about delivery: order, one at a time, what an answer means,
// who is tried again and when.
import t from 'tap';
import { type Command, limits, type OutgoingDelivery } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import {
  alice,
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
  writtenAtMs,
} from '../../support/messages.js';

const texts = (test: EngineUnderTest) =>
  test.effects.deliveries.map((one) => one.message.cpim?.imdnMessageId?.split('-')[1]);

t.test('C53 6xx on push is final', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 603);
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
  await test.answer(test.effects.last, 200);
  await test.register();
  await test.clock.advance(hoursMs(3));
  t.equal(test.effects.deliveries.length, 1, 'no more tries');
  t.equal(test.effects.sent.length, 2);
});

t.test('C54 480 on push keeps the message', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  t.equal(test.state(id), 'delivering');
  await test.answer(test.effects.last, 480);
  t.equal(test.state(id), 'stored');
  t.equal(test.life(id).message.expiresAtMs, expiresAtMs);
  t.match(test.life(id).timers, [{ name: 'expiry', dueMs: expiresAtMs }, { name: 'maxLifetime' }]);
  t.same(test.effects.reports, []);
});

t.test('spec 3.2 a user who stays registered is tried after 60 s, 5 min, 30 min', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming({ expiresSeconds: null })));
  await test.register(24);
  const tries: number[] = [];
  test.effects.heard = () => tries.push(test.clock.now());
  test.answerAll((effect) => {
    tries.push(test.clock.now());
    return effect.cseq === 5 ? 200 : 480;
  });
  await test.answer(test.effects.last, 480);
  await test.clock.advance(hoursMs(3));
  const waits = tries.map((at) => (at - writtenAtMs) / 1000);
  t.same(waits, [60, 360, 2160, 3960]);
});

t.test('spec 3.2 no answer is temporary: the user is tried again', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: null })));
  await test.register();
  await test.clock.advance(40_000);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(60_000);
  t.equal(test.effects.deliveries.length, 2, 'after 40 s of patience and the first retry step');
});

t.test('spec 3.2 without a live binding no retry timer', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming({ expiresSeconds: null })));
  await test.register(0.01);
  await test.clock.advance(37_000);
  await test.answer(test.effects.last, 480);
  await test.clock.advance(hoursMs(5));
  t.equal(test.effects.deliveries.length, 1);
  await test.register();
  t.equal(test.effects.deliveries.length, 2, 'his return is the next try');
});

t.test('spec 3.2 a refresh tries again at once, a new contact too', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  await test.register(1, 'sip:bob@192.0.2.7');
  await test.answer(test.effects.last, 480);
  await test.register(1, 'sip:bob@192.0.2.7');
  t.equal(test.effects.deliveries.length, 2);
  await test.answer(test.effects.last, 480);
  await test.register(1, 'sip:bob@192.0.2.8');
  t.equal(test.effects.deliveries.length, 3);
});

t.test('spec 3.1 a refresh pushes nothing that is delivered or on its way', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  await test.register();
  await test.register();
  await test.register();
  t.equal(test.effects.sent.length, 1);
  await test.answer(test.effects.last, 200);
  await test.register();
  t.equal(test.effects.sent.length, 1);
});

t.test('C95 spec 3.2 unsuitable waits for a contact that was not bound', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const next = await test.accept(received(numbered(2)));
  await test.register(1, 'sip:bob@192.0.2.7');
  await test.answer(test.effects.last, 415);
  t.equal(test.state(id), 'stored');
  t.same(texts(test), ['1', '2'], 'the run goes on with the next message');
  await test.answer(test.effects.last, 200);
  t.equal(test.state(next), 'delivered');
  await test.register(1, 'sip:bob@192.0.2.7');
  await test.clock.advance(minutesMs(35));
  t.equal(test.effects.deliveries.length, 2, 'neither a refresh nor a retry step');
  await test.register(1, 'sip:bob@192.0.2.8');
  t.same(texts(test), ['1', '2', '1']);
});

t.test('C57 one pending report per target', async (t) => {
  const test = await EngineUnderTest.open();
  for (let number = 0; number < 20; number += 1) await test.accept(received(numbered(number)));
  await test.submit(deleted('all'));
  for (let answered = 0; answered < 20; answered += 1) {
    t.equal(test.effects.reports.length, answered + 1, `${answered} answered`);
    await test.answer(test.effects.last, 200);
  }
  t.equal(test.effects.sent.length, 20);
  t.same(new Set(test.effects.reports.map((one) => one.message.fromUri)), new Set([alice]));
});

t.test('C58 backlog is pushed one by one, oldest first', async (t) => {
  const test = await EngineUnderTest.open();
  for (const number of [1, 2, 3, 4, 5]) {
    await test.accept(received(numbered(number)));
    await test.clock.advance(10);
  }
  await test.register();
  for (let pushed = 1; pushed <= 5; pushed += 1) {
    t.equal(test.effects.deliveries.length, pushed, 'one pending at a time');
    await test.clock.advance(500);
    await test.answer(test.effects.last, 200);
  }
  t.same(texts(test), ['1', '2', '3', '4', '5']);
  t.same((await test.engine.list(bob, null, 10)).messages, []);
});

t.test('C58 a message that arrives during a run queues behind it', async (t) => {
  const test = await EngineUnderTest.open();
  for (const number of [1, 2]) await test.accept(received(numbered(number)));
  await test.register();
  await test.accept(received(numbered(3)));
  test.answerAll(200);
  await test.answer(test.effects.last, 200);
  t.same(texts(test), ['1', '2', '3']);
});

t.test('C59 every try has the same Call-ID and tag, and counts CSeq', async (t) => {
  const test = await EngineUnderTest.open();
  const message = incoming();
  await test.accept(received(message));
  await test.register();
  await test.answer(test.effects.last, 480);
  await test.register();
  const [first, second] = test.effects.deliveries as [OutgoingDelivery, OutgoingDelivery];
  t.equal(first.callId, second.callId);
  t.equal(first.fromTag, second.fromTag);
  t.same([first.cseq, second.cseq], [1, 2]);
  t.not(first.callId, message.callId);
  t.not(first.effectId, second.effectId);
  t.not(first.token, second.token);
  t.match(first.token, /^[a-z2-7]{26}$/);
  t.match(first.effectId, /^d-[a-z0-9]{10,64}-1$/);
  t.same(Buffer.from(first.octets), Buffer.from(message.octets), 'C83 octets identical');
});

t.test('C62 empty mailbox gives no notice', async (t) => {
  const test = await EngineUnderTest.open();
  await test.register();
  await test.clock.advance(hoursMs(1));
  t.same(test.effects.sent, []);
});

t.test('C64 device without IM tag gets no push', async (t) => {
  const test = await EngineUnderTest.open({ settings: { requireImTag: true } });
  await test.accept(received(incoming()));
  const untilMs = writtenAtMs + hoursMs(1);
  await test.submit(registered([contact(untilMs, 'sip:bob@192.0.2.7')]));
  t.same(test.effects.sent, []);
  await test.submit(registered([contact(untilMs, 'sip:bob@192.0.2.8', ['+g.oma.sip-im'])]));
  t.equal(test.effects.deliveries.length, 1);
});

t.test('C66 two devices count as one delivery', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  const untilMs = writtenAtMs + hoursMs(1);
  const both = [contact(untilMs, 'sip:bob@192.0.2.7'), contact(untilMs, 'sip:bob@192.0.2.8')];
  await test.submit(registered(both));
  t.equal(test.effects.sent.length, 1);
  await test.answer(test.effects.last, 200);
  await test.answer(test.effects.last, 603);
  t.equal(test.state(id), 'delivered');
  await test.clock.advance(hoursMs(2));
  t.equal(test.effects.sent.length, 1);
});

t.test('D7 C94 expiry while an attempt is in flight waits for the outcome', async (t) => {
  for (const status of [200, 480, null]) {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    await test.clock.advanceTo(expiresAtMs - 10_000);
    await test.register();
    await test.clock.advance(20_000);
    t.equal(test.state(id), 'delivering', 'past its expiry, still waiting');
    t.same(test.effects.reports, []);
    if (status === null) await test.clock.advance(20_000);
    else await test.answer(test.effects.last, status);
    t.equal(test.state(id), status === 200 ? 'delivered' : 'reporting.sending');
    t.equal(test.effects.reports.length, status === 200 ? 0 : 1);
  }
});

t.test('E2 registering and unregistering in turn pushes each attempt once', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  for (let round = 0; round < 20; round += 1) {
    await test.register();
    await test.submit({ type: 'recipient.unregistered', aor: bob });
  }
  t.equal(test.effects.sent.length, 1, 'one run, one attempt');
  await test.answer(test.effects.last, 200);
  t.equal(test.effects.sent.length, 1);
});

t.test('a user asks for one message before the others', async (t) => {
  const test = await EngineUnderTest.open();
  const ids: string[] = [];
  for (const number of [1, 2, 3]) ids.push(await test.accept(received(numbered(number))));
  await test.submit(registered([contact(writtenAtMs + hoursMs(1))]));
  const reply = await test.submit({
    type: 'messages.requested',
    aor: bob,
    ids: [ids[2] as string, 'nonsense'],
  });
  t.match(reply, { results: [{ status: 202 }, { status: 404 }] });
  test.answerAll(200);
  await test.answer(test.effects.last, 200);
  t.same(texts(test), ['1', '3', '2']);
});

t.test('a message stored although a binding lives is tried after the first step', async (t) => {
  const test = await EngineUnderTest.open();
  await test.register();
  await test.accept(received(incoming()));
  t.same(test.effects.sent, []);
  await test.clock.advance(60_000);
  t.equal(test.effects.deliveries.length, 1);
});

t.test('a message is tried even when an older one left a retry behind', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(numbered(1, { expiresSeconds: null })));
  const second = await test.accept(received(numbered(2, { expiresSeconds: null })));
  await test.register();
  await test.answer(test.effects.last, 415);
  await test.answer(test.effects.last, 480);
  await test.submit(deleted([second]));
  await test.clock.advance(minutesMs(2));
  t.equal(test.effects.deliveries.length, 2, 'the first fits no contact, the second is gone');
  await test.accept(received(numbered(3, { expiresSeconds: null })));
  await test.clock.advance(minutesMs(6));
  t.same(texts(test), ['1', '2', '3']);
});

t.test(
  'spec 3.4 a message queued behind the backlog is delivered after it, in order',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.accept(received(numbered(1)));
    await test.register();
    t.equal(test.effects.queued.get(bob), limits.queueMarkMs);
    await test.accept({ ...received(numbered(2)), queued: true } as Command);
    t.same(texts(test), ['1']);
    await test.answer(test.effects.last, 200);
    t.same(texts(test), ['1', '2']);
    await test.answer(test.effects.last, 200);
    t.equal(test.effects.queued.get(bob), 0, 'the proxies hear of the end');
    await test.accept({ ...received(numbered(3)), queued: true } as Command);
    t.same(
      texts(test),
      ['1', '2', '3'],
      'one that came after the end does not wait for a next try',
    );
  },
);

t.test(
  'spec 3.4 a queued message whose recipient has gone meanwhile waits like any other',
  async (t) => {
    const test = await EngineUnderTest.open();
    const id = await test.accept({ ...received(numbered(1)), queued: true } as Command);
    t.equal(test.state(id), 'stored');
    t.equal(test.effects.queued.size, 0);
    await test.register();
    t.equal(test.state(id), 'delivering');
  },
);

t.test('spec 3.1 a return to an empty mailbox: live messages are not queued', async (t) => {
  const test = await EngineUnderTest.open();
  await test.register();
  t.equal(test.effects.queued.get(bob), 0);
});

t.test('a device that leaves is forgotten and wakes nobody; the last one ends it', async (t) => {
  const test = await EngineUnderTest.open();
  const [one, two] = ['sip:bob@192.0.2.7', 'sip:bob@192.0.2.8'];
  await test.register(1, one);
  await test.register(1, two);
  await test.accept(received(incoming()));
  const gone = (uri: string) => test.submit(registered([contact(test.clock.now(), uri)]));
  await gone(two);
  t.same(
    test.engine.bindings(bob).map((binding) => binding.contact),
    [one],
  );
  t.equal(test.effects.sent.length, 0, 'no sign of life of the other device');
  await gone(one);
  t.same(test.engine.bindings(bob), []);
  await test.clock.advance(minutesMs(5));
  t.equal(test.effects.sent.length, 0);
});
