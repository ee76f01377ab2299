// The grammar of one SIP request (RFC 3261 section 7), without any opinion about what it asks.
// Invariant: a request that is read is whole. Its Content-Length agrees with the octets that
// follow, which is how a body cut at a NUL by a proxy is noticed (kamailio.md section 1), and every
// length is within limits.ts.

import { type Field, readFields } from './fields.js';
import { type Failed, failed } from './finding.js';
import { bodyOctetsMax, headerOctetsMax, requestOctetsMax } from './limits.js';
import { asBuffer, CR, decode, isTokenCode, LF, readDigits } from './octets.js';

export interface Header extends Field {
  /** Lower-case long name: `i:` and `Call-ID:` are both `call-id`. */
  readonly name: string;
}

export interface SipRequest {
  /** Where its first line begins; empty lines may stand before it. */
  readonly startOffset: number;
  readonly method: string;
  readonly requestUri: string;
  /** In the order of the request, repeated ones included. */
  readonly headers: readonly Header[];
  readonly bodyOffset: number;
}

/** Compact forms of RFC 3261 section 7.3.3 and of its extensions in the IANA registry. */
const compactNames = new Map(
  Object.entries({
    a: 'accept-contact',
    b: 'referred-by',
    c: 'content-type',
    d: 'request-disposition',
    e: 'content-encoding',
    f: 'from',
    i: 'call-id',
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
    m: 'contact',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
    t: 'to',
    u: 'allow-events',
    v: 'via',
    x: 'session-expires',
    y: 'identity',
  }),
);

/** Two of these in one request would let two readers see two different messages. */
const singleNames = ['from', 'to', 'call-id', 'cseq', 'content-length', 'content-type'];

/** Reads a whole request; leading empty lines are skipped (section 7.5). */
export function readRequest(
  given: Uint8Array,
): { readonly ok: true; readonly request: SipRequest } | Failed {
  // Once for all that is decoded.
  const octets = asBuffer(given);
  if (octets.length > requestOctetsMax) {
    return failed('request-too-large', 'the request is too large', requestOctetsMax);
  }
  const start = skipEmptyLines(octets);
  const line = readStartLine(octets, start);
  if (!line.ok) return line;
  const limit = Math.min(octets.length, headerOctetsMax);
  const block = readFields(octets, line.end, limit);
  if (!block.ok) return headerTooLong(block, octets.length);
  const headers = block.fields.map(named);
  const body = checkBody(headers, octets.length, block.end);
  if (body !== null) return body;
  const { method, requestUri } = line;
  const request = { startOffset: start, method, requestUri, headers, bodyOffset: block.end };
  return { ok: true, request };
}

/** First value of a header by its lower-case long name, or null. */
export function headerValue(request: SipRequest, name: string): string | null {
  return request.headers.find((header) => header.name === name)?.value ?? null;
}

/** All values of a header by its lower-case long name, in order. */
export function headerValues(request: SipRequest, name: string): string[] {
  return request.headers.filter((header) => header.name === name).map((header) => header.value);
}

function named(field: Field): Header {
  const { rawName, value, start, end } = field;
  const lower = rawName.toLowerCase();
  const name = lower.length === 1 ? (compactNames.get(lower) ?? lower) : lower;
  return { name, rawName, value, start, end };
}

/** A block that runs into the limit is too large, not endless. */
function headerTooLong(block: Failed, length: number): Failed {
  // The limit may lie between the CR and the LF of a line.
  const atLimit = block.finding.offset >= headerOctetsMax - 1 && length > headerOctetsMax;
  return atLimit
    ? failed('headers-too-large', 'the header block is too large', headerOctetsMax)
    : block;
}

function skipEmptyLines(octets: Uint8Array): number {
  let at = 0;
  while (at < 16 && octets[at] === CR && octets[at + 1] === LF) at += 2;
  return at;
}

interface StartLine {
  readonly ok: true;
  readonly method: string;
  readonly requestUri: string;
  readonly end: number;
}

const version = ' SIP/2.0';
const methodOctetsMax = 32;

/** `Method SP Request-URI SP SIP/2.0 CRLF` with exactly these spaces (section 7.1). */
function readStartLine(octets: Uint8Array, start: number): StartLine | Failed {
  const bad = failed('start-line', 'the first line is not that of a SIP request', start);
  let methodEnd = start;
  while (methodEnd < octets.length && isTokenCode(octets[methodEnd]!)) methodEnd++;
  const long = methodEnd - start > methodOctetsMax;
  if (methodEnd === start || long || octets[methodEnd] !== 0x20) return bad;
  let at = methodEnd + 1;
  const limit = Math.min(octets.length, headerOctetsMax);
  while (at < limit && octets[at]! > 0x20 && octets[at]! < 0x7f) at++;
  const uriEnd = at;
  const end = uriEnd + version.length;
  if (uriEnd === methodEnd + 1 || end + 2 > octets.length) return bad;
  if (decode(octets, uriEnd, end)?.toUpperCase() !== version) return bad;
  if (octets[end] !== CR || octets[end + 1] !== LF) return bad;
  const method = decode(octets, start, methodEnd)!;
  return { ok: true, method, requestUri: decode(octets, methodEnd + 1, uriEnd)!, end: end + 2 };
}

function checkBody(headers: readonly Header[], length: number, bodyOffset: number): Failed | null {
  const repeated = repeatedSingle(headers);
  if (repeated !== null) {
    return failed('repeated-header', 'a header that may stand once stands twice', repeated.start);
  }
  const size = length - bodyOffset;
  const declared = headers.find((header) => header.name === 'content-length');
  // Without the header the body reaches to the end of the datagram (section 18.3).
  if (declared !== undefined && readDigits(declared.value, 10) !== size) {
    return failed('body-length', 'Content-Length is not the length of the body', declared.start);
  }
  if (size > bodyOctetsMax) return failed('body-too-large', 'the body is too large', bodyOffset);
  return null;
}

function repeatedSingle(headers: readonly Header[]): Header | null {
  const seen = new Set<string>();
  for (const header of headers) {
    if (!singleNames.includes(header.name)) continue;
    if (seen.has(header.name)) return header;
    seen.add(header.name);
  }
  return null;
}
