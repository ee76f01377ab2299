// Rows D1 to D4 of the failure table at the engine's own door: a wall clock that jumps while it runs, or that is absurd
// when it starts. The rule itself is tested beside its file; here is what becomes of messages.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import {
  bob,
  contact,
  daysMs,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
  registered,
  writtenAtMs,
} from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

/** An engine with F1 in it, which expires in an hour. */
async function waiting(options = {}) {
  const test = await EngineUnderTest.open(options);
  return { test, id: await test.accept(received(incoming())) };
}

/** The same store under another clock; other dice, so that no id comes twice. */
const reopened = (test: EngineUnderTest, wallMs: number) =>
  EngineUnderTest.on(test.store.afterCrash(), new SimulatedClock(wallMs), { seed: 2 });

t.test('D1 a jump ahead expires nothing, deliveries go on, a confirmation lets go', async (t) => {
  const { test, id } = await waiting();
  test.clock.setWall(expiresAtMs + hoursMs(5));
  await test.clock.advance(minutesMs(2));
  t.equal(test.state(id), 'stored');
  t.match(test.engine.time.held(), /jumped/);
  await test.submit(registered([contact(expiresAtMs)]));
  t.equal(test.effects.deliveries.length, 1);
  await test.answer(test.effects.last, 480);
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  test.engine.confirmClock();
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending', 'at once, not at the next wake-up');
  t.equal(test.effects.reports.length, 1);
});

t.test('D1 under a held clock a message still lives as long as it was given', async (t) => {
  const { test, id } = await waiting();
  test.clock.setWall(writtenAtMs + daysMs(365));
  await test.clock.advance(hoursMs(1) - 1);
  t.equal(test.state(id), 'stored', 'not early');
  test.answerAll(200);
  await test.clock.advance(minutesMs(1));
  t.equal(test.state(id), 'reported', 'and not for ever');
  t.equal(test.effects.reports.length, 1);
});

t.test('D1 a suspect reading is not stored: the next life knows nothing of it', async (t) => {
  const { test, id } = await waiting();
  test.clock.setWall(writtenAtMs + daysMs(365));
  await test.accept(received(numbered(1)));
  const again = await reopened(test, writtenAtMs + 1000);
  t.equal(again.engine.time.held(), null);
  t.equal(again.engine.time.now(), writtenAtMs + 1000);
  t.equal(again.state(id), 'stored');
});

t.test('D1 a trusted clock is followed', async (t) => {
  const { test, id } = await waiting({ clockTrusted: true });
  test.clock.setWall(expiresAtMs + hoursMs(5));
  await test.clock.advance(minutesMs(1));
  t.equal(test.engine.time.held(), null);
  t.equal(test.state(id), 'reporting.sending');
});

t.test('D2 a jump back leaves no deadline stuck and gives no time twice', async (t) => {
  const { test, id } = await waiting();
  test.clock.setWall(writtenAtMs - hoursMs(1));
  await test.clock.advance(hoursMs(1));
  const second = await test.accept(received(numbered(2, { dateMs: null })));
  t.equal(test.life(second).message.receivedAtMs, writtenAtMs, 'time stood still');
  test.answerAll(200);
  await test.clock.advance(hoursMs(1) + minutesMs(1));
  t.equal(test.state(id), 'reported', 'when the wall clock is there');
  const times = test.life(id).trail.map((step) => step.atMs);
  t.same(
    times,
    [...times].sort((a, b) => a - b),
    'the trail never goes back',
  );
  t.equal(test.effects.reports.filter((one) => one.effectId.includes(id.slice(0, 28))).length, 1);
});

t.test('D2 a push in flight is given up in its own time', async (t) => {
  const { test, id } = await waiting();
  await test.register();
  t.equal(test.state(id), 'delivering');
  test.clock.setWall(writtenAtMs - daysMs(1));
  await test.clock.advance(minutesMs(1));
  t.equal(test.state(id), 'stored', 'patience runs by elapsed time');
});

t.test('D3 a start in the far future holds expiries, deliveries go on', async (t) => {
  const { test, id } = await waiting();
  const second = await test.accept(received(numbered(2, { expiresSeconds: 7200 })));
  const again = await reopened(test, writtenAtMs + daysMs(40));
  t.match(again.engine.time.held(), /after the last stored time/);
  await again.clock.advance(minutesMs(5));
  t.same([again.state(id), again.state(second)], ['stored', 'stored']);
  await again.submit(registered([contact(writtenAtMs + hoursMs(2))]));
  await again.answer(again.effects.last, 200);
  t.equal(again.state(id), 'delivered');
  await again.answer(again.effects.last, 480);
  await again.submit({ type: 'recipient.unregistered', aor: bob });
  again.engine.confirmClock();
  await again.clock.advance(1);
  t.equal(again.state(second), 'reporting.sending');
});

t.test('D4 a start before the last commit goes on from the last time seen', async (t) => {
  const { test, id } = await waiting();
  await test.clock.advance(minutesMs(30));
  await test.accept(received(numbered(2)));
  const again = await reopened(test, writtenAtMs - daysMs(1000));
  t.equal(again.engine.time.now(), writtenAtMs + minutesMs(30));
  const third = await again.accept(received(numbered(3, { dateMs: null })));
  t.equal(again.life(third).message.receivedAtMs, writtenAtMs + minutesMs(30));
  t.equal(again.state(id), 'stored');
  again.clock.setWall(expiresAtMs);
  await again.clock.advance(minutesMs(1));
  t.match(again.engine.time.held(), /jumped/, 'set right by more than elapsed: a person decides');
  again.engine.confirmClock();
  await again.clock.advance(1);
  t.equal(again.state(id), 'reporting.sending');
});
