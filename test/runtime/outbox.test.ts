// Committed effects on their way: one per target, repeated and given up on time, limited, never
// lost.
import t from 'tap';
import type { OutgoingEffect, PendingEffect } from '../../runtime/index.js';
import { limits } from '../../runtime/limits.js';
import { Outbox } from '../../runtime/outbox.js';
import { RecordingEffects, SimulatedClock } from '../support/world.js';

function harness() {
  const clock = new SimulatedClock(0);
  const port = new RecordingEffects();
  const unanswered: [string, number][] = [];
  const test = { clock, port, unanswered, refills: 0, missing: new Set<string>() };
  const outbox = new Outbox(clock, port, {
    load: (local, effect) =>
      test.missing.has(local)
        ? null
        : ({ type: effect.type, effectId: effect.effectId, message: {} } as OutgoingEffect),
    unanswered: (effectId, status) => {
      unanswered.push([effectId, status]);
      outbox.over(effectId);
    },
    sent: () => {},
    refill: () => {
      test.refills += 1;
    },
    failpoint: () => {},
  });
  const add = (id: string, target: string, type: PendingEffect['type'] = 'report') =>
    outbox.add(id, target, { effectId: id, type, attempt: 1, late: false, atMs: 0, node: null });
  return { ...test, test, outbox, add, ids: () => port.sent.map((one) => one.effectId) };
}

t.test(
  'one is pending for each target, different targets do not wait for each other',
  async (t) => {
    const { outbox, add, ids } = harness();
    for (const id of ['a1', 'a2', 'a3']) add(id, 'a');
    add('b1', 'b');
    t.same(ids(), ['a1', 'b1']);
    outbox.over('a2');
    t.same(ids(), ['a1', 'b1'], 'one that waited is gone without a word');
    outbox.over('a1');
    t.same(ids(), ['a1', 'b1', 'a3']);
    outbox.over('unheard-of');
    t.equal(outbox.size, 2);
  },
);

t.test('an effect is taken once, however often it becomes durable', async (t) => {
  const { outbox, add, ids } = harness();
  add('a1', 'a');
  add('a1', 'a');
  t.equal(outbox.size, 1);
  t.same(ids(), ['a1']);
});

t.test('C7 repeated after 2, 4, 8 and 16 s, given up after 40 s', async (t) => {
  const { clock, port, unanswered, add } = harness();
  const at: number[] = [];
  port.heard = () => at.push(clock.now());
  add('a1', 'a');
  add('a2', 'a');
  await clock.advance(39_999);
  t.same(at, [0, 2000, 6000, 14_000, 30_000]);
  t.same(unanswered, []);
  await clock.advance(1);
  t.same(unanswered, [['a1', 408]]);
  t.equal(port.last.effectId, 'a2', 'the next has its turn');
});

t.test('nothing is repeated once it is over', async (t) => {
  const { clock, outbox, add, ids } = harness();
  add('a1', 'a');
  outbox.over('a1');
  await clock.advance(120_000);
  t.same(ids(), ['a1']);
  t.equal(clock.waiting, 0, 'no wait is left, no target remembered');
});

t.test('C11 while the bus is away nothing is sent and no patience runs', async (t) => {
  const { clock, port, outbox, unanswered, add, ids } = harness();
  port.up = false;
  add('a1', 'a');
  await clock.advance(3_600_000);
  t.same(ids(), []);
  port.up = true;
  outbox.wake();
  t.same(ids(), ['a1']);
  port.up = false;
  await clock.advance(3_600_000);
  t.same(unanswered, []);
  port.up = true;
  await clock.advance(2000);
  t.same(ids(), ['a1', 'a1'], 'repeated without being woken');
  await clock.advance(36_000);
  t.same(unanswered, [], 'its patience began anew');
  await clock.advance(3000);
  t.same(unanswered, [['a1', 408]]);
});

t.test('C12 what was out when the bus went away goes out at once when it is back', async (t) => {
  const { clock, port, outbox, unanswered, add, ids } = harness();
  add('a1', 'a');
  add('a2', 'a');
  await clock.advance(31_000);
  const before = ids().length;
  port.up = false;
  await clock.advance(5_000);
  outbox.wake();
  t.equal(ids().length, before, 'woken too early');
  port.up = true;
  outbox.wake();
  t.same(ids().slice(before), ['a1'], 'one for the target, as ever');
  await clock.advance(39_999);
  t.same(unanswered, [], 'an outage between two repetitions renews its patience');
  await clock.advance(1);
  t.same(unanswered, [['a1', 408]]);
});

t.test('X4 reports to one target: a burst of 60, then one a second, none lost', async (t) => {
  const { clock, port, outbox, add } = harness();
  const at: number[] = [];
  port.heard = (effect) => {
    at.push(clock.now());
    clock.soon(() => outbox.over(effect.effectId));
  };
  for (let number = 0; number < 70; number += 1) add(`a${number}`, 'a');
  await clock.settle();
  t.equal(at.length, 60);
  await clock.advance(9_000);
  t.equal(at.length, 69);
  await clock.advance(1_000);
  t.same(
    at.slice(60),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((second) => second * 1000),
  );
  t.equal(outbox.size, 0);
  await clock.advance(30_000);
  for (let number = 100; number < 140; number += 1) add(`a${number}`, 'a');
  await clock.settle();
  t.equal(at.length, 70 + 30, 'what was earned meanwhile');
});

