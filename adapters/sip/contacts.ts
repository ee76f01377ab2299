// Contact values of a registration (RFC 3261 section 10) as bindings. Invariant: a contact that
// cannot be read is left out and takes none of the others with it, except that nothing after it on
// the same value can be trusted.
import type { Binding } from '../../runtime/index.js';
import { contactsMax } from './limits.js';
import { parseExpires } from './message.js';
import { nameAddrPrefix } from './uri.js';

/**
 * `Binding.expiresAtMs` is a date; even a client that asks for 136 years gets one the calendar can
 * hold. A contact with `expires=0` ends now: it is removed (section 10.2.2).
 */
export function readContacts(
  value: string,
  defaultExpirySeconds: number,
  nowMs: number,
): Binding[] {
  // `*` removes every binding (section 10.2.2); it never is one.
  if (value.trim() === '*') return [];
  const bindings: Binding[] = [];
  for (const contact of nameAddrPrefix(value, contactsMax)) {
    // Section 20.19 with 10.3: a malformed expires parameter counts as none.
    const given = contact.params.get('expires');
    const seconds = (given === undefined ? null : parseExpires(given)) ?? defaultExpirySeconds;
    bindings.push({
      contact: contact.uri,
      expiresAtMs: nowMs + seconds * 1000,
      features: [...contact.params.keys()].filter((name) => name.startsWith('+')),
    });
  }
  return bindings;
}
