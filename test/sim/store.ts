// The store of one life of the engine, over the durable plane. It does what LevelDB does (reliability 1.1): a commit
// takes 0.1 to 10 ms; a crash keeps or drops the batch on its way as a whole; a failed commit may have landed all the
// same; after a failure later commits seem to succeed and are gone at the next opening; a commit that is not synced is
// acknowledged at once and reaches the disk late or never.
import type { BootStore, RowWrite } from '../../runtime/index.js';
import type { Disk, Mark } from './disk.js';
import type { Life } from './life.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

export const ioError = (): Error =>
  Object.assign(new Error('IO error: 000003.log: No space left on device'), {
    code: 'LEVEL_IO_ERROR',
  });

type Row = readonly [string, Uint8Array];

const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
const ended = Promise.resolve(over);

/** Rows of one scan, as they stood when it began; the first may take its time. */
class Page implements AsyncIterableIterator<Row> {
  private at = 0;

  constructor(
    private readonly rows: readonly Row[],
    private readonly first: (<T>(value: () => T) => Promise<T>) | null,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    const late = this.at === 0 ? this.first : null;
    if (late !== null) return late(() => this.taken());
    return this.at >= this.rows.length ? ended : Promise.resolve(this.taken());
  }

  private taken(): IteratorResult<Row, undefined> {
    const value = this.rows[this.at];
    this.at += 1;
    return value === undefined ? over : { done: false, value };
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    return ended;
  }
}

/** Most pages of a boot are empty. */
const nothing = new Page([], null);

const never = <T>(): Promise<T> => new Promise<T>(() => {});

export class SimulatedStore implements BootStore {
  readonly mark: Mark | null;
  private readonly random: Random;
  /** What this process sees: the disk, until the two part ways. */
  private view: Disk;
  private flying: readonly RowWrite[] | null = null;
  private failed = false;
  /** Acknowledged, not on disk. */
  private readonly unsynced: (readonly RowWrite[])[] = [];
  private full = false;
  private closed = false;

  constructor(
    private readonly simulation: Stage,
    private readonly life: Life,
    private readonly disk: Disk,
  ) {
    this.mark = disk.mark;
    this.view = disk;
    this.random = simulation.random.named(`store ${life.number}`);
    this.full = this.random.chance(simulation.rate('storeFull')) && this.random.chance(0.3);
  }

  get(key: string): Uint8Array | undefined {
    if (this.random.chance(this.simulation.rate('readFails')) && this.life.serving) {
      this.life.expectsExit = true;
      this.simulation.trace('store', 'a read fails');
      throw ioError();
    }
    return this.view.get(key);
  }

  scan(from: string, to: string, limit = Number.POSITIVE_INFINITY) {
    return this.page(this.view.range(from, to, limit));
  }

  // A snapshot is taken now; the first row takes its time, unless there is nothing to read.
  private page(rows: readonly Row[]): Page {
    if (rows.length === 0 && !this.random.chance(0.05)) return nothing;
    const wait = this.random.spread(0.02, 1);
    return new Page(rows, (value) => this.later(wait, value));
  }

  private later<T>(delayMs: number, value: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.simulation.scheduler.after(delayMs, () => resolve(value()), this.life);
    });
  }

  /** `how` is what a mutant passes: the real port always syncs. */
  commit(rows: readonly RowWrite[], how: { readonly sync?: boolean } = {}): Promise<void> {
    const { simulation, life } = this;
    if (life.dead) return never();
    if (this.closed) simulation.violated('R3', 'a commit after the store was closed');
    if (this.flying !== null) simulation.violated('R3', 'two commits at once');
    if (this.failed) simulation.violated('I10', 'a commit after a failed one in the same life');
    if (how.sync === false) return this.commitUnsynced(rows);
    this.flying = rows;
    const stall = this.random.chance(simulation.rate('commitStalls'));
    const delay = stall ? this.random.spread(200, 6000) : this.random.spread(0.1, 10);
    const fails = this.random.chance(simulation.rate('commitFails'));
    const ghost = this.random.chance(0.5);
    return new Promise((resolve, reject) => {
      const land = () => {
        this.flying = null;
        if (!fails) {
          this.land(rows);
          resolve();
          return;
        }
        simulation.trace('store', ghost ? 'a commit fails, having landed' : 'a commit fails');
        if (ghost) this.land(rows);
        this.failed = true;
        this.life.expectsExit = true;
        this.view = this.view.copy();
        reject(ioError());
      };
      simulation.scheduler.after(delay, land, life);
    });
  }

  private land(rows: readonly RowWrite[]): void {
    if (this.failed) {
      this.view.apply(rows);
      return;
    }
    this.reach(rows);
    if (this.view !== this.disk) this.view.apply(rows);
  }

  private commitUnsynced(rows: readonly RowWrite[]): Promise<void> {
    if (this.view === this.disk) this.view = this.disk.copy();
    this.view.apply(rows);
    this.unsynced.push(rows);
    const late = this.random.spread(50, 20_000);
    this.simulation.scheduler.after(late, () => this.flush(rows), this.life);
    return Promise.resolve();
  }

  private flush(rows: readonly RowWrite[]): void {
    while (this.unsynced.includes(rows)) {
      this.reach(this.unsynced.shift()!);
    }
  }

  /** The process is gone: the batch on its way landed as a whole, or not at all. */
  crash(): void {
    const rows = this.flying;
    this.flying = null;
    if (rows === null || this.failed) return;
    const landed = this.random.chance(0.5);
    this.simulation.trace(
      'store',
      landed ? 'the batch on its way landed' : 'the batch on its way is lost',
    );
    if (landed) this.reach(rows);
  }

  // A trial on a damaged copy is nobody's news.
  private reach(rows: readonly RowWrite[]): void {
    const changes = this.disk.apply(rows);
    this.life.landings += 1;
    if (this.disk === this.simulation.disk) this.simulation.model.landed(changes);
  }

  /** True while a commit is on its way. */
  get writing(): boolean {
    return this.flying !== null;
  }

  async writeMark(mark: Mark): Promise<void> {
    await this.later(this.random.spread(0.1, 5), () => undefined);
    this.disk.mark = mark;
  }

  freeOctets(): number {
    const full = this.full && !this.simulation.calm;
    return full ? 0 : Number.MAX_SAFE_INTEGER;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
