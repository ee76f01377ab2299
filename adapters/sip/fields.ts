// A block of header fields up to its blank line, as SIP (RFC 3261 section 7.3) and MIME (RFC 2045)
// write it: one pass, each octet seen once. Invariant: nothing is guessed. A bare CR or LF, a
// control character or broken UTF-8 ends the reading with a finding, since two readers that repair
// differently are a way to smuggle a header.

import { type Failed, failed } from './finding.js';
import { CR, decode, isBlank, isTokenCode, LF, TAB, trimBlanks } from './octets.js';

/** More fields than this are refused; 12,000 octets could hold 3,000. */
export const fieldsMax = 256;

/** One header field as it stands in the octets. */
export interface Field {
  /** Field name as written. */
  readonly rawName: string;
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

/** Reads the fields from `from` to the blank line, which must end before `limit`. */
export function readFields(octets: Uint8Array, from: number, limit: number): Fields | Failed {
  const fields: Field[] = [];
  let at = from;
  while (at < limit) {
    if (octets[at] === CR && octets[at + 1] === LF && at + 2 <= limit) {
      return { ok: true, fields, end: at + 2 };
    }
    if (fields.length === fieldsMax) return failed('too-many-fields', 'too many header fields', at);
    const field = readField(octets, at, limit);
    if ('ok' in field) return field;
    fields.push(field);
    at = field.end;
  }
  return failed('no-blank-line', 'the header block has no end', limit);
}

function readField(octets: Uint8Array, start: number, limit: number): Field | Failed {
  let at = start;
  while (at < limit && isTokenCode(octets[at]!)) at++;
  const nameEnd = at;
  if (at >= limit) return failed('no-blank-line', 'the header block has no end', limit);
  while (at < limit && isBlank(octets[at]!)) at++;
  if (nameEnd === start || octets[at] !== 0x3a || at >= limit) {
    return failed('field-name', 'a header line has no name and colon', start);
  }
  const rawName = decode(octets, start, nameEnd)!;
  return readValue(octets, { rawName, start, from: at + 1 }, limit);
}

interface Begun {
  readonly rawName: string;
  readonly start: number;
  readonly from: number;
}

function readValue(octets: Uint8Array, begun: Begun, limit: number): Field | Failed {
  const pieces: string[] = [];
  for (let at = begun.from; ; ) {
    const lineEnd = endOfLine(octets, at, limit);
    if (typeof lineEnd !== 'number') return lineEnd;
    const piece = decode(octets, at, lineEnd);
    if (piece === null) return failed('bad-utf8', 'a header value is not valid UTF-8', at);
    pieces.push(trimBlanks(piece));
    at = lineEnd + 2;
    // RFC 3261 section 7.3.1: a line that begins with a blank continues the value, the fold means
    // one space.
    if (at < limit && isBlank(octets[at]!)) continue;
    const value = pieces.length === 1 ? pieces[0]! : trimBlanks(pieces.join(' '));
    return { rawName: begun.rawName, value, start: begun.start, end: at };
  }
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
