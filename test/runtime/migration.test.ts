// Living messages moved to another policy: where they go, what goes along, what is refused, and what a crash leaves.
import t from 'tap';
import {
  defaultPreferenceRules,
  graphOf,
  hasUncountedPlaces,
  type MigrationMap,
  type PolicyFile,
  planMigration,
  restingPlaces,
} from '../../machines/index.js';
import { type Command, limits } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  contact,
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  minutesMs,
  numbered,
  plain,
  received,
  registered,
  wants,
} from '../support/messages.js';
import { changed, type Loose, shipped } from '../support/policies.js';

const grace = shipped('grace-then-delete');
const base = shipped('delete-and-report');
const hold = shipped('hold-for-operator');

type Activated = Extract<Command, { type: 'policy.activated' }>;

const activate = (hash: string, more: Partial<Activated> = {}): Activated => ({
  ...{ type: 'policy.activated', hash, mode: 'new', by: 'anna', reason: 'a test' },
  ...more,
});

const migrate = (hash: string, from: readonly string[], map: MigrationMap = {}): Activated =>
  activate(hash, { mode: 'migrate', from, map });

const graceToHold: MigrationMap = {
  states: { 'expired.waiting': 'expired', 'expired.delivering': 'released.delivering' },
  policies: { 'grace-then-delete': { delays: { grace: null } } },
};

const trailOf = (test: EngineUnderTest, id: string) =>
  test.life(id).trail.map(({ event, to, by }) => [event, to, by ?? null]);

t.test('J7 a migration moves each living message to its place, and ended ones stay', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'grace-then-delete' });
  const gone = await test.accept(received(plain({ callId: 'gone' })));
  await test.submit(deleted([gone]));
  const late = await test.accept(received(numbered(1)));
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  const waits = await test.accept(received(numbered(2, { dateMs: null, expiresSeconds: 86_400 })));
  t.equal(test.state(late), 'expired.waiting');
  const waitsUntil = test.life(waits).timers;

  const moved = await test.submit(migrate(hold.hash, [grace.hash], graceToHold));
  t.match(moved, { kind: 'policy', hash: hold.hash });
  t.match(test.life(late), { state: 'expired', policyId: 'hold-for-operator', parked: null });
  t.match(test.life(waits), { state: 'stored', policyId: 'hold-for-operator' });
  t.same(test.life(waits).timers, waitsUntil, 'a deadline stays the deadline');
  t.equal(test.life(gone).policyId, 'grace-then-delete', 'what has ended keeps what ended it');
  t.strictSame(trailOf(test, late).at(-1), ['policy.migrated', 'expired', 'anna']);

  const born = await test.accept(received(numbered(3)));
  t.equal(test.life(born).policyId, 'hold-for-operator');
  t.match(test.engine.registry.course.history.slice(-2), [
    { act: 'activated', mode: 'migrate', before: grace.hash, by: 'anna', reason: 'a test' },
    { act: 'migrated', hash: hold.hash, moved: 2, ended: 0, by: 'anna' },
  ]);
  t.equal(test.engine.registry.course.migration, null);
  t.strictSame(test.store.family('M'), [], 'nothing is under way');

  // They live on as messages of the new chart do.
  const released = await test.submit({
    ...{ type: 'operator.acted', deferredId: late, act: 'release', by: 'anna' },
  });
  t.match(released, { results: [{ status: 202 }] });
  await test.clock.advance(daysMs(2));
  t.equal(test.state(waits), 'expired', 'at its own deadline');
  await test.close();
});

