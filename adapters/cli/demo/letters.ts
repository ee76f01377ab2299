// The messages Alice writes: F1 of the specification, with today's dates, ids of their own and sometimes a short life.
// Plain data; knows neither phones nor engine.
import { randomBytes } from 'node:crypto';
import type { HeaderFields } from '../stage/sip-text.js';
import { domain } from './stage.js';

/** A message ready to be sent. */
export interface Letter {
  /** `imdn.Message-ID`, by which its sender knows it again in a report. */
  readonly id: string;
  readonly subject: string;
  readonly contentType: string;
  readonly headers: HeaderFields;
  readonly body: Buffer;
  /** When it expires, epoch milliseconds. */
  readonly expiresAtMs: number;
}

export interface LetterOptions {
  readonly subject: string;
  readonly text: string;
  readonly expiresSeconds: number;
  /** Whether Alice asks to be told when it is not delivered. */
  readonly report: boolean;
}

export const bobUri = `sip:bob@${domain}`;
/** The From Alice writes, display name included. */
export const aliceFrom = `"Alice" <sip:alice@${domain}>`;

/** A message/cpim with its SIP headers; Date is sent with it, so that Expires counts from it (RFC 3428 section 7). */
export function letterOf(options: LetterOptions): Letter {
  const id = randomBytes(12).toString('hex');
  const now = new Date();
  const text = Buffer.from(options.text);
  const wish = 'imdn.Disposition-Notification: negative-delivery\r\n';
  const head = [
    `From: Alice <sip:alice@${domain}>\r\n`,
    `To: Bob <${bobUri}>\r\n`,
    'NS: imdn <urn:ietf:params:imdn>\r\n',
    `imdn.Message-ID: ${id}\r\n`,
    `DateTime: ${now.toISOString().slice(0, 19)}Z\r\n`,
    options.report ? wish : '',
    `Subject: ${options.subject}\r\n`,
    '\r\nContent-Type: text/plain; charset=utf-8\r\n',
    `Content-Length: ${text.length}\r\n\r\n`,
  ].join('');
  return {
    id,
    subject: options.subject,
    contentType: 'message/cpim',
    // The form of RFC 1123, as RFC 3261 section 20.17 wants it.
    headers: {
      Date: now.toUTCString(),
      Expires: String(options.expiresSeconds),
      'Content-Language': 'en-GB',
    },
    body: Buffer.concat([Buffer.from(head), text]),
    expiresAtMs: (Math.floor(now.getTime() / 1000) + options.expiresSeconds) * 1000,
  };
}
