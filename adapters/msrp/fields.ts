// What the header lines of a frame say: paths, ids, ranges, wishes about reports (RFC 4975 sections 7 and 9).
// Everything is null, or a finding, when it is not exactly that; nothing throws.
import { type HeaderLine, isIdent, type RequestHead } from './frame.js';
import { msrpLimits } from './limits.js';

/** `msrp://host:port/session-id;tcp`. */
export interface MsrpUri {
  /** As it was written. */
  readonly text: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly sessionId: string;
}

/** `start-end/total`, octets counted from 1; null where `*` stands. */
export interface ByteRange {
  readonly start: number;
  readonly end: number | null;
  readonly total: number | null;
}

/** What a SEND says beside its body. */
export interface SendFacts {
  readonly messageId: string;
  readonly range: ByteRange;
  readonly contentType: string | null;
  /** `Expires` in seconds, or null when absent or malformed (spec 2.5). */
  readonly expiresSeconds: number | null;
  readonly successReport: boolean;
  readonly failureReport: FailureReport;
}

/** The one value of a header, without regard to the case of its name; null when it is missing or repeated. */
export function oneValue(headers: readonly HeaderLine[], name: string): string | null {
  const found = headers.filter(([given]) => given.toLowerCase() === name);
  return found.length === 1 ? found[0]![1] : null;
}

/** Which answers a sender wants: all, none, or refusals alone (section 7.1.1). */
export type FailureReport = 'yes' | 'no' | 'partial';

/** What a request of any kind says of it; `yes` where that is nothing, or nothing known. */
export function failureReportOf(headers: readonly HeaderLine[]): FailureReport {
  const wish = oneValue(headers, 'failure-report');
  return wish === 'no' || wish === 'partial' ? wish : 'yes';
}

const largestExpires = 0xffff_ffff;

/** The facts of a SEND, or what is wrong with it: its sender hears 400. */
export function sendFacts(head: RequestHead): SendFacts | string {
  const { headers } = head;
  const messageId = oneValue(headers, 'message-id');
  if (messageId === null || !isIdent(messageId)) return 'Message-ID is missing or malformed';
  const hasRange = headers.some(([name]) => name.toLowerCase() === 'byte-range');
  const range = hasRange ? byteRange(oneValue(headers, 'byte-range') ?? '') : whole;
  if (range === null) return 'Byte-Range is malformed';
  return {
    messageId,
    range,
    contentType: oneValue(headers, 'content-type'),
    expiresSeconds: number(oneValue(headers, 'expires') ?? '', largestExpires),
    successReport: oneValue(headers, 'success-report') === 'yes',
    failureReport: failureReportOf(headers),
  };
}

// Section 7.1.1 has every SEND with a body carry the header; without it the chunk is the message.
const whole: ByteRange = { start: 1, end: null, total: null };

/** Reads a Byte-Range value; null when it is malformed or contradicts itself. */
export function byteRange(value: string): ByteRange | null {
  const dash = value.indexOf('-');
  const slash = value.indexOf('/', dash + 1);
  if (dash === -1 || slash === -1) return null;
  const start = number(value.slice(0, dash), Number.MAX_SAFE_INTEGER);
  const end = starred(value.slice(dash + 1, slash));
  const total = starred(value.slice(slash + 1));
  if (start === null || start < 1 || end === undefined || total === undefined) return null;
  // An empty message is `1-0/0`.
  if (end !== null && end < start - 1) return null;
  if (total !== null && (start > total + 1 || (end !== null && end > total))) return null;
  return { start, end, total };
}

const starred = (text: string): number | null | undefined =>
  text === '*' ? null : (number(text, Number.MAX_SAFE_INTEGER) ?? undefined);

/** A whole number of digits alone, at most `max`; null otherwise. */
export function number(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 16) return null;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return null;
  }
  const value = Number(text);
  return value <= max ? value : null;
}

/** The URIs of a To-Path, From-Path or `a=path`, in order; null when one cannot be read. */
export function readPath(value: string): readonly MsrpUri[] | null {
  const parts = value.split(' ', msrpLimits.pathUrisMax + 1).filter((part) => part !== '');
  if (parts.length === 0 || parts.length > msrpLimits.pathUrisMax) return null;
  const uris = parts.map(msrpUri);
  return uris.includes(null) ? null : (uris as MsrpUri[]);
}

const defaultPort = 2855;

/** Reads `msrp(s)://[userinfo@]host[:port]/session-id;tcp` (section 9); null for anything else. */
export function msrpUri(text: string): MsrpUri | null {
  const mark = text.indexOf('://');
  const scheme = text.slice(0, Math.max(0, mark)).toLowerCase();
  if ((scheme !== 'msrp' && scheme !== 'msrps') || !isVisible(text)) return null;
  const rest = text.slice(mark + 3);
  const slash = rest.indexOf('/');
  const tail = slash === -1 ? '' : rest.slice(slash + 1);
  const semicolon = tail.indexOf(';');
  if (semicolon < 1) return null;
  // The transport comes first among the parameters, and is tcp alone so far.
  const transport = tail
    .slice(semicolon + 1)
    .split(';', 1)[0]!
    .toLowerCase();
  const place = hostAndPort(rest.slice(rest.lastIndexOf('@', slash) + 1, slash));
  if (transport !== 'tcp' || place === null) return null;
  return { text, secure: scheme === 'msrps', ...place, sessionId: tail.slice(0, semicolon) };
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } | null {
  const close = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = text.indexOf(':', close + 1);
  const name = colon === -1 ? text : text.slice(0, colon);
  const port = colon === -1 ? defaultPort : number(text.slice(colon + 1), 65_535);
  const host = (close === -1 ? name : name.slice(1, -1)).toLowerCase();
  return host === '' || port === null || port === 0 ? null : { host, port };
}

function isVisible(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f || code === 0x22 || code === 0x3c || code === 0x3e)
      return false;
  }
  return text.length <= 512;
}
