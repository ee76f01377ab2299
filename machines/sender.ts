// Whom a message is from, as anybody but its operator is told: never more than the sender let be known (RFC 3323,
// spec 7.4). The asserted identity of one who asked for privacy serves our own checks alone.
import { isAnonymousUri } from './exceptions.js';
import type { Message } from './message.js';

/** The sender as his recipient may see him, canonical where he was asserted; null when he asked for privacy. */
export function shownSender(message: Message): string | null {
  const { asserted, fromUri, hidden } = message;
  if (hidden === true || message.reportException === 'anonymous') return null;
  if (hidden === false) return asserted ?? fromUri;
  // A row of 0.2.0 does not say whether privacy was asked for: what From says is no secret to its recipient, and any
  // other identity may be one.
  return isAnonymousUri(fromUri) ? null : fromUri;
}
