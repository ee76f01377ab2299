// Conformance rows of spec chapter 14 about what a sender may do with a message of his: withdraw it before it is
// delivered (C73), and ask what has become of it. Whoever sent nothing learns nothing (C68, X11 for senders).
import t from 'tap';
import { defaultReportRules, shippedPolicy } from '../../../machines/index.js';
import type { SentKey, SentStatus } from '../../../runtime/index.js';
import { EngineUnderTest, type TestOptions } from '../../support/engine.js';
import {
  alice,
  bob,
  cpim,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  received,
  writtenAtMs,
} from '../../support/messages.js';

const f1: SentKey = { sender: alice, imdnMessageId: 'Xk7qJ2mB9vTz4RwL', aor: bob };
const withdrawn = (sent: SentKey = f1) => ({ type: 'message.withdrawn', sent }) as const;

async function stored(options: TestOptions = {}) {
  const test = await EngineUnderTest.open(options);
  const id = await test.accept(received(incoming()));
  return { test, id };
}

const stateOf = (test: EngineUnderTest, sent: SentKey = f1) => {
  const status = test.engine.sent(sent);
  return typeof status === 'string' ? status : status.state;
};

t.test('C73 withdrawn message is not reported', async (t) => {
  const { test, id } = await stored();
  t.match(await test.submit(withdrawn()), { kind: 'withdrawal', ended: true });
  t.equal(test.state(id), 'withdrawn');
  t.same((await test.engine.list(bob, null, 10)).messages, []);
  t.match(await test.submit(withdrawn()), { kind: 'withdrawal', ended: true }, 'heard again');
  await test.register();
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.same(test.effects.sent, [], 'neither delivered nor reported');
  t.match(await test.submit(received(incoming())), { duplicate: true }, 'a repetition stays gone');
  t.equal(test.engine.stats().waiting, 0);
});

t.test('C73 withdrawal after delivery fails', async (t) => {
  const { test, id } = await stored();
  await test.register();
  await test.answer(test.effects.last, 200);
  t.match(await test.submit(withdrawn()), {
    kind: 'refused',
    status: 410,
    code: 'no-longer-waiting',
  });
  t.equal(test.state(id), 'delivered');
  const late = await stored();
  await late.test.clock.advanceTo(expiresAtMs);
  t.match(await late.test.submit(withdrawn()), { status: 410 }, 'and after expiry');
  t.equal(late.test.effects.reports.length, 1, 'its report goes out');
});

t.test('C73 a withdrawal that was heard before the expiry wins', async (t) => {
  const { test, id } = await stored();
  await test.clock.advanceTo(expiresAtMs - 1);
  const reply = test.engine.submit(withdrawn());
  await test.clock.advanceTo(expiresAtMs);
  t.match(await reply, { ended: true });
  t.equal(test.state(id), 'withdrawn');
  t.same(test.effects.reports, []);
});

t.test('C73 withdrawal during a push: the answer decides', async (t) => {
  for (const [status, state] of [
    [200, 'delivered'],
    [480, 'withdrawn'],
    [603, 'dropped'],
  ] as const) {
    const { test, id } = await stored();
    await test.register();
    t.match(await test.submit(withdrawn()), { kind: 'withdrawal', ended: false });
    t.match(await test.submit(withdrawn()), { ended: false }, 'heard again');
    await test.answer(test.effects.deliveries[0]!, status);
    t.equal(test.state(id), state, `${status}`);
    t.same(test.effects.reports, [], 'he knows');
    t.equal(stateOf(test), status === 200 ? 'delivered' : 'withdrawn');
  }
  const silent = await stored();
  await silent.test.register();
  await silent.test.submit(withdrawn());
  await silent.test.clock.advance(minutesMs(1));
  t.equal(silent.test.state(silent.id), 'withdrawn', 'silence is no delivery');
  t.same(silent.test.effects.reports, []);
});

t.test('C73 a withdrawal survives a crash, whole or not at all', async (t) => {
  for (const landed of [true, false]) {
    const { test, id } = await stored();
    const release = test.store.hold();
    void test.engine.submit(withdrawn()).catch(() => {});
    await test.clock.settle();
    const again = await test.crash(landed);
    await release();
    t.equal(again.state(id), landed ? 'withdrawn' : 'stored');
    t.match(await again.submit(withdrawn()), { ended: true });
  }
});

t.test('C73 only the asserted sender may; unknown and foreign sound alike', async (t) => {
  const { test, id } = await stored();
  const foreign: SentKey[] = [
    { ...f1, sender: 'sip:mallory@example.com' },
    { ...f1, sender: bob },
    { ...f1, imdnMessageId: 'another' },
    { ...f1, imdnMessageId: '' },
    { ...f1, aor: 'sip:carol@example.org' },
  ];
  const answers = [];
  for (const sent of foreign) {
    answers.push(await test.submit(withdrawn(sent)));
    t.equal(stateOf(test, sent), 'unknown');
  }
  t.match(answers[0], { kind: 'refused', status: 404, code: 'no-such-message' });
  t.equal(new Set(answers.map((one) => JSON.stringify(one))).size, 1);
  t.equal(test.state(id), 'stored');
  const unasserted = await EngineUnderTest.open();
  await unasserted.accept(received(incoming({ asserted: null })));
  t.match(await unasserted.submit(withdrawn()), { status: 404 }, 'From alone proves nothing');
  t.equal(stateOf(unasserted), 'unknown');
});