t.test('a push and a report that are under way are awaited on the new chart', async (t) => {
  const test = await EngineUnderTest.open();
  const tried = await test.accept(received(numbered(1)));
  const reported = await test.accept(received(numbered(2)));
  await test.submit(deleted([tried, reported]));
  await test.answer(test.effects.reports[0]!, 480);
  const pushed = await test.accept(received(numbered(3)));
  await test.register();
  t.strictSame(
    [reported, tried, pushed].map((id) => test.state(id)),
    ['reporting.sending', 'reporting.backing-off', 'delivering'],
  );
  const [push] = test.effects.deliveries;
  const backing = test.life(tried).timers;
  await test.submit(migrate(hold.hash, [base.hash]));
  t.same(test.life(tried).timers, backing);
  t.equal(test.life(pushed).policyId, 'hold-for-operator');
  await test.answer(push!, 200);
  await test.answer(test.effects.reports[1]!, 200);
  t.equal(test.state(pushed), 'delivered');
  t.equal(test.state(reported), 'reported');
  await test.clock.advance(minutesMs(5) + 5000);
  t.equal(test.state(tried), 'reporting.sending', 'the next attempt is made when it was due');
  t.equal(test.effects.deliveries.length, 1, 'nothing is pushed twice');
  t.equal(test.effects.reports.length, 3);
  await test.close();
});

t.test('what is not total is refused, and nothing is changed', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'grace-then-delete' });
  const id = await test.accept(received(numbered(1)));
  const keys = test.store.keys();
  const cases: readonly (readonly [MigrationMap, RegExp])[] = [
    [{}, /"expired.delivering" of grace-then-delete has no place to go in hold-for-operator/],
    [
      { ...graceToHold, policies: {} },
      /deadline "grace" that runs in "expired.delivering" has no "grace"/,
    ],
    [
      { ...graceToHold, states: { ...graceToHold.states, 'expired.waiting': 'nowhere' } },
      /cannot rest in "nowhere"/,
    ],
    [
      { ...graceToHold, states: { ...graceToHold.states, stored: 'reporting.backing-off' } },
      /Only one of "stored" and "reporting.backing-off" is in the mailbox/,
    ],
    [
      {
        ...graceToHold,
        states: { ...graceToHold.states, delivering: 'stored' },
        delays: { answerTimeout: null },
      },
      /different things are under way: a push in the first, nothing in the second/,
    ],
    [
      {
        ...graceToHold,
        policies: {
          'grace-then-delete': { states: { sotred: 'stored' }, delays: { grace: null } },
        },
      },
      /grace-then-delete has no "sotred"/,
    ],
  ];
  for (const [map, reason] of cases) {
    const reply = await test.submit(migrate(hold.hash, [grace.hash], map));
    t.match(reply, { kind: 'refused', code: 'migration-not-total', reason });
  }
  t.strictSame(test.store.keys(), keys);
  t.equal(test.life(id).policyId, 'grace-then-delete');
  t.equal(test.engine.registry.active.hash, grace.hash);
  await test.close();
});

t.test('the forecast counts the living, and says where they would go', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'grace-then-delete' });
  await test.accept(received(numbered(1)));
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  for (const number of [2, 3]) await test.accept(received(numbered(number, { dateMs: null })));
  const total = await test.engine.forecast({ to: hold.hash, map: graceToHold });
  t.match(total, { total: true, moves: 3, placeless: 0 });
  t.same(
    [...(total.from[0]?.places ?? [])].sort((a, b) => (a.state < b.state ? -1 : 1)),
    [
      { state: 'expired.waiting', to: 'expired', deadlines: [], messages: 1, parked: 0 },
      { state: 'stored', to: 'stored', deadlines: ['expiry → expiry'], messages: 2, parked: 0 },
    ],
  );
  const partial = await test.engine.forecast({ to: hold.hash, map: {} });
  t.match(partial, { total: false, moves: 2, placeless: 1 });
  await test.close();
});

t.test(
  'F5 a crash in the middle of a migration: it goes on, and no message is half moved',
  async (t) => {
    const count = limits.migrationGroupRows * 2 + 10;
    for (const landed of [false, true]) {
      const at = { stopped: false };
      const first = await EngineUnderTest.open({
        policyId: 'grace-then-delete',
        failpoint: (name) => {
          if (name !== 'policy.before-move' || at.stopped) return;
          if (first.engine.registry.course.migration?.moved !== limits.migrationGroupRows) return;
          at.stopped = true;
          first.store.hold();
        },
      });
      const ids: string[] = [];
      for (let number = 1; number <= count; number += 1)
        ids.push(await first.accept(received(numbered(number))));
      void first.engine.submit(migrate(hold.hash, [grace.hash], graceToHold));
      await first.clock.settle();
      t.ok(at.stopped, 'the second group is on its way to disk');
      const second = await first.crash(landed, { failpoint: () => {} });
      await second.clock.settle();
      for (const id of ids) {
        const life = second.life(id);
        t.equal(life.policyId, 'hold-for-operator');
        t.equal(life.trail.filter(({ event }) => event === 'policy.migrated').length, 1);
      }
      t.match(second.engine.registry.course.history.at(-1), { act: 'migrated', moved: count });
      t.equal(second.engine.registry.course.migration, null);
      await second.close();
    }
  },
);

