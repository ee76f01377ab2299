// A world to run an engine in, without disk, bus or real time: a clock that moves by hand, seeded
// dice, a store in memory that fails on demand, and an effect port that remembers what it was
// given. Everything is deterministic: the same calls make the same run. It knows the ports of the
// runtime and nothing else of it.
import type {
  BootStore,
  Cancel,
  Clock,
  EffectPort,
  Entropy,
  OutgoingDelivery,
  OutgoingEffect,
  OutgoingNotice,
  OutgoingReport,
  RowWrite,
} from '../../runtime/index.js';

interface Wait {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Lets every promise that can go on go on. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Time that moves only when told; waits run in order of due time, ties in order of their making.
 */
export class SimulatedClock implements Clock {
  private waits: Wait[] = [];
  private queue: (() => void)[] = [];
  private monoMs = 1000;
  private sleptMs = 0;

  constructor(private wallMs: number) {}

  now(): number {
    return this.wallMs;
  }

  mono(): number {
    return this.monoMs;
  }

  boot(): number {
    return this.monoMs + this.sleptMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    if (!(delayMs >= 0 && delayMs <= 60_000)) throw new RangeError(`a wait of ${delayMs} ms`);
    const wait = { dueMs: this.monoMs + delayMs, run };
    this.waits.push(wait);
    return () => {
      this.waits = this.waits.filter((one) => one !== wait);
    };
  }

  soon(run: () => void): void {
    this.queue.push(run);
  }

  /** Waits that have not run yet. */
  get waiting(): number {
    return this.waits.length;
  }

  /** Finishes the work at hand; no time passes. */
  async settle(): Promise<void> {
    do {
      for (const run of this.queue.splice(0)) run();
      await breathe();
    } while (this.queue.length > 0);
  }

  /**
   * Lets time pass, running every wait at its own instant; over more than a day, up to an hour
   * late.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.monoMs + ms;
    const strideMs = ms > 86_400_000 ? 3_600_000 : 0;
    await this.settle();
    while (this.monoMs < endMs) {
      const leapMs = Math.min(this.monoMs + strideMs, endMs);
      if (strideMs > 0) this.move(leapMs - this.monoMs);
      await this.runDue(strideMs > 0 ? leapMs : endMs);
      if (strideMs === 0) this.move(endMs - this.monoMs);
    }
    await this.settle();
  }

  private async runDue(endMs: number): Promise<void> {
    for (let next = this.first(endMs); next !== null; next = this.first(endMs)) {
      this.move(Math.max(0, next.dueMs - this.monoMs));
      this.waits = this.waits.filter((one) => one !== next);
      next.run();
      await this.settle();
    }
  }

  /** Lets time pass until the wall clock shows an instant. */
  advanceTo(wallMs: number): Promise<void> {
    return this.advance(wallMs - this.wallMs);
  }

  /** Somebody sets the wall clock; no time passes. */
  setWall(wallMs: number): void {
    this.wallMs = wallMs;
  }

  /** The host sleeps: wall and boot time go on, monotonic time stands still. */
  suspend(ms: number): void {
    this.wallMs += ms;
    this.sleptMs += ms;
  }

  private first(endMs: number): Wait | null {
    let first: Wait | null = null;
    for (const wait of this.waits) {
      if (wait.dueMs <= endMs && (first === null || wait.dueMs < first.dueMs)) first = wait;
    }
    return first;
  }

  private move(ms: number): void {
    this.wallMs += ms;
    this.monoMs += ms;
  }
}

/** Numbers from a seed, the same on every machine (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Octets from a seed. */
export function seededEntropy(seed: number): Entropy {
  const random = seeded(seed);
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
  };
}

/** What the next commit does: nothing of it lands, or all of it lands; both reject. */
export type CommitFailure = 'lost' | 'ghost';

/** An error as LevelDB makes them. */
export const ioError = (): Error =>
  Object.assign(new Error('IO error: 000003.log: No space left on device'), {
    code: 'LEVEL_IO_ERROR',
  });

/**
 * A store in memory. After a failed commit it does what LevelDB does: takes writes, and loses them
 * (reliability 1.1).
 */
export class MemoryStore implements BootStore {
  mark: NonNullable<BootStore['mark']> | null = null;
  alarms: readonly string[] = [];
  commits = 0;
  /** Commits asked for after one was rejected: there must be none. */
  commitsAfterFailure = 0;
  closed = false;
  freeOctetsNow = Number.MAX_SAFE_INTEGER;
  private readonly rows: Map<string, Uint8Array>;
  private sorted: string[] | null = null;
  private failing: CommitFailure | null = null;
  private failed = false;
  private writing: readonly RowWrite[] | null = null;
  private held: (() => void)[] | null = null;
  private readError: Error | null = null;

  constructor(rows: Iterable<readonly [string, Uint8Array]> = []) {
    this.rows = new Map(rows);
  }

  get(key: string): Uint8Array | undefined {
    if (this.readError !== null) throw this.readError;
    return this.rows.get(key);
  }

