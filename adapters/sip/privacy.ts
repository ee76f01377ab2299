// A stored request as its recipient may fetch it. Invariant: a sender who asked for privacy is named by no header of
// what anybody else is shown (RFC 3323 section 5, spec.md 7.4); any other request is shown as it was stored, octet for
// octet. Of the body nothing is ever changed: it is the sender's own word.
import { isAnonymous } from './message.js';
import { asBuffer } from './octets.js';
import { headerValue, readRequest } from './request.js';
import { nameAddr } from './uri.js';

/** Headers that would name an anonymous sender (RFC 3323 section 5.1, RFC 7044 section 10.1). */
export const revealingNames: ReadonlySet<string> = new Set([
  'history-info',
  'remote-party-id',
  'referred-by',
  'reply-to',
  'call-info',
  'identity',
]);

/** Of his own hop, and what the proxies wrote about him; a delivery carries none of it for anybody. */
const ownNames: ReadonlySet<string> = new Set([
  'via',
  'route',
  'record-route',
  'path',
  'contact',
  'authorization',
  'proxy-authorization',
  'p-asserted-identity',
  'p-preferred-identity',
]);

/** The octets of a stored request as the owner of the mailbox may have them. Never throws. */
export function shownOctets(octets: Uint8Array): Uint8Array {
  // A large message is beyond the bounds of page mode, and none the less private.
  const read = readRequest(octets, { bodyOctetsMax: octets.length });
  if (!read.ok) return octets;
  const { request } = read;
  const from = nameAddr(headerValue(request, 'from') ?? '');
  if (!isAnonymous(request, from?.uri ?? '')) return octets;
  const buffer = asBuffer(octets);
  const first = request.headers[0]?.start ?? 0;
  const lines = request.headers
    .filter(({ name }) => !names(name))
    .map(({ start, end }) => buffer.subarray(start, end));
  const blankLine = request.headers.at(-1)?.end ?? 0;
  return Buffer.concat([buffer.subarray(0, first), ...lines, buffer.subarray(blankLine)]);
}

const names = (name: string): boolean =>
  revealingNames.has(name) || ownNames.has(name) || name.startsWith('x-im-');