t.test('C73 an operator withdraws by the deferred id', async (t) => {
  const { test, id } = await stored();
  const act = { type: 'operator.acted', deferredId: id, act: 'withdraw', by: 'operator' } as const;
  t.match(await test.submit(act), { kind: 'results', results: [{ id, status: 200 }] });
  t.equal(test.state(id), 'withdrawn');
  const other = await stored();
  await other.test.submit(deleted([other.id]));
  t.match(await other.test.submit({ ...act, deferredId: other.id }), { status: 410 });
});

t.test('C73 the other shipped policy hears a withdrawal as well', async (t) => {
  const { test, id } = await stored({ policyId: 'deliver-late' });
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.match(await test.submit(withdrawn()), { ended: true }, 'kept after its expiry');
  t.equal(test.state(id), 'withdrawn');
  t.same(test.effects.sent, []);
});

t.test('a policy that does not hear a withdrawal now refuses it', async (t) => {
  const source = structuredClone(shippedPolicy('delete-and-report')) as {
    machine: { states: { stored: { on: Record<string, unknown> } } };
  };
  source.machine.states.stored.on['message.withdrawn'] = {
    guard: { type: 'expired' },
    target: 'withdrawn',
  };
  const test = await EngineUnderTest.open();
  const { hash } = (await test.submit({ type: 'policy.installed', source, by: 'test' })) as {
    hash: string;
  };
  const reason = 'test';
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'test', reason });
  await test.accept(received(incoming()));
  t.match(await test.submit(withdrawn()), { kind: 'refused', status: 480, code: 'not-now' });
});

t.test('status: stored, delivered, expired, withdrawn, with times', async (t) => {
  const { test } = await stored();
  const first = { acceptedAtMs: writtenAtMs, expiresAtMs, endedAtMs: null };
  t.same(test.engine.sent(f1), { state: 'stored', ...first });
  await test.register();
  t.same(test.engine.sent(f1), { state: 'stored', ...first }, 'a push under way is not told');
  await test.clock.advance(1000);
  await test.answer(test.effects.last, 200);
  t.same(test.engine.sent(f1), { state: 'delivered', ...first, endedAtMs: writtenAtMs + 1000 });
  const gone = await stored();
  await gone.test.submit(withdrawn());
  t.match(gone.test.engine.sent(f1), { state: 'withdrawn', endedAtMs: writtenAtMs });
  const died = await stored();
  await died.test.clock.advanceTo(expiresAtMs + minutesMs(1));
  t.match(
    died.test.engine.sent(f1),
    { state: 'expired', endedAtMs: expiresAtMs },
    'with its report',
  );
});

t.test('C75 to its sender a deletion reads like an expiry', async (t) => {
  const ends: ((test: EngineUnderTest, id: string) => Promise<unknown>)[] = [
    (test) => test.clock.advance(0),
    (test, id) => test.submit(deleted([id])),
    (test, deferredId) =>
      test.submit({ type: 'operator.acted', deferredId, act: 'expire', by: 'operator' }),
    async (test) => {
      await test.register();
      await test.answer(test.effects.last, 603);
    },
  ];
  for (const dispositions of [['negative-delivery'], []] as const) {
    const told = [];
    for (const end of ends) {
      const test = await EngineUnderTest.open();
      const id = await test.accept(received(incoming({ cpim: cpim({ dispositions }) })));
      await test.clock.advanceTo(expiresAtMs - (end === ends[0] ? 0 : 1));
      await end(test, id);
      await test.clock.advanceTo(expiresAtMs);
      const { endedAtMs, ...rest } = test.engine.sent(f1) as SentStatus;
      t.ok(endedAtMs !== null && endedAtMs <= expiresAtMs);
      told.push(JSON.stringify(rest));
    }
    t.equal(new Set(told).size, 1, told.join(' '));
  }
});

t.test('status: the operator says how much is told, the recipient whether', async (t) => {
  const quiet = await stored({ settings: { senderStatus: 'without-delivery' } });
  t.equal(stateOf(quiet.test), 'accepted');
  await quiet.test.register();
  await quiet.test.answer(quiet.test.effects.last, 200);
  t.match(quiet.test.engine.sent(f1), { state: 'accepted', endedAtMs: null });
  const died = await stored({ settings: { senderStatus: 'without-delivery' } });
  await died.test.clock.advanceTo(expiresAtMs);
  t.equal(stateOf(died.test), 'expired', 'a report would have told it');
  const off = await stored({ settings: { senderStatus: 'off' } });
  t.equal(stateOf(off.test), 'not-told');
  t.equal(stateOf(off.test, { ...f1, sender: bob }), 'not-told', 'to nobody');
  for (const consent of ['never', 'forbidden'] as const) {
    const reportRules = { ...defaultReportRules, consent };
    const { test } = await stored({ settings: { reportRules } });
    await test.clock.advanceTo(expiresAtMs);
    t.match(test.engine.sent(f1), { state: 'accepted', endedAtMs: null }, consent);
    const back = await stored({ settings: { reportRules } });
    await back.test.submit(withdrawn());
    t.equal(stateOf(back.test), 'withdrawn', 'what he did himself he knows');
  }
});

t.test('status: until it is forgotten', async (t) => {
  const { test } = await stored();
  await test.submit(withdrawn());
  await test.clock.advance(hoursMs(24 * 8));
  t.equal(stateOf(test), 'unknown');
  t.match(await test.submit(withdrawn()), { status: 404 });
});
