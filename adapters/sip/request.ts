// The grammar of one SIP request (RFC 3261 section 7), without any opinion about what it asks.
// Invariant: a request that is read is whole. Its Content-Length agrees with the octets that
// follow, which is how a body cut at a NUL by a proxy is noticed (kamailio.md section 1), and every
// length is within limits.ts.

import { type Field, readFields } from './fields.js';
import { type Failed, failed } from './finding.js';
import { bodyOctetsMax, headerOctetsMax, requestOctetsMax } from './limits.js';
import { asBuffer, CR, isTokenCode, LF, readDigits } from './octets.js';

/** A field under its long name. */
export type Header = Field;

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

// The usual spellings find their name without being written anew.
const knownNames = new Map(
  'Via,Max-Forwards,From,To,Call-ID,CSeq,Contact,Content-Type,Content-Length,Date,Expires,Route,User-Agent'
    .split(',')
    .map((rawName) => [rawName, rawName.toLowerCase()]),
);

/** Lower-case long name of a header. */
export function longName(rawName: string): string {
  const known = knownNames.get(rawName);
  if (known !== undefined) return known;
  const lower = rawName.toLowerCase();
  return lower.length === 1 ? (compactNames.get(lower) ?? lower) : lower;
}

/** Two of these in one request would let two readers see two different messages. */
const singleNames = ['from', 'to', 'call-id', 'cseq', 'content-length', 'content-type'];

/** How large a body may be; the bounds of a page-mode request by default. */
export interface SizeLimits {
  readonly bodyOctetsMax: number;
}

const pageSizes: SizeLimits = { bodyOctetsMax };

/** Reads a whole request; leading empty lines are skipped (section 7.5). */
export function readRequest(
  given: Uint8Array,
  sizes: SizeLimits = pageSizes,
): { readonly ok: true; readonly request: SipRequest } | Failed {
  // Once for all that is decoded.
  const octets = asBuffer(given);
  const octetsMax = sizes === pageSizes ? requestOctetsMax : sizes.bodyOctetsMax + headerOctetsMax;
  if (octets.length > octetsMax) {
    return failed('request-too-large', 'the request is too large', octetsMax);
  }
  const start = skipEmptyLines(octets);
  const line = readStartLine(octets, start);
  if (!line.ok) return line;
  const limit = Math.min(octets.length, headerOctetsMax);
  const block = readFields(octets, line.end, limit, longName);
  if (!block.ok) return headerTooLong(block, octets.length);
  const headers = block.fields;
  const body = checkBody(headers, octets.length, block.end, sizes);
  if (body !== null) return body;
  const { method, requestUri } = line;
  const request = { startOffset: start, method, requestUri, headers, bodyOffset: block.end };
  return { ok: true, request };
}

/** A request or a response. */
type WithHeaders = Pick<SipRequest, 'headers'>;

/** First value of a header by its lower-case long name, or null. */
export function headerValue(request: WithHeaders, name: string): string | null {
  for (const header of request.headers) if (header.name === name) return header.value;
  return null;
}

/** All values of a header by its lower-case long name, in order. */
export function headerValues(request: WithHeaders, name: string): string[] {
  const values: string[] = [];
  for (const header of request.headers) if (header.name === name) values.push(header.value);
  return values;
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
function readStartLine(octets: Buffer, start: number): StartLine | Failed {
  const limit = Math.min(octets.length, headerOctetsMax);
  let methodEnd = start;
  while (methodEnd < limit && isTokenCode(octets[methodEnd]!)) methodEnd++;
  let at = methodEnd + 1;
  while (at < limit && octets[at]! > 0x20 && octets[at]! < 0x7f) at++;
  const uriEnd = at;
  const end = uriEnd + version.length;
  const long = methodEnd - start > methodOctetsMax;
  const named = methodEnd > start && !long && octets[methodEnd] === 0x20;
  if (!named || uriEnd === methodEnd + 1 || octets[end] !== CR || octets[end + 1] !== LF)
    return badStartLine(start);
  const line = octets.toString('latin1', start, end);
  const method = line.slice(0, methodEnd - start);
  const requestUri = line.slice(methodEnd + 1 - start, uriEnd - start);
  const tail = line.slice(uriEnd - start);
  if (tail !== version && tail.toUpperCase() !== version) return badStartLine(start);
  return { ok: true, method, requestUri, end: end + 2 };
}

const badStartLine = (start: number): Failed =>
  failed('start-line', 'the first line is not that of a SIP request', start);

/** Null, or why header fields and body do not make one message. */
export function checkBody(
  headers: readonly Header[],
  length: number,
  bodyOffset: number,
  sizes: SizeLimits = pageSizes,
): Failed | null {
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
  if (size > sizes.bodyOctetsMax)
    return failed('body-too-large', 'the body is too large', bodyOffset);
  return null;
}

function repeatedSingle(headers: readonly Header[]): Header | null {
  let seen = 0;
  for (const header of headers) {
    const index = singleNames.indexOf(header.name);
    if (index < 0) continue;
    if ((seen & (1 << index)) !== 0) return header;
    seen |= 1 << index;
  }
  return null;
}
