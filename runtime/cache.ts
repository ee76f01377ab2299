// Rows lately written or read, as they lie durable: actors, users and pairs, which are read again soon. Rows, never
// live actors (reliability ED15); bounded by count, oldest out first. A row that is absent is remembered as such.
import type { Sum } from './integrity.js';

export interface CachedRow {
  readonly content: Uint8Array | object;
  readonly sum: Sum;
}

const rowsMax = 4096;
const families = 'auw';

export class RowCache {
  private readonly rows = new Map<string, CachedRow | null>();

  /** Whether rows of this key's family are kept. */
  keeps(key: string): boolean {
    return families.includes(key[3] ?? '-');
  }

  /** The row, null when it is known to be absent, undefined when nothing is known. */
  get(key: string): CachedRow | null | undefined {
    return this.rows.get(key);
  }

  set(key: string, row: CachedRow | null): void {
    this.rows.delete(key);
    this.rows.set(key, row);
    if (this.rows.size <= rowsMax) return;
    const oldest = this.rows.keys().next();
    if (!oldest.done) this.rows.delete(oldest.value);
  }
}
