// Time that passes only when it is told to: waits run in order of their due instants, ties in order of their making, and
// nothing of it waits for the host. Three days pass in the time the engine needs for what happens in them. It knows the
// runtime's port and nothing of what waits.
import { type Cancel, type Clock, hostClock } from '../../runtime/index.js';

interface Wait {
  readonly dueMs: number;
  readonly run: () => void;
}

export class VirtualTime implements Clock {
  readonly waitMsMax = Number.POSITIVE_INFINITY;
  private waits: Wait[] = [];
  private queue: (() => void)[] = [];
  private elapsedMs = 0;

  constructor(private readonly startMs: number) {}

  now(): number {
    return this.startMs + this.elapsedMs;
  }

  mono(): number {
    return this.elapsedMs;
  }

  boot(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    const wait = { dueMs: this.elapsedMs + delayMs, run };
    const behind = this.waits.findIndex((one) => one.dueMs > wait.dueMs);
    this.waits.splice(behind === -1 ? this.waits.length : behind, 0, wait);
    return () => {
      const at = this.waits.indexOf(wait);
      if (at !== -1) this.waits.splice(at, 1);
    };
  }

  soon(run: () => void): void {
    this.queue.push(run);
  }

  /** Finishes the work at hand; no time passes. */
  async settle(): Promise<void> {
    do {
      for (const run of this.queue.splice(0)) run();
      await allThatCanGoOn();
    } while (this.queue.length > 0);
  }

  /** Lets time pass until so many milliseconds after the beginning. */
  async runTo(elapsedMs: number): Promise<void> {
    await this.settle();
    for (let next = this.waits[0]; next !== undefined; next = this.waits[0]) {
      if (next.dueMs > elapsedMs) break;
      this.waits.shift();
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      next.run();
      await this.settle();
    }
    this.elapsedMs = Math.max(this.elapsedMs, elapsedMs);
  }
}

// Every promise that is settled has been heard when the host comes round again.
const allThatCanGoOn = (): Promise<void> => new Promise((resolve) => hostClock.soon(resolve));
