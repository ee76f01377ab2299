// RC12: what becomes of messages that are moved to another policy, judged by everything the new chart can do from where each
// of them would stand, and what the engine does with those that would not do well there.
import t from 'tap';
import {
  atOnce,
  judgingMigration,
  type MigrationMap,
  type Policy,
  planMigration,
} from '../../machines/index.js';
import { type Command, judge, stepper } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import { alice, deleted, numbered, received } from '../support/messages.js';
import { changed, compiled, type Loose, policyOf, shipped, unjudged } from '../support/policies.js';

const base = shipped('delete-and-report');
const grace = shipped('grace-then-delete');

/** A policy the gate lets in. */
function sound(change: (policy: Loose) => void, id = 'delete-and-report'): Policy {
  const text = JSON.stringify(changed(change, id)).replaceAll(id, 'trial');
  const source: unknown = JSON.parse(text);
  const { ok, findings } = judge(source);
  if (!ok) throw new Error(JSON.stringify(findings));
  return compiled(source);
}

const judged = (from: Policy, to: Policy, map: MigrationMap = {}) =>
  atOnce(judgingMigration(from, to, map, stepper));

const told = (from: Policy, to: Policy, map: MigrationMap = {}) =>
  judged(from, to, map).findings.map(({ message, path }) => [message, path?.join(', ')]);

/** Pushes by the action of a transition, and not on entering the state. */
const byTransition = sound(({ machine: { states } }) => {
  states.stored.on['recipient.registered'] = { target: 'delivering', actions: 'deliver' };
  delete states.delivering.entry;
});

/** Ends at once what is deleted, taken back, pushed out or expires while a push is out. */
const hasty = sound(({ machine: { states } }) => {
  const { on, after } = states.delivering;
  on['message.deleted'] = 'deleted-by-user';
  on['message.withdrawn'] = 'withdrawn';
  on['message.evicted'] = 'evicted';
  on['message.outlived'] = 'expired';
  after.expiry = 'expired';
  states.settling.always = { target: 'stored' };
});

t.test('a push is under way wherever it was sent from', async (t) => {
  for (const [from, to] of [
    [byTransition, base],
    [base, byTransition],
  ] as const) {
    t.strictSame(told(from, to), [], 'delivering is delivering');
    const astray = { states: { delivering: 'stored' }, delays: { answerTimeout: null } };
    t.match(told(from, to, astray), [
      [
        'In "delivering" and "stored" different things are under way: a push in the first, nothing in the second.',
        'message.received, recipient.registered, policy.migrated',
      ],
    ]);
    const waits = { states: { stored: 'delivering' } };
    t.match(told(from, to, waits)[0], [
      'In "stored" and "delivering" different things are under way: nothing in the first, a push in the second.',
      'message.received, policy.migrated',
    ]);
  }
});

t.test(
  'who forgets what was noted during a push is refused, and who reads it is not',
  async (t) => {
    const forgotten = (ending: string) =>
      `A message in "delivering" of which "${ending}" is noted goes on as if nothing were: trial does not ask for it from "delivering" on.`;
    const noted = ['deleted', 'withdrawn', 'evicted', 'outlived'];
    t.strictSame(
      told(base, hasty),
      noted.map((ending) => [
        forgotten(ending),
        `message.received, recipient.registered, message.${ending}, policy.migrated`,
      ]),
      'an expiry is told anew',
    );
    t.strictSame(
      judged(base, hasty).stranded,
      noted.map((ending) => ({ state: 'delivering', ending })),
    );
    t.strictSame(told(hasty, base), []);
    t.strictSame(told(base, grace), []);
  },
);

t.test('a report that is owed is sent from there as well, and never twice', async (t) => {
  const cool = { hours: 1 };
  /** Waits before it decides about the report. */
  const before = sound(({ settings, machine: { states } }) => {
    settings.delays.cool = cool;
    const { always } = states.expired;
    states.expired = { entry: 'markExpired', always: 'cooling' };
    states.cooling = {
      on: { 'message.outlived': 'deciding' },
      after: { cool: 'deciding' },
    };
    states.deciding = { always };
  });
  /** Waits after everything is over. */
  const after = sound(({ settings, machine: { states } }) => {
    settings.delays.cool = cool;
    const sending = states.reporting.states.sending.on['report.answered'];
    sending[0].target = '#delete-and-report.cooling';
    states.cooling = {
      on: { 'message.outlived': 'reported' },
      after: { cool: 'reported' },
    };
  });
  t.match(told(before, after), [
    [
      'From "cooling", put to "cooling": The message ends as "reported" unread, a report is owed, and none was sent. (report-missing)',
      'message.received, after expiry, policy.migrated, after cool',
    ],
  ]);
  const again: MigrationMap = {
    ...{ states: { cooling: 'reporting.backing-off' }, delays: { cool: 'reportRetry' } },
  };
  t.match(told(after, base, again), [
    [
      'From "cooling", put to "reporting.backing-off": A report is sent after one has arrived at the sender. (report-twice)',
      'message.received, message.deleted, report.answered (success), policy.migrated, after reportRetry',
    ],
  ]);
  t.strictSame(planMigration(before, after, {}).findings, [], 'by their names alone all is well');
});

