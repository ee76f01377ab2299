// Which policy new messages are stored under, and the moving of living ones to it. An activation is one commit; the moving
// goes on a group at a time behind it, each message in one piece, and the row of the migration marks how far it is, so
// that it goes on after a crash (ADR 0030).
import type { MigrationJudgement, PolicyFinding } from '../../machines/index.js';
import type { Command, Reply } from '../commands.js';
import { unlessDamaged } from '../integrity.js';
import { keys } from '../keys.js';
import { lastChart, readActor } from '../life.js';
import { limits } from '../limits.js';
import { moveMessage } from '../moving.js';
import type { ActiveRow, HistoryRow, MigrationRow } from '../rows.js';
import type { Turn } from '../turn.js';
import { refuse } from './receive.js';

type Activated = Extract<Command, { type: 'policy.activated' }>;
type Deactivated = Extract<Command, { type: 'policy.deactivated' }>;

/** What the runtime tells itself while messages are being moved. */
export type MovingCommand =
  /** The next messages of a partition, in key order; `last` says that there are no more in it. */
  | {
      readonly type: 'messages.moved';
      readonly partition: number;
      readonly locals: readonly string[];
      readonly last: boolean;
    }
  /** All partitions have been gone through. */
  | { readonly type: 'moving.ended' };

/** Makes a policy the one of new messages; with `migrate` and `force` begins to move living ones. */
export function activate(turn: Turn, command: Activated): Reply {
  const { hash, mode } = command;
  const { registry } = turn;
  if (registry.get(hash) === null) return refuse('no-such-policy');
  const { ok, findings } = registry.rejudge(hash);
  if (!ok) return refuse('policy-refused', sentenceOf(findings));
  if (registry.course.migration !== null) return refuse('migration-under-way');
  const from = mode === 'new' ? [] : (command.from ?? []).filter((one) => one !== hash);
  const moves = movesOf(turn, from, command);
  const unknown = [...moves.values()].filter(({ known }) => !known);
  // Nobody is ended for what was not shown.
  if (unknown.length > 0)
    return refuse('migration-not-total', sentenceOf(unknown.flatMap(incompleteOf)));
  const against = mode === 'migrate' ? [...moves.values()].flatMap((one) => one.findings) : [];
  if (against.length > 0) return refuse('migration-not-total', sentenceOf(against));
  const before = registry.activation;
  putActive(turn, command, before === null ? [] : leftBehind(before, hash));
  if (mode !== 'new') succeed(turn, from, hash);
  remember(turn, { act: 'activated', mode, before: before?.hash ?? null, ...audited(command) });
  if (mode !== 'new' && from.length > 0) begin(turn, command, mode, moves);
  turn.notices.push({ type: 'activated', hash });
  return { kind: 'policy', hash };
}

/** The first finding, for a reply: where, what, and what shows it. */
export const sentenceOf = (
  findings: readonly Pick<PolicyFinding, 'pointer' | 'message' | 'path'>[],
): string => {
  const { pointer, message, path } = findings[0]!;
  const shown = path === undefined ? '' : ` Shown by: ${path.join(', ')}.`;
  const others = findings.length > 1 ? ` (one of ${findings.length} findings)` : '';
  return `${pointer}: ${message}${shown}${others}`;
};

/** Goes back to the policy that was active before. */
export function deactivate(turn: Turn, command: Deactivated): Reply {
  const { registry } = turn;
  const now = registry.activation;
  if (registry.course.migration !== null) return refuse('migration-under-way');
  const [hash, ...earlier] = earlierPolicies(registry);
  if (hash === undefined) return refuse('no-earlier-policy');
  const { ok, findings } = registry.rejudge(hash);
  if (!ok) return refuse('policy-refused', sentenceOf(findings));
  const { by, reason } = command;
  putActive(turn, { hash, by, reason }, earlier);
  const left = now?.hash ?? null;
  remember(turn, { act: 'deactivated', before: left, hash, by, reason });
  turn.notices.push({ type: 'activated', hash });
  return { kind: 'policy', hash };
}

/** What a deactivation leads back to, the latest first. */
export const earlierPolicies = (registry: Turn['registry']): readonly string[] =>
  registry.activation === null
    ? []
    : earlierOf(registry.activation).filter((one) => registry.get(one) !== null);

type Authored = Pick<Activated, 'hash' | 'by' | 'reason'>;

const audited = ({ hash, by, reason }: Authored): Authored => ({
  ...{ hash, by: by.slice(0, limits.authorCharactersMax), reason },
});

// A row before 0.4.0 knows only the one before it.
const earlierOf = ({ before, earlier }: ActiveRow): readonly string[] =>
  earlier ?? (before === null ? [] : [before]);

// A policy that is activated once more, to move messages to it, is not what one goes back to.
const leftBehind = (before: ActiveRow, hash: string): readonly string[] =>
  before.hash === hash ? earlierOf(before) : [before.hash, ...earlierOf(before)];

