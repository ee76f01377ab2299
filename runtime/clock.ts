// The real clock and randomness, and the rule by which a wall clock is believed (reliability R19): time never goes
// back, and a jump ahead of boot time is not followed until somebody confirms it, so nothing ever expires early.
// The only file that reads time or rolls dice.
import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import { limits } from './limits.js';
import type { Clock, Entropy } from './ports.js';

/** The host's clocks. */
export const hostClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  boot: () => uptime() * 1000,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run) => {
    setImmediate(run);
  },
};

/** The host's clocks, but for a wall clock that stands at the store's last instant until it is moved: for tests of days. */
export function virtualClock(host: Clock = hostClock): Clock {
  let atMs = 0;
  // Member by member: a clock may be an object of a class, which does not survive being spread.
  return {
    now: () => atMs,
    mono: () => host.mono(),
    boot: () => host.boot(),
    after: (delayMs, run) => host.after(delayMs, run),
    soon: (run) => host.soon(run),
    set: (toMs) => {
      atMs = toMs;
    },
  };
}

/** Randomness from the host, drawn in larger portions: a call of its own for each id costs more than the id. */
export const hostEntropy: Entropy = {
  bytes: (count) => {
    if (count > portionOctets) return randomBytes(count);
    if (portionUsed + count > portion.length) {
      portion = randomBytes(portionOctets);
      portionUsed = 0;
    }
    portionUsed += count;
    return portion.subarray(portionUsed - count, portionUsed);
  },
};

const portionOctets = 4096;
let portion = Buffer.alloc(0);
let portionUsed = 0;

/** The time by which the engine decides. */
export interface SteadyClock {
  /** Epoch milliseconds, never going back, never jumping ahead. */
  now(): number;
  /** Why the wall clock is not believed, or null. */
  held(): string | null;
  /** Somebody vouches for the wall clock as it stands. */
  confirm(): void;
}

/** Applies the clock rule to a clock; `lastSeenMs` is the last instant the store knows, 0 for a new one. */
export function steadyClock(clock: Clock, lastSeenMs: number, trusted = false): SteadyClock {
  let held: string | null = null;
  let lastMono = clock.mono();
  let last = lastSeenMs;
  // How much further boot time is than monotonic time: what the host has slept.
  const offset = clock.boot() - lastMono;
  let slept = 0;
  const sleptSince = (mono: number): number => {
    const total = Math.max(0, clock.boot() - mono - offset);
    const fresh = total - slept;
    slept = Math.max(slept, total);
    return Math.max(0, fresh);
  };
  // Where time would be had it only elapsed. While the wall clock is behind, `last` stands still and this goes on: a
  // wall clock set right again is no jump.
  let expected = last;
  const wall = clock.now();
  if (trusted || lastSeenMs === 0 || wall - lastSeenMs <= limits.bootGapMaxMs)
    last = expected = Math.max(wall, last);
  else held = `the wall clock is ${wall - lastSeenMs} ms after the last stored time`;

  const read = (): number => {
    const mono = clock.mono();
    const now = clock.now();
    let elapsed = Math.max(0, mono - lastMono);
    lastMono = mono;
    // A short sleep is looked up as well: one left over would be counted again at the next jump.
    if (now - (expected + elapsed) > limits.clockDoubtMs) elapsed += sleptSince(mono);
    expected += elapsed;
    const ahead = now - expected;
    if (!trusted && held === null && ahead > limits.clockJumpMaxMs) {
      held = `the wall clock jumped ${Math.round(ahead)} ms ahead`;
    }
    // A wall clock that comes back into reach needs nobody's word.
    if (held !== null && Math.abs(ahead) <= limits.clockJumpMaxMs) held = null;
    if (held === null) expected = Math.max(expected, now);
    last = Math.max(last, held === null ? now : expected);
    return Math.trunc(last);
  };

  return {
    now: read,
    held: () => held,
    confirm: () => {
      held = null;
      last = expected = Math.max(last, clock.now());
      lastMono = clock.mono();
    },
  };
}
