// Conformance rows of spec chapter 14 about the third kind of fate an expired message may have, "some other policy": kept
// for a grace, or held for an operator, whose word may also move the expiry.
import t, { type Test } from 'tap';
import { type PolicyFile, shippedPolicy } from '../../../machines/index.js';
import type { OperatorAct, Reply } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import {
  cpim,
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
  wants,
  writtenAtMs,
} from '../../support/messages.js';

const graceMs = daysMs(3);
const lifetimeMs = daysMs(90);

/** An engine under a policy, and F1 in it, its expiry passed. */
async function expired(t: Test, policyId: string) {
  const test = await EngineUnderTest.open({ policyId });
  const id = await test.accept(received(incoming()));
  await test.clock.advanceTo(expiresAtMs);
  t.same(test.effects.sent, [], 'kept: neither pushed nor reported');
  return { test, id };
}

const act = (test: EngineUnderTest, deferredId: string, what: OperatorAct, seconds?: number) =>
  test.submit({
    ...{ type: 'operator.acted', deferredId, act: what, by: 'carol' },
    ...(seconds === undefined ? {} : { seconds }),
  });

const statusOf = (reply: Reply) => reply.kind === 'results' && reply.results[0]?.status;

t.test('C77 some other policy: grace, then delete', async (t) => {
  const { test, id } = await expired(t, 'grace-then-delete');
  t.equal(test.state(id), 'expired.waiting');
  await test.clock.advanceTo(expiresAtMs + graceMs - 1);
  t.equal(test.state(id), 'expired.waiting');
  t.same(test.effects.sent, []);
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending');
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
  t.equal(test.effects.sent.length, 1, 'deleted, one report');
});

t.test('C77 within the grace he gets it, marked, and nobody is told', async (t) => {
  const { test, id } = await expired(t, 'grace-then-delete');
  await test.clock.advance(daysMs(2));
  await test.register();
  t.match(test.effects.last, { type: 'deliver', late: true });
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
  await test.clock.advance(daysMs(5));
  t.same(test.effects.reports, []);
});

t.test('C77 a push that fails does not begin the grace anew', async (t) => {
  const { test, id } = await expired(t, 'grace-then-delete');
  await test.clock.advance(daysMs(2));
  await test.register(1);
  await test.answer(test.effects.last, 480);
  t.equal(test.state(id), 'expired.waiting');
  await test.clock.advanceTo(expiresAtMs + graceMs);
  t.equal(test.state(id), 'reporting.sending');
});

t.test('C77 the end of the grace waits for a push in flight', async (t) => {
  for (const [status, state] of [
    [200, 'delivered'],
    [480, 'reporting.sending'],
  ] as const) {
    const { test, id } = await expired(t, 'grace-then-delete');
    await test.clock.advance(graceMs - 1000);
    await test.register();
    await test.clock.advance(2000);
    t.equal(test.state(id), 'expired.delivering');
    await test.answer(test.effects.last, status);
    t.equal(test.state(id), state);
  }
});

t.test('C77 without a request the grace ends in silence', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'grace-then-delete' });
  const id = await test.accept(received(incoming({ cpim: cpim({ dispositions: [] }) })));
  await test.clock.advanceTo(expiresAtMs + graceMs);
  t.equal(test.state(id), 'dropped');
  t.same(test.effects.sent, []);
});

t.test('C77 C34 a grace that ended during downtime is handled at start', async (t) => {
  const { test, id } = await expired(t, 'grace-then-delete');
  const again = await test.crash();
  await again.clock.advanceTo(expiresAtMs + graceMs);
  t.equal(again.state(id), 'reporting.sending');
});

t.test('C78 some other policy: hold for the operator, who releases', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await test.register();
  t.same(test.effects.sent, [], 'held, although he is there');
  t.equal(test.state(id), 'expired');
  t.equal(statusOf(await act(test, id, 'release')), 202);
  t.match(test.effects.last, { type: 'deliver', late: true }, 'at once: he is there');
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
  t.match(
    test.life(id).trail.find((one) => one.event === 'message.released'),
    { from: 'expired', to: 'released.waiting', by: 'carol' },
  );
  t.same(test.effects.reports, []);
});

