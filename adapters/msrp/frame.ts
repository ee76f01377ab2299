// MSRP frames (RFC 4975 section 9): one pass over a TCP stream, each octet looked at a bounded number of times
// however it is cut into pieces. A frame comes out as its head, its body piece by piece, and its end flag, so that
// a body is never held here. Nothing is repaired: after a frame that cannot be read nothing more is, as nobody
// knows where the next one begins. Knows no session and no socket.
import type { HeaderLine } from '../../machines/index.js';
import { msrpLimits } from './limits.js';

/** `$` the message is complete, `+` more chunks follow, `#` it is given up (RFC 4975 section 7.1). */
export type Flag = '$' | '+' | '#';

/** A header line as it came, without its line end. */
export type { HeaderLine };

export interface RequestHead {
  readonly kind: 'request';
  readonly transactionId: string;
  readonly method: string;
  readonly headers: readonly HeaderLine[];
}

export interface ResponseHead {
  readonly kind: 'response';
  readonly transactionId: string;
  readonly status: number;
  readonly comment: string;
  readonly headers: readonly HeaderLine[];
}

export type FrameEvent =
  | { readonly type: 'head'; readonly head: RequestHead | ResponseHead }
  | { readonly type: 'body'; readonly octets: Buffer }
  | { readonly type: 'end'; readonly flag: Flag };

/** Why a stream cannot be read any further. */
export interface FrameFault {
  readonly code: string;
  readonly message: string;
}

export interface Scanned {
  readonly events: readonly FrameEvent[];
  readonly fault: FrameFault | null;
}

type StartLine =
  | Pick<RequestHead, 'kind' | 'transactionId' | 'method'>
  | Omit<ResponseHead, 'headers'>;

const CR = 0x0d;
const LF = 0x0a;
const crlf = Buffer.from('\r\n');
const empty = Buffer.alloc(0);
const hyphens = '-------';
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Unreadable extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Reads one direction of one connection. */
export class FrameScanner {
  private events: FrameEvent[] = [];
  private fault: FrameFault | null = null;
  /** The line being read, until its LF comes. */
  private readonly line = Buffer.alloc(msrpLimits.lineOctetsMax);
  private lineLength = 0;
  private start: StartLine | null = null;
  private headers: HeaderLine[] = [];
  /** CRLF and end-line of the body being read; null outside of a body. */
  private needle: Buffer | null = null;
  /** Octets of a body that may be the beginning of its end. */
  private held: Buffer = empty;
  /** Octets of `held` that are not the body's: the CRLF of the blank line, behind which an end-line may follow at once. */
  private borrowed = 0;

  /** What a piece of the stream brings. After a fault nothing more comes. */
  push(octets: Uint8Array): Scanned {
    this.events = [];
    let left = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    try {
      while (left.length > 0 && this.fault === null)
        left = this.needle === null ? this.readHead(left) : this.readBody(left, this.needle);
    } catch (cause) {
      if (!(cause instanceof Unreadable)) throw cause;
      this.fault = { code: cause.code, message: cause.message };
    }
    return { events: this.events, fault: this.fault };
  }

  private readHead(octets: Buffer): Buffer {
    const end = octets.indexOf(LF);
    const piece = end === -1 ? octets : octets.subarray(0, end + 1);
    if (this.lineLength + piece.length > msrpLimits.lineOctetsMax)
      throw new Unreadable('line-too-long', 'a line of a head is too long');
    piece.copy(this.line, this.lineLength);
    this.lineLength += piece.length;
    if (end !== -1) {
      const line = textOf(this.line.subarray(0, this.lineLength));
      this.lineLength = 0;
      this.heard(line);
    }
    return octets.subarray(piece.length);
  }

  private heard(line: string): void {
    if (this.start === null) {
      this.start = startLine(line);
      this.headers = [];
      return;
    }
    const flag = flagOf(line, hyphens + this.start.transactionId);
    if (flag !== null) {
      this.headIsWhole(this.start);
      this.end(flag);
    } else if (line === '') {
      this.headIsWhole(this.start);
      this.needle = Buffer.from(`\r\n${hyphens}${this.start.transactionId}`, 'latin1');
      this.held = crlf;
      this.borrowed = crlf.length;
    } else {
      if (this.headers.length === msrpLimits.headersMax)
        throw new Unreadable('too-many-headers', 'a head has too many lines');
      this.headers.push(headerLine(line));
    }
  }

  private headIsWhole(start: StartLine): void {
    this.events.push({ type: 'head', head: { ...start, headers: this.headers } });
  }

  private end(flag: Flag): void {
    this.events.push({ type: 'end', flag });
    this.start = null;
    this.needle = null;
    this.held = empty;
  }

  // What cannot be the beginning of the end-line goes out; the rest is held, at most one end-line's length of it.
  private readBody(octets: Buffer, needle: Buffer): Buffer {
    const data = this.held.length === 0 ? octets : Buffer.concat([this.held, octets]);
    const tail = needle.length + 3;
    for (let from = 0; ; ) {
      const hit = data.indexOf(needle, from);
      if (hit === -1 || hit + tail > data.length) {
        const keep = hit === -1 ? Math.max(0, data.length - needle.length + 1) : hit;
        this.pass(data, keep);
        this.held = Buffer.from(data.subarray(keep));
        return empty;
      }
      const flag = flagAt(data, hit + needle.length);
      if (flag !== null) {
        this.pass(data, hit);
        this.borrowed = 0;
        this.end(flag);
        return data.subarray(hit + tail);
      }
      from = hit + 1;
    }
  }

