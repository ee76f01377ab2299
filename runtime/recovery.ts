// What happens before a store is served: it is what it was left as, or it is refused. Every row is read and checked,
// every partition counted and summed; a partition may serve as soon as its own numbers agree (reliability R10). On the
// way recovery notes what must go on: effects without outcome, users who can be reached, parked messages.
import { RuntimeFault } from './errors.js';
import type { SeenFilter } from './filter.js';
import { type PartitionState, partitionState } from './group.js';
import { add, DamagedRow, openRow, type Sum, sameSum, sumOf, zero } from './integrity.js';
import { keys, preferencesDigest, ranges, sharedPartition, storeSumKey } from './keys.js';
import { partitionCount } from './limits.js';
import type { StorePort } from './ports.js';
import {
  emptyMeta,
  type MetaRow,
  type NoticeRow,
  type StoreRow,
  type StoreSumRow,
  type UserRow,
} from './rows.js';
import type { Mark } from './watermark.js';

/** What lies in the store's own rows. */
export interface StoreHead {
  readonly identity: StoreRow;
  readonly sum: StoreSumRow;
  readonly partitions: PartitionState[];
  /** Commits are missing and were given up: a new epoch begins. */
  readonly forgiven: boolean;
}

/** What one partition leaves to be done. */
export interface PartitionFound {
  readonly partition: number;
  /** Local ids of messages with effects that have no outcome. */
  readonly outbox: readonly string[];
  readonly users: readonly (readonly [string, UserRow])[];
  /** Notices on their way, by their local id. */
  readonly notices: readonly (readonly [string, NoticeRow])[];
  readonly waiting: number;
  readonly parked: number;
  /** Audit events nobody has said to have. */
  readonly audits: number;
  /** Policies by hash, and active rows by name: the shared partition's. */
  readonly rows: readonly (readonly [string, Uint8Array])[];
}

/** Reads the store's own rows. Throws a RuntimeFault when it is not a store of ours, or older than its mark. */
export function readHead(store: StorePort, mark: Mark | null, acceptRollback: boolean): StoreHead {
  const identity = readJson<StoreRow>(store, keys.store());
  const sum = readJson<StoreSumRow>(store, storeSumKey);
  if (identity === null || sum === null) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_DAMAGED',
      'the store has no identity or no commit number',
    );
  }
  if (identity.version !== 1) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_FORMAT',
      `the store has format ${identity.version}, known is 1`,
    );
  }
  const behind = mark !== null && mark.storeId === identity.storeId && isBefore(sum, mark);
  if (behind && !acceptRollback) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_ROLLED_BACK',
      `the store is at commit ${sum.epoch}/${sum.seq}, its watermark at ${mark.epoch}/${mark.seq}`,
    );
  }
  const epoch = behind ? Math.max(sum.epoch, mark.epoch) + 1 : sum.epoch;
  const partitions = Array.from({ length: partitionCount + 1 }, (_, index) =>
    partitionState(readJson<MetaRow>(store, keys.meta(index)) ?? emptyMeta),
  );
  return { identity, sum: { ...sum, epoch }, partitions, forgiven: behind };
}

const isBefore = (sum: StoreSumRow, mark: Mark): boolean =>
  sum.epoch < mark.epoch || (sum.epoch === mark.epoch && sum.seq < mark.seq);

function readJson<T>(store: StorePort, key: string): T | null {
  const value = store.get(key);
  if (value === undefined) return null;
  try {
    return JSON.parse(openRow(key, value).toString()) as T;
  } catch (cause) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_DAMAGED',
      `the row ${JSON.stringify(key)} cannot be read`,
      [],
      { cause },
    );
  }
}

/** Order in which partitions are checked: the shared one first, policies are needed by all. */
export const bootOrder: readonly number[] = [
  sharedPartition,
  ...Array.from({ length: partitionCount }, (_, index) => index),
];

/** Reads and checks one partition. `damage` is empty when its rows are exactly those that were written. */
export async function scanPartition(
  store: StorePort,
  partition: number,
  expected: PartitionState,
  seen: SeenFilter,
): Promise<{ readonly found: PartitionFound; readonly damage: readonly string[] }> {
  const damage: string[] = [];
  const found = {
    outbox: new Set<string>(),
    users: [] as [string, UserRow][],
    notices: [] as [string, NoticeRow][],
    waiting: 0,
    parked: 0,
    audits: 0,
  };
  const rows: (readonly [string, Uint8Array])[] = [];
  let count = 0;
  let sum: Sum = zero;
  const { from, to } = ranges.partition(partition);
  for await (const [key, value] of store.scan(from, to)) {
    const payload = checked(key, value, damage);
    if (payload === null || key[3] === 'm') continue;
    count += 1;
    sum = add(sum, sumOf(value));
    if (partition === sharedPartition) rows.push([key, payload]);
    else note(key, payload, found, seen);
  }
  // The row count that was expected is the one before anything is served, so that nothing moves underneath.
  if (count !== expected.count)
    damage.push(`partition ${partition}: ${count} rows, ${expected.count} expected`);
  else if (!sameSum(sum, expected.sum)) damage.push(`partition ${partition}: the set sum differs`);
  return { found: { partition, ...found, outbox: [...found.outbox], rows }, damage };
}

function checked(key: string, value: Uint8Array, damage: string[]): Buffer | null {
  try {
    return openRow(key, value);
  } catch (cause) {
    if (!(cause instanceof DamagedRow)) throw cause;
    damage.push(cause.message);
    return null;
  }
}

interface Found {
  readonly outbox: Set<string>;
  readonly users: [string, UserRow][];
  readonly notices: [string, NoticeRow][];
  waiting: number;
  parked: number;
  audits: number;
}

function note(key: string, payload: Buffer, found: Found, seen: SeenFilter): void {
  switch (key[3]) {
    case 'd':
      seen.add(key.slice(5));
      return;
    case 'o':
      found.outbox.add((JSON.parse(payload.toString()) as { local: string }).local);
      return;
    case 'u':
      found.users.push([
        decodeURIComponent(key.slice(5)),
        JSON.parse(payload.toString()) as UserRow,
      ]);
      return;
    case 'n':
      found.notices.push([key.slice(5), JSON.parse(payload.toString()) as NoticeRow]);
      return;
    case 'p':
      seen.add(preferencesDigest(decodeURIComponent(key.slice(5))));
      return;
    case 'r':
      found.waiting += 1;
      return;
    case 'q':
      found.parked += 1;
      return;
    case 'e':
      found.audits += 1;
      return;
    default:
  }
}