t.test('C78 released while he is away, it is delivered on his return', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await act(test, id, 'release');
  t.equal(test.state(id), 'released.waiting');
  t.equal(statusOf(await act(test, id, 'release')), 409, 'once is enough');
  await test.register();
  await test.answer(test.effects.last, 480);
  t.equal(test.state(id), 'released.waiting', 'and stays released');
  await test.register(24, 'sip:bob@192.0.2.8');
  t.match(test.effects.last, { type: 'deliver', late: true, cseq: 2 });
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
});

t.test('C78 some other policy: the operator drops it, one report', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  t.equal(statusOf(await act(test, id, 'drop')), 200);
  t.equal(test.state(id), 'reporting.sending');
  t.match(test.life(id).trail.at(-1), { event: 'message.dropped', by: 'carol' });
  t.match(await act(test, id, 'drop'), { kind: 'refused', code: 'no-such-message' });
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
  t.equal(test.effects.sent.length, 1);
});

t.test('C78 a drop waits for a push in flight', async (t) => {
  for (const [status, state] of [
    [200, 'delivered'],
    [480, 'reporting.sending'],
  ] as const) {
    const { test, id } = await expired(t, 'hold-for-operator');
    await act(test, id, 'release');
    await test.register();
    t.equal(statusOf(await act(test, id, 'drop')), 202);
    await test.answer(test.effects.last, status);
    t.equal(test.state(id), state);
  }
});

t.test('C78 nobody decides until the maximum lifetime: deleted, one report', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await test.clock.advanceTo(writtenAtMs + lifetimeMs - 1);
  t.equal(test.state(id), 'expired');
  t.same(test.effects.sent, []);
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending');
  await test.answer(test.effects.last, 200);
  t.equal(test.effects.sent.length, 1);
});

t.test('C24 held and deleted unread by its owner: reported now', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await test.submit(deleted([id]));
  t.equal(test.effects.reports.length, 1);
});

t.test('C78 extended, a held message is as good as new until its new expiry', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await test.clock.advance(hoursMs(1));
  t.equal(statusOf(await act(test, id, 'extend', 3600)), 202);
  const untilMs = expiresAtMs + hoursMs(2);
  t.equal(test.state(id), 'stored');
  t.match(test.life(id), { message: { expiresAtMs: untilMs } });
  t.match(test.life(id).trail.at(-1), { by: 'carol', expiresAtMs: untilMs });
  const { messages } = await test.engine.list('sip:bob@example.org', null, 10);
  t.equal(messages[0]?.expiresAtMs, untilMs, 'the list shows it');
  await test.clock.advanceTo(untilMs - 1);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(1);
  t.equal(test.state(id), 'expired', 'and then it is held again');
  await test.register();
  t.same(test.effects.sent, []);
});

t.test('C78 extended, it is delivered in time and not marked', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await act(test, id, 'extend', 60);
  await test.register();
  t.match(test.effects.last, { type: 'deliver', late: false, message: { deferredId: id } });
});

t.test('an expiry is extended before it comes, and while a push is in flight', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'hold-for-operator' });
  const id = await test.accept(received(incoming()));
  await act(test, id, 'extend', 3600);
  t.equal(test.life(id).message.expiresAtMs, expiresAtMs + hoursMs(1), 'added to the old one');
  await test.clock.advanceTo(expiresAtMs + minutesMs(59));
  t.equal(test.state(id), 'stored');
  await test.register();
  t.equal(statusOf(await act(test, id, 'extend', 3600)), 202);
  await test.clock.advanceTo(expiresAtMs + minutesMs(60));
  await test.answer(test.effects.last, 480);
  t.equal(test.state(id), 'stored');
  const again = await test.crash();
  await again.submit({ type: 'recipient.unregistered', aor: 'sip:bob@example.org' });
  await again.clock.advanceTo(expiresAtMs + hoursMs(2) - 1);
  t.equal(again.state(id), 'stored', 'the moved instant survives a crash');
  await again.clock.advance(1);
  t.equal(again.state(id), 'expired');
});

