// The only user of level. A store is a folder: LevelDB in `db`, an optional ballast file beside it, its watermark in
// another folder. It is made apart and renamed into place; opening never creates. Every commit is one synced batch,
// one at a time; the first error is for ever (reliability 1.1, R2, R3, R5, R11).
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Level } from 'level';
import { dismissAlarms, readAlarms } from './alarms.js';
import { RuntimeFault } from './errors.js';
import { lockFolder, type ProcessLock } from './lock.js';
import type { RowWrite, StorePort } from './ports.js';
import { syncFolder } from './sync-folder.js';
import { damagedTables, tablesIn } from './tables.js';
import { type Mark, readMark, writeMark } from './watermark.js';

type Database = Level<string, Uint8Array>;

const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

// A larger write buffer than LevelDB's 4 MiB: fewer tables to merge while a million messages come in.
const writeBufferOctetsDefault = 8 * 1024 * 1024;

// Rows are alike: blocks of a dozen of them compress better than blocks of three, on disk and where they are mapped.
const tuningOf = ({ writeBufferOctets = writeBufferOctetsDefault }: StoreLocation) => ({
  ...encodings,
  ...{ writeBufferSize: writeBufferOctets, cacheSize: 4 * 1024 * 1024, blockSize: 16 * 1024 },
});

export interface StoreLocation {
  readonly folder: string;
  /** Where the watermark lives; `<folder>.watermark` by default. */
  readonly watermarkFolder?: string;
  /** LevelDB's write buffer; a small one lets a test see many logs rotated and tables merged. */
  readonly writeBufferOctets?: number;
}

/** A store on disk, open in this process alone. */
export interface DiskStore extends StorePort {
  /** The mark of the last clean second, or null when there is none. */
  readonly mark: Mark | null;
  writeMark(mark: Mark): Promise<void>;
  /** Octets free for us on the volume. */
  freeOctets(): number;
  /** What LevelDB has said of dropped data, at this opening or before, and nobody has accepted. */
  readonly alarms: readonly string[];
  dismissAlarms(): void;
  /** Tables that fail their checksums. */
  readonly damage: readonly string[];
}

/** Makes a store: its first rows in one synced batch, in a folder apart, renamed into place. */
export async function createStore(
  location: StoreLocation,
  rows: readonly RowWrite[],
): Promise<void> {
  const folder = resolve(location.folder);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new RuntimeFault('DEFERRED_IM_STORE_EXISTS', `${folder} is not empty`);
  }
  const apart = `${folder}.creating-${process.pid}`;
  rmSync(apart, { recursive: true, force: true });
  try {
    mkdirSync(apart, { recursive: true, mode: 0o700 });
    const db: Database = new Level(join(apart, 'db'), tuningOf(location));
    await db.open();
    await write(db, rows);
    await db.close();
    // What is in it becomes durable before its name: a power cut leaves a whole store, or none.
    syncFolder(join(apart, 'db'));
    syncFolder(apart);
    // Takes the place of an empty folder, and fails on one that another process filled meanwhile.
    renameSync(apart, folder);
    syncFolder(dirname(folder));
  } catch (cause) {
    rmSync(apart, { recursive: true, force: true });
    if (isTaken(cause))
      throw new RuntimeFault('DEFERRED_IM_STORE_EXISTS', `${folder} is not empty`, [], { cause });
    throw asFault(cause, `a store could not be made in ${folder}`);
  }
}

const isTaken = (cause: unknown): boolean =>
  ['ENOTEMPTY', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '');

/** True when a folder holds a store. */
export const storeExists = (folder: string): boolean => existsSync(join(folder, 'db', 'CURRENT'));

/** Opens a store that exists. Rejects with a RuntimeFault that says what is wrong and where. */
export async function openStore(location: StoreLocation): Promise<DiskStore> {
  const folder = resolve(location.folder);
  if (!existsSync(join(folder, 'db'))) {
    throw new RuntimeFault('DEFERRED_IM_STORE_MISSING', `there is no store in ${folder}`);
  }
  checkPrivate(folder);
  const lock = await lockFolder(folder);
  const path = join(folder, 'db');
  const db: Database = new Level(path, { ...tuningOf(location), createIfMissing: false });
  try {
    // What LevelDB makes while it opens needs no check, and is not finished when we look.
    const tables = tablesIn(path);
    await db.open();
    // First of all: what LevelDB says now it does not say again.
    const alarms = readAlarms(folder);
    // LevelDB renames CURRENT at every opening and does not sync the folder. Were that name lost after commits of ours,
    // the old MANIFEST would lead to a log whose last record may never have been synced: a hole below them.
    syncFolder(path);
    const damage = await damagedTables(path, tables);
    return diskStore(db, lock, location, { alarms, damage });
  } catch (cause) {
    await db.close();
    await lock.release();
    throw asFault(cause, `the store in ${folder} could not be opened`);
  }
}

// Bodies are other people's letters (reliability X16).
function checkPrivate(folder: string): void {
  if ((statSync(folder).mode & 0o077) === 0) return;
  throw new RuntimeFault(
    'DEFERRED_IM_STORE_PERMISSIONS',
    `${folder} must be readable by its owner alone (mode 0700)`,
  );
}

