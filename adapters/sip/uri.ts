// SIP addresses: the one canonical form of an identity (threat P8), and name-addr values as headers
// carry them. Invariant: two spellings that RFC 3261 section 19.1.4 and our proxy take for the same
// user give the same string, and canonicalAor(canonicalAor(x)) is canonicalAor(x). Case of the user
// part counts, all of it is ASCII.
import {
  endOfQuoted,
  hexDigitAt,
  isAlpha,
  isDigit,
  isTokenCode,
  isUnreserved,
  readDigits,
  skipBlanks,
  trimBlanks,
} from './octets.js';
import { remembered } from './remembered.js';

/** Longest URI that is read at all, in characters. */
export const uriCharactersMax = 512;
const hostCharactersMax = 253;

/**
 * The canonical address of record behind a `sip:`, `sips:` or `tel:` URI, or null when it is
 * malformed or names no user. Scheme and host in lower case, escapes of unreserved characters
 * decoded and others in upper case, user case kept; password, parameters, headers and the default
 * port dropped. `sip:` and `sips:` stay different (19.1.4).
 */
export const canonicalAor = remembered(readAor);

function readAor(uri: string): string | null {
  if (!isPlainUri(uri) || hasNulEscape(uri)) return null;
  const colon = uri.indexOf(':');
  const scheme = uri.slice(0, colon).toLowerCase();
  const rest = uri.slice(colon + 1);
  if (scheme === 'tel') return canonicalTel(rest);
  if (scheme !== 'sip' && scheme !== 'sips') return null;
  const at = rest.indexOf('@');
  if (at < 1 || rest.indexOf('@', at + 1) >= 0) return null;
  const user = canonicalUserInfo(rest.slice(0, at));
  const place = hostPort(rest.slice(at + 1), scheme === 'sips' ? 5061 : 5060);
  return user === null || place === null ? null : `${scheme}:${user}@${place}`;
}

/**
 * The lower-case host of a URI like `sip:host`, `sip:user@host;p` or `im:user@host`; null when
 * there is none.
 */
export function hostOf(uri: string): string | null {
  if (!isPlainUri(uri)) return null;
  const rest = uri.slice(uri.indexOf(':') + 1);
  // The user part may hold semicolons, so whatever stands before the at-sign is user part.
  const at = rest.indexOf('@');
  if (rest.indexOf('@', at + 1) > at) return null;
  const place = hostPort(rest.slice(at + 1), -1);
  if (place === null) return null;
  const close = place.startsWith('[') ? place.indexOf(']') + 1 : place.indexOf(':');
  return close > 0 ? place.slice(0, close) : place;
}

/** ASCII without blanks, controls, quotes and angle brackets, of bounded length, with a scheme. */
export function isPlainUri(uri: string): boolean {
  if (uri.length > uriCharactersMax || !isAlpha(uri.charCodeAt(0))) return false;
  for (let at = 0; at < uri.length; at++) {
    const code = uri.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return false;
    if (code === 0x22 || code === 0x3c || code === 0x3e) return false;
  }
  return schemeLength(uri) > 0;
}

function schemeLength(uri: string): number {
  for (let at = 0; at < uri.length; at++) {
    const code = uri.charCodeAt(at);
    if (code === 0x3a) return at + 1 < uri.length ? at : 0;
    if (!isAlpha(code) && !isDigit(code) && code !== 0x2b && code !== 0x2d && code !== 0x2e)
      return 0;
  }
  return 0;
}

/**
 * Escaped controls anywhere make a URI unusable: proxies differ on what they cut (threat P8,
 * `%00`).
 */
