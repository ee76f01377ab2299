// What a candidate policy would have made of a life that was lived: the recorded history of a message heard again, with the
// delays of the candidate. It writes nothing and sends nothing. What the world was never asked in truth it is taken to
// have answered with success: a push that was not made then would have found its phone, a report its sender.
import {
  answerClass,
  type MessageContext,
  type MessageEvent,
  type Policy,
} from '../machines/index.js';
import type { TrailStep } from './api.js';
import { contextOf, messageOf } from './consequences.js';
import { unreported } from './life.js';
import { limits } from './limits.js';
import type { ActorRow } from './rows.js';
import { begin, type Step, StepError, type StepEvent, step } from './step.js';

/** How a life came out, or would have. */
export interface Fate {
  /** Outcome, or where it stands: `stored`. */
  readonly end: string;
  readonly ended: boolean;
  readonly endedAtMs: number | null;
  readonly deliveries: number;
  readonly reports: number;
}

export interface Shadow {
  readonly lived: Fate;
  readonly would: Fate;
  /** Another end, or reports where there were none, or none where there were. */
  readonly differs: boolean;
}

/** Events of the engine itself and of other charts, which a candidate does not hear. */
const unheard: ReadonlySet<string> = new Set([
  'message.received',
  'policy.migrated',
  'policy.forced',
]);

/**
 * Lives a message's history again under a candidate, up to `untilMs`; null where the history has gaps. `own` is the policy it
 * lived by, where that is still known: a delay that is as long in both fires when it did.
 */
export function shadowOf(
  policy: Policy,
  row: ActorRow,
  untilMs: number,
  own: Policy | null = null,
): Shadow | null {
  if (hasGaps(row)) return null;
  const until = row.endedAtMs ?? untilMs;
  const life = new ShadowLife(policy, row, own);
  try {
    for (const index of row.trail.keys()) life.hear(index);
    life.runTo(until);
  } catch (error) {
    if (error instanceof StepError) return null;
    throw error;
  }
  const [lived, would] = [livedBy(row), life.fate];
  const told = lived.reports > 0 !== would.reports > 0;
  return { lived, would, differs: lived.end !== would.end || lived.ended !== would.ended || told };
}

// Steps were forgotten, it hears nothing now, or a release before 0.5.0 did not keep what was moved, or said when.
const hasGaps = (row: ActorRow): boolean =>
  row.revision !== row.trail.length ||
  row.parked !== null ||
  (row.storedExpiresAtMs === undefined &&
    row.trail.some(({ event }) => event === 'message.extended')) ||
  (row.acknowledgements === undefined && !contextOf(row).acknowledged);

const livedBy = (row: ActorRow): Fate => ({
  end: row.outcome ?? row.value,
  ended: row.endedAtMs !== null,
  endedAtMs: row.endedAtMs,
  deliveries: countOf(row.trail, 'd'),
  reports: countOf(row.trail, 'r'),
});

const countOf = (trail: readonly TrailStep[], letter: string): number =>
  trail.reduce(
    (sum, { effects }) => sum + effects.filter((id) => id.startsWith(`${letter}-`)).length,
    0,
  );

class ShadowLife {
  private at: Step;
  private nowMs: number;
  private endedAtMs: number | null = null;
  private deliveries = 0;
  private reports = 0;
  private outlived = false;
  /** What waits for its answer. */
  private awaited: 'deliver' | 'report' | null = null;
  /** Steps of the recorded history that are over. */
  private heard = 0;
  private acknowledgements: NonNullable<ActorRow['acknowledgements']>;
  /** The push that waits was made in truth as well. */
  private wasPushed = false;
  private readonly pushed: readonly number[];
  private readonly wasReported: boolean;

  constructor(
    private readonly policy: Policy,
    private readonly row: ActorRow,
    private readonly own: Policy | null,
  ) {
    const { trail, acknowledgements = [], storedExpiresAtMs } = row;
    const message = messageOf(row);
    this.acknowledgements = acknowledgements;
    this.pushed = trail.filter((one) => countOf([one], 'd') > 0).map((one) => one.atMs);
    this.wasReported = countOf(trail, 'r') > 0;
    this.nowMs = trail[0]?.atMs ?? message.receivedAtMs;
    const { expiresAtMs } = message;
    const first = { ...message, expiresAtMs: storedExpiresAtMs ?? expiresAtMs };
    this.at = unreported(begin(policy, first, this.nowMs));
    this.count();
  }

  get fate(): Fate {
    const { final, value } = this.at;
    const outcome = this.policy.file.machine.states[value]?.meta?.outcome ?? value;
    const { endedAtMs, deliveries, reports } = this;
    return { end: final ? outcome : value, ended: final, endedAtMs, deliveries, reports };
  }

  /** A step of the recorded history, by its number. */
  hear(index: number): void {
    const recorded = this.row.trail[index]!;
    this.runTo(recorded.atMs);
    this.heard = index + 1;
    if (this.at.final) return;
    // An operator had the expiry fire before its time.
    if (recorded.event === 'after expiry' && recorded.by !== undefined) this.fire('expiry');
    const event = eventOf(recorded);
    if (event === null || !this.expects(event)) return;
    if (event.type === 'message.outlived') this.outlived = true;
    this.take(event);
  }

