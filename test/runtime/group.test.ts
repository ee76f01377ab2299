// Group commit, the ledger beneath it and the writer above: one group in flight, outputs after the
// sync, a failing command leaves nothing, and the sums are right whatever happens to a row.
import t from 'tap';
import { GroupCommit, partitionState } from '../../runtime/group.js';
import { add, openRow, type Sum, sameSum, sumOf, zero } from '../../runtime/integrity.js';
import { storeSumKey } from '../../runtime/keys.js';
import { Ledger } from '../../runtime/ledger.js';
import { limits } from '../../runtime/limits.js';
import { emptyMeta } from '../../runtime/rows.js';
import { EngineUnderTest } from '../support/engine.js';
import { deleted, incoming, numbered, received } from '../support/messages.js';
import { MemoryStore, SimulatedClock, seeded } from '../support/world.js';

function harness() {
  const clock = new SimulatedClock(1000);
  const store = new MemoryStore();
  const ledger = new Ledger(store);
  const partitions = Array.from({ length: 65 }, () => partitionState(emptyMeta));
  const said: string[] = [];
  const failures: unknown[] = [];
  const total = { epoch: 1, seq: 0 };
  const world = { clock, store, failpoint: () => {} };
  const group = new GroupCommit(world, ledger, partitions, total, {
    now: () => clock.now(),
    room: () => said.push('room'),
    failed: (cause) => failures.push(cause),
    landed: (commands) => said.push(`landed ${commands}`),
  });
  const change = (name: string, decide: () => void) => {
    ledger.within(decide);
    group.add(1, () => said.push(name));
  };
  return { clock, store, ledger, partitions, group, said, failures, change };
}

/** Count and sum of the rows that lie in the store, against what the partitions say. */
function checkSums(
  store: MemoryStore,
  partitions: ReturnType<typeof harness>['partitions'],
): string[] {
  return partitions.flatMap((state, partition) => {
    const prefix = `${partition.toString(16).padStart(2, '0')}!`;
    const keys = store.keys(prefix, `${prefix}~`).filter((key) => key[3] !== 'm');
    const sum = keys.reduce<Sum>((all, key) => add(all, sumOf(store.get(key) as Uint8Array)), zero);
    if (state.count === keys.length && sameSum(state.sum, sum)) return [];
    return [`partition ${partition}: ${state.count} of ${keys.length}`];
  });
}

t.test('outputs leave only after the sync, in order', async (t) => {
  const { clock, store, ledger, said, change } = harness();
  const release = store.hold();
  change('one', () => ledger.put('00!u!a', { n: 1 }));
  change('two', () => ledger.put('00!u!b', { n: 2 }));
  await clock.settle();
  change('three', () => ledger.put('00!u!a', { n: 3 }));
  change('four', () => {});
  await clock.settle();
  t.same(said, [], 'R1');
  t.same(ledger.readJson('00!u!a'), { n: 3 }, 'what is decided is seen');
  await release();
  await clock.settle();
  t.same(said, ['landed 2', 'one', 'two', 'room', 'landed 2', 'three', 'four', 'room']);
  t.equal(store.commits, 2, 'R4: what came meanwhile is one group');
  t.match(JSON.parse(openRow(storeSumKey, store.get(storeSumKey) as Uint8Array).toString()), {
    epoch: 1,
    seq: 2,
    timeMs: 1000,
  });
});

t.test('a group without changes writes nothing, but waits for the one in flight', async (t) => {
  const { clock, store, ledger, said, change } = harness();
  change('idle', () => {});
  await clock.settle();
  t.same(said, ['idle', 'room']);
  t.equal(store.commits, 0);
  const release = store.hold();
  change('write', () => ledger.put('00!u!a', {}));
  await clock.settle();
  change('look', () => {});
  await clock.settle();
  t.same(said, ['idle', 'room']);
  await release();
  await clock.settle();
  t.same(said.slice(2), ['landed 1', 'write', 'room', 'look', 'room']);
});

