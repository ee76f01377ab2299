// Reads message/cpim (RFC 3862) and the IMDN headers in it (RFC 5438), wherever in a body it
// stands. Invariant: names are matched by namespace, never by the letters of a prefix, and a line
// that is not exactly of the RFC's form counts as not being there. It decides nothing: whether a
// report is owed is the business of others.
import type { CpimFacts, Disposition } from '../../machines/index.js';
import { endOfLine } from './fields.js';
import { type Failed, type Finding, failed } from './finding.js';
import { cpimHeaderOctetsMax, multipartDepthMax, multipartPartsMax } from './limits.js';
import { type Entity, mediaType, partsOf, readEntity } from './mime.js';
import { decode, endOfQuoted, hasControls, hexDigitAt, trimBlanks } from './octets.js';
import { hostOf, nameAddr } from './uri.js';

const coreNamespace = 'urn:ietf:params:cpim-headers:';
/** Namespace of the headers of RFC 5438. */
export const imdnNamespace = 'urn:ietf:params:imdn';
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

/** One CPIM header of known namespace. */
export interface CpimHeader {
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
  /** The language parameter of `Subject:;lang=fr`, or null. */
  readonly lang: string | null;
}

/** A header with the octets of its line, the line break among them. */
export interface PlacedHeader extends CpimHeader {
  readonly start: number;
  readonly end: number;
}

export interface CpimEnvelope {
  readonly headers: readonly PlacedHeader[];
  /** The first line that binds a prefix to the IMDN namespace: that prefix, and where the next line begins; or null. */
  readonly imdnFrom: { readonly prefix: string; readonly at: number } | null;
  /** What it carries; null when its MIME headers cannot be read. */
  readonly content: Entity | null;
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

/** What a body turned out to hold. */
export interface Explored {
  /** The first readable CPIM envelope. */
  envelope: CpimEnvelope | null;
  /** What is wrong with the first part that says it is one. */
  unreadable: Finding | null;
  isImdn: boolean;
  encrypted: boolean;
  signed: boolean;
  /** Where IMDN documents stand, in order, and the disposition each of them goes by. */
  readonly imdns: { readonly entity: Entity; readonly disposition: string | null }[];
  partsLeft: number;
}

/** Walks a body down to its CPIM envelope and into it, within the bounds of limits.ts. */
export function explore(body: Uint8Array, contentType: string): Explored {
  const found: Explored = {
    envelope: null,
    unreadable: null,
    isImdn: false,
    encrypted: false,
    signed: false,
    imdns: [],
    partsLeft: multipartPartsMax,
  };
  const media = mediaType(contentType);
  const whole = { media, disposition: null, encoded: false, start: 0, end: body.length };
  walk(body, whole, { found, depth: 0, disposition: null });
  return found;
}

interface Walk {
  readonly found: Explored;
  readonly depth: number;
  /**
   * The Content-Disposition that holds for what lies below (RFC 5438 section 8.3: on the whole
   * multipart).
   */
  readonly disposition: string | null;
}

function walk(body: Uint8Array, entity: Entity, way: Walk): void {
  const { found } = way;
  const type = entity.media?.type ?? '';
  const disposition = entity.disposition ?? way.disposition;
  mark(found, type, entity);
  if (entity.encoded) return;
  if (type === 'message/imdn+xml') found.imdns.push({ entity, disposition });
  if (way.depth >= multipartDepthMax) return;
  const below = { found, depth: way.depth + 1, disposition };
  if (type === 'message/cpim' && found.envelope === null) {
    const read = readEnvelope(body, entity.start, entity.end);
    found.envelope = 'ok' in read ? null : read;
    found.unreadable ??= 'ok' in read ? read.finding : emptiness(read, entity.start);
    const content = found.envelope?.content ?? null;
    if (content !== null) walk(body, content, below);
  }
  if (!type.startsWith('multipart/') || type === 'multipart/encrypted') return;
  for (const part of partsOf(body, entity)) {
    if (found.partsLeft-- <= 0) return;
    walk(body, part, below);
  }
}

function mark(found: Explored, type: string, entity: Entity): void {
  switch (type) {
    case 'message/imdn+xml':
      found.isImdn = true;
      return;
    case 'multipart/signed':
    case 'application/pkcs7-signature':
    case 'application/x-pkcs7-signature':
    case 'application/pgp-signature':
      found.signed = true;
      return;
    case 'multipart/encrypted':
    case 'application/pgp-encrypted':
      found.encrypted = true;
      return;
    case 'application/pkcs7-mime':
    case 'application/x-pkcs7-mime':
      markSmime(found, entity.media?.params.get('smime-type') ?? '');
  }
}

/**
 * RFC 8551 section 3.2: without smime-type, or with one we do not know, the content is taken for
 * encrypted.
 */
function markSmime(found: Explored, smimeType: string): void {
  const kind = smimeType.toLowerCase();
  if (kind === 'signed-data' || kind === 'certs-only') found.signed = true;
  else found.encrypted = true;
}

// A block without one header of a known namespace says nothing: not even From and To (RFC 3862 section 2.2).
function emptiness({ headers }: CpimEnvelope, start: number): Finding | null {
  if (headers.length > 0) return null;
  return {
    code: 'no-cpim-header',
    message: 'no line of the block is a CPIM header',
    offset: start,
  };
}

/** Reads one CPIM message, or says why it has no proper header block. */
function readEnvelope(body: Uint8Array, start: number, end: number): CpimEnvelope | Failed {
  const headers: PlacedHeader[] = [];
  const names = new Namespaces();
  let imdnFrom: CpimEnvelope['imdnFrom'] = null;
  const limit = Math.min(end, start + cpimHeaderOctetsMax);
  for (let at = start; at < limit; ) {
    const lineEnd = endOfLine(body, at, limit);
    if (typeof lineEnd !== 'number') return lineEnd;
    // The blank line may be missing (examples of RFC 5438): a MIME header ends the CPIM headers as
    // well.
    if (lineEnd === at) return { headers, imdnFrom, content: readEntity(body, at + 2, end) };
    const line = decode(body, at, lineEnd);
    if (line !== null && isMimeHeader(line))
      return { headers, imdnFrom, content: readEntity(body, at, end) };
    const header = line === null ? null : names.read(line);
    if (header !== null) headers.push({ ...header, start: at, end: lineEnd + 2 });
    const prefix: string | null = imdnFrom === null ? names.prefixOf(imdnNamespace) : null;
    if (prefix !== null) imdnFrom = { prefix, at: lineEnd + 2 };
    at = lineEnd + 2;
  }
  return failed('no-blank-line', 'the CPIM header block has no end', limit);
}

function isMimeHeader(line: string): boolean {
  const name = line.slice(0, 13).toLowerCase();
  return name.startsWith('content-') || name === 'mime-version:';
}

/**
 * Which prefix stands for which namespace at this line (RFC 3862 section 3.4: from its NS line on).
 */
class Namespaces {
  readonly #byPrefix = new Map<string, string>([['', coreNamespace]]);

