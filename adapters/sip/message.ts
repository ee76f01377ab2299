// Turns the octets of a SIP MESSAGE into the facts the engine decides on, or into the answer its
// sender gets. Invariant: the octets themselves are kept as they came; the identity is the one the
// proxy asserted, never the one a header claims. Knows no clock and no store: whether the message
// is taken is decided elsewhere.
import { type IncomingMessage, isAnonymousUri } from '../../machines/index.js';
import { parseChargingId } from './charging.js';
import { type CpimOptions, holdsNothing, readCpim } from './cpim.js';
import { parseSipDate } from './date.js';
import { type Failed, type Finding, failed, type Refusal, refusal } from './finding.js';
import { callIdCharactersMax, displayNameOctetsMax } from './limits.js';
import { isEncoded, mediaType } from './mime.js';
import { isToken, readDigits, skipBlanks } from './octets.js';
import { remembered } from './remembered.js';
import { headerValue, headerValues, readRequest, type SipRequest } from './request.js';
import { bareUri, canonicalAor, isPlainUri, type NameAddr, nameAddr } from './uri.js';

export type ReadResult =
  | {
      readonly ok: true;
      readonly message: IncomingMessage;
      /** The top Via as written: it names the transaction of the hop before us (RFC 3261 section 17.2.3). */
      readonly via: string;
      /** Why a body that is declared as message/cpim is none; it is taken as any other content (ADR 0020). */
      readonly unreadable: Finding | null;
    }
  | Refusal;

const largestExpires = 0xffff_ffff;
const largestCseq = 0x7fff_ffff;

/**
 * Reads a MESSAGE. `asserted` is the identity URI vouched for by the proxy, or null. Never throws.
 */
export function readMessage(
  octets: Uint8Array,
  asserted: string | null,
  options: CpimOptions = {},
): ReadResult {
  const read = readRequest(octets);
  if (!read.ok) return refusal(statusOf(read.finding.code), read.finding);
  const { request } = read;
  const target = readTarget(request);
  if (!target.ok) return target;
  const names = readNames(request);
  if (!names.ok) return refusal(statusOf(names.finding.code), names.finding);
  const content = readContent(octets, request, options);
  if (!content.ok) return refusal(400, content.finding);
  return {
    ok: true,
    message: {
      octets,
      bodyOffset: request.bodyOffset,
      aor: target.aor,
      asserted: asserted === null ? null : canonicalAor(asserted),
      ...names.names,
      dateMs: single(request, 'date', parseSipDate),
      expiresSeconds: single(request, 'expires', parseExpires),
      contentType: content.type,
      anonymous: isAnonymous(request, names.names.fromUri),
      cpim: content.cpim,
      chargingId: single(request, 'p-charging-vector', parseChargingId),
    },
    via: topVia(request),
    unreadable: content.unreadable,
  };
}

// Several may stand in one line, parted by commas.
function topVia(request: SipRequest): string {
  const line = headerValue(request, 'via') ?? '';
  const comma = line.indexOf(',');
  return comma < 0 ? line : line.slice(0, comma);
}

/** SIP code for a request that cannot be read (RFC 3261 section 21.4). */
export function statusOf(code: string): number {
  return code.endsWith('-too-large') ? 413 : 400;
}

/** The served user a request is for. */
export function readTarget(
  request: SipRequest,
  method = 'MESSAGE',
): { readonly ok: true; readonly aor: string } | Refusal {
  if (request.method !== method) {
    const offset = request.startOffset;
    return refusal(405, { code: 'method', message: `only ${method} is taken here`, offset });
  }
  const aor = canonicalAor(request.requestUri);
  const offset = request.startOffset + request.method.length + 1;
  if (aor !== null) return { ok: true, aor };
  // RFC 3261 section 8.2.2.1: an unknown scheme is 416, a bad URI of a known one is 400.
  const unknown = isPlainUri(request.requestUri) && !hasKnownScheme(request.requestUri);
  return unknown
    ? refusal(416, { code: 'uri-scheme', message: 'unsupported URI scheme', offset })
    : refusal(400, { code: 'request-uri', message: 'malformed Request-URI', offset });
}

function hasKnownScheme(uri: string): boolean {
  const scheme = uri.slice(0, uri.indexOf(':')).toLowerCase();
  return scheme === 'sip' || scheme === 'sips' || scheme === 'tel';
}

type Names = Pick<IncomingMessage, 'fromUri' | 'fromAor' | 'toUri' | 'fromTag' | 'callId' | 'cseq'>;

