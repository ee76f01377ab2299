// Everything that follows from one step within the same group: the actor row, its timer row, its outbox rows, its place
// in the mailbox, its body. The only writer of those families; what happens next is life.ts's to say.
import {
  type AnswerClass,
  durationMs,
  type EarlyStatus,
  type Effect,
  type Message,
  type MessageContext,
  type Policy,
  retentionMinMs,
} from '../machines/index.js';
import { type Counted, enterMailbox, leaveMailbox } from './accounts.js';
import { announce } from './announcement.js';
import type { TrailStep } from './api.js';
import { audit } from './audit.js';
import { effectIdOf } from './identity.js';
import { keys } from './keys.js';
import { limits } from './limits.js';
import { tell } from './notices.js';
import type { ActorRow, PendingEffect } from './rows.js';
import type { Step } from './step.js';
import { boxChanged } from './subscriptions.js';
import type { Turn } from './turn.js';

/** How one event came about, for the trail and for what it settles. */
export interface Cause {
  /** Event type, or `after <delay>`. */
  readonly name: string;
  readonly status?: number;
  readonly by?: string;
  /** Why the message was parked, when it is ended all the same. */
  readonly error?: string;
  readonly expiresAtMs?: number;
  /** The effect this event is the end of, or null. */
  readonly settles: 'deliver' | 'report' | null;
  /** What the sender is told at once, beside what the step asks for. */
  readonly early?: EarlyStatus | null;
  readonly class: AnswerClass | null;
  /** The proxy new effects go through, or null for any. */
  readonly node: string | null;
  readonly retryAtMs: number | null;
}

export const plainCause = (name: string): Cause => ({
  name,
  settles: null,
  class: null,
  node: null,
  retryAtMs: null,
});

/** The facts of a stored message. */
export const messageOf = (row: ActorRow): Message => contextOf(row).message;

export const contextOf = (row: ActorRow): MessageContext =>
  (row.actor.snapshot as { context: MessageContext }).context;

/** The URI an effect's MESSAGE goes to; one at a time may be pending there (RFC 3428 section 8). */
export const targetOf = (message: Message, effect: Pick<PendingEffect, 'type'>): string =>
  effect.type === 'deliver'
    ? message.aor
    : (message.cpim?.recordRoutes[0] ?? message.reportTo ?? message.fromUri);

/** A row that nobody has seen yet: it may still be changed in place. */
type Draft = { -readonly [Key in keyof ActorRow]: ActorRow[Key] };

/** Takes a step: its row, and all the rows that go with it. */
export function follow(
  turn: Turn,
  policy: Policy,
  local: string,
  row: ActorRow,
  next: Step,
  cause: Cause,
): ActorRow {
  const message = (next.state.snapshot as { context: MessageContext }).context.message;
  const told = toldBy(turn, local, row, message, next, cause);
  if (told === null && onlyNotifies(row, next, cause)) return row;
  const announced = announce(turn, local, message, next, cause.node);
  const going = { node: cause.node, announced };
  const effects = next.effects.flatMap((effect) => pendingEffect(turn, local, effect, going));
  if (cause.early) effects.push(earlyEffect(turn, local, cause.early, 1));
  const asked = effects.map((one) => one.effectId);
  if (told !== null) asked.push(told);
  const pending = remaining(row.pending, effects, next, cause);
  const changed: Draft = {
    ...row,
    revision: row.revision + 1,
    actor: next.state,
    value: next.value,
    live: next.live,
    pending,
    trail: lengthen(row.trail, trailStep(turn, row, next, cause, asked)),
  };
  if (!next.live) delete changed.early;
  if (next.final && row.endedAtMs === null) Object.assign(changed, ended(turn, policy, next));
  writeOutbox(turn, local, message, row.pending, pending);
  if (row.live !== next.live) writePlace(turn, local, row, message, next.live);
  noteSettled(turn, local, message, row, changed, cause);
  if (changed.outcome !== null && row.outcome === null)
    turn.notices.push({ type: 'ended', outcome: changed.outcome });
  turn.notices.push({ type: 'stepped', local, row: changed });
  audit(turn, local, { policy, before: row, after: changed, next, cause });
  return writeDraft(turn, local, row, changed);
}