t.test(
  'every row stands in a place of its own policy after every commit of a migration',
  async (t) => {
    const seen = new Set<string>();
    const test: EngineUnderTest = await EngineUnderTest.open({
      policyId: 'grace-then-delete',
      failpoint: (name) => {
        if (name !== 'policy.after-move') return;
        for (const id of ids) {
          const row = test.engine.actor(id)!;
          const policy = test.engine.registry.get(row.policy)!;
          seen.add(policy.file.id);
          const places = restingPlaces(policy).map((place) => place.name);
          if (!places.includes(row.value)) t.fail(`${row.value} of ${policy.file.id}`);
        }
      },
    });
    const ids: string[] = [];
    for (let number = 1; number <= 150; number += 1)
      ids.push(await test.accept(received(numbered(number))));
    await test.clock.advanceTo(expiresAtMs + minutesMs(1));
    await test.submit(migrate(hold.hash, [grace.hash], graceToHold));
    t.strictSame([...seen].sort(), ['grace-then-delete', 'hold-for-operator']);
    await test.close();
  },
);

t.test('force ends what has no place to go, and tells who is to be told', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'grace-then-delete' });
  const asked = await test.accept(received(numbered(1)));
  const silent = await test.accept(received(plain({ callId: 'silent' })));
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  const long = { dateMs: null, expiresSeconds: 86_400 };
  const stays = await test.accept(received(numbered(2, long)));
  const pushed = await test.accept(received(numbered(3, { aor: 'sip:carol@example.org' })));
  await test.clock.advance(hoursMs(2));
  const binding = contact(test.clock.now() + hoursMs(1));
  await test.submit(registered([binding], 'sip:carol@example.org'));
  t.equal(test.state(pushed), 'expired.delivering');

  const forced = activate(base.hash, { mode: 'force', from: [grace.hash] });
  t.match(await test.submit(forced), { kind: 'policy' });
  t.match(test.life(asked), { state: 'reporting.sending', policyId: 'delete-and-report' });
  t.equal(test.life(silent).outcome, 'dropped');
  t.match(test.life(stays), { policyId: 'delete-and-report', outcome: null });
  t.match(trailOf(test, asked).at(-1), ['policy.forced', /reporting.sending/, 'anna']);
  t.equal(test.state(pushed), 'delivering', 'the phone may have it: its answer decides');
  await test.answer(test.effects.deliveries.at(-1)!, 480);
  t.equal(test.state(pushed), 'reporting.sending');
  await test.answer(test.effects.reports[0]!, 200);
  t.equal(test.life(asked).outcome, 'reported');
  t.match(test.engine.registry.course.history.at(-1), { act: 'migrated', mode: 'force', ended: 3 });
  await test.close();
});

t.test(
  'a parked message goes along, and what it waits to hear is heard on the new chart',
  async (t) => {
    const deaf = changed((policy: Loose) => {
      policy.id = 'better';
      policy.machine.id = 'better';
      const text = JSON.stringify(policy).replaceAll('#delete-and-report.', '#better.');
      Object.assign(policy, JSON.parse(text));
    }) as PolicyFile;
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(numbered(1)));
    const { registry } = test.engine;
    const whole = registry.get.bind(registry);
    registry.get = () => null;
    await test.clock.advanceTo(expiresAtMs + minutesMs(1));
    registry.get = whole;
    t.match(test.life(id), { state: 'stored', parked: /not installed/ });
    const installed = await test.submit({ type: 'policy.installed', source: deaf, by: 'anna' });
    if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
    await test.submit(migrate(installed.hash, [base.hash]));
    t.match(test.life(id), { state: 'stored', policyId: 'better', parked: /not installed/ });
    await test.submit({ type: 'operator.acted', deferredId: id, act: 'retry', by: 'anna' });
    t.match(test.life(id), { state: 'reporting.sending', parked: null });
    await test.close();
  },
);