t.test('an extension has its bounds', async (t) => {
  const { test, id } = await expired(t, 'hold-for-operator');
  await act(test, id, 'extend');
  t.equal(test.life(id).message.expiresAtMs, expiresAtMs + daysMs(7), "the policy's own default");
  await act(test, id, 'extend', 4_000_000_000);
  t.equal(test.life(id).message.expiresAtMs, writtenAtMs + lifetimeMs, 'never beyond the lifetime');
  t.equal(statusOf(await act(test, id, 'extend')), 409, 'there is no more to give');
  await test.clock.advanceTo(writtenAtMs + lifetimeMs);
  t.equal(test.state(id), 'reporting.sending');
});

t.test('what a policy does not hear has no effect', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  for (const what of ['release', 'drop', 'extend'] as const)
    t.equal(statusOf(await act(test, id, what)), 409, what);
  t.equal(test.life(id).trail.length, 1);
  t.equal(test.life(id).message.expiresAtMs, expiresAtMs);
});

t.test("an operator's name is kept, and cut where it is endless", async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const by = 'x'.repeat(5000);
  await test.submit({ type: 'operator.acted', deferredId: id, act: 'delete', by });
  t.equal(test.life(id).trail.at(-1)?.by, 'x'.repeat(128));
});

const cappedPolicy = () => {
  const file = shippedPolicy('deliver-late') as PolicyFile;
  return { ...file, settings: { ...file.settings, maxExpirySeconds: 3600 } };
};

/** A message of thirty days under a cap of an hour, which has passed. */
async function capped(change: object = {}) {
  const test = await EngineUnderTest.open();
  const installed = await test.submit({
    ...{ type: 'policy.installed', source: cappedPolicy(), by: 'test' },
  });
  if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
  const { hash } = installed;
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'test', reason: '' });
  await test.submit(wants(change));
  const id = await test.accept(received(incoming({ expiresSeconds: 30 * 86_400 })));
  await test.clock.advanceTo(expiresAtMs + 1000);
  return { test, id };
}

t.test('C80 his own pair shows no end: a notice with the expiry goes before it', async (t) => {
  const { test, id } = await capped();
  await test.register();
  t.match(test.effects.sent, [{ type: 'notify', waiting: 1 }], 'one MESSAGE at a time');
  const { messages } = await test.effects.notices[0]!.list(8);
  t.match(messages, [{ deferredId: id, expiresAtMs }]);
  await test.answer(test.effects.last, 200);
  t.match(test.effects.last, { type: 'deliver', late: true, announced: true });
  await test.answer(test.effects.last, 480);
  await test.register(1, 'sip:bob@192.0.2.8');
  t.match(test.effects.last, { type: 'notify' }, 'each attempt brings its own');
  await test.answer(test.effects.last, 415);
  t.match(test.effects.last, { type: 'deliver' }, 'whatever the phone says to it');
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
});

t.test('C80 no notice where his own pair shows it, or he wants none', async (t) => {
  const quiet = await capped({ notices: 'off' });
  await quiet.test.register();
  t.equal(quiet.test.effects.notices.length, 0);
  t.match(quiet.test.effects.last, { type: 'deliver', late: true, announced: undefined });
  const { test } = await expired(t, 'deliver-late');
  await test.register();
  t.equal(test.effects.notices.length, 0);
});

t.test('C33 C80 the notice and its delivery survive a crash in their order', async (t) => {
  const { test } = await capped();
  await test.register();
  const again = await test.crash();
  t.match(again.effects.sent, [{ type: 'notify', waiting: 1 }]);
  await again.answer(again.effects.last, 200);
  t.match(again.effects.last, { type: 'deliver', announced: true });
});
