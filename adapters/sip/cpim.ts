// Reads what message/cpim (RFC 3862) says of its message and what the IMDN headers in it ask for (RFC 5438), wherever
// in a body it stands. It decides nothing: whether a report is owed is the business of others.
import type { CpimFacts, Disposition } from '../../machines/index.js';
import {
  type CpimEnvelope,
  type CpimHeader,
  coreNamespace,
  imdnNamespace,
} from './cpim-envelope.js';
import { type Explored, explore } from './explored.js';
import type { Finding } from './finding.js';
import { endOfQuoted, hasControls, hexDigitAt, trimBlanks } from './octets.js';
import { hostOf, nameAddr } from './uri.js';

const draftNamespace = 'urn:ietf:params:cpim-headers:imdn';

export interface CpimOptions {
  /**
   * Also take the request form of draft-ietf-simple-imdn-00: unprefixed names and the value `read`.
   */
  readonly draft00?: boolean;
}

export interface CpimReading {
  /**
   * What the body says; null when it holds no readable CPIM and is neither encrypted, signed nor a
   * report.
   */
  readonly facts: CpimFacts | null;
  /** Lower-case type of the content inside the CPIM envelope, or null. */
  readonly innerContentType: string | null;
  /** Why the first part that is declared as message/cpim is none; null when it is one, or there is none. */
  readonly unreadable: Finding | null;
}

/** Whether a body of this type is plain content, in which nothing of ours can stand. */
export const holdsNothing = (type: string): boolean => type.startsWith('text/');

/** Reads a SIP body of the given Content-Type. */
export function readCpim(
  body: Uint8Array,
  contentType: string,
  options: CpimOptions = {},
): CpimReading {
  const found = explore(body, contentType);
  const { envelope } = found;
  if (envelope === null && !found.encrypted && !found.signed && !found.isImdn) {
    return { facts: null, innerContentType: null, unreadable: found.unreadable };
  }
  const facts = factsOf(envelope?.headers ?? [], found, options.draft00 === true);
  const innerContentType = envelope?.content?.media?.type ?? null;
  return { facts, innerContentType, unreadable: found.unreadable };
}

function contentOctets(envelope: CpimEnvelope | null): { readonly contentOctets?: number } {
  const content = envelope?.content ?? null;
  return content === null ? {} : { contentOctets: content.end - content.start };
}

function factsOf(headers: readonly CpimHeader[], found: Explored, draft00: boolean): CpimFacts {
  const core = (name: string) => firstValue(headers, coreNamespace, name);
  const imdn = (name: string) =>
    firstValue(headers, imdnNamespace, name) ??
    (draft00 ? (firstValue(headers, draftNamespace, name) ?? core(name)) : null);
  const asked = headers.filter((header) => isRequest(header, draft00));
  const original = imdn('Original-To');
  const subject = headers.find(
    (header) => header.namespace === coreNamespace && header.name === 'Subject',
  );
  return {
    imdnMessageId: messageId(imdn('Message-ID')),
    dateTime: dateTime(core('DateTime')),
    dispositions: dispositions(asked, draft00),
    from: core('From'),
    to: core('To'),
    originalTo: original === null ? null : (nameAddr(original)?.uri ?? null),
    subject: subject ? { text: unescapeText(subject.value), lang: subject.lang } : null,
    recordRoutes: headers
      .filter((header) => header.namespace === imdnNamespace)
      .filter((header) => header.name === 'IMDN-Record-Route')
      .map((header) => routeUri(header.value)),
    isImdn: found.isImdn,
    encrypted: found.encrypted,
    signed: found.signed,
    ...contentOctets(found.envelope),
  };
}

/**
 * A route without a host stays in the list as an empty one: passed over, the report would go where
 * it was not to go (RFC 5438 section 8); kept as written, somebody else might find a trusted host
 * in it.
 */
function routeUri(value: string): string {
  const uri = nameAddr(value)?.uri ?? '';
  return hostOf(uri) === null ? '' : uri;
}

function firstValue(
  headers: readonly CpimHeader[],
  namespace: string,
  name: string,
): string | null {
  const header = headers.find((each) => each.namespace === namespace && each.name === name);
  return header === undefined || header.value === '' ? null : header.value;
}

/**
 * Kept as it came, since it only goes back (RFC 5438 section 11.1.2); what is too long to be a date
 * is none.
 */
function dateTime(value: string | null): string | null {
  return value === null || value.length > 64 ? null : value;
}

/**
 * RFC 5438 section 6.3: a token. With a blank inside it could not come back unchanged in an XML
 * token.
 */
function messageId(value: string | null): string | null {
  return value === null || value.includes(' ') || hasControls(value) ? null : value;
}

function isRequest(header: CpimHeader, draft00: boolean): boolean {
  if (header.name !== 'Disposition-Notification') return false;
  const older = header.namespace === draftNamespace || header.namespace === coreNamespace;
  return header.namespace === imdnNamespace || (draft00 && older);
}

/**
 * Known values in the order asked; unknown values and all parameters are ignored (RFC 5438 sections
 * 6.1 and 9).
 */
function dispositions(headers: readonly CpimHeader[], draft00: boolean): Disposition[] {
  const found = new Set<Disposition>();
  for (const header of headers) {
    for (const item of splitList(header.value)) {
      const semicolon = item.indexOf(';');
      const token = trimBlanks(semicolon < 0 ? item : item.slice(0, semicolon));
      const known = draft00 && token === 'read' ? 'display' : disposition(token);
      if (known !== null) found.add(known);
    }
  }
  return [...found];
}

function disposition(token: string): Disposition | null {
  switch (token) {
    case 'positive-delivery':
    case 'negative-delivery':
    case 'processing':
    case 'display':
      return token;
    default:
      return null;
  }
}

/** Items between commas that stand outside quotes. */
function splitList(value: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at < value.length; at++) {
    if (value[at] === '"') {
      const end = endOfQuoted(value, at);
      if (end < 0) break;
      at = end - 1;
    } else if (value[at] === ',') {
      items.push(value.slice(start, at));
      start = at + 1;
    }
  }
  items.push(value.slice(start));
  return items;
}

const shortEscapes: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  b: '\b',
  t: '\t',
  n: '\n',
  r: '\r',
  '"': '"',
  "'": "'",
  '\\': '\\',
});

/**
 * Escapes of RFC 3862 section 2.3.2; an unknown one stays as written, half a surrogate pair becomes
 * U+FFFD.
 */
export function unescapeText(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let at = 0; at < value.length; at++) {
    const next = value[at + 1] ?? '';
    const unit = value[at] === '\\' && next === 'u' ? hexUnit(value, at + 2) : -1;
    if (unit >= 0) {
      out += String.fromCharCode(unit);
      at += 5;
    } else if (value[at] === '\\' && shortEscapes[next] !== undefined) {
      out += shortEscapes[next];
      at++;
    } else out += value[at];
  }
  return Buffer.from(out, 'utf8').toString('utf8');
}

function hexUnit(text: string, from: number): number {
  let unit = 0;
  for (let at = from; at < from + 4; at++) {
    const digit = hexDigitAt(text, at);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}
