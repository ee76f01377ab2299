// Timers are rows. In memory lies a window of the next ones of each partition: every row that is due by the window's
// horizon, and none that is later. One process timer wakes at the first of them; a turn fires a bounded number, as
// commands among the others, and the next turn waits until they are durable (reliability R20).
import { keys, partitionOfLocal, ranges, readTimerKey } from './keys.js';
import { limits, partitionCount } from './limits.js';
import type { Cancel, Clock, StorePort } from './ports.js';

interface Due {
  readonly dueMs: number;
  readonly local: string;
}

interface Window {
  readonly partition: number;
  started: boolean;
  /** In order of due time. */
  rows: Due[];
  /** Every row due before this instant is in `rows`, or being fired. */
  horizonMs: number;
  loading: boolean;
  /** Armed while a page was being read. */
  late: Due[];
}

export interface SchedulerHooks {
  readonly now: () => number;
  /** Fires one row; resolves when that is durable. */
  readonly fire: (due: Due) => Promise<void>;
  readonly failed: (cause: unknown) => void;
}

export class TimerScheduler {
  private readonly windows: Window[];
  private readonly firing = new Set<string>();
  private cancel: Cancel | null = null;
  private armedForMs = Number.POSITIVE_INFINITY;
  private turning = false;
  private first = 0;
  private stopped = false;
  /** How late the last fired row was. */
  lagMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly store: Pick<StorePort, 'scan'>,
    private readonly hooks: SchedulerHooks,
  ) {
    this.windows = Array.from({ length: partitionCount }, (_, partition) => ({
      partition,
      started: false,
      rows: [],
      horizonMs: 0,
      loading: false,
      late: [],
    }));
  }

  /** Begins to serve a partition. */
  start(partition: number): void {
    const window = this.windows[partition]!;
    window.started = true;
    this.load(window);
  }

  /** Time has leapt: the wait that was begun is too long. */
  timeMoved(): void {
    this.armedForMs = Number.POSITIVE_INFINITY;
    this.wake();
  }

  stop(): void {
    this.stopped = true;
    this.cancel?.();
  }

  /** A timer row has become durable. */
  armed(due: Due): void {
    const window = this.windows[partitionOfLocal(due.local)!]!;
    if (window.loading) window.late.push(due);
    else if (due.dueMs < window.horizonMs) this.insert(window, due);
    this.wakeAt(due.dueMs);
  }

  private insert(window: Window, due: Due): void {
    const { rows } = window;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[middle]!.dueMs <= due.dueMs) low = middle + 1;
      else high = middle;
    }
    rows.splice(low, 0, due);
    this.trim(window);
  }

  // What lies beyond the window is found again in the store.
  private trim(window: Window): void {
    if (window.rows.length <= 2 * limits.timerWindowRows) return;
    window.horizonMs = window.rows[limits.timerWindowRows]!.dueMs;
    window.rows = window.rows.filter((one) => one.dueMs < window.horizonMs);
    this.refillOne(window);
  }

  private load(window: Window): void {
    if (window.loading || this.stopped) return;
    window.loading = true;
    this.read(window).then(
      () => {
        window.loading = false;
        for (const due of window.late.splice(0)) {
          const known = window.rows.some(
            (one) => one.local === due.local && one.dueMs === due.dueMs,
          );
          if (due.dueMs < window.horizonMs && !known) this.insert(window, due);
        }
        this.wake();
      },
      (cause: unknown) => this.failed(cause),
    );
  }

  // A read that the closing of the store cut short is nobody's loss.
  private failed(cause: unknown): void {
    if (!this.stopped) this.hooks.failed(cause);
  }

  private async read(window: Window): Promise<void> {
    const { from, to } = ranges.timers(window.partition, window.horizonMs);
    const rows: Due[] = [];
    let read = 0;
    for await (const [key] of this.store.scan(from, to, limits.timerWindowRows)) {
      read += 1;
      const due = readTimerKey(key);
      if (!this.firing.has(key)) rows.push(due);
    }
    const last = rows.at(-1);
    const full = read === limits.timerWindowRows && last !== undefined;
    window.horizonMs = full ? last.dueMs : Number.POSITIVE_INFINITY;
    // Rows of the last instant may be missing on a full page: they wait for the next one, unless there are no others.
    const onlyOne = rows[0]?.dueMs === last?.dueMs;
    window.rows = full && !onlyOne ? rows.filter((one) => one.dueMs < last.dueMs) : rows;
  }

  private wake(): void {
    let first = Number.POSITIVE_INFINITY;
    for (const window of this.windows) first = Math.min(first, window.rows[0]?.dueMs ?? first);
    if (first !== Number.POSITIVE_INFINITY) this.wakeAt(first);
  }

  private wakeAt(dueMs: number): void {
    if (this.stopped || this.turning || dueMs >= this.armedForMs) return;
    this.cancel?.();
    this.armedForMs = dueMs;
    const longestMs = this.clock.waitMsMax ?? limits.wakeIntervalMaxMs;
    const delay = Math.min(Math.max(0, dueMs - this.hooks.now()), longestMs);
    this.cancel = this.clock.after(delay, () => {
      this.armedForMs = Number.POSITIVE_INFINITY;
      this.turn();
    });
  }

  private turn(): void {
    if (this.turning || this.stopped) return;
    this.turning = true;
    const now = this.hooks.now();
    const due = this.take(now);
    Promise.all(due.map((one) => this.fire(one, now))).then(
      () => {
        this.turning = false;
        this.refill();
        this.wake();
      },
      (cause: unknown) => this.failed(cause),
    );
  }

  private take(now: number): Due[] {
    const taken: Due[] = [];
    const share = Math.ceil(limits.timersPerTurnMax / partitionCount) * 4;
    // Each turn begins with another partition: a lasting flood in one does not starve the ones behind it.
    this.first = (this.first + 1) % partitionCount;
    const order = [...this.windows.slice(this.first), ...this.windows.slice(0, this.first)];
    for (const window of order) {
      let count = 0;
      while (count < share && (window.rows[count]?.dueMs ?? Number.POSITIVE_INFINITY) <= now)
        count += 1;
      taken.push(...window.rows.splice(0, Math.min(count, limits.timersPerTurnMax - taken.length)));
    }
    return taken;
  }

  private async fire(due: Due, now: number): Promise<void> {
    const key = keys.timer(due.local, due.dueMs);
    this.lagMs = now - due.dueMs;
    this.firing.add(key);
    try {
      await this.hooks.fire(due);
    } finally {
      this.firing.delete(key);
    }
  }

  private refillOne(window: Window): void {
    const complete = window.horizonMs === Number.POSITIVE_INFINITY;
    if (window.started && window.rows.length === 0 && !complete) this.load(window);
  }

  private refill(): void {
    for (const window of this.windows) this.refillOne(window);
  }
}