  /** The header on a line; null for an NS line, an unknown prefix or a malformed line. */
  read(line: string): CpimHeader | null {
    const colon = line.indexOf(':');
    const [prefix, name] = splitName(line.slice(0, Math.max(colon, 0)));
    if (name === '') return null;
    const rest = readRest(line, colon + 1);
    if (rest === null) return null;
    if (prefix === '' && name === 'NS') {
      this.#bind(rest.value);
      return null;
    }
    const namespace = this.#byPrefix.get(prefix);
    return namespace === undefined ? null : { namespace, name, ...rest };
  }

  /** A prefix bound to a namespace so far, or null. */
  prefixOf(namespace: string): string | null {
    for (const [prefix, bound] of this.#byPrefix) if (bound === namespace) return prefix;
    return null;
  }

  #bind(value: string): void {
    const open = value.indexOf('<');
    if (open < 0 || !value.endsWith('>')) return;
    const prefix = trimBlanks(value.slice(0, open));
    if (prefix.length <= 64) this.#byPrefix.set(prefix, value.slice(open + 1, -1));
  }
}

function splitName(full: string): readonly [string, string] {
  if (hasControls(full) || full.includes(' ')) return ['', ''];
  const dot = full.indexOf('.');
  if (dot < 0) return ['', full];
  const name = full.slice(dot + 1);
  return name.includes('.') || dot === 0 ? ['', ''] : [full.slice(0, dot), name];
}

/**
 * Parameters, the one space and the value behind the colon (RFC 3862 section 2.3: exactly one
 * space).
 */
function readRest(
  line: string,
  from: number,
): { readonly value: string; readonly lang: string | null } | null {
  let at = from;
  let lang: string | null = null;
  while (line[at] === ';') {
    const end = endOfParam(line, at + 1);
    if (end < 0) return null;
    const param = line.slice(at + 1, end);
    if (param.startsWith('lang=')) lang = languageTag(param.slice(5));
    at = end;
  }
  // Nothing at all behind the colon is an empty value.
  if (at === line.length) return { value: '', lang };
  if (line[at] !== ' ' || line[at + 1] === ' ' || line[at + 1] === '\t') return null;
  return { value: trimBlanks(line.slice(at + 1)), lang };
}

function endOfParam(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    if (line[at] === '"') {
      at = endOfQuoted(line, at) - 1;
      if (at < 0) return -1;
    } else if (line[at] === ' ' || line[at] === ';') return at;
  }
  return line.length;
}

/** A language tag as `xml:lang` may carry it (RFC 5646 length rule), or null. */
function languageTag(text: string): string | null {
  if (text.length === 0 || text.length > 35) return null;
  for (const [index, subtag] of text.split('-').entries()) {
    if (subtag.length < 1 || subtag.length > 8) return null;
    for (const char of subtag) {
      const letter = (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z');
      if (!letter && !(index > 0 && char >= '0' && char <= '9')) return null;
    }
  }
  return text;
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
