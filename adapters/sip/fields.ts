// A block of header fields up to its blank line, as SIP (RFC 3261 section 7.3) and MIME (RFC 2045)
// write it: one pass, each octet seen once. Invariant: nothing is guessed. A bare CR or LF, a
// control character or broken UTF-8 ends the reading with a finding, since two readers that repair
// differently are a way to smuggle a header.

import { type Failed, failed } from './finding.js';
import { asBuffer, CR, decode, isBlank, isTokenCode, LF, TAB, trimBlanks } from './octets.js';

/** More fields than this are refused; 12,000 octets could hold 3,000. */
export const fieldsMax = 256;

/** One header field as it stands in the octets. */
export interface Field {
  /** Field name as written. */
  readonly rawName: string;
  /** Lower-case name; in SIP the long one: `i:` and `Call-ID:` are both `call-id`. */
  readonly name: string;
  /** Value without outer blanks, folds read as one space. */
  readonly value: string;
  /** First octet of the field's line. */
  readonly start: number;
  /** First octet after its last CRLF. */
  readonly end: number;
}

export interface Fields {
  readonly ok: true;
  readonly fields: readonly Field[];
  /** First octet after the blank line. */
  readonly end: number;
}

/** A header block on its way to fields: its text is decoded once, and the fields are cut out of it. */
interface Block {
  readonly octets: Buffer;
  readonly from: number;
  readonly limit: number;
  /** Octet for character; it is the text only where every octet is ASCII. */
  readonly text: string;
  readonly ascii: boolean;
  readonly nameOf: (rawName: string) => string;
}

const lowerCase = (rawName: string): string => rawName.toLowerCase();
const blankLine = '\r\n\r\n';

/**
 * Reads the fields from `from` to the blank line, which must end before `limit`. `nameOf` gives the one name of a field
 * that may be written in several ways.
 */
export function readFields(
  given: Uint8Array,
  from: number,
  limit: number,
  nameOf: (rawName: string) => string = lowerCase,
): Fields | Failed {
  const octets = asBuffer(given);
  // Within its own range: a search that ran on through the parts behind it would be made anew for each of them.
  const range = octets.subarray(from, limit);
  const end = range.indexOf(blankLine, 0, 'latin1');
  const text = range.toString('latin1', 0, end < 0 ? range.length : end + blankLine.length);
  const ascii = Buffer.byteLength(text) === text.length;
  const block = { octets, from, limit, text, ascii, nameOf };
  const fields: Field[] = [];
  let at = from;
  while (at < limit) {
    if (octets[at] === CR && octets[at + 1] === LF && at + 2 <= limit) {
      return { ok: true, fields, end: at + 2 };
    }
    if (fields.length === fieldsMax) return failed('too-many-fields', 'too many header fields', at);
    const field = readField(block, at);
    if ('ok' in field) return field;
    fields.push(field);
    at = field.end;
  }
  return failed('no-blank-line', 'the header block has no end', limit);
}

/** The text between two octets, or null when it is not valid UTF-8. */
const piece = (block: Block, start: number, end: number): string | null =>
  block.ascii
    ? block.text.slice(start - block.from, end - block.from)
    : decode(block.octets, start, end);

function readField(block: Block, start: number): Field | Failed {
  const { octets, limit } = block;
  let at = start;
  while (at < limit && isTokenCode(octets[at]!)) at++;
  const nameEnd = at;
  if (at >= limit) return failed('no-blank-line', 'the header block has no end', limit);
  while (at < limit && isBlank(octets[at]!)) at++;
  if (nameEnd === start || octets[at] !== 0x3a || at >= limit) {
    return failed('field-name', 'a header line has no name and colon', start);
  }
  const lineEnd = endOfLine(octets, at + 1, limit);
  if (typeof lineEnd !== 'number') return lineEnd;
  const value = readValue(block, at + 1, lineEnd);
  if (typeof value !== 'string') return value;
  const rawName = piece(block, start, nameEnd)!;
  const name = block.nameOf(rawName);
  const end = lineEnd + 2;
  return end < limit && isBlank(octets[end]!)
    ? readFolds(block, { rawName, name, value, start, end })
    : { rawName, name, value, start, end };
}

function readValue(block: Block, from: number, lineEnd: number): string | Failed {
  const { octets } = block;
  let [start, end] = [from, lineEnd];
  while (start < end && isBlank(octets[start]!)) start++;
  while (end > start && isBlank(octets[end - 1]!)) end--;
  return piece(block, start, end) ?? failed('bad-utf8', 'a header value is not valid UTF-8', from);
}

// RFC 3261 section 7.3.1: a line that begins with a blank continues the value, the fold means one space.
function readFolds(block: Block, first: Field): Field | Failed {
  const { octets, limit } = block;
  const pieces = [first.value];
  let at = first.end;
  while (at < limit && isBlank(octets[at]!)) {
    const lineEnd = endOfLine(octets, at, limit);
    if (typeof lineEnd !== 'number') return lineEnd;
    const value = readValue(block, at, lineEnd);
    if (typeof value !== 'string') return value;
    pieces.push(value);
    at = lineEnd + 2;
  }
  return { ...first, value: trimBlanks(pieces.join(' ')), end: at };
}

/**
 * Index of the CRLF that ends the line; a finding when something else than text stands before it.
 */
export function endOfLine(octets: Uint8Array, from: number, limit: number): number | Failed {
  for (let at = from; at < limit; at++) {
    const code = octets[at]!;
    if (code >= 0x20 && code !== 0x7f) continue;
    if (code === CR && at + 1 < limit && octets[at + 1] === LF) return at;
    if (code === LF) return failed('bare-lf', 'a line ends without CR', at);
    if (code === CR) return failed('bare-cr', 'a CR without LF', at);
    if (code !== TAB) return failed('control-character', 'a control character in a header', at);
  }
  return failed('no-blank-line', 'the header block has no end', limit);
}
