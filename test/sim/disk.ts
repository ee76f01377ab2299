// The durable plane: what is there after a power cut. Every batch lands as a whole and is told to a listener with the
// values before and after; the last batches can be taken back, as a restored backup or a cut log would.
import { firstAtLeast } from '../../adapters/simulator/memory-store.js';
import type { RowWrite } from '../../runtime/index.js';

export interface RowChange {
  readonly key: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | null;
}

export interface Mark {
  readonly storeId: string;
  readonly epoch: number;
  readonly seq: number;
}

const historyBatches = 40;
const none: (readonly [string, Uint8Array])[] = [];

export class Disk {
  mark: Mark | null = null;
  private readonly rows: Map<string, Uint8Array>;
  private readonly sorted: string[];
  private readonly history: (readonly RowChange[])[] = [];

  constructor(rows: Iterable<readonly [string, Uint8Array]>) {
    this.rows = new Map(rows);
    this.sorted = [...this.rows.keys()].sort();
  }

  copy(): Disk {
    const copy = new Disk(this.rows);
    copy.mark = this.mark;
    return copy;
  }

  get(key: string): Uint8Array | undefined {
    return this.rows.get(key);
  }

  get keys(): readonly string[] {
    return this.sorted;
  }

  range(from: string, to: string, limit: number): (readonly [string, Uint8Array])[] {
    const first = this.place(from);
    const { sorted } = this;
    if (first >= sorted.length || sorted[first]! >= to) return none;
    const found: (readonly [string, Uint8Array])[] = [];
    for (let at = first; found.length < limit; at += 1) {
      const key = sorted[at];
      if (key === undefined || key >= to) break;
      found.push([key, this.rows.get(key)!]);
    }
    return found;
  }

  apply(batch: readonly RowWrite[]): readonly RowChange[] {
    const changes = batch.map(({ key, value }) => this.write(key, value));
    this.history.push(changes);
    if (this.history.length > historyBatches) this.history.shift();
    return changes;
  }

  /** Takes the last `count` batches back on a copy; false when so many are not remembered. */
  takenBackInto(copy: Disk, count: number): boolean {
    if (count > this.history.length) return false;
    for (const changes of this.history.slice(-count).reverse()) {
      for (let at = changes.length - 1; at >= 0; at -= 1) {
        const { key, before } = changes[at]!;
        copy.write(key, before ?? null);
      }
    }
    return true;
  }

  get remembered(): number {
    return this.history.length;
  }

  write(key: string, value: Uint8Array | null): RowChange {
    const before = this.rows.get(key);
    if (value === null) {
      if (before !== undefined) this.sorted.splice(this.place(key), 1);
      this.rows.delete(key);
    } else {
      if (before === undefined) this.sorted.splice(this.place(key), 0, key);
      this.rows.set(key, value);
    }
    return { key, before, after: value };
  }

  private place(key: string): number {
    return firstAtLeast(this.sorted, key);
  }
}
