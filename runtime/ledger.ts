// What the decisions of one group see and change: the store, over it the group on its way to disk, over that the
// open group, over that the command being decided. A command that fails leaves nothing behind. Every change knows
// the checksum of the row it replaces, because the set sum needs it (reliability R8).
import { type CachedRow, isActor, RowCache } from './cache.js';
import { openRow, type Sum, sumOf } from './integrity.js';
import type { StorePort } from './ports.js';

/**
 * What a row holds: octets, or a JSON value that is written out only when its group closes. A value is never changed
 * once it is here: whoever reads it gets the very same one.
 */
export type RowContent = Uint8Array | object;

/** The new content of a key, or null for a removal, and the sum of the row that lies durable below, or null. */
export interface Change {
  readonly content: RowContent | null;
  readonly before: Sum | null;
  /** Sum of the new row, once it has been sealed; null for a removal. */
  sum: Sum | null;
}

export type Changes = Map<string, Change>;

export class Ledger {
  /** The group in flight: its rows will be durable when the open group is written. */
  private flying: Changes = new Map();
  private group: Changes = new Map();
  private deciding = false;
  /** What the command being decided has replaced in the group, newest last: keys, and what stood there. */
  private readonly replacedKeys: string[] = [];
  private readonly replaced: (Change | undefined)[] = [];
  private readonly cache = new RowCache();

  constructor(private readonly store: Pick<StorePort, 'get'>) {}

  /** Decides one command: its changes join the group when `decide` returns, and vanish when it throws. */
  within<T>(decide: () => T): T {
    if (this.deciding) throw new TypeError('a command is decided one at a time');
    this.deciding = true;
    try {
      return decide();
    } catch (cause) {
      for (let at = this.replaced.length - 1; at >= 0; at -= 1)
        this.back(this.replacedKeys[at]!, this.replaced[at]);
      throw cause;
    } finally {
      this.deciding = false;
      this.replacedKeys.length = 0;
      this.replaced.length = 0;
    }
  }

  /** Part of the command being decided: its changes vanish when it throws, those before it stand. */
  part<T>(decide: () => T): T {
    const from = this.replaced.length;
    try {
      return decide();
    } catch (cause) {
      while (this.replaced.length > from) this.back(this.replacedKeys.pop()!, this.replaced.pop());
      throw cause;
    }
  }

  private back(key: string, before: Change | undefined): void {
    if (before === undefined) this.group.delete(key);
    else this.group.set(key, before);
  }

  /** Changes of the open group so far. */
  get size(): number {
    return this.group.size;
  }

  /** Takes the open group away to be sealed and written; reads go on seeing it until `landed`. */
  take(): Changes {
    const taken = this.group;
    // A row made and removed in one group never was.
    for (const [key, change] of taken) {
      if (change.content === null && change.before === null) taken.delete(key);
    }
    this.group = new Map();
    this.flying = taken;
    return taken;
  }

  /** The group in flight is durable. */
  landed(): void {
    for (const [key, { content, before, sum }] of this.flying) {
      if (!this.cache.keeps(key)) continue;
      // A message that was just born is seldom read again soon: its user is away.
      if (before === null && isActor(key)) this.cache.forget(key);
      else this.cache.set(key, content === null || sum === null ? null : { content, sum });
    }
    this.flying = new Map();
  }

  /** Octets of a row as this command sees it, or null. Throws DamagedRow. */
  read(key: string): Uint8Array | null {
    const content = this.content(key);
    if (content === null) return null;
    return content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  }

  /** Value of a JSON row as this command sees it, or null. Throws DamagedRow. Not to be changed by the caller. */
  readJson<T extends object>(key: string): T | null {
    const content = this.content(key);
    if (content === null || !(content instanceof Uint8Array)) return content as T | null;
    return JSON.parse(content.toString()) as T;
  }

  /** Writes a row that cannot exist yet; the caller knows, by the key's randomness or by having read it. */
  insert(key: string, content: RowContent): void {
    const standing = this.group.get(key);
    this.change(key, standing, { content, before: standing?.before ?? null, sum: null });
  }

  /** Writes a row over whatever is there. */
  put(key: string, content: RowContent): void {
    this.over(key, content);
  }

  remove(key: string): void {
    this.over(key, null);
  }

  private over(key: string, content: RowContent | null): void {
    const standing = this.group.get(key);
    const before = standing === undefined ? this.beneath(key) : standing.before;
    this.change(key, standing, { content, before, sum: null });
  }

  private change(key: string, standing: Change | undefined, change: Change): void {
    if (!this.deciding) throw new TypeError('rows change only within a command');
    this.replacedKeys.push(key);
    this.replaced.push(standing);
    this.group.set(key, change);
  }

  private content(key: string): RowContent | null {
    const change = this.group.get(key) ?? this.flying.get(key);
    return change === undefined ? (this.durable(key)?.content ?? null) : change.content;
  }

  // Sum of the row as it will lie durable when the open group is written.
  private beneath(key: string): Sum | null {
    const flying = this.flying.get(key);
    return flying === undefined ? this.durableSum(key) : flying.sum;
  }

  // Not checked: a damaged row may be removed or replaced like any other.
  private durableSum(key: string): Sum | null {
    const known = this.cache.get(key);
    if (known !== undefined) return known?.sum ?? null;
    const value = this.store.get(key);
    return value === undefined ? null : sumOf(value);
  }

  private durable(key: string): CachedRow | null {
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const value = this.store.get(key);
    if (!this.cache.keeps(key)) {
      return value === undefined ? null : { content: openRow(key, value), sum: sumOf(value) };
    }
    const row = value === undefined ? null : parsed(key, value);
    this.cache.set(key, row);
    return row;
  }
}

// Families that are kept in memory are JSON.
const parsed = (key: string, value: Uint8Array): CachedRow => ({
  content: JSON.parse(openRow(key, value).toString()) as object,
  sum: sumOf(value),
});
