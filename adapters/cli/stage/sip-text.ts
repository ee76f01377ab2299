// SIP on the wire for the stage's user agent: splitting a message into start line, headers and body, writing one,
// and the digest of RFC 2617. Works on octets, so that bodies stay as they are. Tolerant on purpose: it shows what
// came, the codecs of adapters/sip judge it. Knows no sockets and no transactions.
import { createHash, randomBytes } from 'node:crypto';

/** Header name → value, or values for several lines. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/** A SIP message as it came. */
export interface SipText {
  /** Request line or status line. */
  readonly startLine: string;
  /** In order, names as written, folded lines joined by one space. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** The whole message, untouched. */
  readonly octets: Buffer;
}

const compactNames: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  c: 'content-type',
  l: 'content-length',
  s: 'subject',
};

/** Splits a message; never throws, what is missing is empty. */
export function parseSip(octets: Buffer): SipText {
  const end = octets.indexOf('\r\n\r\n');
  const head = octets.subarray(0, end < 0 ? octets.length : end).toString('utf8');
  const [startLine = '', ...lines] = head.split('\r\n');
  const headers: [string, string][] = [];
  for (const line of lines) {
    const last = headers.at(-1);
    if ((line.startsWith(' ') || line.startsWith('\t')) && last) last[1] += ` ${line.trim()}`;
    else headers.push(splitHeader(line));
  }
  const body = end < 0 ? Buffer.alloc(0) : octets.subarray(end + 4);
  return { startLine, headers, body, octets };
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

/** All values of a header, compact names included. */
export function headerValues(message: SipText, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  return message.headers
    .filter(([given]) => (compactNames[given.toLowerCase()] ?? given.toLowerCase()) === wanted)
    .map(([, value]) => value);
}

/** The first value of a header, or undefined. */
export function headerValue(message: SipText, name: string): string | undefined {
  return headerValues(message, name)[0];
}

/** Writes a message; adds Content-Length. */
export function formatSip(startLine: string, headers: HeaderFields, body: Buffer): Buffer {
  const lines = [startLine];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${one}`);
  }
  lines.push(`Content-Length: ${body.length}`, '', '');
  return Buffer.concat([Buffer.from(lines.join('\r\n')), body]);
}

/** How many octets the first message in a TCP stream has, or null when its end has not come yet. */
export function framedLength(octets: Buffer): number | null {
  const end = octets.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const length = Number(headerValue(parseSip(octets.subarray(0, end + 4)), 'content-length') ?? 0);
  const total = end + 4 + (Number.isSafeInteger(length) ? length : 0);
  return octets.length < total ? null : total;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
}

/** The Authorization value that answers a Digest challenge (RFC 2617 section 3.2.2, MD5, qop none or auth). */
export function digestAnswer(challenge: string, who: Credentials): string {
  const given = parseChallenge(challenge);
  const realm = given['realm'] ?? '';
  const nonce = given['nonce'] ?? '';
  const first = md5(`${who.user}:${realm}:${who.password}`);
  const second = md5(`${who.method}:${who.uri}`);
  const common = `Digest username="${who.user}", realm="${realm}", nonce="${nonce}", uri="${who.uri}"`;
  const offered = (given['qop'] ?? '').split(',').map((one) => one.trim());
  if (!offered.includes('auth')) {
    return `${common}, algorithm=MD5, response="${md5(`${first}:${nonce}:${second}`)}"`;
  }
  const own = randomBytes(8).toString('hex');
  const response = md5(`${first}:${nonce}:00000001:${own}:auth:${second}`);
  return `${common}, algorithm=MD5, qop=auth, nc=00000001, cnonce="${own}", response="${response}"`;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function parseChallenge(value: string): Record<string, string> {
  const found: Record<string, string> = {};
  let at = value.indexOf(' ') + 1;
  while (at > 0 && at < value.length) {
    const equals = value.indexOf('=', at);
    if (equals < 0) break;
    const name = value.slice(at, equals).replaceAll(',', '').trim().toLowerCase();
    const quoted = value[equals + 1] === '"';
    const stop = value.indexOf(quoted ? '"' : ',', equals + 2);
    const end = stop < 0 ? value.length : stop;
    found[name] = value.slice(equals + (quoted ? 2 : 1), end).trim();
    at = end + 1;
  }
  return found;
}
