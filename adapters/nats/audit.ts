// Audit events on the bus: each a request on one subject, known by its id, which travels as `Nats-Msg-Id` as well, so that a
// JetStream stream drops repetitions. Whoever answers has it: a stream that kept it, or a program of the operator's.
import { type AuditPort, limits } from '../../runtime/index.js';
import type { Requester } from './bus.js';
import { readJson } from './json.js';
import { subjects } from './subjects.js';

/** Publishes audit events; the engine repeats what nobody took. */
export const createAuditPort = (bus: Requester): AuditPort => ({
  ready: () => bus.ready(),
  publish: async (event) => {
    const text = JSON.stringify(event);
    const asked = { msgId: event.eventId, timeoutMs: limits.auditPatienceMs };
    const reply = await bus.request(subjects.event, text, asked);
    return reply !== null && isTaken(reply);
  },
});

// A stream that could not keep it answers with `error`; every other reply says that somebody has it.
function isTaken(reply: Uint8Array): boolean {
  const json = readJson(reply);
  const value = json.ok ? json.value : null;
  return typeof value !== 'object' || value === null || !('error' in value);
}
