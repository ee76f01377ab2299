// From a folder, or any store port, to a running engine: founding, lock, head, scan, admission, watermark.
import { type Compiled, defaultPreferenceRules, defaultReportRules } from '../machines/index.js';
import { hostClock, hostEntropy } from './clock.js';
import { RuntimeFault } from './errors.js';
import { type FailpointHook, noFailpoint } from './failpoints.js';
import { type Founding, foundingRows } from './found.js';
import type { Judge, JudgeMove } from './gate.js';
import { sealJson } from './group.js';
import { keys, storeSumKey } from './keys.js';
import { limits } from './limits.js';
import type { BoundRules } from './policy-course.js';
import type { AuditPort, Clock, EffectPort, Entropy, StorePort, World } from './ports.js';
import {
  bootOrder,
  type PartitionFound,
  readHead,
  type StoreHead,
  scanPartition,
} from './recovery.js';
import type { Registry } from './registry.js';
import type {
  ActiveRow,
  ActiveRulesRow,
  HistoryRow,
  MigrationRow,
  PolicyRow,
  RulesRow,
} from './rows.js';
import { Engine } from './runtime.js';
import { asFault, createStore, openStore, type StoreLocation, storeExists } from './store.js';
import type { Notice, RuntimeSettings } from './turn.js';
import type { Mark } from './watermark.js';

export interface RuntimeOptions {
  readonly effects: EffectPort;
  /** Who hears of every step, for charging and audit; nobody by default. */
  readonly audits?: AuditPort;
  readonly settings?: Partial<RuntimeSettings>;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly clockTrusted?: boolean;
  /** Answers questions only: nothing fires, nothing is sent, nothing is written. */
  readonly readOnly?: boolean;
  /** Serve although the watermark says that commits are missing; begins a new epoch. */
  readonly acceptRollback?: boolean;
  /** Least octets free on the volume before new messages are refused; asked anew each time when it is a function. */
  readonly freeOctetsMin?: number | (() => number);
  readonly exit?: (code: number, why: string) => void;
  readonly failpoint?: FailpointHook;
  readonly listener?: (notice: Notice) => void;
  /** Builds a stored policy, `compilePolicy` by default: one who boots very often may keep what it made. */
  readonly compile?: (source: unknown) => Compiled;
  /** Reads the payload of a stored policy's row: likewise. */
  readonly parsePolicy?: (payload: Uint8Array) => PolicyRow;
  /** Judges a policy that is to be installed or activated; the gate by default. Tests let in what it refuses. */
  readonly judge?: Judge;
  /** The same of a move between two policies. */
  readonly judgeMove?: JudgeMove;
}

export const defaultRuntimeSettings: Omit<RuntimeSettings, 'reportRules'> = {
  mailboxMessagesMax: limits.mailboxMessagesMax,
  mailboxOctetsMax: limits.mailboxOctetsMax,
  pairMessagesMax: limits.pairMessagesMax,
  strangersPercent: 100,
  atLimit: 'refuse',
  senderStatus: 'full',
  refusedStatus: 480,
  servedDomains: [],
  mediaTypes: [],
  messageOctetsMax: Number.POSITIVE_INFINITY,
  preferences: defaultPreferenceRules,
  requireImTag: false,
  auditBacklogMax: 1_000_000,
};

/** A store as the boot needs it; a simulated one may lack the parts that belong to a disk. */
export interface BootStore extends StorePort {
  readonly mark?: Mark | null;
  writeMark?(mark: Mark): Promise<void>;
  freeOctets?(): number;
  readonly alarms?: readonly string[];
  dismissAlarms?(): void;
  readonly damage?: readonly string[];
}

/** A running engine; `ready` resolves when every partition has been checked, or rejects with what is wrong. */
export interface Opened {
  readonly engine: Engine;
  readonly ready: Promise<void>;
  /** Partitions that serve, of all. */
  readonly progress: () => { readonly admitted: number; readonly of: number };
  close(): Promise<void>;
}

/** Makes a store in a folder. Rejects with DEFERRED_IM_STORE_EXISTS when something is there. */
export function makeStore(
  location: StoreLocation,
  host: string,
  more: Omit<Founding, 'host'> = {},
): Promise<void> {
  return createStore(location, foundingRows(hostClock, hostEntropy, { ...more, host }));
}

