// Stores that an engine of a released format has left: the present engine opens them, every snapshot in them is XState's
// own again, and every message goes on to its end under the identities it had. A format it does not know is refused.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type AnyMachineSnapshot, createActor } from 'xstate';
import { compilePolicy, type Policy } from '../../machines/index.js';
import { openRow, sealRow } from '../../runtime/integrity.js';
import { keys } from '../../runtime/keys.js';
import type { ActorRow, PolicyRow } from '../../runtime/rows.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  type GoldenMessage,
  type GoldenStore,
  goldenEffect,
  goldenPath,
  goldenStore,
  storeOf,
} from '../support/golden-store.js';
import { daysMs, deleted, hoursMs } from '../support/messages.js';
import { repositoryRoot } from '../support/repository.js';
import { type MemoryStore, SimulatedClock } from '../support/world.js';

const kept = readdirSync(join(repositoryRoot, 'test/fixtures'))
  .filter((name) => /^format-\d+\.json$/.test(name))
  .map((name) => Number(/\d+/.exec(name)?.[0]))
  .map((format) => readFileSync(join(repositoryRoot, goldenPath(format)), 'utf8'))
  .map((text) => JSON.parse(text) as GoldenStore);

const present = await goldenStore();
const stores: readonly (readonly [string, GoldenStore])[] = [
  ...kept.map((one) => [`format ${one.format}`, one] as const),
  ['what is written now', present],
];

function readJson<T>(store: MemoryStore, key: string): T {
  return JSON.parse(openRow(key, store.get(key) as Uint8Array).toString()) as T;
}

/** The policies of a store, by the hash they are stored under. */
function policiesOf(store: MemoryStore): ReadonlyMap<string, Policy> {
  const found = store.family('P').map((key) => {
    const compiled = compilePolicy(readJson<PolicyRow>(store, key).source);
    if (!compiled.ok) throw new Error(`${key}: ${compiled.findings[0]?.message}`);
    return [key.slice(5), compiled.policy] as const;
  });
  return new Map(found);
}

// No command withdraws a message yet, so that no engine has stored one that was.
const neverStored = ['withdrawn'];

/** States in which a message can rest. */
function restingStates({ graph }: Policy): readonly string[] {
  return graph.states
    .filter((state) => state.kind === 'final' || state.kind === 'atomic')
    .map((state) => state.path)
    .filter(
      (path) => !graph.transitions.some((one) => one.from === path && one.trigger === 'always'),
    )
    .filter((path) => !neverStored.includes(path));
}

t.test('G3 there is a store of every format up to the present one', async (t) => {
  t.strictSame(
    kept.map((one) => one.format).sort(),
    Array.from({ length: present.format }, (_, index) => index + 1),
  );
});

for (const [name, golden] of stores) {
  t.test(`G3 ${name}: every kind of snapshot is in it, and is XState's own again`, async (t) => {
    const store = storeOf(golden);
    const policies = policiesOf(store);
    const seen = new Set<string>();
    for (const key of store.family('a')) {
      const row = readJson<ActorRow>(store, key);
      const policy = policies.get(row.policy);
      if (policy === undefined) throw new Error(`${key} has no policy`);
      t.equal(policy.hash, row.policy, 'a policy keeps its hash');
      const stored = row.actor.snapshot as AnyMachineSnapshot;
      const live = createActor(policy.machine, { snapshot: stored as never }).getSnapshot();
      t.same([live.value, live.context], [stored.value, stored.context], row.value);
      t.equal((live as AnyMachineSnapshot).hasTag('live'), row.live);
      t.equal(live.status, stored.status);
      seen.add(`${policy.file.id}/${row.value}`);
    }
    for (const policy of policies.values()) {
      if (policy.file.id === 'trial') continue;
      const wanted = restingStates(policy).map((path) => `${policy.file.id}/${path}`);
      t.ok(wanted.length >= 8, policy.file.id);
      t.strictSame(
        wanted.filter((one) => !seen.has(one)),
        [],
        'no kind is missing',
      );
    }
  });

  t.test(`G3 ${name}: it opens, and every message goes on to its end`, async (t) => {
    const clock = new SimulatedClock(golden.nowMs);
    const test = await EngineUnderTest.on(storeOf(golden), clock);
    const standing = golden.messages.map((one) => {
      const life = test.life(one.deferredId);
      return { ...one, state: life.state, parked: life.parked !== null };
    });
    t.same(standing, golden.messages, 'each stands where it stood');
    t.same(
      test.effects.distinct.map(goldenEffect).sort(byId),
      [...golden.sent].sort(byId),
      'what was on its way is sent again, under the same identity',
    );
    for (const one of golden.messages.filter((message) => message.parked))
      await test.submit({
        type: 'operator.acted',
        deferredId: one.deferredId,
        act: 'retry',
        by: 'test',
      });
    test.answerAll(200);
    await clock.advance(hoursMs(2));
    for (const { aor } of golden.messages) await test.submit(deleted('all', aor));
    await clock.advance(hoursMs(2));
    const ends = golden.messages.map((one) => [one.name, test.life(one.deferredId).outcome]);
    t.same(
      ends.filter(([, outcome]) => outcome === null),
      [],
    );
    for (const one of golden.messages) checkEnd(t, one, test);
    await clock.advance(daysMs(8));
    for (const letter of ['a', 'b', 'd', 'o', 'q', 'r', 't', 'w'])
      t.same(test.store.family(letter), [], `no row of family ${letter} is left`);
    t.same(test.exits, []);
  });
}

