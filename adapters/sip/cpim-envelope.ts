// The header block of one message/cpim (RFC 3862) and where its content stands. Invariant: names are matched by
// namespace, never by the letters of a prefix, and a line that is not exactly of the RFC's form counts as not being
// there. What the headers ask for is read in cpim.ts.
import { endOfLine } from './fields.js';
import { type Failed, failed } from './finding.js';
import { cpimHeaderOctetsMax } from './limits.js';
import { type Entity, readEntity } from './mime.js';
import { decode, endOfQuoted, hasControls, trimBlanks } from './octets.js';

/** Namespace of names without a prefix (RFC 3862 section 3.4). */
export const coreNamespace = 'urn:ietf:params:cpim-headers:';
/** Namespace of the headers of RFC 5438. */
export const imdnNamespace = 'urn:ietf:params:imdn';

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

/** Reads one CPIM message, or says why it has no proper header block. */
export function readEnvelope(body: Uint8Array, start: number, end: number): CpimEnvelope | Failed {
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
    const prefix: string | null = names.imdnPrefix;
    if (imdnFrom === null && prefix !== null) imdnFrom = { prefix, at: lineEnd + 2 };
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

  #imdnPrefix: string | null = null;

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

  /** The prefix that was bound to the IMDN namespace first, or null. */
  get imdnPrefix(): string | null {
    return this.#imdnPrefix;
  }

  #bind(value: string): void {
    const open = value.indexOf('<');
    if (open < 0 || !value.endsWith('>')) return;
    const prefix = trimBlanks(value.slice(0, open));
    if (prefix.length > 64) return;
    const namespace = value.slice(open + 1, -1);
    this.#byPrefix.set(prefix, namespace);
    if (namespace === imdnNamespace) this.#imdnPrefix ??= prefix;
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