/** Tries so often to deliver before it gives up. */
const persistent = (max: number, title: string, id?: string): Policy =>
  sound((policy) => {
    policy.title = title;
    const { states } = policy.machine;
    const on = states.delivering.on['delivery.answered'];
    on.push({ ...on.pop(), guard: { type: 'deliveryTriesBelow', params: { max } } });
    on.push({ target: 'refused' });
  }, id);

t.test('RC12 what has a natural place to go is moved, whatever both charts count', async (t) => {
  for (const id of ['delete-and-report', 'grace-then-delete']) {
    const counting = persistent(10, 'Ten tries', id);
    for (const to of [counting, shipped(id)])
      t.match(judged(to === counting ? shipped(id) : counting, to), {
        ...{ known: true, findings: [], stranded: [] },
      });
    t.match(judged(counting, persistent(10, 'Another title', id)), { known: true, findings: [] });
  }
  t.match(judged(base, persistent(50, 'Fifty tries')), { known: true, findings: [] });
});

/** Waits in so many states, one after the other, before it decides about the report. */
const queueing = (waits: number): Policy =>
  sound(({ settings, machine: { states } }) => {
    settings.delays.cool = { hours: 1 };
    const { always } = states.expired;
    states.expired = { entry: 'markExpired', always: 'cool1' };
    for (let at = 1; at <= waits; at += 1)
      states[`cool${at}`] = {
        on: { 'message.outlived': 'deciding' },
        after: { cool: at < waits ? `cool${at + 1}` : 'deciding' },
      };
    states.deciding = { always };
  });

t.test('RC12 many places that go to an unsuitable one are stranded, and no other', async (t) => {
  const waits = 30;
  const after = sound(({ settings, machine: { states } }) => {
    settings.delays.cool = { hours: 1 };
    states.reporting.states.sending.on['report.answered'][0].target = '#delete-and-report.cooling';
    states.cooling = { on: { 'message.outlived': 'reported' }, after: { cool: 'reported' } };
  });
  const names = Array.from({ length: waits }, (_, at) => `cool${at + 1}`);
  const map = { states: Object.fromEntries(names.map((one) => [one, 'cooling'])) };
  const { findings, stranded } = judged(queueing(waits), after, map);
  t.strictSame(
    new Set(stranded.map(({ state }) => state)),
    new Set(names),
    'all of them, and what waits for its recipient is not',
  );
  t.equal(findings.length, waits, 'each of them is told');
});

t.test('RC12 where a search does not end, nobody is stranded, and nothing is known', async (t) => {
  const few = { situationsMax: 20, workMax: 160_000 };
  const { findings, stranded, known } = atOnce(judgingMigration(base, grace, {}, stepper, few));
  t.strictSame(stranded, []);
  t.notOk(known);
  t.match(findings, [{ code: 'migration-incomplete', message: /more situations than can be/ }]);
});

type Activated = Extract<Command, { type: 'policy.activated' }>;
const activate = (hash: string, more: Partial<Activated>): Activated => ({
  ...{ type: 'policy.activated', hash, mode: 'migrate', by: 'anna', reason: 'a test' },
  ...more,
});

/** Messages that are being pushed while things happen to them: by what happens. */
async function pushed(): Promise<{ test: EngineUnderTest; ids: Record<string, string> }> {
  const test = await EngineUnderTest.open();
  const ids: Record<string, string> = {};
  for (const [index, name] of ['deleted', 'withdrawn', 'expired', 'plain'].entries()) {
    const aor = `sip:${name}@example.org`;
    const message = numbered(index + 1, { aor, dateMs: null, expiresSeconds: 20 });
    const lasting = numbered(index + 1, { aor, dateMs: null, expiresSeconds: 86_400 });
    ids[name] = await test.accept(received(name === 'expired' ? message : lasting));
    await test.register(24, undefined, aor);
  }
  await test.submit(deleted([ids['deleted']!], 'sip:deleted@example.org'));
  const sent = { sender: alice, aor: 'sip:withdrawn@example.org' };
  const imdnMessageId = numbered(2).cpim!.imdnMessageId!;
  await test.submit({ type: 'message.withdrawn', sent: { ...sent, imdnMessageId } });
  await test.clock.advance(25_000);
  return { test, ids };
}

const fate = (test: EngineUnderTest, id: string) => {
  const { state, policyId, trail } = test.life(id);
  return [state, policyId, trail.flatMap(({ effects }) => effects.map((one) => one[0])).join('')];
};

t.test('J7 what was noted during a push ends the message, moved to who reads it', async (t) => {
  const { test, ids } = await pushed();
  const moved = await test.submit(activate(grace.hash, { from: [base.hash] }));
  t.match(moved, { kind: 'policy' });
  for (const push of test.effects.deliveries) await test.answer(push, 480);
  t.strictSame(fate(test, ids['deleted']!), ['reporting.sending', 'grace-then-delete', 'dr']);
  t.strictSame(fate(test, ids['withdrawn']!), ['withdrawn', 'grace-then-delete', 'd']);
  t.strictSame(fate(test, ids['plain']!), ['stored', 'grace-then-delete', 'd']);
  await test.close();
});

