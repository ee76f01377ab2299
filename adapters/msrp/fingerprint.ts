// What a session description says of a certificate (RFC 8122 section 5), and whether a peer on TLS showed that one. A
// certificate nobody signed is as good as any: it is the description, which came by the proxy, that vouches for it.
import { createHash } from 'node:crypto';

/** Digest of a certificate, hexadecimal in lower case without colons. */
export interface Fingerprint {
  readonly hash: 'sha-1' | 'sha-256' | 'sha-384' | 'sha-512';
  readonly digits: string;
}

const octetsOf = { 'sha-1': 20, 'sha-256': 32, 'sha-384': 48, 'sha-512': 64 } as const;
const isHash = (name: string): name is Fingerprint['hash'] => Object.hasOwn(octetsOf, name);

/** Reads `sha-256 4A:AD:B9:…`; null when it is malformed or of another hash. */
export function readFingerprint(value: string): Fingerprint | null {
  const space = value.indexOf(' ');
  const hash = value.slice(0, Math.max(0, space)).toLowerCase();
  if (!isHash(hash)) return null;
  const text = value.slice(space + 1).toLowerCase();
  if (text.length !== octetsOf[hash] * 3 - 1) return null;
  for (let at = 0; at < text.length; at += 1) {
    const fits = at % 3 === 2 ? text[at] === ':' : isHex(text.charCodeAt(at));
    if (!fits) return null;
  }
  return { hash, digits: text.replaceAll(':', '') };
}

const isHex = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);

const digestOf = (certificate: Uint8Array, hash: Fingerprint['hash']): string =>
  createHash(hash.replace('-', '')).update(certificate).digest('hex');

/** The attribute's value for a certificate in DER: SHA-256. */
export function writeFingerprint(certificate: Uint8Array): string {
  const pairs = digestOf(certificate, 'sha-256').toUpperCase().match(/../g) ?? [];
  return `sha-256 ${pairs.join(':')}`;
}

/** Whether a certificate in DER, or its absence, is the one that was announced. */
export const isAnnounced = (
  certificate: Uint8Array | null,
  { hash, digits }: Fingerprint,
): boolean => certificate !== null && digestOf(certificate, hash) === digits;
