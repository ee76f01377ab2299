// One step of one message's life, and everything that follows from it within the same group: the actor row, its
// timer row, its outbox rows, its place in the mailbox, its body. The only writer of those families.
import {
  type AnswerClass,
  durationMs,
  type Effect,
  type Message,
  type MessageContext,
  type Policy,
  retentionMinMs,
} from '../machines/index.js';
import { enterMailbox, leaveMailbox, pace } from './accounts.js';
import type { TrailStep } from './api.js';
import { effectIdOf } from './identity.js';
import { keys, partitionOfLocal } from './keys.js';
import { limits } from './limits.js';
import type { ActorRow, DedupRow, PendingEffect } from './rows.js';
import { begin, type Step, StepError, type StepEvent, step } from './step.js';
import type { Turn } from './turn.js';

/** How one event came about, for the trail and for what it settles. */
interface Cause {
  /** Event type, or `after <delay>`. */
  readonly name: string;
  readonly status?: number;
  /** The effect this event is the end of, or null. */
  readonly settles: 'deliver' | 'report' | null;
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

/** Reads an actor by the local part of its id; null when there is none. Throws DamagedRow. */
export function readActor(turn: Pick<Turn, 'ledger'>, local: string): ActorRow | null {
  if (partitionOfLocal(local) === null) return null;
  return turn.ledger.readJson<ActorRow>(keys.actor(local));
}

/** What a new message brings beside its facts. */
export interface Birth {
  readonly local: string;
  readonly message: Message;
  readonly octets: Uint8Array;
  readonly dedup: string;
  readonly bodyDigest: string;
  readonly arrival: string;
  readonly sender: string;
}

/** The first step of a message, with all the rows it needs. */
export function bear(turn: Turn, policy: Policy, birth: Birth): ActorRow {
  const { local, message } = birth;
  const first = begin(policy, message, turn.nowMs);
  turn.ledger.insert(keys.body(local), birth.octets);
  const dedup: DedupRow = { local, bodyDigest: birth.bodyDigest };
  turn.ledger.insert(keys.dedup(message.aor, birth.dedup), dedup);
  const unborn: ActorRow = {
    version: 1,
    policy: policy.hash,
    revision: 0,
    actor: first.state,
    value: '',
    live: false,
    arrival: birth.arrival,
    dedup: birth.dedup,
    bodyDigest: birth.bodyDigest,
    sender: birth.sender,
    pending: [],
    wakeMs: null,
    outlived: false,
    unsuitableFor: null,
    endedAtMs: null,
    outcome: null,
    forgetAtMs: null,
    parked: null,
    trail: [],
  };
  return follow(turn, policy, local, unborn, first, plainCause('message.received'));
}

/** When the user of a message is tried again after this answer to a push; null when not by time. */
export function retryOf(turn: Turn, row: ActorRow, kind: AnswerClass): number | null {
  const steps = turn.registry.get(row.policy)?.settings.retryStepsSeconds ?? [];
  return pace(turn, messageOf(row).aor, kind, steps);
}

/**
 * Lets a message hear one event. An event that finds no transition changes nothing; a step that fails parks the
 * message and leaves the others alone (reliability R23); a parked one hears nothing. Returns the row as it stands
 * afterwards.
 */
export function advance(
  turn: Turn,
  local: string,
  row: ActorRow,
  event: StepEvent,
  cause: Cause,
): ActorRow {
  if (row.parked !== null) return row;
  const policy = turn.registry.get(row.policy);
  if (policy === null)
    return park(turn, local, row, event, `policy ${row.policy} is not installed`);
  let next: Step;
  try {
    next = step(policy, row.actor, event, turn.nowMs);
  } catch (error) {
    if (error instanceof StepError) return park(turn, local, row, event, error.message);
    throw error;
  }
  const settled = cause.settles !== null && row.pending.some((one) => one.type === cause.settles);
  if (!next.changed && !settled) return row;
  return follow(turn, policy, local, row, next, cause);
}

/** Lets everything fire that is due: timers, the maximum lifetime, the end of remembrance. */
export function fireDue(turn: Turn, local: string, row: ActorRow): ActorRow | null {
  let current = row;
  for (let fired = 0; fired < limits.timersPerMessageMax; fired += 1) {
    const next = fireNext(turn, local, current);
    if (next === 'forgotten') return null;
    if (next === 'none') break;
    current = next;
  }
  return rewake(turn, local, current);
}

function fireNext(turn: Turn, local: string, row: ActorRow): ActorRow | 'none' | 'forgotten' {
  if (row.forgetAtMs !== null) {
    if (row.forgetAtMs > turn.nowMs) return 'none';
    forget(turn, local, row);
    return 'forgotten';
  }
  if (row.parked !== null) return 'none';
  const timer = row.actor.timers.reduce<ActorRow['actor']['timers'][number] | null>(
    (first, one) => (first === null || one.dueMs < first.dueMs ? one : first),
    null,
  );
  const message = messageOf(row);
  if (
    !row.outlived &&
    message.outlivesAtMs <= Math.min(turn.nowMs, timer?.dueMs ?? Number.POSITIVE_INFINITY)
  ) {
    const heard = { ...row, outlived: true };
    return advance(
      turn,
      local,
      heard,
      { type: 'message.outlived' },
      plainCause('message.outlived'),
    );
  }
  if (timer === null || timer.dueMs > turn.nowMs) return 'none';
  const event = { type: 'timer', id: timer.id } as const;
  return advance(turn, local, row, event, timeCause(turn, row, timer.name));
}

// No answer within the patience is a temporary one (spec 3.2), whoever notices first: this timer or the outbox.
function timeCause(turn: Turn, row: ActorRow, timer: string): Cause {
  const cause = plainCause(`after ${timer}`);
  if (timer !== 'answerTimeout') return cause;
  const retryAtMs = retryOf(turn, row, 'temporary');
  return { ...cause, settles: 'deliver', class: 'temporary', retryAtMs };
}

/** The URI an effect's MESSAGE goes to; one at a time may be pending there (RFC 3428 section 8). */
export const targetOf = (message: Message, effect: Pick<PendingEffect, 'type'>): string =>
  effect.type === 'deliver' ? message.aor : (message.cpim?.recordRoutes[0] ?? message.fromUri);

// ---- what follows from a step ----

function follow(
  turn: Turn,
  policy: Policy,
  local: string,
  row: ActorRow,
  next: Step,
  cause: Cause,
): ActorRow {
  const message = (next.state.snapshot as { context: MessageContext }).context.message;
  const effects = next.effects.map((effect) => pendingEffect(turn, local, effect, cause.node));
  const pending = remaining(row.pending, effects, next, cause);
  const changed: ActorRow = {
    ...row,
    revision: row.revision + 1,
    actor: next.state,
    value: next.value,
    live: next.live,
    pending,
    trail: lengthen(row.trail, trailStep(turn, row, next, cause, effects)),
    ...(next.final && row.endedAtMs === null ? ended(turn, policy, next) : {}),
  };
  writeOutbox(turn, local, message, row.pending, pending);
  if (row.live !== next.live) writePlace(turn, local, row, message, next.live);
  noteSettled(turn, local, message, row, changed, cause);
  if (changed.outcome !== null && row.outcome === null)
    turn.notices.push({ type: 'ended', outcome: changed.outcome });
  turn.notices.push({ type: 'stepped', local, row: changed });
  return write(turn, local, row, changed);
}

function pendingEffect(
  turn: Turn,
  local: string,
  effect: Effect,
  node: string | null,
): PendingEffect {
  return {
    effectId: effectIdOf(effect.type, local, effect.attempt),
    type: effect.type,
    attempt: effect.attempt,
    late: effect.type === 'deliver' && effect.late,
    atMs: turn.nowMs,
    node,
  };
}

// An effect waits until it is settled, replaced by its next attempt, or pointless.
function remaining(
  before: readonly PendingEffect[],
  fresh: readonly PendingEffect[],
  next: Step,
  cause: Cause,
): readonly PendingEffect[] {
  const stays = (one: PendingEffect) =>
    !next.final &&
    one.type !== cause.settles &&
    (one.type === 'report' || next.live) &&
    !fresh.some((other) => other.type === one.type);
  return [...before.filter(stays), ...fresh];
}

function trailStep(
  turn: Turn,
  row: ActorRow,
  next: Step,
  cause: Cause,
  effects: readonly PendingEffect[],
): TrailStep {
  return {
    atMs: turn.nowMs,
    event: cause.name,
    from: row.value === '' ? null : row.value,
    to: next.path.join(' → '),
    effects: effects.map((one) => one.effectId),
    ...(cause.status === undefined ? {} : { status: cause.status }),
  };
}

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

function writeOutbox(
  turn: Turn,
  local: string,
  message: Message,
  before: readonly PendingEffect[],
  after: readonly PendingEffect[],
): void {
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
    enterMailbox(turn, message.aor, row.sender, message.octets);
    return;
  }
  turn.ledger.remove(place);
  turn.ledger.remove(keys.body(local));
  leaveMailbox(turn, message.aor, row.sender, message.octets);
}