function hasNulEscape(uri: string): boolean {
  for (let at = uri.indexOf('%'); at >= 0; at = uri.indexOf('%', at + 3)) {
    const code = hexPair(uri, at + 1);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** Value of the two hexadecimal digits at `at`, or -1. */
function hexPair(text: string, at: number): number {
  const high = hexDigitAt(text, at);
  const low = hexDigitAt(text, at + 1);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// A password is not part of an identity: the proxy's own user part ends at the colon, too.
function canonicalUserInfo(info: string): string | null {
  const colon = info.indexOf(':');
  if (colon < 0) return canonicalUser(info);
  if (colon === 0) return null;
  return canonicalUser(info.slice(colon + 1)) === null && colon + 1 < info.length
    ? null
    : canonicalUser(info.slice(0, colon));
}

/** RFC 3261 section 19.1.4: an escape equals its character unless that character is reserved. */
function canonicalUser(user: string): string | null {
  if (isPlainUser(user)) return user;
  let out = '';
  for (let at = 0; at < user.length; at++) {
    const code = user.charCodeAt(at);
    if (code === 0x25) {
      const escaped = hexPair(user, at + 1);
      if (escaped < 0) return null;
      const literal = isUnreserved(escaped);
      out += literal ? String.fromCharCode(escaped) : user.slice(at, at + 3).toUpperCase();
      at += 2;
    } else if (isUnreserved(code) || '&=+$,;?/'.includes(user[at]!)) out += user[at];
    else return null;
  }
  return out === '' ? null : out;
}

function isPlainUser(user: string): boolean {
  for (let at = 0; at < user.length; at++) {
    if (!isUnreserved(user.charCodeAt(at))) return false;
  }
  return user.length > 0;
}

/** `host[:port]` in canonical form out of what follows the at-sign; null when malformed. */
function hostPort(text: string, defaultPort: number): string | null {
  let end = 0;
  while (end < text.length && text[end] !== ';' && text[end] !== '?') end++;
  const place = text.slice(0, end);
  const hostEnd = place.startsWith('[') ? place.indexOf(']') + 1 : endOfName(place);
  const host = canonicalHost(place.slice(0, hostEnd));
  if (host === null) return null;
  if (hostEnd === place.length) return host;
  const port = place[hostEnd] === ':' ? readDigits(place.slice(hostEnd + 1), 5) : null;
  if (port === null || port < 1 || port > 65535) return null;
  return port === defaultPort ? host : `${host}:${port}`;
}

function endOfName(place: string): number {
  const colon = place.indexOf(':');
  return colon < 0 ? place.length : colon;
}

function canonicalHost(raw: string): string | null {
  const host = raw.endsWith('.') ? raw.slice(0, -1).toLowerCase() : raw.toLowerCase();
  if (host.length === 0 || host.length > hostCharactersMax) return null;
  if (host.startsWith('[')) return isIpv6Reference(host) ? host : null;
  return isHostName(host) ? host : null;
}

function isIpv6Reference(host: string): boolean {
  if (host.length < 4 || !host.endsWith(']')) return false;
  for (let at = 1; at < host.length - 1; at++) {
    const code = host.charCodeAt(at);
    if (hexDigitAt(host, at) < 0 && code !== 0x3a && code !== 0x2e) return false;
  }
  return true;
}

/**
 * Labels of letters, digits and inner hyphens between dots. RFC 3261 section 25.1, hostname and
 * IPv4address.
 */
function isHostName(host: string): boolean {
  let previous = 0x2e;
  for (let at = 0; at < host.length; at++) {
    const code = host.charCodeAt(at);
    const inner = code === 0x2d || code === 0x2e;
    if (!inner && !isAlpha(code) && !isDigit(code)) return false;
    if (previous === 0x2e && inner) return false;
    if (previous === 0x2d && code === 0x2e) return false;
    previous = code;
  }
  return previous !== 0x2d && previous !== 0x2e;
}

/**
 * RFC 3966 section 4: visual separators do not count; a local number is nothing without its
 * context.
 */
function canonicalTel(rest: string): string | null {
  const semicolon = rest.indexOf(';');
  const raw = semicolon < 0 ? rest : rest.slice(0, semicolon);
  const number = telDigits(raw);
  if (number === null) return null;
  if (number.startsWith('+')) return `tel:${number}`;
  const context = semicolon < 0 ? null : phoneContext(rest.slice(semicolon));
  return context === null ? null : `tel:${number};phone-context=${context}`;
}

function telDigits(raw: string): string | null {
  const global = raw.startsWith('+');
  let out = '';
  for (let at = global ? 1 : 0; at < raw.length; at++) {
    const char = raw[at]!;
    if ('-.()'.includes(char)) continue;
    const local = hexDigitAt(char, 0) >= 0 || char === '*' || char === '#';
    if (!isDigit(char.charCodeAt(0)) && (global || !local)) return null;
    out += char.toLowerCase();
  }
  return out === '' ? null : (global ? '+' : '') + out;
}

function phoneContext(params: string): string | null {
  const label = ';phone-context=';
  const at = params.toLowerCase().indexOf(label);
  if (at < 0) return null;
  const end = params.indexOf(';', at + label.length);
  const value = params.slice(at + label.length, end < 0 ? params.length : end).toLowerCase();
  return value.startsWith('+') ? telDigits(value) : canonicalHost(value);
}

/** A name-addr or addr-spec of RFC 3261 section 20.10. */
export interface NameAddr {
  /** Display name as written, its quotes included; null when there is none. */
  readonly display: string | null;
  readonly uri: string;
  /**
   * Header parameters: lower-case name to value without its quotes; an empty value where none was
   * given.
   */
  readonly params: ReadonlyMap<string, string>;
}

/** The one address in a header value; null when malformed or when more than one stands there. */
export function nameAddr(value: string): NameAddr | null {
  const scanned = scanNameAddr(value, 0);
  return scanned !== null && scanned.end === value.length ? scanned.value : null;
}

/** The URI alone: no display name, no header parameters; null when the value is malformed. */
export function bareUri(value: string): string | null {
  return nameAddr(value)?.uri ?? null;
}

/** The addresses of a comma-separated list up to the first malformed one, at most `countMax`. */
export function nameAddrPrefix(value: string, countMax: number): NameAddr[] {
  const all: NameAddr[] = [];
  for (let at = 0; at < value.length && all.length < countMax; ) {
    const scanned = scanNameAddr(value, at);
    if (scanned === null) break;
    all.push(scanned.value);
    at = scanned.end + 1;
  }
  return all;
}

interface Scanned {
  readonly value: NameAddr;
  /** Index of the comma behind the address, or the length of the text. */
  readonly end: number;
}

function scanNameAddr(text: string, from: number): Scanned | null {
  const start = skipBlanks(text, from);
  const open = openBracket(text, start);
  if (open === null) return null;
  const uriStart = open < 0 ? start : open + 1;
  const uriEnd = open < 0 ? endOfSpec(text, start) : text.indexOf('>', uriStart);
  const uri = text.slice(uriStart, uriEnd);
  if (uriEnd < 0 || !isPlainUri(uri)) return null;
  const display = open < 0 ? '' : trimBlanks(text.slice(start, open));
  const tail = scanParams(text, open < 0 ? uriEnd : uriEnd + 1);
  if (tail === null) return null;
  const value = { display: display === '' ? null : display, uri, params: tail.params };
  return { value, end: tail.end };
}

/** Index of the `<` of a name-addr, -1 for an addr-spec, null when neither can be read. */
function openBracket(text: string, start: number): number | null {
  if (text[start] === '"') {
    const end = endOfQuoted(text, start);
    const open = end < 0 ? -1 : skipBlanks(text, end);
    return open >= 0 && text[open] === '<' ? open : null;
  }
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3c) return at;
    if (code === 0x2c || code === 0x3b) return -1;
    if (code === 0x22 || code === 0x3e) return null;
  }
  return -1;
}

// Without brackets a semicolon begins a header parameter, not one of the URI (RFC 3261 section
// 20.10).
function endOfSpec(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (' \t,;'.includes(text[at]!)) return at;
  }
  return text.length;
}

