// Builds the requests we send as back-to-back user agent (spec.md 3.2 and 6.5): the stored message
// to its recipient, and the failure report to its sender. Invariant: the same effect gives the same
// octets at every repetition, the body of a delivery is the stored body but for our own IMDN-Record-Route, and nothing of the
// original's own hop (Via, routes, credentials) goes along.
import type { Message } from '../../machines/index.js';
import type { LargeRequest, OutgoingDelivery, OutgoingReport } from '../../runtime/index.js';
import { formatIsoDate, formatSipDate, parseSipDate } from './date.js';
import {
  type ImdnNotification,
  imdnFactsOf,
  reportFrom,
  reportTo,
  writeImdn,
  writeReport,
} from './imdn.js';
import { hopOctets, messageOctetsMax } from './limits.js';
import { asksPrivacy, identityOf, isAnonymous, parseExpires } from './message.js';
import { asBuffer } from './octets.js';
import { revealingNames } from './privacy.js';
import { recordRouted } from './record-route.js';
import { type Header, headerValue, headerValues, readRequest, type SipRequest } from './request.js';
import { bareUri, nameAddr } from './uri.js';

/** A request in the parts the proxy wants (the bus contract's `send` line). */
export interface SipRequestParts {
  /** MESSAGE when absent. */
  readonly method?: 'NOTIFY';
  readonly ruri: string;
  /** Where to send it, or null for the proxy's own inner port. */
  readonly nextHop: string | null;
  /**
   * From (URI and tag), To, Call-ID, CSeq and all other headers, CRLF behind each line; UTF-8 on
   * the wire. Via, Max-Forwards and Content-Length are the proxy's.
   */
  readonly headers: string;
  readonly body: Uint8Array;
  /**
   * Display name of From as written, quotes included; the proxy puts it back (it drops it from
   * `headers`).
   */
  readonly fromName: string | null;
}

export interface OutgoingOptions {
  /** Where to send the request; the proxy's inner port when absent. */
  readonly nextHop?: string | null;
}

export interface DeliveryOptions extends OutgoingOptions {
  /** URI of ours for IMDN-Record-Route, so that notifications come back through us; null: none. */
  readonly recordRoute?: string | null;
}

export interface ReportOptions extends OutgoingOptions {
  /** SIP From and P-Asserted-Identity of reports in place of the recipient (spec.md 13); null: the recipient. */
  readonly serviceIdentity?: string | null;
  /** False: no display names in CPIM From and To, which some phones want to be those of SIP to the letter. */
  readonly displayNames?: boolean;
}

/**
 * Headers of the original that are not passed on, beside `x-im-*`; From, To and identity are
 * written anew.
 */
const droppedNames = new Set([
  'via',
  'route',
  'record-route',
  'path',
  'service-route',
  'authorization',
  'proxy-authorization',
  'proxy-require',
  'contact',
  'max-forwards',
  'call-id',
  'cseq',
  'content-length',
  'from',
  'to',
  'p-asserted-identity',
  'p-preferred-identity',
]);

/** The request that pushes a stored message to its recipient. */
export function deliverRequest(
  effect: OutgoingDelivery,
  options: DeliveryOptions = {},
): SipRequestParts {
  const { message } = effect;
  const read = readRequest(effect.octets);
  if (!read.ok) throw new TypeError(`stored request is unreadable: ${read.finding.code}`);
  const { request } = read;
  const from = nameAddr(headerValue(request, 'from') ?? '');
  const hidden = isAnonymous(request, message.fromUri);
  const clock = marking(effect, request);
  const lines = [
    `From: <${from?.uri ?? message.fromUri}>;tag=${effect.fromTag}`,
    toLine(request, message),
    `Call-ID: ${effect.callId}`,
    `CSeq: ${effect.cseq} MESSAGE`,
  ];
  const kept = keptHeaders(effect.octets, request, { message, hidden, clock });
  const headers =
    block([...lines, ...clock.added, ...addedIdentity(request, message, hidden)]) + kept;
  const body = effect.octets.subarray(request.bodyOffset);
  return {
    ruri: message.aor,
    nextHop: options.nextHop ?? null,
    headers,
    body: routed(body, effect, Buffer.byteLength(headers), options.recordRoute ?? null),
    fromName: from?.display ?? null,
  };
}

function toLine(request: SipRequest, message: Message): string {
  const to = nameAddr(headerValue(request, 'to') ?? '');
  return `To: ${to?.display ? `${to.display} ` : ''}<${to?.uri ?? message.toUri}>`;
}

/** Headers of the stored message that belong to its content, and so to the SEND. */
const contentNames = new Set(['content-type', 'expires']);

