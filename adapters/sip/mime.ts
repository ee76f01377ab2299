// MIME entities inside a body: media types, and the parts of multipart bodies (RFC 2046 section
// 5.1), as positions in the same octets; no content is copied or decoded. Invariant: depth and
// number of parts are bounded by the caller through limits.ts, and each octet is looked at a
// bounded number of times.
import { readFields } from './fields.js';
import { multipartPartsMax } from './limits.js';
import { asBuffer, CR, isBlank, isToken, LF, trimBlanks } from './octets.js';
import { noParams, scanParams } from './uri.js';

export interface MediaType {
  /** Lower-case `type/subtype`. */
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
}

/** `type/subtype;name=value` of RFC 3261 section 20.15, or null. */
export function mediaType(value: string): MediaType | null {
  const semicolon = value.indexOf(';');
  const named = trimBlanks(semicolon < 0 ? value : value.slice(0, semicolon)).toLowerCase();
  const slash = named.indexOf('/');
  if (slash < 0) return null;
  const type = trimBlanks(named.slice(0, slash));
  const subtype = trimBlanks(named.slice(slash + 1));
  if (!isToken(type) || !isToken(subtype)) return null;
  if (semicolon < 0) return { type: `${type}/${subtype}`, params: noParams };
  const tail = scanParams(value, semicolon);
  if (tail === null || tail.end !== value.length) return null;
  return { type: `${type}/${subtype}`, params: tail.params };
}

/** Content with its type, as a range of the octets it was found in. */
export interface Entity {
  readonly media: MediaType | null;
  /** Lower-case disposition type, or null when none is given. */
  readonly disposition: string | null;
  /** A transfer or content encoding hides the content from us. */
  readonly encoded: boolean;
  readonly start: number;
  readonly end: number;
}

const plainEncodings = ['', '7bit', '8bit', 'binary', 'identity'];

/**
 * Reads MIME headers at `start` and takes what follows their blank line as content; null when
 * unreadable.
 */
export function readEntity(octets: Uint8Array, start: number, end: number): Entity | null {
  const block = readFields(octets, start, end);
  if (!block.ok) return null;
  const value = (name: string) => block.fields.find((field) => field.name === name)?.value ?? null;
  const encodings = [value('content-transfer-encoding'), value('content-encoding')];
  return {
    media: mediaType(value('content-type') ?? 'text/plain'),
    disposition: dispositionType(value('content-disposition')),
    encoded: encodings.some((encoding) => isEncoded(encoding)),
    start: block.end,
    end,
  };
}

/**
 * True when a Content-Encoding or Content-Transfer-Encoding value means that the content must be
 * decoded first.
 */
export function isEncoded(encoding: string | null): boolean {
  return encoding !== null && !plainEncodings.includes(encoding.toLowerCase());
}

function dispositionType(value: string | null): string | null {
  if (value === null) return null;
  const semicolon = value.indexOf(';');
  return trimBlanks(semicolon < 0 ? value : value.slice(0, semicolon)).toLowerCase();
}

/** The parts of a multipart entity; none when the boundary is missing or malformed. */
export function partsOf(octets: Uint8Array, entity: Entity): Entity[] {
  const boundary = entity.media?.params.get('boundary') ?? '';
  if (boundary === '' || boundary.length > 70) return [];
  const delimiter = Buffer.from(`--${boundary}`, 'utf8');
  const parts: Entity[] = [];
  let open = nextDelimiter(octets, delimiter, entity.start, entity);
  while (open !== null && !open.last && parts.length < multipartPartsMax) {
    const next = nextDelimiter(octets, delimiter, open.after, entity);
    // A last boundary without its closing dashes is common: what follows it is then the last part.
    const part = readEntity(octets, open.after, next === null ? entity.end : next.before);
    if (part !== null) parts.push(part);
    open = next;
  }
  return parts;
}

interface Delimiter {
  /** End of the content before it. */
  readonly before: number;
  /** Start of what follows its line. */
  readonly after: number;
  readonly last: boolean;
}

function nextDelimiter(
  octets: Uint8Array,
  delimiter: Buffer,
  from: number,
  entity: Entity,
): Delimiter | null {
  const buffer = asBuffer(octets);
  for (let at = from; ; ) {
    const found = buffer.indexOf(delimiter, at);
    const end = found + delimiter.length;
    if (found < 0 || end > entity.end) return null;
    const line = lineAfter(octets, end, entity.end);
    const before = lineBefore(octets, found, entity.start);
    if (line !== null && before !== null) return { before, ...line };
    at = end;
  }
}

/**
 * Where the content before a delimiter ends: the line break belongs to the delimiter (RFC 2046
 * section 5.1.1).
 */
function lineBefore(octets: Uint8Array, found: number, start: number): number | null {
  if (found === start) return found;
  return found >= start + 2 && octets[found - 2] === CR && octets[found - 1] === LF
    ? found - 2
    : null;
}

function lineAfter(
  octets: Uint8Array,
  from: number,
  limit: number,
): { readonly after: number; readonly last: boolean } | null {
  let at = from;
  const last = at + 1 < limit && octets[at] === 0x2d && octets[at + 1] === 0x2d;
  if (last) return { after: at + 2, last };
  while (at < limit && isBlank(octets[at]!)) at++;
  if (at + 1 < limit && octets[at] === CR && octets[at + 1] === LF) return { after: at + 2, last };
  return null;
}