  // Of answers that nobody waits for a success alone is heard, as by the engine; the maximum lifetime is told once.
  private expects(event: MessageEvent): boolean {
    if (event.type === 'message.outlived') return !this.outlived;
    if (event.type !== 'delivery.answered' && event.type !== 'report.answered') return true;
    const what = event.type === 'delivery.answered' ? 'deliver' : 'report';
    const begun = what === 'deliver' ? this.deliveries : this.reports;
    return this.awaited === what || (begun > 0 && event.class === 'success');
  }

  /** Time passes: what is due by then fires, each at its own instant. */
  runTo(untilMs: number): void {
    for (let fired = 0; fired < limits.shadowStepsMax && !this.at.final; fired += 1) {
      if (this.answerUnasked()) continue;
      const next = this.nextDue();
      if (next === null || next.dueMs > untilMs) break;
      this.acknowledgeTo(next.dueMs);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      if (next.name === null) this.outlived = true;
      if (next.name === null) this.take({ type: 'message.outlived' });
      else this.fire(next.name);
    }
    this.acknowledgeTo(untilMs);
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  // The end of the maximum lifetime goes before a timer of the same instant, as in the engine.
  private nextDue(): { readonly dueMs: number; readonly name: string | null } | null {
    const timers = this.at.state.timers.map(({ name, dueMs }) => ({
      ...{ name, dueMs: this.firesAt(name, dueMs) },
    }));
    const { outlivesAtMs } = messageOf(this.row);
    const end = this.outlived ? [] : [{ name: null, dueMs: this.recordedEnd(outlivesAtMs) }];
    return [...end, ...timers].reduce<{ dueMs: number; name: string | null } | null>(
      (first, one) => (first === null || one.dueMs < first.dueMs ? one : first),
      null,
    );
  }

  // An engine that was busy, stopped or cut off from the bus fires late; a delay that is as long in both policies fires
  // when it did. A push that was made in truth has its answer, or its timeout, in the history.
  private firesAt(name: string, dueMs: number): number {
    const recorded = this.isAlike(name) ? this.recorded(`after ${name}`, dueMs) : null;
    if (name === 'answerTimeout' && this.wasPushed) return recorded ?? Number.POSITIVE_INFINITY;
    return recorded ?? dueMs;
  }

  private recordedEnd(dueMs: number): number {
    return this.recorded('message.outlived', dueMs) ?? dueMs;
  }

  private recorded(event: string, dueMs: number): number | null {
    const found = this.row.trail
      .slice(this.heard)
      .find((one) => one.event === event && one.by === undefined && one.atMs >= dueMs);
    return found?.atMs ?? null;
  }

  private isAlike(name: string): boolean {
    const [mine, theirs] = [this.policy.delaysMs[name], this.own?.delaysMs[name]];
    return name === 'expiry' || name === 'answerTimeout' || mine === theirs;
  }

  // A push at an instant at which one was made in truth has its answer in the history; any other is taken to arrive.
  private answerUnasked(): boolean {
    if (this.awaited === null) return false;
    if (this.awaited === 'deliver' ? this.wasPushed : this.wasReported) return false;
    const type = this.awaited === 'deliver' ? 'delivery.answered' : 'report.answered';
    this.take({ type, status: 200, class: 'success' });
    return true;
  }

  private fire(name: string): void {
    const timer = this.at.state.timers.find((one) => one.name === name);
    if (timer !== undefined) this.take({ type: 'timer', id: timer.id });
  }

  // What the proxy said of the 202 counts from then on; no step is taken.
  private acknowledgeTo(untilMs: number): void {
    for (const { atMs, revision, acknowledged } of this.acknowledgements) {
      if (atMs > untilMs || revision > this.heard) break;
      this.acknowledgements = this.acknowledgements.slice(1);
      const { state } = this.at;
      const { context } = state.snapshot as { context: MessageContext };
      const snapshot = { ...state.snapshot, context: { ...context, acknowledged } };
      this.at = { ...this.at, state: { ...state, snapshot } };
    }
  }

  private take(event: StepEvent): void {
    const answered = event.type.endsWith('.answered') || this.isTimeout(event);
    if (answered) this.awaited = null;
    this.at = step(this.policy, this.at.state, event, this.nowMs);
    this.count();
    if (this.at.final) this.endedAtMs ??= this.nowMs;
  }

  private isTimeout(event: StepEvent): boolean {
    if (event.type !== 'timer') return false;
    return this.at.state.timers.some(({ id, name }) => id === event.id && name === 'answerTimeout');
  }

  private count(): void {
    for (const { type } of this.at.effects) {
      if (type === 'notify') continue;
      this.awaited = type;
      if (type === 'deliver') this.deliveries += 1;
      else this.reports += 1;
      if (type === 'deliver') this.wasPushed = this.pushed.includes(this.nowMs);
    }
  }
}

// Delays are the candidate's own; everything else happened.
function eventOf({ event, status = 408, expiresAtMs = 0 }: TrailStep): MessageEvent | null {
  if (event.startsWith('after ') || unheard.has(event)) return null;
  if (event === 'delivery.answered' || event === 'report.answered')
    return { type: event, status, class: answerClass(status) };
  if (event === 'message.extended') return { type: event, expiresAtMs };
  if (event === 'message.forced') return { type: 'message.deleted' };
  return { type: event } as MessageEvent;
}
