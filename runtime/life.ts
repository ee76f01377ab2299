// The life of one message: born, hearing events, firing what is due, parked and freed, forgotten. What a step changes
// is written by consequences.ts.
import {
  type AnswerClass,
  answerClass,
  compilePolicy,
  type EarlyStatus,
  type Message,
  type Policy,
  pushPatienceMs,
  reportOwed,
  shippedPolicy,
} from '../machines/index.js';
import { pace } from './accounts.js';
import type { TrailStep } from './api.js';
import {
  type Cause,
  contextOf,
  follow,
  messageOf,
  nextDue,
  noteSettled,
  plainCause,
  targetOf,
  write,
} from './consequences.js';
import { earlyDue } from './early.js';
import { keys, partitionOfLocal } from './keys.js';
import { limits } from './limits.js';
import type { ActorRow, DedupRow, PendingEffect, PolicyRow } from './rows.js';
import {
  type ActorState,
  type ArmedTimer,
  begin,
  type Step,
  StepError,
  type StepEvent,
  step,
} from './step.js';
import type { Turn } from './turn.js';

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
  readonly stranger: boolean;
  /** What the sender is told at once, or null. */
  readonly early: EarlyStatus | null;
}

/** The first step of a message, with all the rows it needs. */
export function bear(turn: Turn, policy: Policy, birth: Birth): ActorRow {
  const { local, message } = birth;
  const first = unreported(begin(policy, message, turn.nowMs));
  turn.ledger.insert(keys.body(local), birth.octets);
  turn.seen.add(birth.dedup);
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
    ...(birth.stranger ? { stranger: true } : {}),
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
  const cause = { ...plainCause('message.received'), early: birth.early };
  return follow(turn, policy, local, unborn, first, cause);
}

/** Nothing is owed about a message that has just come. */
export const unreported = (first: Step): Step =>
  first.effects.some((one) => one.type === 'report')
    ? { ...first, effects: first.effects.filter((one) => one.type !== 'report') }
    : first;

/** When the user of a message is tried again after this answer to a push; null when not by time. */
export function retryOf(turn: Turn, row: ActorRow, kind: AnswerClass): number | null {
  const steps = turn.registry.get(row.policy)?.settings.retryStepsSeconds ?? [];
  return pace(turn, messageOf(row).aor, kind, steps);
}

/**
 * Lets a message hear one event. An event that finds no transition changes nothing; a step that fails parks the
 * message and leaves the others alone (reliability R23); a parked one hears nothing but that it was read. Returns the
 * row as it stands afterwards.
 */
export function advance(
  turn: Turn,
  local: string,
  row: ActorRow,
  event: StepEvent,
  cause: Cause,
): ActorRow {
  if (row.parked !== null) return keepReading(turn, local, row, event);
  const policy = turn.registry.get(row.policy);
  if (policy === null)
    return park(turn, local, row, event, `policy ${row.policy} is not installed`);
  let next: Step;
  try {
    next = step(policy, row.actor, event, turn.nowMs);
    if (!mayReport(row, event, next)) throw new StepError('it asks for a report that is not owed');
  } catch (error) {
    if (error instanceof StepError) return park(turn, local, row, event, error.message);
    throw error;
  }
  const settled = cause.settles !== null && row.pending.some((one) => one.type === cause.settles);
  if (!next.changed && !settled) return row;
  return follow(turn, policy, local, row, next, cause);
}

// Whatever a chart says, a report that is not owed does not leave (RFC 5438 section 14: backscatter): only about a message
// that has left its mailbox unread, once; one that was decided before is repeated until it has arrived.
function mayReport(row: ActorRow, event: StepEvent, next: Step): boolean {
  if (!next.effects.some((one) => one.type === 'report')) return true;
  if (next.live) return false;
  const context = contextOf(row);
  if (context.reported && context.reportAttempts > 0)
    return !row.trail.some((one) => arrived(one, 'report.answered'));
  return reportOwed(context) && !wasRead(event) && !row.trail.some(showsReading);
}