/** Where none stand. */
export const noParams: ReadonlyMap<string, string> = new Map();

interface Params {
  readonly params: ReadonlyMap<string, string>;
  readonly end: number;
}

/**
 * `;name[=value]` pairs up to a comma or the end; null when malformed or a name stands twice
 * (section 7.3.1).
 */
export function scanParams(text: string, from: number): Params | null {
  let at = skipBlanks(text, from);
  if (at === text.length || text[at] === ',') return { params: noParams, end: at };
  const params = new Map<string, string>();
  while (at < text.length && text[at] !== ',') {
    if (text[at] !== ';') return null;
    const nameStart = skipBlanks(text, at + 1);
    const nameEnd = endOfToken(text, nameStart);
    const name = text.slice(nameStart, nameEnd).toLowerCase();
    if (name === '' || params.has(name)) return null;
    at = skipBlanks(text, nameEnd);
    let value = '';
    if (text[at] === '=') {
      const start = skipBlanks(text, at + 1);
      const end = text[start] === '"' ? endOfQuoted(text, start) : endOfParamValue(text, start);
      if (end <= start) return null;
      value =
        text[start] === '"' ? unquote(text.slice(start + 1, end - 1)) : text.slice(start, end);
      at = skipBlanks(text, end);
    }
    params.set(name, value);
  }
  return { params, end: at };
}

function endOfToken(text: string, start: number): number {
  let at = start;
  while (at < text.length && isTokenCode(text.charCodeAt(at))) at++;
  return at;
}

function endOfParamValue(text: string, start: number): number {
  let at = start;
  while (at < text.length && !' \t,;"<>='.includes(text[at]!)) at++;
  return at;
}

function unquote(inner: string): string {
  let out = '';
  for (let at = 0; at < inner.length; at++) {
    if (inner[at] === '\\') at++;
    out += inner[at] ?? '';
  }
  return out;
}
