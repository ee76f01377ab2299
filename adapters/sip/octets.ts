// Octets to text and back, and the character classes of RFC 3261 section 25. Invariant: nothing is
// replaced on the way; text that is not valid UTF-8 is refused, never repaired. Knows nothing of
// messages.

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A view of the same octets with Buffer's searching methods; nothing is copied. */
export function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets)
    ? octets
    : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** The text of `octets[start..end)`, or null when it is not valid UTF-8. */
export function decode(octets: Uint8Array, start: number, end: number): string | null {
  for (let at = start; at < end; at++) {
    if (octets[at]! >= 0x80) return decodeUtf8(octets.subarray(start, end));
  }
  return asBuffer(octets).toString('latin1', start, end);
}

function decodeUtf8(octets: Uint8Array): string | null {
  try {
    return strictUtf8.decode(octets);
  } catch {
    return null;
  }
}

export function encode(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const TAB = 0x09;

export function isBlank(code: number): boolean {
  return code === SP || code === TAB;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

export function isAlpha(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function classOf(marks: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let code = 0; code < 128; code++) {
    if (isDigit(code) || isAlpha(code)) table[code] = 1;
  }
  for (const mark of marks) table[mark.charCodeAt(0)] = 1;
  return table;
}

const tokenClass = classOf("-.!%*_+`'~");
const unreservedClass = classOf("-_.!~*'()");

/** `token` of RFC 3261 section 25.1. */
export function isTokenCode(code: number): boolean {
  return code < 128 && tokenClass[code] === 1;
}

/** `unreserved` of RFC 3261 section 25.1: characters whose %-escape means the same. */
export function isUnreserved(code: number): boolean {
  return code < 128 && unreservedClass[code] === 1;
}

export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (!isTokenCode(text.charCodeAt(at))) return false;
  }
  return text.length > 0;
}

/** Index of the first character at or after `at` that is neither space nor tab. */
export function skipBlanks(text: string, at: number): number {
  let next = at;
  while (next < text.length && isBlank(text.charCodeAt(next))) next++;
  return next;
}

/** `text` without spaces and tabs at both ends, in one pass from each end. */
export function trimBlanks(text: string): string {
  const start = skipBlanks(text, 0);
  let end = text.length;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** A whole number of at most `digitsMax` digits, or null. */
export function readDigits(text: string, digitsMax: number): number | null {
  if (text.length === 0 || text.length > digitsMax) return null;
  for (let at = 0; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at))) return null;
  }
  return Number(text);
}

/** True when a control character (C0 or DEL) stands anywhere in `text`. */
export function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/**
 * End (after the closing quote) of the quoted string that begins at `at`, or -1. RFC 3261 25.1,
 * quoted-string.
 */
export function endOfQuoted(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    const code = text.charCodeAt(next);
    if (code === 0x5c) next++;
    else if (code === 0x22) return next + 1;
  }
  return -1;
}

/** Value of the hexadecimal digit at `at`, or -1. */
export function hexDigitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (isDigit(code)) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