const isSuccess = (event: StepEvent): boolean =>
  event.type === 'delivery.answered' && event.class === 'success';

const wasRead = (event: StepEvent): boolean =>
  event.type === 'message.retrieved' || event.type === 'message.withdrawn' || isSuccess(event);

const showsReading = (one: TrailStep): boolean =>
  one.event === 'message.retrieved' ||
  one.event === 'message.withdrawn' ||
  arrived(one, 'delivery.answered');

const arrived = ({ event, status }: TrailStep, of: string): boolean =>
  event === of && answerClass(status ?? 0) === 'success';

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
  if (row.parked !== null) {
    if (row.outlived || messageOf(row).outlivesAtMs > turn.nowMs) return 'none';
    const heard = { ...row, outlived: true };
    return endParked(turn, local, heard, 'maximum lifetime') ?? write(turn, local, row, heard);
  }
  const told = earlyDue(turn, local, row);
  if (told !== null) return told;
  const timer = row.actor.timers.reduce<ActorRow['actor']['timers'][number] | null>(
    (first, one) => (first === null || one.dueMs < first.dueMs ? one : first),
    null,
  );
  const message = messageOf(row);
  if (
    !row.outlived &&
    message.outlivesAtMs <= Math.min(turn.nowMs, timer?.dueMs ?? Number.POSITIVE_INFINITY)
  ) {
    const event = { type: 'message.outlived' } as const;
    const after = advance(turn, local, { ...row, outlived: true }, event, plainCause(event.type));
    // Nothing stays for ever, not even what its own chart cannot end.
    if (after.parked === null) return after;
    return endParked(turn, local, after, 'maximum lifetime') ?? after;
  }
  if (timer === null || timer.dueMs > turn.nowMs) return 'none';
  const laterMs = suspendedUntil(turn, row, timer.name);
  if (laterMs !== null) return postpone(turn, local, row, { ...timer, dueMs: laterMs });
  const event = { type: 'timer', id: timer.id } as const;
  return advance(turn, local, row, event, timeCause(turn, row, timer.name));
}

// Until when the timeout of a push is put off: an answer has its full patience from the moment at which it can come
// again; no longer than the longest suspension, so that the message gets on whatever becomes of the bus (R21).
function suspendedUntil(turn: Turn, row: ActorRow, timer: string): number | null {
  const push = row.pending.find((one) => one.type === 'deliver');
  if (timer !== 'answerTimeout' || push === undefined) return null;
  const patienceMs = pushPatienceMs(messageOf(row));
  const patienceEndsMs = (turn.sendingSinceMs ?? turn.nowMs) + patienceMs;
  const lastMs = push.atMs + patienceMs + limits.suspensionMaxMs;
  const untilMs = Math.min(patienceEndsMs, lastMs);
  return untilMs > turn.nowMs ? untilMs : null;
}

// The timer's own row moves with it; nothing was heard, so no step is taken.
function postpone(turn: Turn, local: string, row: ActorRow, later: ArmedTimer): ActorRow {
  const timers = row.actor.timers.map((one) => (one.id === later.id ? later : one));
  return rewrite(turn, local, row, { ...row, actor: { ...row.actor, timers } });
}

// No answer within the patience is a temporary one (spec 3.2), whoever notices first: this timer or the outbox.
function timeCause(turn: Turn, row: ActorRow, timer: string): Cause {
  const cause = plainCause(`after ${timer}`);
  if (timer !== 'answerTimeout') return cause;
  const retryAtMs = retryOf(turn, row, 'temporary');
  return { ...cause, settles: 'deliver', class: 'temporary', retryAtMs };
}