/** The call that pushes a stored large message: its INVITE says what a MESSAGE would say, its SEND carries the rest. */
export function largeRequest(
  effect: OutgoingDelivery,
  { recordRoute = null }: DeliveryOptions = {},
): LargeRequest {
  const { message, contacts = [] } = effect;
  const read = readRequest(effect.octets, { bodyOctetsMax: effect.octets.length });
  if (!read.ok) throw new TypeError(`stored message is unreadable: ${read.finding.code}`);
  const { request } = read;
  const headers = request.headers.filter((one) => !contentNames.has(one.name));
  const from = nameAddr(headerValue(request, 'from') ?? '');
  const hidden = isAnonymous(request, message.fromUri);
  const clock = marking(effect, request);
  const lines = [
    `From: ${from?.display ? `${from.display} ` : ''}<${from?.uri ?? message.fromUri}>;tag=${effect.fromTag}`,
    toLine(request, message),
    `Call-ID: ${effect.callId}`,
    ...clock.added.filter((line) => !line.startsWith('Expires:')),
    ...addedIdentity(request, message, hidden),
  ];
  const kept = keptHeaders(effect.octets, { ...request, headers }, { message, hidden, clock });
  const expires = clock.added.find((line) => line.startsWith('Expires:'))?.slice(9);
  return {
    uri: message.aor,
    contacts,
    headers: block(lines) + kept,
    cseq: effect.cseq,
    content: routedContent(effect.octets.subarray(request.bodyOffset), message, recordRoute),
    contentType: headerValue(request, 'content-type') ?? message.contentType,
    expiresSeconds: parseExpires(expires ?? headerValue(request, 'expires') ?? ''),
  };
}

const routedContent = (
  content: Uint8Array,
  { contentType }: Message,
  route: string | null,
): Uint8Array =>
  (route === null ? null : recordRouted(content, contentType, { route, session: true })) ?? content;

interface Keeping {
  readonly message: Message;
  readonly hidden: boolean;
  readonly clock: Marking;
}

/** The lines of the original that go along, byte for byte, in their order. */
function keptHeaders(octets: Uint8Array, request: SipRequest, keeping: Keeping): string {
  const buffer = asBuffer(octets);
  const lines = request.headers
    .filter((header) => isKept(header, request, keeping))
    .map((header) => buffer.subarray(header.start, header.end));
  return Buffer.concat(lines).toString('utf8');
}

function isKept(header: Header, request: SipRequest, keeping: Keeping): boolean {
  const { name } = header;
  if (name === 'p-asserted-identity') return !keeping.hidden && isVouched(header, keeping.message);
  if (droppedNames.has(name) || name.startsWith('x-im-')) return false;
  if (name === 'date' || name === 'expires') return !keeping.clock.replaces;
  if (name === 'history-info' && asksPrivacy(request, ['history', 'session'])) return false;
  return !(keeping.hidden && revealingNames.has(name));
}

/**
 * The stored header says what the proxy asserted; any other identity is a claim and stays behind.
 */
function isVouched(header: Header, message: Message): boolean {
  return message.asserted !== null && identityOf(header.value) === message.asserted;
}

function addedIdentity(request: SipRequest, message: Message, hidden: boolean): string[] {
  if (hidden || message.asserted === null) return [];
  const stored = request.headers.some(
    (header) => header.name === 'p-asserted-identity' && isVouched(header, message),
  );
  return stored ? [] : [`P-Asserted-Identity: <${message.asserted}>`];
}

interface Marking {
  /** True when `added` stands instead of the original Date and Expires. */
  readonly replaces: boolean;
  readonly added: readonly string[];
}

const untouched: Marking = { replaces: false, added: [] };

/**
 * Date and Expires of the copy. They stay together (RFC 3428 section 7); where the original pair
 * does not show what the recipient must see, that it is old or expired (C80), the effective pair is
 * written.
 */
function marking(effect: OutgoingDelivery, request: SipRequest): Marking {
  const { message } = effect;
  const dateMs = onlyValue(request, 'date', parseSipDate);
  const expires = onlyValue(request, 'expires', parseExpires);
  const whole = dateMs !== null && expires !== null;
  if (effect.late && message.expiresAtMs !== null) {
    const shown = whole && dateMs + expires * 1000 <= effect.atMs;
    // A notice with its expiry has gone before: his own pair stays as he wrote it.
    return shown || (whole && effect.announced === true)
      ? untouched
      : effective(message, dateMs, message.expiresAtMs);
  }
  if (isExtended(message)) return effective(message, dateMs, message.expiresAtMs);
  // Expires without Date would start anew at the recipient: it counts from receipt, so that becomes
  // the Date.
  if (expires !== null && dateMs === null) return pair(message.receivedAtMs, expires);
  return untouched;
}

// Only an operator gives a message more time than its sender did: the sender's own pair would show it as expired.
function isExtended(message: Message): message is Message & { readonly expiresAtMs: number } {
  const { expiresSeconds, expiresAtMs } = message;
  if (expiresSeconds === null || expiresAtMs === null) return false;
  return expiresAtMs > (message.dateMs ?? message.receivedAtMs) + expiresSeconds * 1000;
}

