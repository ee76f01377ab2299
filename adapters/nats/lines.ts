// The lines of the bus contract and their typed forms. Each is read by a one-pass scanner and then
// checked by its JSON Schema, in both directions. Nothing here decides or remembers anything;
// nothing throws.
import {
  base64Octets,
  base64Text,
  base64TextOrNone,
  type FieldKind,
  fail,
  offsetOf,
  omittableToken,
  type Parsed,
  readBase64,
  splitFields,
  token,
  tokenOrNone,
  uint,
  uintOrNone,
} from './fields.js';
import { natsLimits } from './limits.js';
import { type SchemaName, schemaFindings } from './schemas.js';

const uint32 = 4_294_967_295;
const version = 'v1';

/** First line of a store or command payload; the untouched request follows it. */
export interface RequestLine {
  readonly node: string;
  /** tm's hash index and label: the transaction that waits at the proxy. */
  readonly index: number;
  readonly label: number;
  /** When the proxy sent it: seconds and microseconds of its wall clock. */
  readonly sec: number;
  readonly usec: number;
  readonly holdMs: number;
  readonly proto: string;
  readonly srcIp: string;
  readonly srcPort: number;
  /** Identity the proxy asserts for the sender, or null. */
  readonly asserted: string | null;
  /** Octets of the request as the proxy counted them. */
  readonly length: number;
  /**
   * `queued`: its recipient can be reached, and it goes behind his backlog. `begins`: it begins a dialog, and its To tag
   * is the proxy's. Null from older proxies.
   */
  readonly why?: 'offline' | 'queued' | 'begins' | null;
  /** `base64`: so the request was written, since it may hold NUL octets; null where it follows as it is. */
  readonly encoding?: 'base64' | null;
}

export interface OnlineLine {
  readonly node: string;
  readonly saveCode: number;
  readonly aor: string;
  readonly contacts: string | null;
  readonly expires: number | null;
}

export interface OfflineLine {
  readonly node: string;
  readonly why: 'unregister' | 'expired';
  readonly aor: string;
}

export interface OutcomeLine {
  readonly node: string;
  readonly effectId: string;
  readonly token: string;
  /** SIP final code; 0 = not sent. */
  readonly status: number;
  readonly via: 'reply' | 'failure' | 'lookup' | 'send' | 'limit' | 'memory';
  /** Retry-After of the answer, or null. */
  readonly retryAfterSeconds: number | null;
}

export interface LateLine {
  readonly node: string;
  readonly index: number;
  readonly label: number;
  readonly code: number;
}

/** A proxy's answer to the beat. */
export interface AliveLine {
  readonly node: string;
  /** `address:port` of its inner port; only from proxies that know large messages. */
  readonly inner?: string;
}

export interface AnswerLine {
  readonly node: string;
  readonly index: number;
  readonly label: number;
  readonly code: number;
  readonly retryAfterSeconds: number | null;
  readonly reason: string;
  /** Complete header lines, CRLF after each, or null. */
  readonly headers: string | null;
}

export interface SendLine {
  readonly node: string;
  readonly effectId: string;
  readonly token: string;
  readonly ruri: string;
  readonly nextHop: string | null;
  readonly headersBytes: number;
  readonly bodyBytes: number;
  readonly headers: string;
  readonly body: Uint8Array;
  readonly fromName: string | null;
  /** Absent: MESSAGE. */
  readonly method?: 'NOTIFY';
}

/** Live messages for a user go behind his backlog for so long; 0: no longer. For every proxy. */
export interface QueueLine {
  readonly aor: string;
  readonly seconds: number;
}

export interface BeatLine {
  readonly storeId: string;
  readonly seq: number;
  /** `address:port` of the SIP leg, and what shows there that a call comes from a proxy; only with large messages on. */
  readonly leg?: string;
  readonly legToken?: string;
}

/** Reads and writes one kind of line. */
export interface LineForm<T> {
  parse(payload: Uint8Array): Parsed<T>;
  format(value: T): Parsed<string>;
}

