// What the senders of the kill tests write: short-lived messages in CPIM, each of its own sender and recipient, so that
// a row of the store is known by that pair.
import type { Letter } from './history.js';

export interface Writing {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly asks: boolean;
  /** Null leaves it to the policy. */
  readonly expiresSeconds: number | null;
}

export function letterOf(writing: Writing): Letter {
  const { id, from, to, asks, expiresSeconds } = writing;
  const text = `To ${to}: are we still on for lunch? ${id}`;
  const body = [
    `From: <${from}>`,
    `To: <${to}>`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${id}`,
    'DateTime: 2006-08-01T10:00:00Z',
    ...(asks ? ['imdn.Disposition-Notification: negative-delivery'] : []),
    '',
    'Content-type: text/plain',
    '',
    text,
  ].join('\r\n');
  const head = [
    `MESSAGE ${to} SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK${id}`,
    'Max-Forwards: 70',
    `From: <${from}>;tag=${id}`,
    `To: <${to}>`,
    `Call-ID: ${id}@192.0.2.4`,
    'CSeq: 1 MESSAGE',
    ...(expiresSeconds === null ? [] : [`Expires: ${expiresSeconds}`]),
    'Content-Type: message/cpim',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    '',
  ].join('\r\n');
  const seen = { heard: [], taken: 0, confirmed: false, reports: [], told: 0, faults: [] };
  return { id, from, to, asks, text, octets: Buffer.from(head + body), ...seen };
}
