// Storing cut short: a crash, a failing disk or a lost answer at each of its steps, and what its sender hears when he asks again.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import { daysMs, expiresAtMs, incoming, numbered, received } from '../../support/messages.js';

t.test('A3 killed while the batch is in flight: all or nothing', async (t) => {
  for (const landed of [false, true]) {
    const test = await EngineUnderTest.open();
    test.store.hold();
    void test.engine.submit(received(incoming()));
    await test.clock.settle();
    const again = await test.crash(landed);
    const reply = await again.submit(received(incoming()));
    t.match(reply, { kind: 'accepted', duplicate: landed });
    t.equal((await again.engine.ids(null, 10)).length, 1);
  }
});

t.test('A4 killed after commit, before acknowledgement', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  const again = await test.crash();
  t.same(await again.submit(received(incoming())), {
    kind: 'accepted',
    deferredId: id,
    duplicate: true,
  });
});

t.test('A4 a sender who heard 503 gets no report, unless he asks again', async (t) => {
  for (const repeated of [false, true]) {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    await test.submit({ type: 'message.unacknowledged', deferredId: id });
    if (repeated) await test.submit(received(incoming()));
    await test.clock.advanceTo(expiresAtMs);
    t.equal(test.state(id), repeated ? 'reporting.sending' : 'dropped');
    t.equal(test.effects.reports.length, repeated ? 1 : 0);
  }
});

t.test('A4 a sender who heard 503 and asks again after the end hears no 202', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.submit({ type: 'message.unacknowledged', deferredId: id });
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.state(id), 'dropped');
  t.match(await test.submit(received(incoming())), {
    kind: 'refused',
    status: 410,
    code: 'already-ended',
  });
  t.equal(test.effects.reports.length, 0);
});

t.test('A7 a sender who heard 503 and asks again after the delivery hears 202', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.submit({ type: 'message.unacknowledged', deferredId: id });
  await test.register();
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
  t.match(await test.submit(received(incoming())), { kind: 'accepted', duplicate: true });
});

t.test('A5 attempts are not renumbered after a crash', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 480);
  await test.clock.advance(60_000);
  const second = test.effects.last;
  t.equal(second.cseq, 2);
  const again = await test.crash();
  t.equal(again.effects.last.effectId, second.effectId);
  t.equal(again.effects.last.callId, second.callId);
  await again.answer(again.effects.last, 200);
  t.equal(again.state(id), 'delivered');
});

t.test('A6 same message while first commit is in flight', async (t) => {
  const test = await EngineUnderTest.open();
  const release = test.store.hold();
  const replies = [
    test.engine.submit(received(incoming())),
    test.engine.submit(received(incoming())),
  ];
  await test.clock.settle();
  replies.push(test.engine.submit(received(incoming())));
  let answered = 0;
  for (const reply of replies) void reply.then(() => (answered += 1));
  await test.clock.settle();
  t.equal(answered, 0, 'all wait for the one commit');
  await release();
  await test.clock.settle();
  const said = await Promise.all(replies);
  t.same(
    said.map((reply) => reply.kind === 'accepted' && reply.duplicate),
    [false, true, true],
  );
  t.equal((await test.engine.ids(null, 10)).length, 1);
});

t.test('A7 same message again after it has ended', async (t) => {
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  const id = await test.accept(received(incoming()));
  await test.register();
  t.equal(test.state(id), 'delivered');
  await test.clock.advance(daysMs(6));
  t.match(await test.submit(received(incoming())), { deferredId: id, duplicate: true });
  await test.register();
  t.equal(test.effects.sent.length, 1, 'no second delivery');
  await test.clock.advance(daysMs(1));
  t.equal(test.engine.show(id), null, 'forgotten seven days after its end');
  for (const letter of ['a', 'b', 'd', 'o', 'r', 't', 'w']) {
    t.same(test.store.family(letter), [], `no row of family ${letter} is left`);
  }
  t.match(await test.submit(received(incoming())), { kind: 'accepted', duplicate: false });
});

t.test('B1 B2 full disk: nothing accepted is lost, nothing is written after it', async (t) => {
  const test = await EngineUnderTest.open();
  const accepted: string[] = [];
  for (let number = 0; number < 20; number += 1) {
    if (number === 13) test.store.failCommit('lost');
    void test.engine.submit(received(numbered(number))).then(
      (reply) => reply.kind === 'accepted' && accepted.push(reply.deferredId),
      () => {},
    );
    await test.clock.settle();
  }
  t.equal(test.exits.length, 1);
  t.equal(test.exits[0]?.code, 74);
  t.equal(accepted.length, 13);
  t.equal(test.store.commitsAfterFailure, 0, 'B2 no commit after the first error');
  const again = await test.crash();
  t.same(new Set(await again.engine.ids(null, 100)), new Set(accepted));
});

t.test('B5 ghost commit: unknown to the sender, one copy after boot', async (t) => {
  const test = await EngineUnderTest.open();
  test.store.failCommit('ghost');
  let answered = false;
  void test.engine.submit(received(incoming())).then(() => (answered = true));
  await test.clock.settle();
  t.equal(answered, false);
  t.equal(test.exits[0]?.code, 74);
  const again = await test.crash();
  t.match(await again.submit(received(incoming())), { kind: 'accepted', duplicate: true });
  t.equal((await again.engine.ids(null, 10)).length, 1);
});
