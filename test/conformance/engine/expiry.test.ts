// Conformance rows of spec chapter 14 about expiration: when it is, what follows from it, and under
// which policy.
import t from 'tap';
import { type PolicyFile, shippedPolicy } from '../../../machines/index.js';
import { EngineUnderTest, foundedStore } from '../../support/engine.js';
import {
  cpim,
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  type MessageChanges,
  minutesMs,
  numbered,
  received,
  writtenAtMs,
} from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

const openLate = (startMs = writtenAtMs) =>
  EngineUnderTest.open({ policyId: 'deliver-late', startMs });

/** An engine whose active policy is the default one with other settings. */
async function openWith(settings: PolicyFile['settings'], startMs = writtenAtMs) {
  const test = await EngineUnderTest.open({ startMs });
  const base = shippedPolicy('delete-and-report') as PolicyFile;
  const source = { ...base, settings: { ...base.settings, ...settings } };
  const installed = await test.submit({ type: 'policy.installed', source, by: 'test' });
  if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
  const { hash } = installed;
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'test', reason: 'test' });
  return test;
}

/** The instant of expiry a message gets, and that it is not a millisecond early. */
async function expiryOf(test: EngineUnderTest, changes: MessageChanges): Promise<number | null> {
  const id = await test.accept(received(incoming(changes)));
  const at = test.life(id).message.expiresAtMs;
  if (at === null) return null;
  await test.clock.advanceTo(at - 1);
  if (test.state(id) !== 'stored') throw new Error('early');
  await test.clock.advance(1);
  if (test.state(id) !== 'reporting.sending') throw new Error('late');
  return at;
}

t.test('C10 expiry counts from Date', async (t) => {
  const test = await EngineUnderTest.open({ startMs: writtenAtMs + minutesMs(20) });
  t.equal(await expiryOf(test, {}), expiresAtMs);
});

t.test('C11 without Date expiry counts from receipt', async (t) => {
  const startMs = writtenAtMs + minutesMs(20);
  const test = await EngineUnderTest.open({ startMs });
  t.equal(await expiryOf(test, { dateMs: null }), startMs + hoursMs(1));
});

t.test('C97 spec 2.5 a Date ahead of receipt is cut to the allowed skew', async (t) => {
  const test = await EngineUnderTest.open();
  const dateMs = writtenAtMs + hoursMs(5);
  t.equal(await expiryOf(test, { dateMs }), writtenAtMs + 300_000 + hoursMs(1));
});

t.test('C12 no limit means no expiry, the maximum lifetime ends it', async (t) => {
  const test = await openWith({ defaultExpirySeconds: 'none', maxExpirySeconds: 'none' });
  const id = await test.accept(received(incoming({ expiresSeconds: null })));
  t.equal(test.life(id).message.expiresAtMs, null);
  await test.clock.advance(daysMs(80));
  t.equal(test.state(id), 'stored');
  await test.clock.advance(daysMs(10));
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
  test.answerAll(200);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
});

t.test('C13 operator default applies without Expires', async (t) => {
  const test = await EngineUnderTest.open();
  t.equal(await expiryOf(test, { expiresSeconds: null }), writtenAtMs + daysMs(7));
});

t.test('C14 operator cap beats a longer Expires', async (t) => {
  const test = await openWith({ maxExpirySeconds: 7 * 86_400 });
  t.equal(await expiryOf(test, { expiresSeconds: 30 * 86_400 }), writtenAtMs + daysMs(7));
});

t.test('C15 operator default does not lengthen Expires', async (t) => {
  const test = await EngineUnderTest.open();
  t.equal(await expiryOf(test, { expiresSeconds: 3600 }), expiresAtMs);
});

t.test('C18 largest Expires does not overflow', async (t) => {
  const test = await openWith({ maxExpirySeconds: 'none' });
  const id = await test.accept(received(incoming({ expiresSeconds: 4_294_967_295 })));
  t.equal(test.life(id).message.expiresAtMs, writtenAtMs + 4_294_967_295_000);
  await test.clock.advance(daysMs(89));
  t.equal(test.state(id), 'stored');
  t.same(test.exits, []);
});

t.test('C21 deletion on expiry is reported once', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.clock.advanceTo(expiresAtMs - 1);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending');
  await test.answer(test.effects.last, 200);
  t.equal(test.life(id).outcome, 'reported');
  await test.clock.advance(daysMs(6));
  t.equal(test.effects.sent.length, 1);
});

