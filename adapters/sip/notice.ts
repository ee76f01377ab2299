// The notice that messages wait (spec.md 3.1, F7): the metadata list where it fits, else their number.
// Invariant: what is said is whole. A list that has to leave messages out would be taken for all
// there is, so that it gives way to the number of RFC 3842 instead.
import type { ListedMessage, OutgoingNotice } from '../../runtime/index.js';
import { deferredListType, writeDeferredList } from './deferred-list.js';
import { hopOctets, messageOctetsMax } from './limits.js';
import type { SipRequestParts } from './outgoing.js';

/** Rows a notice may need: no more fit into 1300 octets. */
export const noticeRowsMax = 8;

const summaryType = 'application/simple-message-summary';

/** The MESSAGE of at most 1300 octets that tells a user what waits for him. */
export function noticeRequest(
  effect: OutgoingNotice,
  rows: readonly ListedMessage[],
): SipRequestParts {
  const service = serviceUriOf(effect.aor);
  const lines = [
    `From: <${service}>;tag=${effect.fromTag}`,
    `To: <${effect.aor}>`,
    `Call-ID: ${effect.callId}`,
    `CSeq: ${effect.cseq} MESSAGE`,
    `P-Asserted-Identity: <${service}>`,
  ];
  const head = lines.map((line) => `${line}\r\n`).join('');
  const typeLine = `Content-Type: ${deferredListType}\r\n`;
  const room = messageOctetsMax - hopOctets - head.length - typeLine.length - 2 * effect.aor.length;
  const { type, body } = content(effect, rows, room);
  const headers = `${head}Content-Type: ${type}\r\n`;
  return { ruri: effect.aor, nextHop: null, headers, body, fromName: null };
}

/** The list, without subjects where it must be, else the number. */
function content(effect: OutgoingNotice, rows: readonly ListedMessage[], room: number) {
  const forms = [{ pretty: false }, { pretty: false, subjects: false }];
  for (const form of rows.length < effect.waiting ? [] : forms) {
    const body = Buffer.from(writeDeferredList(rows, form));
    if (body.length <= room) return { type: deferredListType, body };
  }
  return { type: summaryType, body: Buffer.from(messageSummary(effect.aor, effect.waiting)) };
}

/** RFC 3842 section 5.2: new messages and old ones; what was fetched is gone, so that none are old. */
export function messageSummary(aor: string, waiting: number): string {
  const lines = [
    `Messages-Waiting: ${waiting > 0 ? 'yes' : 'no'}`,
    `Message-Account: ${aor}`,
    `Text-Message: ${waiting}/0`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Whom notices come from; a telephone number has no domain of its own. */
export function serviceUriOf(aor: string): string {
  const at = aor.indexOf('@');
  return `sip:deferred@${at < 0 ? 'deferred.invalid' : aor.slice(at + 1)}`;
}
