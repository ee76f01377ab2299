// What the operator's own systems are told of each step of a message, for charging and audit: one event a step, written
// in the batch of the step, with facts alone and never a body. It names a sender who asked for privacy to nobody: the
// charging id and Call-ID tie the event to the proxy's own record of the request.
import { type Message, type Policy, shownSender } from '../machines/index.js';
import { keys } from './keys.js';
import type { AuditEvent } from './ports.js';
import type { ActorRow } from './rows.js';
import type { Step } from './step.js';
import type { Turn } from './turn.js';

/** A step, and what brought it about. */
interface Told {
  readonly policy: Policy;
  readonly before: ActorRow;
  readonly after: ActorRow;
  readonly next: Step;
  readonly cause: { readonly name: string; readonly status?: number; readonly by?: string };
}

/** Writes the event of a step into its batch; without room it is left out, counted, and seen as a gap. */
export function audit(turn: Turn, local: string, step: Told): void {
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

function eventOf(nowMs: number, local: string, step: Told): AuditEvent {
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
