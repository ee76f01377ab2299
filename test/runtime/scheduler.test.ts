// Timers as rows: every due row fires once, none early, none forgotten, whatever the window holds.
import t from 'tap';
import { keys, localId } from '../../runtime/keys.js';
import { limits } from '../../runtime/limits.js';
import { TimerScheduler } from '../../runtime/scheduler.js';
import { daysMs } from '../support/messages.js';
import { MemoryStore, SimulatedClock, seeded } from '../support/world.js';

const localOf = (number: number, partition = 3): string =>
  localId(
    partition,
    Uint8Array.from({ length: 17 }, (_, at) => (number >>> ((at % 4) * 8)) & 255),
  );

function harness() {
  const clock = new SimulatedClock(0);
  const store = new MemoryStore();
  const fired: { local: string; at: number; due: number }[] = [];
  const failures: unknown[] = [];
  /** Rows that fire at once, and the most that ever did: a turn ends when all of its rows have fired. */
  const turns = { running: 0, most: 0 };
  const scheduler = new TimerScheduler(clock, store, {
    now: () => clock.now(),
    fire: async ({ local, dueMs }) => {
      fired.push({ local, at: clock.now(), due: dueMs });
      turns.running += 1;
      turns.most = Math.max(turns.most, turns.running);
      await Promise.resolve();
      turns.running -= 1;
      store.remove(keys.timer(local, dueMs));
    },
    failed: (cause) => failures.push(cause),
  });
  const row = (number: number, dueMs: number, partition = 3) => {
    const local = localOf(number, partition);
    store.insert(keys.timer(local, dueMs), new Uint8Array(1));
    return { local, dueMs };
  };
  const arm = (number: number, dueMs: number, partition = 3) =>
    scheduler.armed(row(number, dueMs, partition));
  return { clock, store, fired, failures, turns, scheduler, row, arm };
}

t.test('rows of the store and rows armed later fire in time, once', async (t) => {
  const { clock, fired, scheduler, row, arm } = harness();
  row(1, 500);
  row(2, 100);
  scheduler.start(3);
  await clock.settle();
  arm(3, 300);
  arm(4, 100);
  await clock.advance(1000);
  t.same(
    fired.map((one) => [one.due, one.at]),
    [
      [100, 100],
      [100, 100],
      [300, 300],
      [500, 500],
    ],
  );
  await clock.advance(100_000);
  t.equal(fired.length, 4);
});

t.test('D5 a due time months away does not fire early', async (t) => {
  const { clock, fired, scheduler, arm } = harness();
  scheduler.start(3);
  arm(1, daysMs(60));
  await clock.advance(daysMs(60) - 1);
  t.same(fired, []);
  await clock.advance(1);
  t.equal(fired.length, 1);
});

t.test('a row armed while its partition is being read fires', async (t) => {
  for (const durableFirst of [true, false]) {
    const { clock, fired, scheduler, row } = harness();
    row(1, 900);
    scheduler.start(3);
    if (durableFirst) scheduler.armed(row(2, 50));
    else scheduler.armed({ local: localOf(2), dueMs: 50 });
    await clock.advance(1000);
    t.same(
      fired.map((one) => one.due),
      [50, 900],
    );
  }
});

t.test('D8 many rows at one instant: all fire, in turns of a bounded size', async (t) => {
  const { clock, fired, turns, scheduler, row } = harness();
  for (let number = 0; number < 700; number += 1) row(number, 1000);
  for (let number = 0; number < 300; number += 1) row(number, 1000, 5);
  scheduler.start(3);
  scheduler.start(5);
  await clock.advance(999);
  t.same(fired, []);
  await clock.advance(1);
  t.equal(fired.length, 1000);
  t.equal(new Set(fired.map((one) => one.local)).size, 1000, 'each of them once');
  t.ok(turns.most > 1 && turns.most <= limits.timersPerTurnMax, `${turns.most} in one turn`);
});

t.test('a window that is trimmed finds everything again', async (t) => {
  const { clock, fired, failures, scheduler, arm } = harness();
  scheduler.start(3);
  await clock.settle();
  const count = limits.timerWindowRows * 5;
  for (let number = 0; number < count; number += 1) arm(number, 1000 + ((number * 7) % count));
  await clock.advance(1000 + count);
  t.equal(new Set(fired.map((one) => one.local)).size, count);
  t.equal(fired.length, count);
  t.notOk(fired.some((one) => one.at !== one.due));
  t.same(failures, []);
});

t.test('a window of one instant alone is trimmed and found again', async (t) => {
  const { clock, fired, scheduler, arm } = harness();
  scheduler.start(3);
  await clock.settle();
  for (let number = 0; number < 600; number += 1) arm(number, 5000);
  await clock.advance(5000);
  t.equal(new Set(fired.map((one) => one.local)).size, 600);
});

t.test('random arming, before and during turns', async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seeded(seed);
    const { clock, fired, scheduler, row, arm } = harness();
    for (let number = 0; number < 200; number += 1) row(number, Math.floor(random() * 3000));
    scheduler.start(3);
    let number = 200;
    for (let round = 0; round < 30; round += 1) {
      const burst = Math.floor(random() * 40);
      for (let one = 0; one < burst; one += 1) {
        arm(number, clock.now() + Math.floor(random() * 2000));
        number += 1;
      }
      await clock.advance(Math.floor(random() * 200));
    }
    await clock.advance(10_000);
    t.equal(new Set(fired.map((one) => one.local)).size, number, `seed ${seed}`);
    t.notOk(
      fired.some((one) => one.at < one.due),
      'never early',
    );
  }
});

t.test('a store that cannot be read, and a row that cannot fire, end it', async (t) => {
  const { clock, store, failures, scheduler } = harness();
  store.failReads();
  scheduler.start(3);
  await clock.settle();
  t.match(failures, [{ code: 'LEVEL_IO_ERROR' }]);
});

t.test('after stop nothing fires', async (t) => {
  const { clock, fired, scheduler, arm } = harness();
  scheduler.start(3);
  await clock.settle();
  arm(1, 100);
  scheduler.stop();
  arm(2, 200);
  await clock.advance(1000);
  t.same(fired, []);
  t.equal(clock.waiting, 0);
});