  async *scan(
    from: string,
    to: string,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly [string, Uint8Array]> {
    const page = this.range(from, to, limit);
    await Promise.resolve();
    if (this.readError !== null) throw this.readError;
    yield* page;
  }

  async commit(rows: readonly RowWrite[]): Promise<void> {
    if (this.closed) throw new TypeError('the store is closed');
    if (this.writing !== null) throw new TypeError('one commit at a time');
    if (this.failed) this.commitsAfterFailure += 1;
    this.writing = rows;
    try {
      if (this.held !== null) await new Promise<void>((resolve) => this.held?.push(resolve));
      else await Promise.resolve();
      this.land(rows);
    } finally {
      this.writing = null;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async writeMark(mark: NonNullable<BootStore['mark']>): Promise<void> {
    this.mark = mark;
  }

  freeOctets(): number {
    return this.freeOctetsNow;
  }

  // ---- what a test does to it ----

  /** The next commit fails. */
  failCommit(how: CommitFailure): void {
    this.failing = how;
  }

  /** From now on every read fails. */
  failReads(error: Error = ioError()): void {
    this.readError = error;
  }

  /** Commits wait until the returned function is called. */
  hold(): () => Promise<void> {
    this.held = [];
    return async () => {
      const waiting = this.held ?? [];
      this.held = null;
      for (const resolve of waiting) resolve();
      await breathe();
    };
  }

  /** Turns one bit of a row's value over. */
  flip(key: string, bit: number): void {
    const value = Uint8Array.from(this.rows.get(key) ?? []);
    const octet = bit >>> 3;
    value[octet] = (value[octet] as number) ^ (1 << (bit & 7));
    this.rows.set(key, value);
  }

  remove(key: string): void {
    this.sorted = null;
    this.rows.delete(key);
  }

  insert(key: string, value: Uint8Array): void {
    this.sorted = null;
    this.rows.set(key, value);
  }

  keys(from = '', to = '\uffff'): readonly string[] {
    return this.range(from, to, Number.POSITIVE_INFINITY).map(([key]) => key);
  }

  /** Keys of one family, over all partitions. */
  family(letter: string): readonly string[] {
    return this.keys().filter((key) => key[3] === letter && key[2] === '!');
  }

  /** What a new process would find; the batch on its way is there as a whole, or not at all. */
  afterCrash(landed = false): MemoryStore {
    const store = new MemoryStore(this.rows);
    if (landed) store.apply(this.writing ?? []);
    store.mark = this.mark;
    return store;
  }

  private range(
    from: string,
    to: string,
    limit: number,
  ): readonly (readonly [string, Uint8Array])[] {
    this.sorted ??= [...this.rows.keys()].sort();
    const found: (readonly [string, Uint8Array])[] = [];
    for (let index = lowerBound(this.sorted, from); found.length < limit; index += 1) {
      const key = this.sorted[index];
      if (key === undefined || key >= to) break;
      found.push([key, this.rows.get(key) as Uint8Array]);
    }
    return found;
  }

  private land(rows: readonly RowWrite[]): void {
    const failing = this.failing;
    this.failing = null;
    if (failing !== 'lost' && !this.failed) this.apply(rows);
    if (failing === null) return;
    this.failed = true;
    throw ioError();
  }

  private apply(rows: readonly RowWrite[]): void {
    this.commits += 1;
    for (const { key, value } of rows) {
      if (!this.rows.has(key) || value === null) this.sorted = null;
      if (value === null) this.rows.delete(key);
      else this.rows.set(key, Uint8Array.from(value));
    }
  }
}

function lowerBound(sorted: readonly string[], from: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An effect port that keeps everything it was given. */
export class RecordingEffects implements EffectPort {
  up = true;
  readonly sent: OutgoingEffect[] = [];
  /** Called for every effect handed over, repetitions included. */
  heard: (effect: OutgoingEffect) => void = () => {};
  /** For how long live messages of a user are queued, by what was said last. */
  readonly queued = new Map<string, number>();

  queue(aor: string, forMs: number): void {
    this.queued.set(aor, forMs);
  }

  ready(): boolean {
    return this.up;
  }

  send(effect: OutgoingEffect): void {
    this.sent.push(effect);
    this.heard(effect);
  }

  /** Different effects, in the order of their first sending. */
  get distinct(): readonly OutgoingEffect[] {
    const known = new Map<string, OutgoingEffect>();
    for (const one of this.sent) if (!known.has(one.effectId)) known.set(one.effectId, one);
    return [...known.values()];
  }

  get deliveries(): readonly OutgoingDelivery[] {
    return this.distinct.filter((one) => one.type === 'deliver');
  }

  get reports(): readonly OutgoingReport[] {
    return this.distinct.filter((one) => one.type === 'report');
  }

  get notices(): readonly OutgoingNotice[] {
    return this.distinct.filter((one) => one.type === 'notify');
  }

  get last(): OutgoingEffect {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last;
  }
}
