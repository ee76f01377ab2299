// What the decisions of one group see and change: the store, over it the group on its way to disk, over that the
// open group, over that the command being decided. A command that fails leaves nothing behind. Every change knows
// the checksum of the row it replaces, because the set sum needs it (reliability R8).
import { type CachedRow, RowCache } from './cache.js';
import { openRow, type Sum, sumOf } from './integrity.js';
import type { StorePort } from './ports.js';

/** The new payload of a key, or null for a removal, and the sum of the row that lies durable below, or null. */
export interface Change {
  readonly payload: Uint8Array | null;
  readonly before: Sum | null;
}

export type Changes = Map<string, Change>;

export class Ledger {
  /** Sums of the rows of the group in flight: they will be durable when the open group is written. */
  private flying: ReadonlyMap<
    string,
    { readonly payload: Uint8Array | null; readonly sum: Sum | null }
  > = new Map();
  private group: Changes = new Map();
  private command: Changes | null = null;
  private readonly cache = new RowCache();

  constructor(private readonly store: Pick<StorePort, 'get'>) {}

  /** Decides one command: its changes join the group when `decide` returns, and vanish when it throws. */
  within<T>(decide: () => T): T {
    if (this.command !== null) throw new TypeError('a command is decided one at a time');
    const changes: Changes = new Map();
    this.command = changes;
    try {
      const result = decide();
      for (const [key, change] of changes) this.join(key, change);
      return result;
    } finally {
      this.command = null;
    }
  }

  /** Changes of the open group so far. */
  get size(): number {
    return this.group.size;
  }

  /** Takes the open group away to be written; reads go on seeing it until `landed`. */
  take(): Changes {
    const taken = this.group;
    this.group = new Map();
    return taken;
  }

  /** The taken group as it was sealed: what the next group must know of it. */
  fly(
    rows: ReadonlyMap<string, { readonly payload: Uint8Array | null; readonly sum: Sum | null }>,
  ): void {
    this.flying = rows;
  }

  /** The group in flight is durable. */
  landed(): void {
    for (const [key, { payload, sum }] of this.flying) {
      if (!this.cache.keeps(key)) continue;
      this.cache.set(key, payload === null || sum === null ? null : { payload, sum });
    }
    this.flying = new Map();
  }

  /** Payload of a row as this command sees it, or null. Throws DamagedRow. */
  read(key: string): Uint8Array | null {
    const change = this.command?.get(key) ?? this.group.get(key);
    if (change !== undefined) return change.payload;
    const flying = this.flying.get(key);
    if (flying !== undefined) return flying.payload;
    return this.durable(key)?.payload ?? null;
  }

  readJson<T>(key: string): T | null {
    const payload = this.read(key);
    return payload === null ? null : (JSON.parse(payload.toString()) as T);
  }

  /** Writes a row that cannot exist yet; the caller knows, by the key's randomness or by having read it. */
  insert(key: string, payload: Uint8Array): void {
    this.changes().set(key, { payload, before: this.known(key)?.before ?? null });
  }

  insertJson(key: string, value: object): void {
    this.insert(key, Buffer.from(JSON.stringify(value)));
  }

  /** Writes a row over whatever is there. */
  put(key: string, payload: Uint8Array): void {
    this.changes().set(key, { payload, before: this.beneath(key) });
  }

  putJson(key: string, value: object): void {
    this.put(key, Buffer.from(JSON.stringify(value)));
  }

  remove(key: string): void {
    this.changes().set(key, { payload: null, before: this.beneath(key) });
  }

  private changes(): Changes {
    if (this.command === null) throw new TypeError('rows change only within a command');
    return this.command;
  }

  private known(key: string): Change | undefined {
    return this.command?.get(key) ?? this.group.get(key);
  }

  // Sum of the row as it will lie durable when the open group is written.
  private beneath(key: string): Sum | null {
    const change = this.known(key);
    if (change !== undefined) return change.before;
    const flying = this.flying.get(key);
    if (flying !== undefined) return flying.sum;
    return this.durable(key)?.sum ?? null;
  }

  private durable(key: string): CachedRow | null {
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const value = this.store.get(key);
    const row = value === undefined ? null : { payload: openRow(key, value), sum: sumOf(value) };
    if (this.cache.keeps(key)) this.cache.set(key, row);
    return row;
  }

  private join(key: string, change: Change): void {
    if (change.payload === null && change.before === null) this.group.delete(key);
    else this.group.set(key, change);
  }
}
