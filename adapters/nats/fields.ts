// Reading and writing the fields of a line: printable ASCII parted by single spaces. One pass over
// the octets, no backtracking; a bad field becomes a finding with its offset, never an exception.
import { isUtf8 } from 'node:buffer';

/** What is wrong with a payload. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  /** Octet offset within the payload, or -1 when it concerns the whole. */
  readonly offset: number;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly finding: Finding };

/**
 * How one field is written: to the typed value, and back. `undefined` from `read` means malformed.
 */
export interface FieldKind {
  readonly key: string;
  /** The trailing field may be missing; it then reads as `-`. */
  readonly optional?: boolean;
  /** Trailing fields that are there together or not at all; without a value they are not written. */
  readonly omittable?: boolean;
  read(text: string): unknown;
  write(value: unknown): string | undefined;
}

export function fail(code: string, message: string, offset = -1): { ok: false; finding: Finding } {
  return { ok: false, finding: { code, message, offset } };
}

/** Splits a line into its fields. No field is ever empty. */
export function splitFields(line: string, fieldsMax: number): Parsed<readonly string[]> {
  const fields = line.split(' ', fieldsMax + 1);
  if (fields.length <= fieldsMax && !fields.includes('') && isPrintable(line))
    return { ok: true, value: fields };
  return whatIsWrong(line, fieldsMax);
}

function isPrintable(line: string): boolean {
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

function whatIsWrong(line: string, fieldsMax: number): Parsed<never> {
  let start = 0;
  let fields = 0;
  for (let at = 0; at <= line.length; at += 1) {
    const code = at === line.length ? 0x20 : line.charCodeAt(at);
    if (code < 0x20 || code > 0x7e)
      return fail('octet-forbidden', 'an octet is not printable ASCII', at);
    if (code !== 0x20) continue;
    if (at === start) return fail('field-empty', 'a field is empty', at);
    if (fields === fieldsMax) break;
    fields += 1;
    start = at + 1;
  }
  return fail('field-count', 'too many fields', start);
}

/** Octet offset of a field within its line. */
export function offsetOf(fields: readonly string[], index: number): number {
  let offset = 0;
  for (const field of fields.slice(0, index)) offset += field.length + 1;
  return offset;
}

/** Decimal digits only, at most sixteen, up to `max`; undefined otherwise. */
export function readUint(text: string, max: number): number | undefined {
  if (text.length === 0 || text.length > 16) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= max ? value : undefined;
}

/**
 * Strict base64: standard alphabet, padded, no spare bits. Node's decoder forgives; comparing does
 * not.
 */
export function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

export const readUtf8 = (octets: Uint8Array): string | undefined =>
  isUtf8(octets)
    ? Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('utf8')
    : undefined;

/** Plain text within one field; its form is the schema's business. */
export function token(key: string): FieldKind {
  return {
    key,
    read: (text) => text,
    write: (value) => (typeof value === 'string' && value.length > 0 ? value : undefined),
  };
}

/** A token at the end of a line that older sides neither write nor miss. */
export function omittableToken(key: string): FieldKind {
  return { ...token(key), omittable: true };
}

/** As `token`, or `-` for null. */
export function tokenOrNone(key: string, optional = false): FieldKind {
  const inner = token(key);
  return {
    key,
    optional,
    read: (text) => (text === '-' ? null : text),
    write: (value) => (value === null || value === undefined ? '-' : inner.write(value)),
  };
}

export function uint(key: string, max: number): FieldKind {
  return {
    key,
    read: (text) => readUint(text, max),
    write: (value) => (isUint(value, max) ? String(value) : undefined),
  };
}

/** An unsigned integer, or `-` for null. */
export function uintOrNone(key: string, max: number, optional = false): FieldKind {
  const inner = uint(key, max);
  return {
    key,
    optional,
    read: (text) => (text === '-' ? null : inner.read(text)),
    write: (value) => (value === null ? '-' : inner.write(value)),
  };
}

/**
 * A text to be kept, of parts of a line or of a request. Put together in any other way it would go on holding what its
 * parts were cut from, as long as it lives.
 */
export const compact = (parts: readonly (string | number)[]): string => parts.join(' ');

const textsMax = 1024;
const charactersMax = 128;

/** The same reading, which knows the last few short texts again: a sender's identity comes with each of his messages. */
function remembered(read: (text: string) => string | undefined) {
  const known = new Map<string, string>();
  return (text: string): string | undefined => {
    const met = known.get(text);
    if (met !== undefined || text.length > charactersMax) return met ?? read(text);
    const result = read(text);
    if (result === undefined) return undefined;
    if (known.size === textsMax) known.clear();
    // A copy: a part of a line would keep all of it in memory.
    known.set(Buffer.from(text, 'latin1').toString('latin1'), result);
    return result;
  };
}

/**
 * User-written text as base64 of its UTF-8. `lossy`: octets that are no UTF-8 are replaced, not
 * refused.
 */
export function base64Text(key: string, bytesMax: number, lossy = false): FieldKind {
  const read = remembered((text) => {
    const bytes = readBase64(text);
    if (bytes === undefined || bytes.length === 0) return undefined;
    return lossy ? bytes.toString('utf8') : readUtf8(bytes);
  });
  return {
    key,
    read: (text) => (text.length > Math.ceil(bytesMax / 3) * 4 ? undefined : read(text)),
    write: (value) => {
      if (typeof value !== 'string' || value.length === 0) return undefined;
      const bytes = Buffer.from(value, 'utf8');
      return bytes.length <= bytesMax ? bytes.toString('base64') : undefined;
    },
  };
}

/** As `base64Text`, or `-` for null. */
export function base64TextOrNone(
  key: string,
  bytesMax: number,
  lossy = false,
  optional = false,
): FieldKind {
  const inner = base64Text(key, bytesMax, lossy);
  return {
    key,
    optional,
    read: (text) => (text === '-' ? null : inner.read(text)),
    write: (value) => (value === null ? '-' : inner.write(value)),
  };
}

/** Octets, `-` when there are none. */
export function base64Octets(key: string, bytesMax: number): FieldKind {
  return {
    key,
    read: (text) => {
      if (text === '-') return new Uint8Array(0);
      if (text.length > Math.ceil(bytesMax / 3) * 4) return undefined;
      const bytes = readBase64(text);
      return bytes === undefined || bytes.length === 0 ? undefined : bytes;
    },
    write: (value) => {
      if (!(value instanceof Uint8Array) || value.length > bytesMax) return undefined;
      if (value.length === 0) return '-';
      return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
    },
  };
}

function isUint(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}