const requestKinds: readonly FieldKind[] = [
  token('node'),
  uint('index', uint32),
  uint('label', uint32),
  uint('sec', 10_000_000_000),
  uint('usec', 999_999),
  uint('holdMs', 60_000),
  token('proto'),
  token('srcIp'),
  uint('srcPort', 65_535),
  base64TextOrNone('asserted', natsLimits.identityBytesMax),
  uint('length', uint32),
  tokenOrNone('why', true),
  tokenOrNone('encoding', true),
];

export const onlineLine = lineForm<OnlineLine>('online', [
  token('node'),
  uint('saveCode', 9),
  base64Text('aor', natsLimits.identityBytesMax),
  // Lossy: a display name in some old charset must not keep a user from being seen online.
  base64TextOrNone('contacts', natsLimits.contactsBytesMax, true),
  uintOrNone('expires', uint32, true),
]);

export const offlineLine = lineForm<OfflineLine>('offline', [
  token('node'),
  token('why'),
  base64Text('aor', natsLimits.identityBytesMax),
]);

export const outcomeLine = lineForm<OutcomeLine>('outcome', [
  token('node'),
  token('effectId'),
  token('token'),
  uint('status', 699),
  token('via'),
  uintOrNone('retryAfterSeconds', uint32, true),
]);

export const lateLine = lineForm<LateLine>('late', [
  token('node'),
  uint('index', uint32),
  uint('label', uint32),
  uint('code', 699),
]);

export const aliveLine = lineForm<AliveLine>('alive', [token('node'), omittableToken('inner')]);

export const answerLine = lineForm<AnswerLine>('answer', [
  token('node'),
  uint('index', uint32),
  uint('label', uint32),
  uint('code', 699),
  uintOrNone('retryAfterSeconds', uint32),
  base64Text('reason', natsLimits.reasonCharsMax * 4),
  base64TextOrNone('headers', natsLimits.answerHeadersBytesMax, false, true),
]);

export const beatLine = lineForm<BeatLine>('beat', [
  token('storeId'),
  uint('seq', Number.MAX_SAFE_INTEGER),
  omittableToken('leg'),
  omittableToken('legToken'),
]);

export const queueLine = lineForm<QueueLine>('queue', [
  base64Text('aor', natsLimits.identityBytesMax),
  uint('seconds', 86_400),
]);

const sendForm = lineForm<SendLine>('send', [
  token('node'),
  token('effectId'),
  token('token'),
  base64Text('ruri', natsLimits.identityBytesMax),
  base64TextOrNone('nextHop', natsLimits.identityBytesMax),
  uint('headersBytes', natsLimits.headerBytesMax),
  uint('bodyBytes', natsLimits.bodyBytesMax),
  base64Text('headers', natsLimits.headerBytesMax),
  base64Octets('body', natsLimits.bodyBytesMax),
  base64TextOrNone('fromName', natsLimits.identityBytesMax),
  omittableToken('method'),
]);

/**
 * The send line; both lengths must agree with what they count, else half a message could be sent.
 */
export const sendLine: LineForm<SendLine> = {
  parse: (payload) => withLengths(sendForm.parse(payload)),
  format: (value) => {
    const checked = withLengths({ ok: true, value });
    return checked.ok ? sendForm.format(value) : checked;
  },
};

function withLengths(parsed: Parsed<SendLine>): Parsed<SendLine> {
  if (!parsed.ok) return parsed;
  const { headers, headersBytes, body, bodyBytes } = parsed.value;
  if (Buffer.byteLength(headers) !== headersBytes || body.length !== bodyBytes)
    return fail('length-differs', 'a length differs from what it counts');
  return parsed;
}

/** A store or command payload: its first line, and the untouched request, which stands after CRLF. */
export interface RequestPayload {
  readonly line: RequestLine;
  readonly octets: Uint8Array;
}

export function parseRequest(payload: Uint8Array): Parsed<RequestPayload> {
  const end = endOfHead(payload);
  if (end < 0) return fail('head-missing', 'no CRLF within the longest first line', 0);
  const whole = asBuffer(payload);
  const parsed = parseText<RequestLine>('request', requestKinds, whole.toString('latin1', 0, end));
  if (!parsed.ok) return parsed;
  const octets = decoded(whole.subarray(end + 2), parsed.value);
  if (octets === undefined) return fail('request-malformed', 'the request is not base64', end + 2);
  return { ok: true, value: { line: parsed.value, octets } };
}