/** Who sent a request, to whom, and what makes it the one it is; or what is wrong with it. */
export function readNames(
  request: SipRequest,
): { readonly ok: true; readonly names: Names } | Failed {
  const from = readAddress(request, 'from');
  if ('ok' in from) return from;
  const to = readAddress(request, 'to');
  if ('ok' in to) return to;
  const fromTag = from.params.get('tag') ?? '';
  // RFC 3261 section 8.1.1.3: From MUST carry a tag; without it no repetition could be recognised.
  if (!isToken(fromTag)) return failed('from-tag', 'From carries no tag', placeOf(request, 'from'));
  const callId = headerValue(request, 'call-id') ?? '';
  if (!isCallId(callId))
    return failed('call-id', 'Call-ID is missing or malformed', placeOf(request, 'call-id'));
  const cseq = readCseq(headerValue(request, 'cseq') ?? '', request.method);
  if (cseq === null)
    return failed('cseq', 'CSeq is missing or malformed', placeOf(request, 'cseq'));
  const uris = { fromUri: from.uri, fromAor: canonicalAor(from.uri), toUri: to.uri };
  return { ok: true, names: { ...uris, fromTag, callId, cseq } };
}

/** Where a header stands, or, when it is missing, the end of the block that should have held it. */
const placeOf = (request: SipRequest, name: string): number =>
  request.headers.find((header) => header.name === name)?.start ?? request.bodyOffset - 2;

function readAddress(request: SipRequest, name: 'from' | 'to'): NameAddr | Failed {
  const value = headerValue(request, name);
  const address = value === null ? null : nameAddr(value);
  const header = name === 'from' ? 'From' : 'To';
  if (address === null)
    return failed(name, `${header} is missing or malformed`, placeOf(request, name));
  // It travels in a field of its own, as the proxy's sending drops it (kamailio.md).
  const { display } = address;
  if (name === 'from' && display !== null && Buffer.byteLength(display) > displayNameOctetsMax)
    return failed('from-too-large', 'the display name of From is too long', placeOf(request, name));
  return address;
}

/** `word [ "@" word ]` in effect: visible ASCII of bounded length. */
export function isCallId(value: string): boolean {
  if (value.length === 0 || value.length > callIdCharactersMax) return false;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}

function readCseq(value: string, method: string): number | null {
  let end = 0;
  while (end < value.length && value[end] !== ' ' && value[end] !== '\t') end++;
  const number = readDigits(value.slice(0, end), 10);
  if (number === null || number > largestCseq) return null;
  return value.slice(skipBlanks(value, end)) === method ? number : null;
}

/**
 * RFC 3261 section 20.19: whole seconds up to 2^32-1; everything else counts as absent (spec.md
 * 2.5).
 */
export function parseExpires(value: string): number | null {
  const seconds = readDigits(value, 10);
  return seconds !== null && seconds <= largestExpires ? seconds : null;
}

/** A header that says two things says nothing. */
export function single<T>(
  request: SipRequest,
  name: string,
  parse: (value: string) => T | null,
): T | null {
  if (headerValue(request, name) === null) return null;
  const values = headerValues(request, name);
  return values.length === 1 ? parse(values[0]!) : null;
}

interface Content {
  readonly ok: true;
  readonly type: string;
  readonly cpim: IncomingMessage['cpim'];
  /** At an octet of the whole request. */
  readonly unreadable: Finding | null;
}

/** The content type of a body, and what its CPIM layer says. */
export function readContent(
  octets: Uint8Array,
  request: SipRequest,
  options: CpimOptions,
): Content | Failed {
  const value = headerValue(request, 'content-type');
  const empty = octets.length === request.bodyOffset;
  // RFC 3261 section 20.15: MUST be present with a body. Without one, MIME's own default stands in
  // the lists.
  if (value === null && !empty)
    return failed('no-content-type', 'a body without Content-Type', request.bodyOffset);
  const media = mediaType(value ?? 'text/plain');
  if (media === null)
    return failed('content-type', 'malformed Content-Type', placeOf(request, 'content-type'));
  if (value === null || isEncoded(headerValue(request, 'content-encoding'))) {
    return { ok: true, type: media.type, cpim: null, unreadable: null };
  }
  if (holdsNothing(media.type)) return { ok: true, type: media.type, cpim: null, unreadable: null };
  const body = octets.subarray(request.bodyOffset);
  const { facts, unreadable } = readCpim(body, value, options);
  const finding =
    unreadable === null ? null : { ...unreadable, offset: unreadable.offset + request.bodyOffset };
  return { ok: true, type: media.type, cpim: facts, unreadable: finding };
}

/**
 * The sender's identity is not to be shown: RFC 3323 sections 4.1 and 4.2, RFC 3325 section 9.3.
 */
export function isAnonymous(request: SipRequest, fromUri: string): boolean {
  return asksPrivacy(request, ['id', 'user', 'header']) || namesNobody(fromUri);
}

const namesNobody = remembered(isAnonymousUri);

/** True when a Privacy header holds one of the given values. */
export function asksPrivacy(request: SipRequest, values: readonly string[]): boolean {
  for (const value of headerValues(request, 'privacy')) {
    for (const item of value.toLowerCase().replaceAll(',', ';').split(';')) {
      if (values.includes(item.trim())) return true;
    }
  }
  return false;
}

/** Canonical identities a P-Asserted-Identity value names; none when it is malformed. */
export function identityOf(value: string): string | null {
  const uri = bareUri(value);
  return uri === null ? null : canonicalAor(uri);
}