t.test('a migration under way keeps others out; deactivation goes back step by step', async (t) => {
  const test = await EngineUnderTest.open();
  await test.submit(activate(grace.hash));
  await test.submit(activate(hold.hash));
  const back = { type: 'policy.deactivated', by: 'anna', reason: 'back' } as const;
  t.match(await test.submit(back), { hash: grace.hash });
  t.match(await test.submit(back), { hash: base.hash });
  t.match(await test.submit(back), { kind: 'refused', code: 'no-earlier-policy' });
  const again = await test.crash();
  t.equal(again.engine.registry.active.hash, base.hash);
  t.match(
    again.engine.registry.course.history.map(({ act, number }) => [number, act]),
    [
      [1, 'activated'],
      [2, 'activated'],
      [3, 'deactivated'],
      [4, 'deactivated'],
    ],
  );
  await again.accept(received(numbered(1)));
  const moving = again.engine.submit(migrate(hold.hash, [base.hash]));
  // What is moved waits for the disk from the first message on.
  let release = async (): Promise<void> => {};
  void moving.then(() => {
    release = again.store.hold();
  });
  const second = again.engine.submit(activate(grace.hash));
  await again.clock.settle();
  await release();
  await again.clock.settle();
  t.match(await moving, { kind: 'policy' });
  t.match(await second, { kind: 'refused', code: 'migration-under-way' });
  await again.close();
});

t.test(
  'what is activated once more to move messages to it is not what one goes back to',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.submit({ type: 'policy.installed', source: hold.file, by: 'anna' });
    await test.submit(activate(hold.hash));
    await test.submit(migrate(hold.hash, [base.hash]));
    await test.clock.settle();
    const back = { type: 'policy.deactivated', by: 'anna', reason: 'a test' } as const;
    t.match(await test.submit(back), { kind: 'policy', hash: base.hash });
  },
);

t.test('a chart with more places than are counted is not moved from', async (t) => {
  const region = () => ({
    initial: 'off',
    states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } },
  });
  const regions = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`r${at}`, region()]));
  const many = (count: number) => {
    const machine = { id: 'many', type: 'parallel', states: regions(count) } as Loose;
    return { ...base, graph: graphOf(machine) };
  };
  t.notOk(hasUncountedPlaces(many(9)));
  t.ok(hasUncountedPlaces(many(11)));
  const { findings } = planMigration(many(11), base, {});
  t.ok(findings.some((one) => /not all of them are looked at/.test(one.message)));
});

t.test('nothing is stored any more under a policy whose messages were moved away', async (t) => {
  const preferences = { ...defaultPreferenceRules, expiredChoices: ['grace-then-delete'] };
  const test = await EngineUnderTest.open({ settings: { preferences } });
  t.equal(test.engine.registry.inForce(grace).hash, grace.hash);
  const [chosen] = (await test.engine.forecast({ to: hold.hash, map: {} })).from;
  t.equal(chosen?.id, 'delete-and-report', 'what users may choose is not moved unasked');
  await test.submit(wants({ expired: 'grace-then-delete' }));
  await test.submit(activate(grace.hash));
  await test.submit(migrate(hold.hash, [grace.hash], graceToHold));
  t.equal(test.engine.registry.inForce(grace).hash, hold.hash);
  const born = await test.accept(received(numbered(1)));
  t.equal(test.life(born).policyId, 'hold-for-operator', 'whatever its recipient chose before');
  const again = await test.crash();
  t.equal(again.engine.registry.inForce(grace).hash, hold.hash, 'also after a restart');
  await again.submit(activate(grace.hash));
  t.equal(again.engine.registry.inForce(grace).hash, grace.hash);
  t.equal(again.engine.registry.inForce(hold).hash, hold.hash);
  await again.close();
});
