// Rows lately written or read, as they lie durable: actors, users and pairs, which are read again soon. Rows, never
// live actors (reliability ED15); bounded by count, oldest out first. A row that is absent is remembered as such.
import type { Sum } from './integrity.js';

export interface CachedRow {
  readonly content: Uint8Array | object;
  readonly sum: Sum;
}

const usersMax = 8192;
const actorsMax = 1024;

export class RowCache {
  private readonly users = new Map<string, CachedRow | null>();
  private readonly actors = new Map<string, CachedRow | null>();

  /** Whether rows of this key's family are kept. */
  keeps(key: string): boolean {
    const family = key[3];
    return family === 'u' || family === 'w' || family === 'a';
  }

  /** The row, null when it is known to be absent, undefined when nothing is known. */
  get(key: string): CachedRow | null | undefined {
    return this.of(key).get(key);
  }

  set(key: string, row: CachedRow | null): void {
    const rows = this.of(key);
    rows.delete(key);
    rows.set(key, row);
    if (rows.size <= (rows === this.users ? usersMax : actorsMax)) return;
    const oldest = rows.keys().next();
    if (!oldest.done) rows.delete(oldest.value);
  }

  private of(key: string): Map<string, CachedRow | null> {
    return key[3] === 'a' ? this.actors : this.users;
  }
}
