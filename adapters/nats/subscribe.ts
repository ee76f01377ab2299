// SUBSCRIBE to the notices of a mailbox (`command` lines): read, decided through the runtime, answered 200 with what was
// granted. The notices themselves are effects like all others.
import type { Runtime } from '../../runtime/index.js';
import type { Decision } from './answers.js';
import type { SipCodec } from './codec.js';
import { readRefusal, refusal, refusedDecision } from './held.js';
import type { RequestPayload } from './lines.js';

/** Decides a SUBSCRIBE; null when the request is something else. */
export function decideSubscribe(
  { line, octets }: RequestPayload,
  runtime: Runtime,
  codec: SipCodec,
): Promise<Decision> | Decision | null {
  const read = codec.readSubscribe?.(octets, line.asserted) ?? null;
  if (read === null) return null;
  if (!read.ok) {
    const refused = readRefusal(read);
    return { ...refused, headers: [...read.headers, ...(refused.headers ?? [])] };
  }
  const { aor, watcher, seconds } = read.subscription;
  const begins = line.why === 'begins';
  const asked = { aor, node: line.node, watcher, begins, seconds };
  return runtime.submit({ type: 'subscription.requested', ...asked }).then((reply) => {
    if (reply.kind === 'refused') return refusedDecision(reply);
    if (reply.kind !== 'subscribed') return refusal(500, 'Unexpected Reply');
    const contact = codec.serviceUriOf?.(aor) ?? aor;
    const headers = [`Expires: ${reply.seconds}`, `Contact: <${contact}>`];
    return { code: 200, reason: 'OK', retryAfterSeconds: null, promised: null, headers };
  });
}
