// Deadlines that are far, many or late, and the end of the process.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import {
  cpim,
  daysMs,
  expiresAtMs,
  hoursMs,
  incoming,
  numbered,
  received,
} from '../../support/messages.js';
import { breathe } from '../../support/world.js';

/** An engine with one report decided, and its message. */
import { reporting } from './reporting.js';

t.test('D5 a deadline more than 24.8 days away is not early', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: 28 * 86_400 })));
  await test.clock.advance(daysMs(27));
  t.equal(test.state(id), 'stored');
  await test.clock.advance(daysMs(1));
  t.equal(test.state(id), 'reporting.sending');
});

t.test('D6 a suspended machine fires late, once, and nothing is held', async (t) => {
  const { test, id } = await reporting();
  test.clock.suspend(hoursMs(3));
  await test.clock.advance(60_000);
  t.equal(test.engine.time.held(), null);
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
});

t.test('D8 many deadlines at one instant are paced, and input is served', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { mailboxMessagesMax: 2000, pairMessagesMax: 2000 },
  });
  const quiet = cpim({ dispositions: [] });
  const all = Array.from({ length: 600 }, (_, number) => {
    const aor = `sip:user${number % 3}@example.org`;
    const imdnMessageId = `id-${number}`;
    return test.engine.submit(
      received(numbered(number, { aor, cpim: { ...quiet, imdnMessageId } })),
    );
  });
  await test.clock.settle();
  await Promise.all(all);
  await test.clock.advanceTo(expiresAtMs - 1);
  const before = test.store.commits;
  const dropped = () => test.engine.stats().outcomes['dropped'] ?? 0;
  const storm = test.clock.advance(1);
  while (dropped() === 0) await breathe();
  const other = numbered(600, { aor: 'sip:other@example.org', expiresSeconds: null });
  const { kind } = await test.engine.submit(received(other));
  t.equal(kind, 'accepted');
  t.ok(dropped() < 600, `a message that came meanwhile is durable when ${dropped()} have ended`);
  await storm;
  t.equal(dropped(), 600);
  t.ok(test.store.commits - before > 5, 'in more than one turn');
});

t.test('D9 one live timer row for each message', async (t) => {
  const { test, id } = await reporting();
  t.equal(test.store.family('t').length, 1);
  await test.register();
  t.equal(test.store.family('t').length, 1);
  for (let round = 0; round < 5; round += 1) {
    await test.answer(test.effects.last, 480);
    await test.register();
    t.equal(test.store.family('t').length, 1);
  }
  await test.answer(test.effects.last, 200);
  t.equal(test.store.family('t').length, 1, 'its remembrance');
  await test.clock.advance(daysMs(8));
  t.equal(test.store.family('t').length, 0);
  t.equal(test.engine.show(id), null);
});

t.test('G1 close under load: everything decided is durable, nothing more is taken', async (t) => {
  const test = await EngineUnderTest.open();
  const release = test.store.hold();
  const replies = [1, 2, 3].map((number) => test.engine.submit(received(numbered(number))));
  await test.clock.settle();
  replies.push(test.engine.submit(received(numbered(4))));
  const closed = test.close();
  await t.rejects(test.engine.submit(received(numbered(5))), { code: 'DEFERRED_IM_CLOSED' });
  await release();
  await test.clock.settle();
  await closed;
  t.equal(
    (await Promise.all(replies)).every((reply) => reply.kind === 'accepted'),
    true,
  );
  t.equal(test.store.closed, true);
  t.match(test.store.mark, { seq: test.engine.committed });
  t.equal((await (await test.crash()).engine.ids(null, 10)).length, 4);
});

t.test('G1 a disk that fails while closing still ends the process', async (t) => {
  const test = await EngineUnderTest.open();
  const release = test.store.hold();
  void test.engine.submit(received(incoming()));
  await test.clock.settle();
  test.store.failCommit('lost');
  void test.close();
  await release();
  await test.clock.settle();
  t.equal(test.exits[0]?.code, 74);
});
