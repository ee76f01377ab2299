// The clock rule: never back, never ahead of elapsed time, and a sleep is no jump.
import t from 'tap';
import { steadyClock, virtualClock } from '../../runtime/index.js';
import { daysMs, hoursMs, minutesMs, writtenAtMs } from '../support/messages.js';
import { SimulatedClock } from '../support/world.js';

const start = writtenAtMs;

t.test('time follows a wall clock that behaves', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start - 1000);
  t.equal(time.now(), start);
  await clock.advance(hoursMs(5));
  t.equal(time.now(), start + hoursMs(5));
  clock.setWall(clock.now() + 9000);
  t.equal(time.now(), start + hoursMs(5) + 9000, 'small corrections are followed');
  t.equal(time.held(), null);
});

t.test('D1 a jump ahead is not followed until it is confirmed', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  clock.setWall(start + daysMs(365));
  t.equal(time.now(), start);
  t.match(time.held(), /jumped/);
  await clock.advance(minutesMs(10));
  t.equal(time.now(), start + minutesMs(10), 'it follows elapsed time meanwhile');
  time.confirm();
  t.equal(time.held(), null);
  t.equal(time.now(), start + daysMs(365) + minutesMs(10));
});

t.test('D1 a clock that is set right again needs nobody', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  clock.setWall(start + daysMs(1));
  time.now();
  await clock.advance(1000);
  clock.setWall(start + 1000);
  t.equal(time.now(), start + 1000);
  t.equal(time.held(), null);
});

t.test('D2 time never goes back', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  clock.setWall(start - hoursMs(1));
  t.equal(time.now(), start);
  await clock.advance(minutesMs(10));
  t.equal(time.now(), start, 'it stands still');
  clock.setWall(start + minutesMs(10));
  t.equal(time.now(), start + minutesMs(10));
  t.equal(time.held(), null, 'set right again: no jump, nothing to confirm');
});

t.test('D2 a jump after a jump back is still a jump', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  clock.setWall(start - hoursMs(1));
  time.now();
  await clock.advance(minutesMs(10));
  clock.setWall(start + hoursMs(2));
  t.equal(time.now(), start + minutesMs(10), 'no further than time has elapsed');
  t.match(time.held(), /jumped/);
});

t.test('D3 boot with an absurd clock holds, a month of downtime does not', async (t) => {
  const absurd = steadyClock(new SimulatedClock(start + daysMs(31)), start);
  t.match(absurd.held(), /after the last stored time/);
  t.equal(absurd.now(), start);
  const long = steadyClock(new SimulatedClock(start + daysMs(30)), start);
  t.equal(long.held(), null);
  t.equal(long.now(), start + daysMs(30));
  const first = steadyClock(new SimulatedClock(start), 0);
  t.equal(first.held(), null, 'a new store knows no time');
});

t.test('D4 boot before the last stored time continues from there', async (t) => {
  const clock = new SimulatedClock(start - hoursMs(2));
  const time = steadyClock(clock, start);
  t.equal(time.now(), start);
  await clock.advance(hoursMs(2) + 5);
  t.equal(time.now(), start + 5);
});

t.test('D6 a sleeping host has not jumped', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  for (const hours of [3, 5]) {
    const before = time.now();
    clock.suspend(hoursMs(hours));
    t.equal(time.now(), before + hoursMs(hours));
    t.equal(time.held(), null);
  }
  clock.setWall(clock.now() + hoursMs(1));
  time.now();
  t.match(time.held(), /jumped/, 'a sleep is counted once');
});

t.test('D6 short sleeps are not counted again when the clock jumps', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start);
  for (let sleeps = 0; sleeps < 10; sleeps += 1) {
    clock.suspend(9000);
    time.now();
  }
  const before = time.now();
  t.equal(before, start + 90_000);
  clock.setWall(clock.now() + daysMs(1));
  t.equal(time.now(), before, 'not a moment ahead');
  t.match(time.held(), /jumped/);
});

t.test('a trusted clock is followed wherever it goes, but back', async (t) => {
  const clock = new SimulatedClock(start);
  const time = steadyClock(clock, start, true);
  clock.setWall(start + daysMs(90));
  t.equal(time.now(), start + daysMs(90));
  clock.setWall(start);
  t.equal(time.now(), start + daysMs(90));
});

t.test('a virtual clock stands until it is moved, and the steady one goes with it', async (t) => {
  const clock = virtualClock();
  const time = steadyClock(clock, 5000, true);
  t.equal(time.now(), 5000, 'it begins where the store was left');
  clock.set?.(5000 + 7 * 86_400_000);
  t.equal(time.now(), 5000 + 7 * 86_400_000, 'a leap is no jump to be doubted');
  t.equal(time.held(), null);
  clock.set?.(0);
  t.equal(time.now(), 5000 + 7 * 86_400_000, 'never back');
});