// The id of the notice this step leads to, or null when its user knows already.
function toldBy(
  turn: Turn,
  local: string,
  row: ActorRow,
  message: Message,
  next: Step,
  cause: Cause,
): string | null {
  if (!next.effects.some((one) => one.type === 'notify')) return null;
  return tell(turn, message.aor, { local, row }, cause.node);
}

// A turn in which a message asked for a notice that its user has had leaves nothing to be written.
const onlyNotifies = (row: ActorRow, next: Step, cause: Cause): boolean =>
  next.effects.length > 0 &&
  next.effects.every((one) => one.type === 'notify') &&
  cause.settles === null &&
  JSON.stringify(next.state) === JSON.stringify(row.actor);

// A notice is its user's, not the message's.
function pendingEffect(
  turn: Turn,
  local: string,
  effect: Effect,
  { node, announced }: { readonly node: string | null; readonly announced: boolean },
): PendingEffect[] {
  if (effect.type === 'notify') return [];
  const late = effect.type === 'deliver' && effect.late;
  return [
    {
      effectId: effectIdOf(effect.type, local, effect.attempt),
      type: effect.type,
      attempt: effect.attempt,
      late,
      ...(late && announced ? { announced } : {}),
      atMs: turn.nowMs,
      node,
    },
  ];
}

/** What a sender is told at once. Its IMDN depends on the message alone: one report, whatever it says, at every attempt. */
export function earlyEffect(
  turn: Turn,
  local: string,
  status: EarlyStatus,
  attempt: number,
): PendingEffect {
  const type = 'early-report';
  const effectId = effectIdOf(type, local, attempt);
  return { effectId, type, attempt, late: false, status, atMs: turn.nowMs, node: null };
}

// An effect waits until it is settled, replaced by its next attempt, or pointless.
function remaining(
  before: readonly PendingEffect[],
  fresh: readonly PendingEffect[],
  next: Step,
  cause: Cause,
): readonly PendingEffect[] {
  if (before.length === 0) return fresh;
  const stays = (one: PendingEffect) =>
    !next.final &&
    one.type !== cause.settles &&
    (one.type !== 'deliver' || next.live) &&
    !fresh.some((other) => other.type === one.type);
  return [...before.filter(stays), ...fresh];
}

function trailStep(
  turn: Turn,
  row: ActorRow,
  next: Step,
  cause: Cause,
  effects: readonly string[],
): TrailStep {
  const from = row.value === '' ? null : row.value;
  const to = next.path.length === 1 ? next.path[0]! : next.path.join(' → ');
  const plain = { atMs: turn.nowMs, event: cause.name, from, to, effects };
  if (isPlain(cause)) return plain;
  return {
    ...plain,
    ...(cause.status === undefined ? {} : { status: cause.status }),
    ...(cause.error === undefined ? {} : { error: cause.error }),
    ...(cause.by === undefined ? {} : { by: cause.by }),
    ...(cause.expiresAtMs === undefined ? {} : { expiresAtMs: cause.expiresAtMs }),
  };
}

const isPlain = ({ status, error, by, expiresAtMs }: Cause): boolean =>
  status === undefined && error === undefined && by === undefined && expiresAtMs === undefined;

function lengthen(trail: readonly TrailStep[], one: TrailStep): readonly TrailStep[] {
  if (trail.length < limits.trailHeadSteps + limits.trailTailSteps) return [...trail, one];
  return [...trail.slice(0, limits.trailHeadSteps), ...trail.slice(limits.trailHeadSteps + 1), one];
}

function ended(
  turn: Turn,
  policy: Policy,
  next: Step,
): Pick<ActorRow, 'endedAtMs' | 'outcome' | 'forgetAtMs'> {
  const meta = policy.file.machine.states[next.value]?.meta;
  const retention = meta?.retention === undefined ? 0 : durationMs(meta.retention as never);
  return {
    endedAtMs: turn.nowMs,
    outcome: meta?.outcome ?? next.value,
    forgetAtMs: turn.nowMs + Math.max(retention, retentionMinMs),
  };
}