function noteSettled(
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

// ---- rows ----

function write(turn: Turn, local: string, before: ActorRow, after: ActorRow): ActorRow {
  const settled = rearm(turn, local, before, after);
  // A new id is unguessable: nothing can lie under it.
  if (before.revision === 0) turn.ledger.insert(keys.actor(local), settled);
  else turn.ledger.put(keys.actor(local), settled);
  return settled;
}

// One timer row for each message, at the first instant at which anything of it is due.
function rearm(turn: Turn, local: string, before: ActorRow, after: ActorRow): ActorRow {
  const wakeMs = nextDue(after);
  if (wakeMs === before.wakeMs) return { ...after, wakeMs };
  if (before.wakeMs !== null) turn.ledger.remove(keys.timer(local, before.wakeMs));
  if (wakeMs !== null) {
    turn.ledger.insert(keys.timer(local, wakeMs), { revision: after.revision });
    turn.notices.push({ type: 'armed', local, dueMs: wakeMs });
  }
  return { ...after, wakeMs };
}

// After firing, whatever is still due must have a row ahead, or none: a stale row would fire for ever. What the cap
// left due has its row already, but nobody else would wake for it.
function rewake(turn: Turn, local: string, row: ActorRow): ActorRow {
  const dueMs = nextDue(row);
  if (dueMs !== null && dueMs === row.wakeMs && dueMs > turn.nowMs) return row;
  if (dueMs !== null && dueMs === row.wakeMs) turn.notices.push({ type: 'armed', local, dueMs });
  return write(turn, local, row, row);
}

function nextDue(row: ActorRow): number | null {
  if (row.forgetAtMs !== null) return row.forgetAtMs;
  if (row.parked !== null) return null;
  const dues = row.actor.timers.map((timer) => timer.dueMs);
  if (!row.outlived) dues.push(messageOf(row).outlivesAtMs);
  return dues.length === 0 ? null : Math.min(...dues);
}

/** Parks a message: it keeps its rows, hears nothing, and waits for an operator. */
function park(turn: Turn, local: string, row: ActorRow, event: StepEvent, error: string): ActorRow {
  const name = event.type === 'timer' ? event.id : event.type;
  const parked = { atMs: turn.nowMs, error, event: name, replay: JSON.stringify(event) };
  turn.ledger.put(keys.quarantine(local), parked);
  turn.notices.push({ type: 'parked', local, error });
  for (const one of row.pending) turn.notices.push({ type: 'effect-over', effectId: one.effectId });
  noteSettled(turn, local, messageOf(row), row, { ...row, pending: [] }, plainCause(name));
  return write(turn, local, row, { ...row, parked });
}

/** Takes a message out of quarantine and lets it hear again what it failed on. */
export function retryParked(turn: Turn, local: string, row: ActorRow): ActorRow {
  const { parked } = row;
  if (parked === null) return row;
  turn.ledger.remove(keys.quarantine(local));
  turn.notices.push({ type: 'freed', local });
  const event = JSON.parse(parked.replay) as StepEvent;
  const freed = write(turn, local, row, { ...row, parked: null });
  const after = advance(turn, local, freed, event, replayCause(parked.event, event));
  // Effects that still wait were taken off the outbox when the message was parked.
  if (after.parked === null) announce(turn, local, after, freed.pending);
  return after;
}

function replayCause(name: string, event: StepEvent): Cause {
  if (event.type !== 'delivery.answered' && event.type !== 'report.answered')
    return plainCause(name);
  const settles = event.type === 'delivery.answered' ? 'deliver' : 'report';
  return { ...plainCause(name), status: event.status, settles, class: event.class };
}

function announce(
  turn: Turn,
  local: string,
  row: ActorRow,
  before: readonly PendingEffect[],
): void {
  for (const one of row.pending) {
    if (!before.includes(one)) continue;
    const target = targetOf(messageOf(row), one);
    turn.notices.push({ type: 'effect', local, target, effect: one });
  }
}

/** Writes a row changed by the engine itself, without a step. */
export function rewrite(turn: Turn, local: string, before: ActorRow, after: ActorRow): ActorRow {
  return write(turn, local, before, after);
}

// The end of remembrance: all that is left of a message goes in one group.
function forget(turn: Turn, local: string, row: ActorRow): void {
  if (row.wakeMs !== null) turn.ledger.remove(keys.timer(local, row.wakeMs));
  turn.ledger.remove(keys.dedup(messageOf(row).aor, row.dedup));
  turn.ledger.remove(keys.actor(local));
}
