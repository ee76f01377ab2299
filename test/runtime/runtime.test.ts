// The engine as a whole, where its parts meet: what leaves before its commit, what boot brings
// back, who is told.
import t from 'tap';
import { keys } from '../../runtime/keys.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  bob,
  contact,
  deleted,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
  registered,
  writtenAtMs,
} from '../support/messages.js';
import { type MemoryStore, RecordingEffects, SimulatedClock, seeded } from '../support/world.js';

/** Fails when an effect is handed over whose outbox row is not durable. */
function watch(store: MemoryStore, effects: RecordingEffects): string[] {
  const early: string[] = [];
  effects.heard = ({ effectId }) => {
    const local = effectId.split('-')[1] as string;
    if (store.get(keys.outbox(local, effectId)) === undefined) early.push(effectId);
  };
  return early;
}

t.test(
  'I6 nothing leaves before its commit, nor what is decided while a partition boots',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.accept(received(incoming()));
    await test.register();
    const { effectId, token } = test.effects.last;
    const store = test.store.afterCrash();
    const effects = new RecordingEffects();
    const early = watch(store, effects);
    const clock = new SimulatedClock(test.clock.now());
    const { openRuntime } = await import('../../runtime/index.js');
    const opened = await openRuntime(store, { clock, effects, exit: () => {} });
    // The partition of this message is not checked yet: its answer waits, and is decided as soon as
    // it is.
    const release = store.hold();
    void opened.engine.submit({ type: 'effect.answered', effectId, token, status: 603 });
    await opened.ready;
    await clock.settle();
    t.same(
      effects.sent.filter((one) => one.type === 'report'),
      [],
      'the report is decided and not durable',
    );
    await release();
    await clock.settle();
    t.equal(effects.reports.length, 1);
    t.same(early, []);
  },
);

t.test('I6 over random commands no effect leaves before its commit', async (t) => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const random = seeded(seed);
    const test = await EngineUnderTest.open({ seed });
    const early = watch(test.store, test.effects);
    for (let round = 0; round < 120; round += 1) {
      const dice = random();
      if (dice < 0.3) void test.engine.submit(received(numbered(round)));
      else if (dice < 0.5) {
        void test.engine.submit(registered([contact(test.clock.now() + minutesMs(5))]));
      } else if (dice < 0.6) void test.engine.submit(deleted('all'));
      else if (test.effects.sent.length > 0) {
        const at = Math.floor(random() * test.effects.sent.length);
        const { effectId, token } = test.effects.sent[at]!;
        const status = [200, 408, 415, 480, 603][Math.floor(random() * 5)] as number;
        void test.engine.submit({ type: 'effect.answered', effectId, token, status });
      }
      if (random() < 0.6) await test.clock.settle();
      if (random() < 0.3) await test.clock.advance(random() * 30_000);
    }
    await test.clock.settle();
    t.same(early, [], `seed ${seed}`);
    t.same(test.exits, []);
    const again = await test.crash();
    t.same(again.exits, [], 'I8 the sums agree after all of it');
  }
});

t.test('a run goes on after a crash, by the bindings in the store', async (t) => {
  const test = await EngineUnderTest.open();
  const ids: string[] = [];
  for (const number of [1, 2, 3]) ids.push(await test.accept(received(numbered(number))));
  await test.register();
  await test.answer(test.effects.last, 200);
  const again = await test.crash();
  t.equal(again.effects.deliveries.length, 1, 'the one that was on its way');
  again.answerAll(200);
  await again.answer(again.effects.last, 200);
  for (const id of ids) t.equal(again.state(id), 'delivered');
  t.same(again.engine.bindings(bob).length, 1);
});

t.test('a retry that was due during downtime comes at start', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 480);
  const store = test.store.afterCrash();
  const later = new SimulatedClock(writtenAtMs + minutesMs(20));
  const again = await EngineUnderTest.on(store, later);
  await later.advance(1);
  t.equal(again.effects.deliveries.length, 1);
  t.equal(again.effects.last.cseq, 2);
});

t.test('B10 R5 a failing disk while effects are under way ends everything', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  await test.register();
  test.store.failCommit('lost');
  void test.engine.submit({ type: 'recipient.unregistered', aor: bob });
  await test.clock.settle();
  const sent = test.effects.sent.length;
  await test.clock.advance(hoursMs(2));
  t.equal(test.effects.sent.length, sent, 'not even a repetition');
  t.equal(test.exits.length, 1);
  await t.rejects(test.engine.submit(received(incoming())), { code: 'DEFERRED_IM_CLOSED' });
});

t.test('subscribers hear committed steps, and nothing after they left', async (t) => {
  const test = await EngineUnderTest.open();
  const heard: string[] = [];
  const stop = test.engine.onStep((id, row) => heard.push(`${row.value}@${id.split('@')[1]}`));
  const release = test.store.hold();
  void test.engine.submit(received(incoming()));
  await test.clock.settle();
  t.same(heard, []);
  await release();
  await test.register();
  stop();
  await test.answer(test.effects.last, 200);
  t.same(heard, ['stored@mailserver32.example.org', 'delivering@mailserver32.example.org']);
});

t.test('the trail tells the life of a message, and is bounded', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: null })));
  test.answerAll(480);
  for (let round = 0; round < 30; round += 1) await test.register();
  const { trail } = test.life(id);
  t.match(trail.slice(0, 3), [
    { event: 'message.received', from: null, to: 'stored' },
    { event: 'recipient.registered', from: 'stored', to: 'delivering' },
    { event: 'delivery.answered', from: 'delivering', status: 480 },
  ]);
  t.equal(trail.length, 32);
});

t.test('counters count what is durable', async (t) => {
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  await test.accept(received(numbered(1)));
  const second = await test.accept(received(numbered(2)));
  t.match(test.engine.stats(), { waiting: 2, parked: 0, outbox: 0 });
  await test.submit(deleted([second]));
  await test.register();
  t.match(test.engine.stats(), {
    waiting: 0,
    outbox: 0,
    commands: { 'message.received': 2, 'messages.deleted': 1 },
    outcomes: { delivered: 1, reported: 1 },
    effectsSent: { deliver: 1, report: 1 },
  });
  t.equal((await test.crash()).engine.stats().waiting, 0);
});

t.test('ids and hosts nobody can have made bring no harm', async (t) => {
  const test = await EngineUnderTest.open();
  const ours = await test.accept(received(incoming()));
  const tail = ours.slice(2);
  for (const id of [`-1${tail}`, `+1${tail}`, `zz${tail}`, '@', '', '\ud800@x', `${ours}x`]) {
    t.equal(test.engine.show(id), null, JSON.stringify(id));
    const act = { type: 'operator.acted', deferredId: id, act: 'delete', by: 'x' } as const;
    t.match(await test.submit(act), { kind: 'refused' });
    t.match(await test.submit({ type: 'message.unacknowledged', deferredId: id }), {
      kind: 'done',
    });
  }
  t.same((await test.engine.list('sip:\ud800@example.org', null, 10)).messages, []);
  t.same(test.exits, []);
});
