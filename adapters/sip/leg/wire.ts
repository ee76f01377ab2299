// SIP messages as the leg needs them: read from a datagram, and written from lines. What identifies a transaction
// is taken out here (RFC 3261 sections 17.1.3 and 17.2.3). Knows no sockets and no state.
import type { HeaderLine } from '../../../machines/index.js';
import { asBuffer, readDigits, trimBlanks } from '../octets.js';
import { type Header, headerValue, headerValues, readRequest } from '../request.js';
import { readResponse } from '../response.js';
import { nameAddr, nameAddrPrefix } from '../uri.js';
import { legLimits } from './limits.js';

/** A header line to be written, or one of a message that was read. */
export type { HeaderLine };

interface Heard {
  readonly octets: Uint8Array;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
  readonly callId: string;
  /** CSeq number and method. */
  readonly cseq: number;
  readonly method: string;
  readonly fromTag: string;
  /** Empty while there is no dialog. */
  readonly toTag: string;
  /** Of the topmost Via, as is its sender: together they name a transaction. */
  readonly branch: string;
  readonly sentBy: string;
}

export interface HeardRequest extends Heard {
  readonly kind: 'request';
  readonly uri: string;
  /** What makes it no proper request although it can be answered, or null: its sender hears 400. */
  readonly fault: string | null;
}

export interface HeardResponse extends Heard {
  readonly kind: 'response';
  readonly status: number;
}

/** Reads a datagram; null for anything that is no SIP message with all that every message must have. */
export function hear(octets: Uint8Array): HeardRequest | HeardResponse | null {
  if (asBuffer(octets).toString('latin1', 0, 8) === 'SIP/2.0 ') {
    const read = readResponse(octets);
    if (!read.ok) return null;
    const { status, headers, bodyOffset } = read.response;
    const common = commonOf(octets, headers, bodyOffset);
    return common === null ? null : { kind: 'response', status, ...common };
  }
  const read = readRequest(octets);
  if (!read.ok) return null;
  const { method, requestUri, headers, bodyOffset } = read.request;
  const common = commonOf(octets, headers, bodyOffset);
  if (common === null) return null;
  // Section 8.1.1.5.
  const fault = common.method === method ? null : 'CSeq names another method';
  return { kind: 'request', uri: requestUri, ...common, method, fault };
}

function commonOf(
  octets: Uint8Array,
  headers: readonly Header[],
  bodyOffset: number,
): Heard | null {
  const [number, method] = (headerValue({ headers }, 'cseq') ?? '').split(' ').filter(Boolean);
  const cseq = readDigits(number ?? '', 10);
  const { branch, sentBy } = topVia(headerValue({ headers }, 'via') ?? '');
  const callId = headerValue({ headers }, 'call-id');
  const tags = [tagOf(headers, 'from'), tagOf(headers, 'to')];
  if (method === undefined || cseq === null || callId === null || branch === '') return null;
  if (tags[0] === null || tags[1] === null) return null;
  const body = octets.subarray(bodyOffset);
  const [fromTag, toTag] = tags as [string, string];
  return { octets, headers, body, callId, cseq, method, fromTag, toTag, branch, sentBy };
}

function tagOf(headers: readonly Header[], name: string): string | null {
  const address = nameAddr(headerValue({ headers }, name) ?? '');
  return address === null ? null : (address.params.get('tag') ?? '');
}

// Only the topmost Via of the first value counts.
function topVia(via: string): { readonly branch: string; readonly sentBy: string } {
  const [sent = '', ...params] = via.split(',', 1)[0]!.split(';').map(trimBlanks);
  const branch = params.find((one) => one.toLowerCase().startsWith('branch='));
  const sentBy = sent.slice(sent.lastIndexOf(' ') + 1).toLowerCase();
  return { branch: branch?.slice('branch='.length) ?? '', sentBy };
}

/** URIs of Record-Route or Route values, in order, each as `<uri>`. */
export function routesOf(headers: readonly Header[], name: string): readonly string[] {
  return headerValues({ headers }, name)
    .flatMap((value) => nameAddrPrefix(value, legLimits.routesMax))
    .slice(0, legLimits.routesMax)
    .map(({ uri }) => `<${uri}>`);
}

/** The URI of a Contact, or null. */
export const contactOf = (headers: readonly Header[]): string | null =>
  nameAddr(headerValue({ headers }, 'contact') ?? '')?.uri ?? null;

/** The named headers of a message that are there, in the order asked for, values as they came. */
export function linesOf(headers: readonly Header[], names: readonly string[]): HeaderLine[] {
  return names.flatMap((name) =>
    headerValues({ headers }, name.toLowerCase()).map((value): HeaderLine => [name, value]),
  );
}

/** A request or response as it goes on the wire; Content-Length is added. */
export function write(first: string, lines: readonly HeaderLine[], body = ''): Buffer {
  const octets = Buffer.from(body);
  const all = [...lines, ['Content-Length', String(octets.length)] as const];
  const head = [first, ...all.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head), octets]);
}

/** Lines that every response repeats (section 8.2.6.2); `toTag` names our side of the dialog. */
export function echoOf(request: HeardRequest, toTag: string | null): HeaderLine[] {
  const [to] = linesOf(request.headers, ['To']);
  const value = to?.[1] ?? '';
  const tagged = request.toTag !== '' || toTag === null ? value : `${value};tag=${toTag}`;
  return [
    ...linesOf(request.headers, ['Via', 'From']),
    ['To', tagged],
    ...linesOf(request.headers, ['Call-ID', 'CSeq']),
  ];
}

const reasons: Readonly<Record<number, string>> = {
  100: 'Trying',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  501: 'Not Implemented',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
};

/** `SIP/2.0 200 OK`. */
export const statusLine = (status: number): string =>
  `SIP/2.0 ${status} ${reasons[status] ?? 'Answered'}`;
