// A store in memory for an engine that leaves nothing behind: the runtime's own rows, sums and commits, without a disk.
// It keeps what a commit brought when an engine is closed, so that another one can be opened on it.
import type { BootStore, RowWrite } from '../../runtime/index.js';

export class MemoryStore implements BootStore {
  private readonly rows = new Map<string, Uint8Array>();
  private sorted: string[] | null = null;

  constructor(rows: readonly RowWrite[]) {
    this.apply(rows);
  }

  get(key: string): Uint8Array | undefined {
    return this.rows.get(key);
  }

  async *scan(
    from: string,
    to: string,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly [string, Uint8Array]> {
    yield* this.page(from, to, limit);
  }

  async commit(rows: readonly RowWrite[]): Promise<void> {
    this.apply(rows);
  }

  /** Nothing is given back: the next engine finds the rows. */
  async close(): Promise<void> {}

  private page(from: string, to: string, limit: number): (readonly [string, Uint8Array])[] {
    this.sorted ??= [...this.rows.keys()].sort();
    const found: (readonly [string, Uint8Array])[] = [];
    for (let at = firstAtLeast(this.sorted, from); found.length < limit; at += 1) {
      const key = this.sorted[at];
      if (key === undefined || key >= to) break;
      found.push([key, this.rows.get(key)!]);
    }
    return found;
  }

  private apply(rows: readonly RowWrite[]): void {
    for (const { key, value } of rows) {
      if (value === null || !this.rows.has(key)) this.sorted = null;
      if (value === null) this.rows.delete(key);
      else this.rows.set(key, value);
    }
  }
}

/** Index of the first of some ordered keys that is not below one, by halves. */
export function firstAtLeast(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
