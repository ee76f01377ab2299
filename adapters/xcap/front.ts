// Who asks. The face authenticates nobody itself: a front that does (an aggregation proxy, TS 33.222)
// says who it was, and is known by a secret it shares with us, or by standing on this host.
// Invariant: without the secret no header counts, and an identity that is not one is none.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Where fronts put the identity: 3GPP TS 24.109 annex G, and OMA's XDM core before it. */
const identityHeaders = ['x-3gpp-asserted-identity', 'x-xcap-asserted-identity'];

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** True when the request comes from the front: it shows the secret, or none is asked for. */
export function isFront(headers: IncomingHttpHeaders, secret: string | null): boolean {
  if (secret === null) return true;
  const shown = headers.authorization ?? '';
  return timingSafeEqual(digest(shown), digest(`Bearer ${secret}`));
}

/** The identities the front asserts, as written, without their quotes; at most eight. */
export function assertedIdentities(headers: IncomingHttpHeaders): readonly string[] {
  return identityHeaders.flatMap((name) => {
    const value = headers[name];
    const text = Array.isArray(value) ? value.join(',') : (value ?? '');
    return text.split(',', 8).flatMap(unquoted);
  });
}

function unquoted(part: string): string[] {
  const text = part.trim();
  const quoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  const plain = quoted ? text.slice(1, -1) : text;
  return plain === '' ? [] : [plain];
}