t.test('C22 deletion without request is silent', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ cpim: cpim({ dispositions: [] }) })));
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.state(id), 'dropped');
  await test.clock.advance(daysMs(1));
  t.same(test.effects.sent, []);
});

t.test('C23 expired message delivered late is marked', async (t) => {
  const test = await openLate();
  const id = await test.accept(received(incoming()));
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.equal(test.state(id), 'expired');
  t.same(test.effects.sent, [], 'kept: no report yet');
  await test.register();
  t.match(test.effects.last, { type: 'deliver', late: true });
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
  await test.clock.advance(daysMs(3));
  t.same(test.effects.reports, []);
});

t.test('C23 a message delivered in time is not marked', async (t) => {
  const test = await openLate();
  await test.accept(received(incoming()));
  await test.register();
  t.match(test.effects.last, { type: 'deliver', late: false });
});

t.test('C24 kept expired message deleted unread is reported', async (t) => {
  const test = await openLate();
  const id = await test.accept(received(incoming()));
  await test.clock.advanceTo(expiresAtMs + daysMs(1));
  t.same(test.effects.sent, []);
  await test.submit(deleted([id]));
  t.equal(test.effects.reports.length, 1);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
});

t.test('C34 expiry during downtime is handled at start', async (t) => {
  const test = await EngineUnderTest.open();
  const ids = [
    await test.accept(received(numbered(1))),
    await test.accept(received(numbered(2, { expiresSeconds: 7200 }))),
  ];
  const store = test.store.afterCrash();
  const clock = new SimulatedClock(expiresAtMs + minutesMs(30));
  const again = await EngineUnderTest.on(store, clock);
  await clock.advance(1000);
  t.equal(again.state(ids[0] as string), 'reporting.sending');
  t.equal(again.effects.reports.length, 1);
  t.equal(again.state(ids[1] as string), 'stored', 'the countdown did not begin anew');
  await clock.advanceTo(writtenAtMs + hoursMs(2));
  t.equal(again.state(ids[1] as string), 'reporting.sending');
});

t.test('C79 the policy is the provider choice', async (t) => {
  const test = await EngineUnderTest.open();
  const first = await test.accept(received(numbered(1)));
  const late = test.engine.policies().find((one) => one.id === 'deliver-late');
  t.equal(late?.active, false);
  await test.submit({
    type: 'policy.activated',
    hash: late?.hash as string,
    mode: 'new',
    by: 'test',
    reason: 'C79',
  });
  const second = await test.accept(received(numbered(2)));
  const again = await test.crash();
  t.equal(again.engine.policies().find((one) => one.active)?.id, 'deliver-late');
  await again.clock.advanceTo(expiresAtMs);
  t.equal(again.state(first), 'reporting.sending');
  t.equal(again.state(second), 'expired');
  t.equal(again.life(first).policyId, 'delete-and-report');
  t.equal(again.life(second).policyId, 'deliver-late');
});

t.test('spec 5 expiry is judged at use, not only by the timer', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  // The clock moves on although no process timer has run: a busy event loop.
  await test.clock.advanceTo(expiresAtMs - 2000);
  test.clock.setWall(expiresAtMs + 2000);
  await test.register();
  t.same(test.effects.deliveries, [], 'never pushed as fresh');
  t.equal(test.state(id), 'reporting.sending');
});

t.test('spec 5 an operator acts on a message as it stands: what is due fires first', async (t) => {
  const acts = ['delete', 'drop', 'release', 'extend', 'expire'] as const;
  for (const act of acts) {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    await test.clock.advanceTo(expiresAtMs - 2000);
    test.clock.setWall(expiresAtMs + 2000);
    const acted = { type: 'operator.acted', deferredId: id, act, by: 'anna' } as const;
    t.match(await test.submit(acted), { kind: 'refused', code: 'no-such-message' }, act);
    t.equal(test.state(id), 'reporting.sending', 'it had expired');
    t.equal(test.life(id).trail.at(-1)?.event, 'after expiry');
  }
});

t.test('a store whose clock stood still over the founding opens', async (t) => {
  const store = foundedStore();
  const test = await EngineUnderTest.on(store, new SimulatedClock(writtenAtMs));
  t.equal(test.engine.time.held(), null);
});