function putActive(turn: Turn, command: Authored, earlier: readonly string[]): void {
  const { registry, ledger, nowMs } = turn;
  const row: ActiveRow = {
    ...audited(command),
    atMs: nowMs,
    before: registry.activation?.hash ?? null,
    earlier: earlier.slice(0, limits.earlierPoliciesMax),
  };
  ledger.put(keys.active('default'), row);
  registry.activate(row);
  // What is chosen again is nobody's predecessor.
  const stored = registry.row(command.hash);
  if (stored?.successor === undefined) return;
  const { successor: _left, ...kept } = stored;
  ledger.put(keys.policy(command.hash), kept);
  registry.rewrite(command.hash, kept);
}

// Nothing is stored under a policy any more whose messages are moved away.
function succeed(turn: Turn, from: readonly string[], successor: string): void {
  for (const hash of from) {
    const row = turn.registry.row(hash);
    if (row === null) continue;
    turn.ledger.put(keys.policy(hash), { ...row, successor });
    turn.registry.rewrite(hash, { ...row, successor });
  }
}

/** Writes what was done about a policy into the history; the oldest entry goes when there are too many. */
export function remember(turn: Turn, what: Omit<HistoryRow, 'number' | 'atMs'>): void {
  const { course } = turn.registry;
  const entry = { number: course.nextNumber, atMs: turn.nowMs, ...what };
  turn.ledger.put(keys.history(entry.number), entry);
  const forgotten = course.note(entry);
  if (forgotten !== null) turn.ledger.remove(keys.history(forgotten));
}

const incompleteOf = ({ findings }: MigrationJudgement): readonly PolicyFinding[] => {
  const why = findings.filter(({ code }) => code === 'migration-incomplete');
  // What was not looked at is told last.
  return why.slice(-1);
};

type Moves = ReadonlyMap<string, MigrationJudgement>;

// By older policy: what speaks against its move, and whom it would leave stranded.
function movesOf({ registry }: Turn, from: readonly string[], { hash, map }: Activated): Moves {
  const to = registry.get(hash)!;
  const judged = from.flatMap((one) => {
    const policy = registry.get(one);
    return policy === null ? [] : [[one, registry.verdicts.move(policy, to, map ?? {})] as const];
  });
  return new Map(judged);
}

function begin(turn: Turn, command: Activated, mode: MigrationRow['mode'], moves: Moves): void {
  const stranded = Object.fromEntries([...moves].map(([from, one]) => [from, one.stranded]));
  const row: MigrationRow = {
    ...{ to: command.hash, from: [...moves.keys()], map: command.map ?? {}, mode },
    ...{ by: audited(command).by, reason: command.reason, begunAtMs: turn.nowMs },
    ...{ at: { partition: 0, after: null }, moved: 0, ended: 0, stranded },
  };
  putMigration(turn, row);
  turn.notices.push({ type: 'moving' });
}

function putMigration(turn: Turn, row: MigrationRow): void {
  turn.ledger.put(keys.migration(), row);
  turn.registry.course.migrate(row);
}

/** Moves the next messages of one partition, each in one piece, and marks how far that is. */
export function moveGroup(
  turn: Turn,
  { partition, locals, last }: Extract<MovingCommand, { type: 'messages.moved' }>,
): Reply {
  const { migration } = turn.registry.course;
  if (migration === null) return { kind: 'done' };
  // Its row is no part of what one message may undo.
  if (migration.mode === 'force') lastChart(turn);
  const counts = { moved: 0, ended: 0 };
  for (const local of locals) {
    const said = turn.notices.length;
    const came = unlessDamaged(() => turn.ledger.part(() => moveOne(turn, local, migration)));
    // Half a move is none: what was changed is undone, and what would be said of it is not.
    if (came === null) turn.notices.length = said;
    if (came === 'moved' || came === 'ended') counts[came] += 1;
  }
  const after = locals.at(-1) ?? migration.at.after;
  putMigration(turn, {
    ...migration,
    at: last ? { partition: partition + 1, after: null } : { partition, after },
    moved: migration.moved + counts.moved,
    ended: migration.ended + counts.ended,
  });
  turn.notices.push({ type: 'group-moved' });
  return { kind: 'done' };
}

function moveOne(turn: Turn, local: string, migration: MigrationRow): 'moved' | 'ended' | null {
  const row = readActor(turn, local);
  if (row === null || row.endedAtMs !== null || !migration.from.includes(row.policy)) return null;
  return moveMessage(turn, local, row, migration);
}

/** All are where they belong: the history says how many. */
export function endMoving(turn: Turn): Reply {
  const { migration } = turn.registry.course;
  if (migration === null) return { kind: 'done' };
  const { to: hash, mode, by, reason, moved, ended } = migration;
  turn.ledger.remove(keys.migration());
  turn.registry.course.migrate(null);
  remember(turn, { act: 'migrated', hash, mode, by, reason, moved, ended });
  return { kind: 'done' };
}