function diskStore(
  db: Database,
  lock: ProcessLock,
  location: StoreLocation,
  { alarms, damage }: Pick<DiskStore, 'alarms' | 'damage'>,
): DiskStore {
  const folder = resolve(location.folder);
  const watermarkFolder = location.watermarkFolder ?? `${folder}.watermark`;
  let writing = false;
  let failed: unknown = null;
  return {
    mark: readMark(watermarkFolder),
    alarms,
    dismissAlarms: () => dismissAlarms(folder),
    damage,
    writeMark: (mark) => writeMark(watermarkFolder, mark),
    freeOctets: () => freeOctetsAt(folder),
    get: (key) => db.getSync(key),
    scan: (from, to, limit) => scan(db, from, to, limit),
    commit: async (rows) => {
      if (writing) throw new TypeError('one commit at a time');
      // After an error LevelDB may take writes and lose them at the next open: there is no second try.
      if (failed !== null) throw failed;
      writing = true;
      try {
        await write(db, rows);
      } catch (cause) {
        failed = cause;
        throw cause;
      } finally {
        writing = false;
      }
    },
    close: async () => {
      await db.close();
      await lock.release();
    },
  };
}

async function write(db: Database, rows: readonly RowWrite[]): Promise<void> {
  const batch = db.batch();
  for (const { key, value } of rows) {
    if (value === null) batch.del(key);
    else batch.put(key, value);
  }
  await batch.write({ sync: true });
}

// Rows come in pages and are handed out one by one; a generator would cost more than a small row's checksum.
function scan(
  db: Database,
  from: string,
  to: string,
  limit = -1,
): AsyncIterable<readonly [string, Uint8Array]> {
  return { [Symbol.asyncIterator]: () => rowIterator(db, from, to, limit) };
}

type Row = readonly [string, Uint8Array];

const pageOctets = 128 * 1024;

// The next page of a whole scan is read while the current one is worked on.
function rowIterator(db: Database, from: string, to: string, limit: number): AsyncIterator<Row> {
  const whole = limit === -1;
  // The binding's own 16 KiB would mean a round trip for every few dozen rows.
  const highWaterMarkBytes = whole ? pageOctets : 16 * 1024;
  const iterator = db.iterator({ gte: from, lt: to, limit, highWaterMarkBytes } as object);
  const pageRows = whole ? 1000 : Math.min(limit, 1000);
  const read = () => iterator.nextv(pageRows) as Promise<[string, Uint8Array][]>;
  let page: [string, Uint8Array][] = [];
  let at = 0;
  let ahead: ReturnType<typeof read> | null = null;
  const end = async (): Promise<IteratorResult<Row>> => {
    await ahead?.catch(() => {});
    await iterator.close();
    return { done: true, value: undefined };
  };
  const more = async (): Promise<IteratorResult<Row>> => {
    try {
      page = await (ahead ?? read());
    } catch (cause) {
      await iterator.close();
      throw cause;
    }
    at = 1;
    if (page.length === 0) {
      ahead = null;
      return end();
    }
    ahead = whole ? read() : null;
    ahead?.catch(() => {});
    return { done: false, value: page[0]! };
  };
  return {
    next: () => {
      const value = page[at];
      if (value === undefined) return more();
      at += 1;
      return Promise.resolve({ done: false, value });
    },
    return: end,
  };
}

// File systems that do not keep what they confirm, or not on this host (B22).
const volatileKinds: Readonly<Record<number, string>> = {
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  2035054128: 'overlay',
  26985: 'NFS',
  1702057286: 'FUSE',
  4283649346: 'CIFS',
};

/** Octets free for us on the volume of a folder. */
export function freeOctetsAt(folder: string): number {
  const volume = statfsSync(folder);
  return volume.bavail * volume.bsize;
}

/** Name of the file system a folder lies on when it is no place for a store; null when it is. */
export function volumeKind(folder: string): string | null {
  return volatileKinds[statfsSync(folder).type >>> 0] ?? null;
}

/** What LevelDB said, as a fault with the exit code it deserves. */
export function asFault(cause: unknown, what: string): RuntimeFault {
  if (cause instanceof RuntimeFault) return cause;
  const inner = deepest(cause);
  const code = (inner as { code?: unknown }).code;
  const text = inner instanceof Error ? inner.message : String(inner);
  if (code === 'LEVEL_LOCKED')
    return new RuntimeFault('DEFERRED_IM_STORE_LOCKED', `${what}: ${text}`, [], { cause });
  const damaged = code === 'LEVEL_CORRUPTION' || text.includes('does not exist (create_if_missing');
  const missing = text.includes('MANIFEST') && text.includes('No such file');
  const kind = damaged || missing ? 'DEFERRED_IM_STORE_DAMAGED' : 'DEFERRED_IM_STORE_IO';
  return new RuntimeFault(kind, `${what}: ${text}`, [], { cause });
}

function deepest(cause: unknown): unknown {
  const inner = cause instanceof Error ? cause.cause : undefined;
  return inner === undefined ? cause : deepest(inner);
}