const decoded = (written: Buffer, line: RequestLine): Buffer | undefined =>
  line.encoding === 'base64' ? readBase64(written.toString('latin1')) : written;

/** The proxy's side of `parseRequest`, for tools and tests. */
export function formatRequest(line: RequestLine, octets: Uint8Array): Parsed<Uint8Array> {
  const head = formatLine('request', requestKinds, line);
  if (!head.ok) return head;
  const encoded = line.encoding === 'base64';
  const written = encoded ? Buffer.from(asBuffer(octets).toString('base64'), 'latin1') : octets;
  return { ok: true, value: Buffer.concat([Buffer.from(`${head.value}\r\n`, 'latin1'), written]) };
}

function endOfHead(payload: Uint8Array): number {
  const last = Math.min(payload.length - 1, natsLimits.headBytesMax);
  for (let i = 0; i < last; i += 1) if (payload[i] === 0x0d && payload[i + 1] === 0x0a) return i;
  return -1;
}

function lineForm<T>(schema: SchemaName, kinds: readonly FieldKind[]): LineForm<T> {
  return {
    parse: (payload) => parseLine<T>(schema, kinds, payload),
    format: (value) => formatLine(schema, kinds, value),
  };
}

function parseLine<T>(
  schema: SchemaName,
  kinds: readonly FieldKind[],
  payload: Uint8Array,
): Parsed<T> {
  if (payload.length > natsLimits.lineBytesMax)
    return fail('line-too-long', 'the line is too long');
  return parseText(schema, kinds, asBuffer(payload).toString('latin1'));
}

function parseText<T>(schema: SchemaName, kinds: readonly FieldKind[], text: string): Parsed<T> {
  if (text.length === 0) return fail('line-empty', 'the payload is empty', 0);
  const split = splitFields(text, kinds.length + 1);
  if (!split.ok) return split;
  if (split.value[0] !== version) return fail('version-unknown', 'the line is not version 1', 0);
  const read = readFields(kinds, split.value);
  return read.ok ? (checked(schema, read.value) as Parsed<T>) : read;
}

// The first field is the version.
function readFields(
  kinds: readonly FieldKind[],
  fields: readonly string[],
): Parsed<Record<string, unknown>> {
  const value: Record<string, unknown> = {};
  for (let at = 0; at < kinds.length; at += 1) {
    const kind = kinds[at]!;
    if (kind.omittable && fields.length <= at + 1) break;
    const text = fields[at + 1] ?? (kind.optional ? '-' : undefined);
    if (text === undefined) return fail('field-count', `the field ${kind.key} is missing`);
    const read = kind.read(text);
    if (read === undefined) {
      const offset = at + 1 < fields.length ? offsetOf(fields, at + 1) : -1;
      return fail('field-malformed', `the field ${kind.key} is malformed`, offset);
    }
    value[kind.key] = read;
  }
  return { ok: true, value };
}

function formatLine(
  schema: SchemaName,
  kinds: readonly FieldKind[],
  value: unknown,
): Parsed<string> {
  const valid = checked(schema, value);
  if (!valid.ok) return valid;
  const fields = [version];
  for (const kind of kinds) {
    const one = (value as Record<string, unknown>)[kind.key];
    if (kind.omittable && one === undefined) break;
    const text = kind.write(one);
    if (text === undefined) return fail('field-malformed', `the field ${kind.key} cannot be sent`);
    fields.push(text);
  }
  return { ok: true, value: fields.join(' ') };
}

const asBuffer = (octets: Uint8Array): Buffer =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

function checked<T>(schema: SchemaName, value: T): Parsed<T> {
  const first = schemaFindings(schema, value)[0];
  if (first === undefined) return { ok: true, value };
  return fail('schema', `${first.pointer === '' ? '/' : first.pointer} ${first.message}`);
}