t.test('a target that is idle is forgotten when its burst is whole again', async (t) => {
  const { clock, outbox, add } = harness();
  for (let target = 0; target < 50; target += 1) {
    add(`x${target}`, `t${target}`);
    outbox.over(`x${target}`);
  }
  await clock.advance(60_000);
  t.equal(clock.waiting, 0);
  t.equal((outbox as unknown as { targets: Map<string, unknown> }).targets.size, 0);
});

t.test('many waiting reports need one wait, not one each', async (t) => {
  const { clock, outbox, add } = harness();
  for (let number = 0; number < 60; number += 1) {
    add(`a${number}`, 'a');
    outbox.over(`a${number}`);
  }
  for (let number = 60; number < 160; number += 1) add(`a${number}`, 'a');
  t.equal(clock.waiting, 1);
});

t.test('a delivery passes the reports that wait for the same target', async (t) => {
  const { outbox, add, ids } = harness();
  for (const id of ['a1', 'a2']) add(id, 'a');
  add('d1', 'a', 'deliver');
  outbox.over('a1');
  t.same(ids(), ['a1', 'd1']);
});

t.test('RFC 3428 section 8 a target that is reserved has nothing else pending', async (t) => {
  const { outbox, add, ids, clock } = harness();
  const begun: string[] = [];
  const reserve = (name: string) => outbox.reserve('a', () => begun.push(name));
  add('a1', 'a');
  const [first, second, third] = [reserve('first'), reserve('second'), reserve('third')];
  t.same(begun, [], 'it waits for what is pending');
  add('a2', 'a');
  outbox.over('a1');
  t.same(begun, ['first'], 'and goes before what waits');
  second();
  outbox.wake();
  t.same([begun, ids()], [['first'], ['a1']]);
  first();
  first();
  t.same([begun, ids()], [['first'], ['a1', 'a2']], 'then it is the turn of what waits');
  outbox.over('a2');
  t.same(begun, ['first', 'third'], 'one that was given up has no turn');
  third();
  await clock.advance(60_000);
  const later = reserve('later');
  t.equal(begun.at(-1), 'later', 'at once, where nothing is pending');
  later();
});

t.test('the window of reports is kept, and what stalled goes on', async (t) => {
  const { outbox, add, ids } = harness();
  for (let target = 0; target < limits.reportWindow + 10; target += 1)
    add(`r${target}`, `t${target}`);
  t.equal(ids().length, limits.reportWindow);
  for (let target = 0; target < limits.reportWindow + 10; target += 1) outbox.over(`r${target}`);
  t.equal(ids().length, limits.reportWindow + 10);
  t.equal(outbox.size, 0);
});

t.test('what does not fit in memory is fetched again when there is room', async (t) => {
  const { test, outbox, add } = harness();
  for (let number = 0; number < limits.outboxMemoryMax + 5; number += 1) add(`a${number}`, 'a');
  t.equal(outbox.size, limits.outboxMemoryMax);
  add('d1', 'b', 'deliver');
  t.equal(outbox.size, limits.outboxMemoryMax + 1, 'a delivery is never left out');
  for (let number = limits.outboxMemoryMax - 1; number > 9000; number -= 1)
    outbox.over(`a${number}`);
  t.equal(test.refills, 1);
});

t.test('a message that is gone or damaged does not block its target', async (t) => {
  const { test, unanswered, add, ids } = harness();
  test.missing.add('a1');
  add('a1', 'a');
  add('a2', 'a');
  t.same(unanswered, [['a1', 500]]);
  t.same(ids(), ['a2']);
});

t.test('after stop nothing is sent and no wait is left', async (t) => {
  const { clock, outbox, add, ids } = harness();
  add('a1', 'a');
  add('a2', 'a');
  outbox.stop();
  outbox.over('a1');
  add('a3', 'b');
  await clock.advance(120_000);
  t.same(ids(), ['a1']);
  t.equal(clock.waiting, 0);
});

t.test('RFC 3428 8 reserved turns and effects of one target take turns', async (t) => {
  const { outbox, add, ids } = harness();
  const begun: string[] = [];
  const frees: (() => void)[] = [];
  const reserve = (name: string): void => {
    const free = outbox.reserve('a', () => begun.push(name));
    frees.push(free);
  };
  reserve('r1');
  for (const id of ['d1', 'd2']) add(id, 'a');
  for (const name of ['r2', 'r3', 'r4']) reserve(name);
  // Somebody who reserves anew for each turn he has had does not hold up what waits.
  frees.shift()!();
  t.same([begun, ids()], [['r1'], ['d1']]);
  outbox.over('d1');
  t.same([begun, ids()], [['r1', 'r2'], ['d1']]);
  frees.shift()!();
  t.same(ids(), ['d1', 'd2']);
  outbox.over('d2');
  for (const free of frees) free();
  t.same(begun, ['r1', 'r2', 'r3', 'r4'], 'none is forgotten');
});

t.test('a report that must wait for its turn in time lets reserved turns go on', async (t) => {
  const { outbox, add, clock, ids } = harness();
  for (let at = 0; at <= limits.reportBurst; at += 1) add(`b${at}`, 'a');
  const begun: string[] = [];
  const frees: (() => void)[] = [];
  for (let at = 0; at < limits.reportBurst; at += 1) outbox.over(`b${at}`);
  t.equal(ids().length, limits.reportBurst, 'one waits');
  for (const name of ['r1', 'r2']) frees.push(outbox.reserve('a', () => begun.push(name)));
  frees[0]!();
  t.same(begun, ['r1', 'r2']);
  frees[1]!();
  await clock.advance(limits.reportIntervalMs);
  t.equal(ids().length, limits.reportBurst + 1);
});