/** Effects that wait no longer leave the outbox, new ones join it. */
export function writeOutbox(
  turn: Turn,
  local: string,
  message: Message,
  before: readonly PendingEffect[],
  after: readonly PendingEffect[],
): void {
  if (before.length === 0 && after.length === 0) return;
  for (const one of before) {
    if (after.includes(one)) continue;
    turn.ledger.remove(keys.outbox(local, one.effectId));
    turn.notices.push({ type: 'effect-over', effectId: one.effectId });
  }
  for (const one of after) {
    if (before.includes(one)) continue;
    turn.ledger.insert(keys.outbox(local, one.effectId), { local });
    turn.notices.push({ type: 'effect', local, target: targetOf(message, one), effect: one });
  }
}

function writePlace(
  turn: Turn,
  local: string,
  row: ActorRow,
  message: Message,
  live: boolean,
): void {
  const place = keys.mailbox(message.aor, row.arrival);
  turn.notices.push({ type: 'placed', live });
  if (live) {
    turn.ledger.insert(place, { local });
    enterMailbox(turn, message.aor, countedOf(row, message));
    boxChanged(turn, message.aor);
    return;
  }
  turn.ledger.remove(place);
  turn.ledger.remove(keys.body(local));
  leaveMailbox(turn, message.aor, countedOf(row, message));
  boxChanged(turn, message.aor);
}

const countedOf = (row: ActorRow, { octets }: Message): Counted => ({
  sender: row.sender,
  octets,
  stranger: row.stranger === true,
});

/** Tells the delivery run when a push is over. */
export function noteSettled(
  turn: Turn,
  local: string,
  message: Message,
  before: ActorRow,
  after: ActorRow,
  cause: Cause,
): void {
  const pushed = before.pending.find((one) => one.type === 'deliver');
  if (pushed === undefined || after.pending.includes(pushed)) return;
  const answer = cause.settles === 'deliver' && cause.class !== null ? cause.class : 'overtaken';
  const { retryAtMs } = cause;
  turn.notices.push({ type: 'settled', aor: message.aor, local, answer, retryAtMs });
}

/** Writes an actor row, with the timer row it needs. */
export const write = (turn: Turn, local: string, before: ActorRow, after: ActorRow): ActorRow =>
  writeDraft(turn, local, before, { ...after });

function writeDraft(turn: Turn, local: string, before: ActorRow, draft: Draft): ActorRow {
  draft.wakeMs = nextDue(draft);
  if (draft.wakeMs !== before.wakeMs) rearm(turn, local, before.wakeMs, draft);
  // A new id is unguessable: nothing can lie under it.
  if (before.revision === 0) turn.ledger.insert(keys.actor(local), draft);
  else turn.ledger.put(keys.actor(local), draft);
  return draft;
}

// One timer row for each message, at the first instant at which anything of it is due.
function rearm(turn: Turn, local: string, beforeMs: number | null, after: ActorRow): void {
  const { wakeMs, revision } = after;
  if (beforeMs !== null) turn.ledger.remove(keys.timer(local, beforeMs));
  if (wakeMs === null) return;
  turn.ledger.insert(keys.timer(local, wakeMs), { revision });
  turn.notices.push({ type: 'armed', local, dueMs: wakeMs });
}

/** Whether a sender may be told at once: his message waits, and he has heard no error in place of our 202. */
export const mayTellEarly = (row: ActorRow): boolean => row.live && contextOf(row).acknowledged;

/** The next attempt of what is told at once, where there is one. */
export const earlyOf = (row: ActorRow): ActorRow['early'] =>
  mayTellEarly(row) ? row.early : undefined;

/** When anything of a message is due; null when nothing is. */
export function nextDue(row: ActorRow): number | null {
  if (row.forgetAtMs !== null) return row.forgetAtMs;
  // A parked message hears nothing but the end of its maximum lifetime.
  if (row.parked !== null) return row.outlived ? null : messageOf(row).outlivesAtMs;
  let first = row.outlived ? null : messageOf(row).outlivesAtMs;
  const early = earlyOf(row);
  for (const { dueMs } of early === undefined ? row.actor.timers : [...row.actor.timers, early])
    if (first === null || dueMs < first) first = dueMs;
  return first;
}
