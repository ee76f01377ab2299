// What the operator's own systems are told of each step of a message, for charging and audit: one event a step, written
// in the batch of the step, with facts alone and never a body. It names a sender who asked for privacy to nobody: the
// charging id and Call-ID tie the event to the proxy's own record of the request.
import { type Message, type Policy, shownSender } from '../machines/index.js';
import type { Cause } from './consequences.js';
import { keys } from './keys.js';
import type { ActorRow } from './rows.js';
import type { Step } from './step.js';
import type { Turn } from './turn.js';

/** One step of a message's life, as the operator's own systems hear of it. At least once; known by `eventId`. */
export interface AuditEvent {
  readonly v: 1;
  /** `e-<local id>-<number>`: the same at every repetition. */
  readonly eventId: string;
  /** Counts the steps of this message from 1; a gap is an event that was not kept. */
  readonly number: number;
  readonly atMs: number;
  readonly deferredId: string;
  readonly kind: 'page' | 'large';
  readonly policy: { readonly id: string; readonly hash: string };
  /** Why: what the message heard, or `after <delay>`. */
  readonly reason: string;
  /** SIP final code of an answer, or null. */
  readonly status: number | null;
  /** The operator who did it, or null. */
  readonly by: string | null;
  /** Where the message stood, as a dotted path; null at its birth. */
  readonly before: string | null;
  readonly after: string;
  /** States entered on the way, the last one included. */
  readonly path: readonly string[];
  /** In its mailbox now. */
  readonly live: boolean;
  /** Label of the end it came to, or null while it lives. */
  readonly outcome: string | null;
  /** Null when the sender asked for privacy. */
  readonly sender: string | null;
  readonly recipient: string;
  /** Octets of the body, and of the whole request. */
  readonly octets: number;
  readonly requestOctets: number;
  readonly contentType: string;
  readonly callId: string;
  /** `icid-value` of the request's P-Charging-Vector (RFC 7315 section 4.6), or null. */
  readonly chargingId: string | null;
  readonly receivedAtMs: number;
  /** The sender's own Date, or null. */
  readonly dateMs: number | null;
  readonly expiresAtMs: number | null;
}

/** Whether steps are told at all, and whether there is room for one more event. */
export type AuditRoom = 'off' | 'open' | 'full';

/** Writes the event of a step into its batch; without room it is left out, counted, and seen as a gap. */
export function audit(
  turn: Turn,
  local: string,
  step: { policy: Policy; before: ActorRow; after: ActorRow; next: Step; cause: Cause },
): void {
  const room = turn.auditRoom();
  if (room === 'off') return;
  const number = step.after.revision;
  if (room === 'full') {
    turn.notices.push({ type: 'audit-dropped', local, number });
    return;
  }
  turn.ledger.insert(keys.audit(local, number), eventOf(turn.nowMs, local, step));
  turn.notices.push({ type: 'audited', local, number });
}

function eventOf(nowMs: number, local: string, step: Parameters<typeof audit>[2]): AuditEvent {
  const { policy, before, after, next, cause } = step;
  const { message } = (next.state.snapshot as { context: { message: Message } }).context;
  return {
    v: 1,
    eventId: auditIdOf(local, after.revision),
    number: after.revision,
    atMs: nowMs,
    deferredId: message.deferredId,
    kind: kindOf(message),
    policy: { id: policy.file.id, hash: policy.hash },
    reason: cause.name,
    status: cause.status ?? null,
    by: cause.by ?? null,
    before: before.value === '' ? null : before.value,
    after: after.value,
    path: next.path,
    live: after.live,
    outcome: after.outcome,
    sender: shownSender(message),
    recipient: message.aor,
    octets: message.octets - message.bodyOffset,
    requestOctets: message.octets,
    contentType: message.contentType,
    callId: message.callId,
    chargingId: message.chargingId ?? null,
    receivedAtMs: message.receivedAtMs,
    dateMs: message.dateMs,
    expiresAtMs: message.expiresAtMs,
  };
}

/** Identity of one event, equal at every repetition. */
export const auditIdOf = (local: string, number: number): string => `e-${local}-${number}`;

const kindOf = (message: Message): AuditEvent['kind'] =>
  (message as { kind?: AuditEvent['kind'] }).kind ?? 'page';