const byId = (a: { effectId: string }, b: { effectId: string }) =>
  a.effectId < b.effectId ? -1 : 1;

// What had ended stays as it was; what was reported is not reported again.
function checkEnd(t: Test, one: GoldenMessage, test: EngineUnderTest): void {
  const { outcome, trail } = test.life(one.deferredId);
  const ended = ['delivered', 'reported', 'report-refused', 'dropped'];
  if (ended.includes(one.state)) t.equal(outcome, one.state, one.name);
  const tries = trail.flatMap((step) => step.effects).filter((id) => id.startsWith('r-'));
  t.equal(new Set(tries).size, tries.length, `${one.name}: no attempt is decided twice`);
}

t.test('G3 a snapshot its chart does not know is parked, not guessed at', async (t) => {
  for (const wrong of [{ value: 'nowhere' }, { value: { stored: 'inside' } }]) {
    const golden = kept[0] as GoldenStore;
    const test = await EngineUnderTest.on(storeOf(golden), new SimulatedClock(golden.nowMs));
    const { deferredId, aor } = golden.messages[0] as GoldenMessage;
    const key = keys.actor(deferredId.slice(0, deferredId.indexOf('@')));
    const row = readJson<ActorRow>(test.store, key);
    const snapshot = { ...row.actor.snapshot, ...wrong };
    const changed = { ...row, actor: { ...row.actor, snapshot } };
    test.store.insert(key, sealRow(key, JSON.stringify(changed)).value);
    await test.submit(deleted([deferredId], aor));
    t.ok(test.life(deferredId).parked, JSON.stringify(wrong));
    t.same(test.exits, []);
  }
});

t.test('B21 G4 a store of another format is refused, and nothing is written', async (t) => {
  for (const version of [0, 2, 17]) {
    const store = storeOf(kept[0] as GoldenStore);
    const identity = readJson<object>(store, keys.store());
    const row = JSON.stringify({ ...identity, version });
    store.insert(keys.store(), sealRow(keys.store(), row).value);
    const before = store.keys().map((key) => store.get(key));
    await t.rejects(EngineUnderTest.on(store, new SimulatedClock(present.nowMs)), {
      code: 'DEFERRED_IM_STORE_FORMAT',
      exitCode: 65,
    });
    t.equal(store.commits, 0);
    t.equal(store.mark, null);
    t.same(
      store.keys().map((key) => store.get(key)),
      before,
    );
  }
});

t.test('B21 a row of another format is refused, and nothing is written', async (t) => {
  for (const key of ['40!S!identity', '~sum', 'a', 'b', 'P', 'u']) {
    const store = storeOf(kept[0] as GoldenStore);
    const full = key.length === 1 ? (store.family(key)[0] as string) : key;
    const value = Buffer.from(store.get(full) ?? []);
    value[0] = 2;
    store.insert(full, value);
    const damaged = { code: 'DEFERRED_IM_STORE_DAMAGED', exitCode: 65 };
    await t.rejects(EngineUnderTest.on(store, new SimulatedClock(present.nowMs)), damaged, full);
    t.equal(store.commits, 0);
  }
});
