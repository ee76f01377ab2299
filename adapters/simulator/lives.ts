// What became of the messages of a scenario: one life for each, written down as it happens. Plain data, the same for
// --json and for words; it decides nothing.
import type { MessageContext } from '../../machines/index.js';
import type { ActorRow, Reply, TrailStep } from '../../runtime/index.js';

/** An attempt to tell somebody something, and its answer: a SIP code, or null while there is none. */
export interface Attempt {
  /** Milliseconds after the beginning of the scenario. */
  readonly atMs: number;
  readonly attempt: number;
  answer: number | null;
}

export interface DeliveryAttempt extends Attempt {
  /** Marked as past its expiry. */
  readonly late: boolean;
}

export interface ReportAttempt extends Attempt {
  readonly status: string;
  /** Who is told. */
  readonly to: string;
}

/** A step of a life, its instants counted from the beginning of the scenario. */
export interface LifeStep {
  readonly atMs: number;
  readonly event: string;
  readonly status: number | null;
  readonly by: string | null;
  readonly from: string | null;
  /** States entered on the way, the last one included. */
  readonly to: string;
  /** What the step asked of the world: `deliver 1`, `report 2`, `notify`. */
  readonly effects: readonly string[];
}

export interface Life {
  readonly message: string;
  readonly from: string;
  readonly to: string;
  readonly sentAtMs: number;
  readonly expiresAfterMs: number | null;
  /** Why no failure report may be sent about it, or null when one may. */
  readonly reportException: string | null;
  /** What its sender heard when it was not stored: a SIP code and its reason; null when it was. */
  readonly refused: { readonly status: number; readonly code: string } | null;
  readonly steps: readonly LifeStep[];
  readonly deliveries: readonly DeliveryAttempt[];
  readonly reports: readonly ReportAttempt[];
  /** Where it stands at the end of the scenario; null when it was never stored. */
  readonly state: string | null;
  /** Label of the end it came to, or null while it lives. */
  readonly outcome: string | null;
  readonly endedAtMs: number | null;
  /** Why it is parked, or null. */
  readonly parked: string | null;
}

/** A notice to a user: messages wait for him. */
export interface NoticeAttempt extends Attempt {
  readonly user: string;
  readonly waiting: number;
}

/** What a policy made of a scenario. */
export interface Story {
  readonly scenario: string;
  readonly lastsMs: number;
  readonly policy: { readonly id: string; readonly hash: string };
  readonly lives: readonly Life[];
  readonly notices: readonly NoticeAttempt[];
  /** Steps of the scenario that were refused, as pointers into it, with the reason. */
  readonly refusals: readonly { readonly pointer: string; readonly reason: string }[];
}

/** A life while it is being written. */
export type OpenLife = Omit<{ -readonly [Key in keyof Life]: Life[Key] }, ListOf | 'parked'> & {
  readonly [List in ListOf]: Life[List][number][];
} & { deferredId: string | null };

type ListOf = 'steps' | 'deliveries' | 'reports';

/** The life of a message that is about to be sent. */
export const newLife = (
  sent: { readonly message: string; readonly from: string; readonly to: string },
  sentAtMs: number,
): OpenLife => ({
  ...{ message: sent.message, from: sent.from, to: sent.to, sentAtMs },
  ...{ deferredId: null, expiresAfterMs: null, reportException: null, refused: null },
  ...{ steps: [], deliveries: [], reports: [], state: null, outcome: null, endedAtMs: null },
});

/** Writes down a committed step, and where it left the message. */
export function noteStep(life: OpenLife, row: ActorRow, beganMs: number): void {
  const step = row.trail.at(-1);
  if (step === undefined) return;
  if (life.steps.length === 0) {
    const { message } = (row.actor.snapshot as { context: MessageContext }).context;
    life.reportException = message.reportException;
    if (message.expiresAtMs !== null)
      life.expiresAfterMs = message.expiresAtMs - beganMs - life.sentAtMs;
  }
  life.steps.push(lifeStep(step, beganMs));
  life.state = row.value;
  life.outcome = row.outcome;
  life.endedAtMs = row.endedAtMs === null ? null : row.endedAtMs - beganMs;
}

// A step as the runtime's trail has it.
function lifeStep(step: TrailStep, beganMs: number): LifeStep {
  return {
    atMs: step.atMs - beganMs,
    event: step.event,
    status: step.status ?? null,
    by: step.by ?? null,
    from: step.from,
    to: step.to,
    effects: step.effects.map(effectText),
  };
}

const kinds: Readonly<Record<string, string>> = { d: 'deliver', r: 'report', p: 'early report' };

// `d-<local id>-2` is the second attempt to deliver.
function effectText(effectId: string): string {
  const [letter = '', , attempt = ''] = effectId.split('-');
  const kind = kinds[letter];
  return kind === undefined ? 'notify' : `${kind} ${attempt}`;
}

/** Why a step of the scenario changed nothing, or null when it was taken. */
export function refusalIn(reply: Reply): string | null {
  if (reply.kind === 'refused') return `${reply.status} ${reply.code}: ${reply.reason}`;
  if (reply.kind !== 'results') return null;
  const not = reply.results.filter(({ status }) => status >= 400);
  return not.length === 0 ? null : `${not[0]!.status}: no effect as the message stands`;
}