// After firing, whatever is still due must have a row ahead, or none: a stale row would fire for ever. What the cap
// left due has its row already, but nobody else would wake for it.
function rewake(turn: Turn, local: string, row: ActorRow): ActorRow {
  const dueMs = nextDue(row);
  if (dueMs !== null && dueMs === row.wakeMs && dueMs > turn.nowMs) return row;
  if (dueMs !== null && dueMs === row.wakeMs) turn.notices.push({ type: 'armed', local, dueMs });
  return write(turn, local, row, row);
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

// A push is answered, or its owner fetches it, while it is parked: that is what it hears when it is freed, in place of what
// it failed on, so that nobody is told that a message failed which was read.
function keepReading(turn: Turn, local: string, row: ActorRow, event: StepEvent): ActorRow {
  const kept = event.type === 'message.retrieved' || isSuccess(event);
  if (row.parked === null || !row.live || !kept || readingOf(row) !== null) return row;
  const parked = { ...row.parked, event: event.type, replay: JSON.stringify(event) };
  turn.ledger.put(keys.quarantine(local), parked);
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

/**
 * Ends a parked message without its own chart: it is deleted under the chart a new store begins with, from that chart's
 * first state, so that a report that is owed goes out, is repeated and ends as any other. Null when even that fails.
 */
export function endParked(turn: Turn, local: string, row: ActorRow, by: string): ActorRow | null {
  if (row.parked === null) return null;
  const cause = { ...plainCause('message.forced'), by, error: row.parked.error };
  return endByLastChart(turn, local, row, cause);
}

/** The same for any message that cannot be left to its own chart. Null when even that fails. */
export function endByLastChart(
  turn: Turn,
  local: string,
  row: ActorRow,
  cause: Cause,
): ActorRow | null {
  const policy = lastChart(turn);
  const again = bornAgain(turn, policy, row);
  try {
    const next = step(policy, again, readingOf(row) ?? endingOf(row), turn.nowMs);
    if (row.parked !== null) {
      turn.ledger.remove(keys.quarantine(local));
      turn.notices.push({ type: 'freed', local });
    }
    return follow(turn, policy, local, { ...row, parked: null, policy: policy.hash }, next, cause);
  } catch (error) {
    if (error instanceof StepError) return null;
    throw error;
  }
}

// What was noted to end it while a push was out ends it: who took it back is owed nothing. Of the rest all is one to
// this chart.
const endingOf = (row: ActorRow): StepEvent =>
  contextOf(row).ending === 'withdrawn'
    ? { type: 'message.withdrawn' }
    : { type: 'message.deleted' };

// A message that its recipient has, or its sender took back, ends as that: no failure of it is owed. It may have stopped at
// the very event that says so, or have heard it before, under a chart that goes on after it.
function readingOf(row: ActorRow): StepEvent | null {
  const event = row.parked === null ? null : (JSON.parse(row.parked.replay) as StepEvent);
  if (event !== null && wasRead(event)) return event;
  if (isInHand(row)) return { type: 'message.retrieved' };
  return row.trail.some(showsReading) ? { type: 'message.withdrawn' } : null;
}

/** True when its recipient has it, as far as its life tells. */
export const isInHand = ({ trail }: ActorRow): boolean =>
  trail.some((one) => showsReading(one) && one.event !== 'message.withdrawn');

/** The chart that ends what cannot be left to its own: that of this release, whatever is installed under its name. */
export function lastChart(turn: Turn): Policy {
  const source = shippedPolicy('delete-and-report');
  const compiled = compilePolicy(source);
  if (!compiled.ok) throw new TypeError('the shipped policy is refused');
  const { hash } = compiled.policy;
  const known = turn.registry.get(hash);
  if (known !== null) return known;
  const row: PolicyRow = { source, installedAtMs: turn.nowMs, by: 'package' };
  turn.ledger.put(keys.policy(hash), row);
  return turn.registry.add(hash, row);
}

// What its life has brought goes along. A report without an outcome is decided again: it keeps its identity.
function bornAgain(turn: Turn, policy: Policy, row: ActorRow): ActorState {
  const lived = contextOf(row);
  const first = begin(policy, lived.message, turn.nowMs).state;
  // Between two attempts of a report nothing is pending, and it has not arrived.
  const waits = lived.reported && !row.trail.some((one) => arrived(one, 'report.answered'));
  const context = { ...lived, ending: null, reported: lived.reported && !waits };
  return { ...first, snapshot: { ...first.snapshot, context } };
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