t.test('R5 the first failure is final: nothing is said, nothing is written', async (t) => {
  for (const how of ['lost', 'ghost'] as const) {
    const { clock, store, ledger, group, said, failures, change } = harness();
    store.failCommit(how);
    change('one', () => ledger.put('00!u!a', {}));
    await clock.settle();
    t.equal(failures.length, 1);
    t.equal(group.open, false);
    change('two', () => ledger.put('00!u!b', {}));
    await clock.advance(60_000);
    t.same(said, []);
    t.equal(store.commitsAfterFailure, 0);
    await group.drained();
    t.pass('nobody waits for ever');
  }
});

t.test('a command that fails leaves nothing behind', async (t) => {
  const { clock, store, ledger, partitions, change } = harness();
  change('one', () => ledger.put('00!u!a', { n: 1 }));
  t.throws(() =>
    ledger.within(() => {
      ledger.put('00!u!a', { n: 2 });
      ledger.put('00!u!b', { n: 2 });
      ledger.remove('00!u!a');
      throw new Error('no');
    }),
  );
  t.same(ledger.readJson('00!u!a'), { n: 1 });
  t.equal(ledger.readJson('00!u!b'), null);
  await clock.settle();
  t.same(checkSums(store, partitions), []);
  t.throws(() => ledger.put('00!u!c', {}), TypeError, 'rows change only within a command');
});

t.test('a row that comes and goes within one group is never written', async (t) => {
  const { clock, store, ledger, partitions, change } = harness();
  change('in', () => ledger.insert('00!q!a', { n: 1 }));
  change('out', () => ledger.remove('00!q!a'));
  await clock.settle();
  t.equal(store.get('00!q!a'), undefined);
  t.same(checkSums(store, partitions), []);
});

t.test('R8 counts and sums are right over random changes and groups in flight', async (t) => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = seeded(seed);
    const { clock, store, ledger, partitions, change } = harness();
    const model = new Map<string, number>();
    let release: (() => Promise<void>) | null = null;
    for (let round = 0; round < 300; round += 1) {
      change('x', () => {
        for (let one = 0; one < 3; one += 1) {
          const letter = 'autq'[Math.floor(random() * 4)];
          const key = `0${Math.floor(random() * 3)}!${letter}!${Math.floor(random() * 6)}`;
          if (random() < 0.4) {
            ledger.remove(key);
            model.delete(key);
          } else {
            ledger.put(key, { n: round });
            model.set(key, round);
          }
        }
      });
      if (random() < 0.3) release ??= store.hold();
      if (random() < 0.5) await clock.settle();
      if (release !== null && random() < 0.5) {
        await release();
        release = null;
      }
    }
    await release?.();
    await clock.settle();
    t.same(checkSums(store, partitions), [], `seed ${seed}`);
    const seen = [...model].filter(
      ([key, n]) => JSON.parse(openRow(key, store.get(key) as Uint8Array).toString()).n !== n,
    );
    t.same(seen, []);
  }
});

t.test('a group has a bound, and what waits goes on when it has landed', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { mailboxMessagesMax: 5000, pairMessagesMax: 5000 },
  });
  const count = limits.groupCommandsMax * 2 + 10;
  const replies = Array.from({ length: count }, (_, number) =>
    test.engine.submit(received(numbered(number))),
  );
  const before = test.store.commits;
  await test.clock.settle();
  t.equal((await Promise.all(replies)).filter((reply) => reply.kind === 'accepted').length, count);
  t.equal(test.store.commits - before, 3);
});

t.test('ED16 too much waiting is refused, what makes progress is not', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  test.store.hold();
  const replies: Promise<unknown>[] = [];
  const count = limits.groupCommandsMax * 2 + limits.queuedCommandsMax + 5;
  const dup = received(incoming());
  for (let number = 0; number < count; number += 1) replies.push(test.engine.submit(dup));
  const refused: unknown[] = [];
  for (const reply of replies) void reply.then((one) => refused.push(one));
  await test.clock.settle();
  t.ok(refused.length > 0);
  t.match(refused[0], { kind: 'refused', status: 503, code: 'overloaded', retryAfterSeconds: 5 });
  const release = test.store.hold();
  void release;
  const gone = test.engine.submit(deleted([id]));
  let heard = false;
  void gone.then(() => (heard = true));
  await test.clock.settle();
  t.equal(heard, false, 'it waits for the disk, but was not refused');
});
