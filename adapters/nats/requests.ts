// Request and reply with JSON over the bus: size, depth and schema are checked on the way in,
// schema and size on the way out. Every request with a usable reply subject gets exactly one reply;
// a bad one never throws.
import type { SchemaChecker } from '../../machines/index.js';
import type { Cancel } from '../../runtime/index.js';
import type { Bus } from './bus.js';
import type { Finding } from './fields.js';
import { readJson } from './json.js';
import { natsLimits } from './limits.js';
import { schemaCheck } from './schemas.js';
import { engineQueue, isReplySubject } from './subjects.js';

/** Nothing was done, and why. `status` follows SIP and HTTP: 400, 403, 404, 413, 500, 503. */
export interface RequestRefusal {
  readonly v: 1;
  readonly ok: false;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A payload that was not understood: where it came in, and what is wrong with it. */
export interface Malformed extends Finding {
  readonly where: string;
}

export interface RequestDoor<Request> {
  readonly subject: string;
  /** Checked before `handle` sees the value. */
  readonly request: SchemaChecker;
  /** Checked before the reply leaves. */
  readonly reply: SchemaChecker;
  /** A refusal or a reply that fits the schema. */
  handle(request: Request): Promise<unknown>;
  readonly bytesMax?: number;
  /** Requests being handled at once at this door. */
  readonly inFlightMax?: number;
  readonly onMalformed?: (malformed: Malformed) => void;
  /** A handler threw or replied what its schema forbids: a bug, told and not hidden. */
  readonly onFailure?: (subject: string, error: unknown) => void;
}

export function refuse(status: number, code: string, message: string): RequestRefusal {
  return { v: 1, ok: false, status, code, message: message.slice(0, 1_000) };
}

/** An answer now would be one by half. */
export const notReady = (): RequestRefusal =>
  refuse(
    503,
    'not-ready',
    'The store is being checked after a start, and not yet where this user is.',
  );

/** Serves one subject until the bus closes or the result is called. */
export function serveRequests<Request>(bus: Bus, door: RequestDoor<Request>): Cancel {
  let inFlight = 0;
  return bus.subscribe(door.subject, engineQueue, (payload, reply) => {
    if (reply === null || !isReplySubject(reply)) {
      malformed(door, { code: 'reply-missing', message: 'no usable reply subject', offset: -1 });
      return;
    }
    const answer = (value: unknown) => bus.publish(reply, encode(door, value));
    const read = readRequest<Request>(door, payload);
    if (!read.ok) {
      malformed(door, read.finding);
      answer(refuse(400, read.finding.code, read.finding.message));
    } else if (inFlight >= (door.inFlightMax ?? natsLimits.jsonInFlightMax)) {
      answer(refuse(503, 'busy', 'too many requests at once'));
    } else {
      inFlight += 1;
      void handled(door, read.value)
        .then(answer)
        .finally(() => {
          inFlight -= 1;
        });
    }
  });
}

function readRequest<Request>(
  door: RequestDoor<Request>,
  payload: Uint8Array,
): { ok: true; value: Request } | { ok: false; finding: Finding } {
  const json = readJson(payload, door.bytesMax);
  if (!json.ok) return json;
  const checked = door.request(json.value);
  if (checked.ok) return { ok: true, value: json.value as Request };
  const first = checked.findings[0];
  const message = `${first?.pointer || '/'} ${first?.message ?? 'does not fit'}`;
  return { ok: false, finding: { code: 'schema', message, offset: -1 } };
}

async function handled<Request>(door: RequestDoor<Request>, request: Request): Promise<unknown> {
  try {
    return await door.handle(request);
  } catch (error) {
    door.onFailure?.(door.subject, error);
    return refuse(503, 'unavailable', 'the request could not be handled');
  }
}

/** The reply as text; one that breaks its own schema or size is replaced by a refusal. */
function encode<Request>(door: RequestDoor<Request>, value: unknown): string {
  const refused = (value as { ok?: unknown }).ok === false;
  const checked = refused ? schemaCheck('error-reply')(value) : door.reply(value);
  if (!checked.ok) {
    door.onFailure?.(door.subject, new TypeError(checked.findings[0]?.message ?? 'reply'));
    return JSON.stringify(refuse(500, 'reply-invalid', 'the reply does not fit its schema'));
  }
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) <= natsLimits.payloadBytesMax) return text;
  return JSON.stringify(refuse(413, 'reply-too-long', 'the reply is too long: ask for less'));
}

function malformed<Request>(door: RequestDoor<Request>, finding: Finding): void {
  door.onMalformed?.({ ...finding, where: door.subject });
}