  private pass(data: Buffer, to: number): void {
    const from = Math.min(this.borrowed, to);
    this.borrowed -= from;
    if (to > from) this.events.push({ type: 'body', octets: data.subarray(from, to) });
  }
}

function textOf(line: Buffer): string {
  const last = line.length - 2;
  if (line[last] !== CR) throw new Unreadable('bare-lf', 'a line ends without CR');
  for (let at = 0; at < last; at += 1) {
    const code = line[at]!;
    if ((code < 0x20 && code !== 0x09) || code === 0x7f)
      throw new Unreadable('control-character', 'a control character in a head');
  }
  try {
    return strictUtf8.decode(line.subarray(0, last));
  } catch {
    throw new Unreadable('bad-utf8', 'a head is not valid UTF-8');
  }
}

// `MSRP SP transact-id SP METHOD` or `MSRP SP transact-id SP 3DIGIT [SP comment]` (section 9).
function startLine(line: string): StartLine {
  const bad = new Unreadable('start-line', 'the first line is not that of a frame');
  if (!line.startsWith('MSRP ')) throw bad;
  const idEnd = line.indexOf(' ', 5);
  const transactionId = line.slice(5, idEnd);
  if (idEnd === -1 || !isIdent(transactionId)) throw bad;
  const word = line.slice(idEnd + 1);
  if (isCapitals(word)) return { kind: 'request', transactionId, method: word };
  const status = word.slice(0, 3);
  if (!isDigits(status) || (word.length > 3 && word[3] !== ' ')) throw bad;
  return { kind: 'response', transactionId, status: Number(status), comment: word.slice(4) };
}

function headerLine(line: string): HeaderLine {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  if (!isName(name)) throw new Unreadable('header-line', 'a header line has no name and colon');
  return [name, line.slice(colon + 1).trim()];
}

function flagOf(line: string, endLine: string): Flag | null {
  if (line.length !== endLine.length + 1 || !line.startsWith(endLine)) return null;
  return asFlag(line[endLine.length]!);
}

const flagAt = (data: Buffer, at: number): Flag | null =>
  data[at + 1] === CR && data[at + 2] === LF ? asFlag(String.fromCharCode(data[at]!)) : null;

const asFlag = (sign: string): Flag | null =>
  sign === '$' || sign === '+' || sign === '#' ? sign : null;

const every = (text: string, is: (code: number) => boolean): boolean => {
  for (let at = 0; at < text.length; at += 1) if (!is(text.charCodeAt(at))) return false;
  return text.length > 0;
};

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isCapital = (code: number): boolean => code >= 0x41 && code <= 0x5a;
const isLetter = (code: number): boolean => isCapital(code & ~0x20);
const identMarks = new Set([...'.-+%='].map((sign) => sign.charCodeAt(0)));

const isDigits = (text: string): boolean => text.length === 3 && every(text, isDigit);
const isCapitals = (text: string): boolean => text.length <= 32 && every(text, isCapital);
const isName = (text: string): boolean =>
  text.length <= 64 && every(text, (code) => isLetter(code) || isDigit(code) || code === 0x2d);

/** `ident` of RFC 4975 section 9: 4 to 32 letters, digits and `.-+%=`, the first of them a letter or digit. */
export function isIdent(text: string): boolean {
  if (text.length < 4 || text.length > 32) return false;
  const first = text.charCodeAt(0);
  if (!isLetter(first) && !isDigit(first)) return false;
  return every(text, (code) => isLetter(code) || isDigit(code) || identMarks.has(code));
}

/** A request as it goes on the wire; without a body there is no blank line (section 7.1). */
export function writeRequest(
  head: Pick<RequestHead, 'transactionId' | 'method' | 'headers'>,
  body: Uint8Array | null,
  flag: Flag,
): Buffer {
  const lines = [`MSRP ${head.transactionId} ${head.method}`, ...head.headers.map(written)];
  const begin = body === null ? [...lines, ''] : [...lines, '', ''];
  const endLine = `${hyphens}${head.transactionId}${flag}\r\n`;
  if (body === null) return Buffer.from(begin.join('\r\n') + endLine);
  return Buffer.concat([Buffer.from(begin.join('\r\n')), body, crlf, Buffer.from(endLine)]);
}

/** A response as it goes on the wire; its end flag is always `$` (section 7.2). */
export function writeResponse(head: Omit<ResponseHead, 'kind'>): Buffer {
  const { transactionId, status, comment, headers } = head;
  const first = `MSRP ${transactionId} ${String(status).padStart(3, '0')} ${comment}`.trim();
  const lines = [first, ...headers.map(written), `${hyphens}${transactionId}$`, ''];
  return Buffer.from(lines.join('\r\n'));
}

const written = ([name, value]: HeaderLine): string => `${name}: ${value}`;