t.test(
  'J7 who would forget it gets none of them: force ends those, and moves the others',
  async (t) => {
    const { test, ids } = await pushed();
    await test.submit({ type: 'policy.installed', source: hasty.file, by: 'anna' });
    const from = [base.hash];
    t.match(await test.submit(activate(hasty.hash, { from })), {
      ...{ kind: 'refused', code: 'migration-not-total' },
      reason:
        /"deleted" is noted goes on as if nothing were: .* Shown by: message.received, .*one of 4/,
    });
    const { from: told } = await test.engine.forecast({ to: hasty.hash, from, map: {} });
    t.match(told[0]?.places, [
      { state: 'delivering', to: 'delivering', messages: 2 },
      { state: 'delivering', to: null, messages: 2 },
    ]);
    await test.submit(activate(hasty.hash, { from, mode: 'force' }));
    await test.clock.advance(1);
    t.strictSame(
      fate(test, ids['expired']!),
      ['reporting.sending', 'trial', 'dr'],
      'at once, there',
    );
    for (const push of test.effects.deliveries) await test.answer(push, 480);
    t.strictSame(fate(test, ids['deleted']!), ['reporting.sending', 'delete-and-report', 'dr']);
    t.strictSame(fate(test, ids['withdrawn']!), ['withdrawn', 'delete-and-report', 'd']);
    t.strictSame(fate(test, ids['plain']!), ['stored', 'trial', 'd']);
    t.match(test.engine.registry.course.history.at(-1), { act: 'migrated', moved: 2, ended: 2 });
    await test.close();
  },
);

t.test('J7 whom nothing was shown of is not ended: force is refused as well', async (t) => {
  const test = await EngineUnderTest.open({ judge: unjudged });
  const region = () => ({
    initial: 'off',
    states: {
      off: { on: { 'recipient.registered': 'on' } },
      on: { on: { 'message.requested': 'off' } },
    },
  });
  const regions = Array.from({ length: 11 }, (_, at) => [`r${at}`, region()]);
  const many = { tags: ['live'], type: 'parallel', states: Object.fromEntries(regions) };
  const source = policyOf({
    ...{ initial: 'many', on: { 'message.outlived': '.over', 'message.deleted': '.over' } },
    states: { many, over: { type: 'final', meta: { outcome: 'done' } } },
  });
  const installed = await test.submit({ type: 'policy.installed', source, by: 'anna' });
  t.match(installed, { kind: 'policy' });
  const { hash } = installed as { readonly hash: string };
  for (const mode of ['migrate', 'force'] as const)
    t.match(await test.submit(activate(base.hash, { from: [hash], mode })), {
      ...{ kind: 'refused', code: 'migration-not-total', reason: /not all of them are looked at/ },
    });
  await test.close();
});

t.test('RC7 J7 what was delivered and lives on is not reported when it is forced', async (t) => {
  const lingering = sound(({ settings, machine: { states } }) => {
    settings.delays.cool = { hours: 1 };
    for (const name of ['delivered', 'withdrawn']) {
      states[`${name}-at-last`] = { ...states[name], meta: { ...states[name].meta } };
      const last = `${name}-at-last`;
      states[name] = { on: { 'message.outlived': last }, after: { cool: last } };
    }
  });
  const test = await EngineUnderTest.open();
  await test.submit({ type: 'policy.installed', source: lingering.file, by: 'anna' });
  await test.submit(activate(lingering.hash, { mode: 'new' }));
  const ids: Record<string, string> = {};
  for (const [index, name] of ['pushed', 'fetched', 'withdrawn'].entries()) {
    const aor = `sip:${name}@example.org`;
    const message = numbered(index + 1, { aor, dateMs: null, expiresSeconds: 86_400 });
    ids[name] = await test.accept(received(message));
  }
  await test.register(24, undefined, 'sip:pushed@example.org');
  await test.answer(test.effects.deliveries[0]!, 200);
  const aor = 'sip:fetched@example.org';
  await test.submit({ type: 'messages.retrieved', aor, ids: [ids['fetched']!] });
  const sent = { sender: alice, aor: 'sip:withdrawn@example.org' };
  const imdnMessageId = numbered(3).cpim!.imdnMessageId!;
  await test.submit({ type: 'message.withdrawn', sent: { ...sent, imdnMessageId } });
  for (const [name, id] of Object.entries(ids))
    t.equal(test.state(id), name === 'withdrawn' ? name : 'delivered');
  await test.submit(activate(base.hash, { from: [lingering.hash], mode: 'force' }));
  await test.clock.advance(1);
  t.strictSame(test.effects.reports, [], 'who has it, or took it back, is owed nothing');
  t.strictSame(
    Object.values(ids).map((id) => fate(test, id)),
    [
      ['delivered', 'delete-and-report', 'd'],
      ['delivered', 'delete-and-report', ''],
      ['withdrawn', 'delete-and-report', ''],
    ],
  );
  await test.close();
});
