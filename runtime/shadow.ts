// What a candidate policy would have made of a life that was lived: the recorded history of a message heard again, with the
// delays of the candidate. It writes nothing and sends nothing. What the world was never asked in truth it is taken to
// have answered with success: a push that was not made then would have found its phone, a report its sender.
import { answerClass, type MessageEvent, type Policy } from '../machines/index.js';
import type { TrailStep } from './api.js';
import { messageOf } from './consequences.js';
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

/** Lives a message's history again under a candidate, up to `untilMs`; null where the history has gaps. */
export function shadowOf(policy: Policy, row: ActorRow, untilMs: number): Shadow | null {
  if (row.revision !== row.trail.length || row.parked !== null) return null;
  const until = row.endedAtMs ?? untilMs;
  const life = new ShadowLife(policy, row);
  try {
    for (const one of row.trail) life.hear(one);
    life.runTo(until);
  } catch (error) {
    if (error instanceof StepError) return null;
    throw error;
  }
  const [lived, would] = [livedBy(row), life.fate];
  const told = lived.reports > 0 !== would.reports > 0;
  return { lived, would, differs: lived.end !== would.end || lived.ended !== would.ended || told };
}

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
  private readonly pushed: readonly number[];

  constructor(
    private readonly policy: Policy,
    private readonly row: ActorRow,
  ) {
    const message = messageOf(row);
    this.nowMs = message.receivedAtMs;
    this.pushed = row.trail.filter((one) => countOf([one], 'd') > 0).map((one) => one.atMs);
    this.at = begin(policy, message, this.nowMs);
    this.count();
  }

  get fate(): Fate {
    const { final, value } = this.at;
    const outcome = this.policy.file.machine.states[value]?.meta?.outcome ?? value;
    const { endedAtMs, deliveries, reports } = this;
    return { end: final ? outcome : value, ended: final, endedAtMs, deliveries, reports };
  }

  /** A step of the recorded history. */
  hear(recorded: TrailStep): void {
    this.runTo(recorded.atMs);
    const event = eventOf(recorded);
    if (event === null || this.at.final) return;
    if (event.type === 'delivery.answered' && this.awaited !== 'deliver') return;
    if (event.type === 'report.answered' && this.awaited !== 'report') return;
    if (event.type === 'message.outlived') this.outlived = true;
    this.take(event);
  }

  /** Time passes: what is due by then fires, each at its own instant. */
  runTo(untilMs: number): void {
    for (let fired = 0; fired < limits.shadowStepsMax && !this.at.final; fired += 1) {
      if (this.answerUnasked()) continue;
      const { outlivesAtMs } = messageOf(this.row);
      const timer = [...this.at.state.timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      const first = Math.min(
        timer?.dueMs ?? Number.POSITIVE_INFINITY,
        this.outlived ? Number.POSITIVE_INFINITY : outlivesAtMs,
      );
      if (first > untilMs) break;
      this.nowMs = Math.max(this.nowMs, first);
      if (timer !== undefined && timer.dueMs <= first) this.take({ type: 'timer', id: timer.id });
      else {
        this.outlived = true;
        this.take({ type: 'message.outlived' });
      }
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  // A push at an instant at which one was made in truth has its answer in the history; any other is taken to arrive.
  private answerUnasked(): boolean {
    if (this.awaited === null) return false;
    const recorded =
      this.awaited === 'deliver' ? this.pushed.includes(this.nowMs) : this.hasAnswers;
    if (recorded) return false;
    const type = this.awaited === 'deliver' ? 'delivery.answered' : 'report.answered';
    this.take({ type, status: 200, class: 'success' });
    return true;
  }

  private get hasAnswers(): boolean {
    return this.row.trail.some(({ event }) => event === 'report.answered');
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
