// The clocks of one life of the engine. True time is the scheduler's; the wall clock is set wrong, drifts and is set
// right again; monotonic time stands still while the host sleeps, boot time does not.
import type { Cancel, Clock } from '../../runtime/index.js';
import { epochMs } from './epoch.js';
import type { Life } from './life.js';
import type { Stage } from './stage.js';

/** How far the wall clock of the engine's host is off. */
export class WallClock {
  private offsetMs = 0;
  private drift = 0;
  private driftFromMs = 0;
  /** How far it may rightly be ahead: small steps are believed, and drift cannot be told from time. */
  aheadMs = 0;
  /** How far it was ever set back: when it is right again, time catches up at once. */
  behindMs = 0;

  constructor(private readonly simulation: Stage) {}

  now(): number {
    const at = this.simulation.scheduler.nowMs;
    return Math.trunc(epochMs + at + this.offsetMs + (at - this.driftFromMs) * this.drift);
  }

  step(ms: number, believed: boolean): void {
    this.offsetMs += ms;
    if (believed) this.aheadMs += Math.max(0, ms);
    // However it came there: ten seconds ahead of what was believed before are believed.
    if (this.offsetMs <= 10_000 + this.aheadMs)
      this.aheadMs = Math.max(this.aheadMs, this.offsetMs);
    this.behindMs += Math.max(0, -ms);
  }

  drifts(share: number): void {
    this.settle();
    this.drift = share;
  }

  /** Somebody sets it right. */
  right(): void {
    this.settle();
    this.offsetMs = 0;
    this.drift = 0;
  }

  /** It stands somewhere else when the host comes up. */
  wrong(ms: number): void {
    this.settle();
    this.offsetMs = ms;
    // Held at the last stored time, the engine is behind in either case.
    this.behindMs += Math.abs(ms);
  }

  // What drift has brought so far stays.
  private settle(): void {
    const at = this.simulation.scheduler.nowMs;
    const gained = (at - this.driftFromMs) * this.drift;
    this.offsetMs += gained;
    this.aheadMs += Math.max(0, gained);
    this.driftFromMs = at;
  }

  /** How early something may happen by true time without being early by the engine's. */
  get toleranceMs(): number {
    const at = this.simulation.scheduler.nowMs;
    return 1 + this.aheadMs + Math.max(0, (at - this.driftFromMs) * this.drift);
  }
}

export function clockOf(simulation: Stage, life: Life): Clock {
  const { scheduler, wall } = simulation;
  const mono = () => 1000 + scheduler.nowMs - life.bornMs - life.sleptMs;
  const after = (delayMs: number, run: () => void): Cancel => {
    if (life.dead) return () => {};
    if (!(delayMs >= 0 && delayMs <= 60_000)) simulation.violated('D5', `a wait of ${delayMs} ms`);
    const dueMs = mono() + delayMs;
    // As Node.js does it: never sooner than a millisecond.
    let entry = scheduler.after(Math.max(1, delayMs), fire, life);
    function fire(): void {
      const left = dueMs - mono();
      if (left > 1e-3) entry = scheduler.after(left, fire, life);
      else run();
    }
    return () => {
      entry.cancelled = true;
    };
  };
  return {
    now: () => wall.now(),
    mono,
    boot: () => 1000 + scheduler.nowMs - life.bornMs,
    after,
    soon: (run) => {
      if (!life.dead) scheduler.after(0, run, life);
    },
  };
}