/** Opens the store of a folder, making it first when there is none and a host for its ids is given. */
export async function openFolder(
  location: StoreLocation & Partial<Founding>,
  options: RuntimeOptions,
): Promise<Opened> {
  const { host } = location;
  if (!storeExists(location.folder) && host !== undefined)
    await makeStore(location, host, location);
  const store = await openStore(location);
  try {
    return await openRuntime(store, options);
  } catch (cause) {
    await store.close();
    // What names no error of the store or the system is a bug of ours, and is called one.
    if ((cause as { code?: unknown } | null)?.code === undefined) throw cause;
    throw asFault(cause, `the store in ${location.folder} could not be served`);
  }
}

/** Starts an engine on a store that is open. */
export async function openRuntime(store: BootStore, options: RuntimeOptions): Promise<Opened> {
  const { damage = [], alarms = [] } = store;
  if (alarms.length > 0 && options.acceptRollback !== true) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_DAMAGED',
      'LevelDB dropped data when it opened',
      alarms,
    );
  }
  // Whoever only asks may still read what can be read.
  if (damage.length > 0 && options.readOnly !== true) throw damaged(damage);
  const world = worldOf(store, options);
  const left = readHead(store, store.mark ?? null, options.acceptRollback ?? false);
  const head = alarms.length > 0 && !left.forgiven ? begunAnew(left) : left;
  const isVirtual = world.clock.set !== undefined;
  if (isVirtual && head.identity.test !== true) {
    throw new RuntimeFault(
      'DEFERRED_IM_STORE_NOT_TEST',
      'only a store that was made for tests is served with a virtual clock',
    );
  }
  // From here on the store says itself that what is missing was given up.
  if (head.forgiven) {
    await store.commit([{ key: storeSumKey, value: sealJson(storeSumKey, head.sum) }]);
    store.dismissAlarms?.();
  }
  const engine = new Engine({
    ...{ world, head },
    settings: { ...defaultRuntimeSettings, reportRules: defaultReportRules, ...options.settings },
    clockTrusted: isVirtual || (options.clockTrusted ?? false),
    readOnly: options.readOnly ?? false,
    gate: gateOf(store, world.clock, options.freeOctetsMin ?? freeOctetsMinDefault),
    ...(options.listener === undefined ? {} : { listener: options.listener }),
    ...(options.compile === undefined ? {} : { compile: options.compile }),
    ...(options.judge === undefined ? {} : { judge: options.judge }),
    ...(options.judgeMove === undefined ? {} : { judgeMove: options.judgeMove }),
  });
  const state = { admitted: 0 };
  world.failpoint('boot.opened');
  const first = await admitOne(engine, world, head, bootOrder[0]!);
  loadPolicies(engine, first, options.parsePolicy ?? parsePolicy);
  engine.admit(first);
  state.admitted = 1;
  // Not before: a store that is refused here must leave no timer behind.
  const unmarked = options.readOnly === true || store.writeMark === undefined;
  const marks = unmarked ? noMark : keepMark(store, world.clock, head, engine);
  return {
    engine,
    ready: admitRest(engine, world, head, { state, damage }),
    progress: () => ({ admitted: state.admitted, of: bootOrder.length }),
    // The mark is written while the lock is held: a successor's is newer.
    close: () => engine.close(() => marks.stop()),
  };
}

// The watermark may know less than what LevelDB dropped: numbers given out before must not be given out again.
const begunAnew = (head: StoreHead): StoreHead => ({
  ...head,
  sum: { ...head.sum, epoch: head.sum.epoch + 1 },
  forgiven: true,
});

/** Below this new messages are refused: LevelDB needs room to merge (reliability R13). */
const freeOctetsMinDefault = 64 * 1024 * 1024;

function worldOf(store: StorePort, options: RuntimeOptions): World {
  return {
    clock: options.clock ?? hostClock,
    entropy: options.entropy ?? hostEntropy,
    store,
    effects: options.effects,
    ...(options.audits === undefined ? {} : { audits: options.audits }),
    exit: options.exit ?? exitProcess,
    failpoint: options.failpoint ?? noFailpoint,
  };
}

function exitProcess(code: number, why: string): void {
  process.stderr.write(`deferred-im: ${why}\n`);
  process.exit(code);
}

async function admitOne(
  engine: Engine,
  world: World,
  head: StoreHead,
  partition: number,
): Promise<PartitionFound> {
  const { found, damage } = await scanPartition(
    world.store,
    partition,
    head.partitions[partition]!,
    engine.seen,
  );
  world.failpoint('boot.scanned');
  if (damage.length === 0) return found;
  const { host } = engine.identities;
  throw new RuntimeFault(
    'DEFERRED_IM_STORE_DAMAGED',
    `the store of ${host} is damaged: ${damage[0]}`,
    damage,
  );
}