function effective(message: Message, dateMs: number | null, expiresAtMs: number): Marking {
  const usable = dateMs !== null && dateMs <= message.receivedAtMs && dateMs <= expiresAtMs;
  const base = usable ? dateMs : message.receivedAtMs;
  return pair(base, Math.max(0, Math.floor((expiresAtMs - base) / 1000)));
}

function pair(dateMs: number, expiresSeconds: number): Marking {
  const added = [`Date: ${formatSipDate(dateMs)}`, `Expires: ${expiresSeconds}`];
  return { replaces: true, added };
}

function onlyValue<T>(
  request: SipRequest,
  name: string,
  parse: (value: string) => T | null,
): T | null {
  const values = headerValues(request, name);
  return values.length === 1 ? parse(values[0]!) : null;
}

function routed(
  body: Uint8Array,
  { message }: OutgoingDelivery,
  headerOctets: number,
  route: string | null,
): Uint8Array {
  if (route === null) return body;
  const otherOctets = headerOctets + hopOctets + message.aor.length;
  return recordRouted(body, message.contentType, { route, otherOctets }) ?? body;
}

/** The request that carries a report about a message (spec.md 6.4, 6.5, F3). */
export function reportRequest(
  effect: OutgoingReport,
  options: ReportOptions = {},
): SipRequestParts {
  const { message } = effect;
  const routes = message.cpim?.recordRoutes ?? [];
  // RFC 5438 section 7.2.1: with recorded routes the IMDN goes to the top one, else to the SIP
  // From.
  const target = requestTarget(routes[0] ?? message.reportTo ?? message.fromUri);
  // An anonymous sender is reached by his asserted identity, and named by it nowhere (spec.md 7.4).
  const to = message.reportTo === undefined ? target : requestTarget(message.fromUri);
  const from = options.serviceIdentity ?? message.aor;
  const headers = block([
    `From: <${from}>;tag=${effect.fromTag}`,
    `To: <${to}>`,
    `Call-ID: ${effect.callId}`,
    `CSeq: ${effect.cseq} MESSAGE`,
    `P-Asserted-Identity: <${from}>`,
    'Content-Type: message/cpim',
  ]);
  const room = messageOctetsMax - hopOctets - Buffer.byteLength(headers) - 2 * target.length;
  const body = reportBody(effect, routes, room, options.displayNames ?? true);
  return { ruri: target, nextHop: options.nextHop ?? null, headers, body, fromName: null };
}

/** `stored` is the word of a processing notification; all others are of delivery (section 11.1.6). */
function resultOf({ status }: OutgoingReport): ImdnNotification {
  return status === 'stored'
    ? { notification: 'processing', status }
    : { notification: 'delivery', status };
}

/**
 * The largest form that fits into the 1300 octets of RFC 3428 section 8: whole, without Subject
 * (optional, section 11.1.5), without display names as well. URIs and ids are never cut, so the
 * last form is sent whatever its size.
 */
function reportBody(
  effect: OutgoingReport,
  routes: readonly string[],
  room: number,
  displayNames: boolean,
): Buffer {
  const { message } = effect;
  const facts = imdnFactsOf(message);
  const named = { from: reportFrom(message), to: reportTo(message) };
  const bare = { from: `<${bareUri(named.from)}>`, to: `<${bareUri(named.to)}>` };
  const names = displayNames ? named : bare;
  const ids = { imdnMessageId: effect.imdnMessageId, dateTime: formatIsoDate(effect.atMs), routes };
  const result = resultOf(effect);
  const short = writeImdn({ ...facts, subject: null }, result);
  const whole = writeReport({ ...names, ...ids }, writeImdn(facts, result));
  if (whole.length <= room) return whole;
  const untitled = writeReport({ ...names, ...ids }, short);
  if (untitled.length <= room) return untitled;
  return writeReport({ ...bare, ...ids }, short);
}

/**
 * Parts that RFC 3261 table 1 forbids in From, and that could lead a request of ours elsewhere
 * (threat X1).
 */
const leadingParams = ['maddr', 'ttl', 'method'];

/**
 * A URI the sender wrote as Request-URI: without headers, and without parameters that would send it
 * past its own host.
 */
export function requestTarget(uri: string): string {
  const question = uri.indexOf('?', uri.indexOf('@') + 1);
  const plain = question < 0 ? uri : uri.slice(0, question);
  // The user part may hold semicolons of its own.
  const tail = plain.indexOf(';', plain.indexOf('@') + 1);
  if (tail < 0) return plain;
  const params = plain.slice(tail + 1).split(';');
  return [plain.slice(0, tail), ...params.filter((param) => !isLeading(param))].join(';');
}

function isLeading(param: string): boolean {
  return leadingParams.includes(param.split('=', 1)[0]!.toLowerCase());
}

function block(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r\n`).join('');
}
