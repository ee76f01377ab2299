// Rows lately written or read, as they lie durable: actors, users and pairs, which are read again soon. Rows, never
// live actors (reliability ED15); bounded by count, oldest out first. A row that is absent is remembered as such.
import type { Sum } from './integrity.js';

export interface CachedRow {
  readonly content: Uint8Array | object;
  readonly sum: Sum;
}

/** Whether a key is that of an actor row. */
export const isActor = (key: string): boolean => key[3] === 'a';

const usersMax = 8192;
const actorsMax = 1024;

export class RowCache {
  private readonly users = new Map<string, CachedRow | null>();
  private readonly actors = new Map<string, CachedRow | null>();

  /** Whether rows of this key's family are kept. */
  keeps(key: string): boolean {
    return isActor(key) || key[3] === 'u' || key[3] === 'w';
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

  forget(key: string): void {
    this.of(key).delete(key);
  }

  private of(key: string): Map<string, CachedRow | null> {
    return isActor(key) ? this.actors : this.users;
  }
}