// The rest is checked while what passed serves; all damage is found before anything is said about it.
async function admitRest(
  engine: Engine,
  world: World,
  head: StoreHead,
  { state, damage: known }: { state: { admitted: number }; damage: readonly string[] },
): Promise<void> {
  const damage = [...known];
  for (const partition of bootOrder.slice(1)) {
    try {
      engine.admit(await admitOne(engine, world, head, partition));
      state.admitted += 1;
    } catch (cause) {
      if (!(cause instanceof RuntimeFault)) throw faultOf(cause);
      damage.push(...cause.details);
    }
  }
  if (damage.length > 0) throw damaged(damage);
}

// What names no error of the store or the system is a bug of ours, and is called one.
const faultOf = (cause: unknown): unknown =>
  (cause as { code?: unknown } | null)?.code === undefined
    ? cause
    : asFault(cause, 'the store could not be checked');

const damaged = (damage: readonly string[]): RuntimeFault =>
  new RuntimeFault('DEFERRED_IM_STORE_DAMAGED', `the store is damaged: ${damage[0]}`, damage);

const parsePolicy = (payload: Uint8Array): PolicyRow =>
  JSON.parse(Buffer.from(payload).toString()) as PolicyRow;

function loadPolicies(
  engine: Engine,
  found: PartitionFound,
  parse: (payload: Uint8Array) => PolicyRow,
): void {
  for (const [key, payload] of found.rows) {
    if (key[3] === 'P') engine.registry.add(key.slice(5), parse(payload));
  }
  for (const row of found.rows) loadCourse(engine.registry, found, row);
}

function boundRules({ rows }: PartitionFound, active: unknown): BoundRules {
  const { hash } = active as ActiveRulesRow;
  const [, payload] = rows.find(([key]) => key === keys.rules(hash)) ?? [];
  const { rules } = (JSON.parse(Buffer.from(payload ?? '').toString()) as RulesRow).source;
  return { active: active as ActiveRulesRow, rules };
}

// Rows come in the order of their keys: the active one, the history from its oldest entry, the migration.
function loadCourse(
  registry: Registry,
  found: PartitionFound,
  [key, payload]: PartitionFound['rows'][number],
): void {
  const row = (): unknown => JSON.parse(Buffer.from(payload).toString());
  if (key === keys.active('default')) registry.activate(row() as ActiveRow);
  else if (key === keys.active('rules')) registry.course.rule(boundRules(found, row()));
  else if (key[3] === 'H') registry.course.note(row() as HistoryRow);
  else if (key[3] === 'M') registry.course.migrate(row() as MigrationRow);
}

// Asked at most twice a second: a statfs for each message would cost more than it tells.
function gateOf(
  store: BootStore,
  clock: Clock,
  freeOctetsMin: number | (() => number),
): () => 'store-full' | null {
  const least = typeof freeOctetsMin === 'number' ? () => freeOctetsMin : freeOctetsMin;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let closed = false;
  return () => {
    const now = clock.mono();
    if (store.freeOctets !== undefined && now - askedAtMs >= 500) {
      askedAtMs = now;
      closed = store.freeOctets() < least();
    }
    return closed ? 'store-full' : null;
  };
}

const noMark = { stop: async () => {} };

function keepMark(
  store: BootStore,
  clock: Clock,
  head: StoreHead,
  engine: Engine,
): { stop(): Promise<void> } {
  let written = -1;
  let stopped = false;
  let cancel = () => {};
  const write = async () => {
    const seq = engine.committed;
    if (seq === written) return;
    try {
      await store.writeMark?.({ storeId: head.identity.storeId, epoch: head.sum.epoch, seq });
      written = seq;
    } catch (cause) {
      engine.fail(asFault(cause, 'the watermark could not be written'));
    }
  };
  // One at a time: the next wait begins when the mark is on disk.
  const again = async () => {
    await write();
    if (!stopped) cancel = clock.after(limits.watermarkIntervalMs, next);
  };
  let writing = Promise.resolve();
  const next = () => {
    writing = again();
  };
  next();
  return {
    stop: async () => {
      stopped = true;
      cancel();
      await writing;
      await write();
    },
  };
}
