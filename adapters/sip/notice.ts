// The notice that messages wait (spec.md 3.1, F7): the metadata list where it fits, else their number.
// Invariant: what is said is whole. A list that has to leave messages out would be taken for all
// there is, so that it gives way to the number of RFC 3842 instead.
import type { ListedMessage, OutgoingNotice, OutgoingSubscription } from '../../runtime/index.js';
import { deferredListType, writeDeferredList } from './deferred-list.js';
import { hopOctets, messageOctetsMax } from './limits.js';
import type { SipRequestParts } from './outgoing.js';

/** Rows a notice may need: no more fit into 1300 octets. */
export const noticeRowsMax = 8;

/** RFC 3842 section 5. */
export const summaryType = 'application/simple-message-summary';

/** The request of at most 1300 octets that tells a user what waits for him: a NOTIFY where he subscribed, else a MESSAGE. */
export function noticeRequest(
  effect: OutgoingNotice,
  rows: readonly ListedMessage[],
): SipRequestParts {
  const { within } = effect;
  if (within !== undefined) return notifyRequest(effect, within, rows);
  const service = serviceUriOf(effect.aor);
  const lines = [
    `From: <${service}>;tag=${effect.fromTag}`,
    `To: <${effect.aor}>`,
    `Call-ID: ${effect.callId}`,
    `CSeq: ${effect.cseq} MESSAGE`,
    `P-Asserted-Identity: <${service}>`,
  ];
  const told = { ruri: effect.aor, nextHop: null, fromName: null };
  return { ...told, ...filled(effect, lines, rows) };
}

/** A request within the dialog of a subscription (RFC 3261 section 12.2.1.1, RFC 6665 section 4.2.2). */
function notifyRequest(
  effect: OutgoingNotice,
  within: OutgoingSubscription,
  rows: readonly ListedMessage[],
): SipRequestParts {
  const { eventId, localUri, remoteUri, remoteTag, list } = within;
  const way = wayOf(within);
  const lines = [
    `From: <${localUri}>;tag=${effect.fromTag}`,
    `To: <${remoteUri}>;tag=${remoteTag}`,
    `Call-ID: ${effect.callId}`,
    `CSeq: ${effect.cseq} NOTIFY`,
    ...way.routes.map((route) => `Route: <${route}>`),
    `Contact: <${serviceUriOf(effect.aor)}>`,
    `Event: message-summary${eventId === null ? '' : `;id=${eventId}`}`,
    `Subscription-State: ${stateOf(within)}`,
  ];
  const { ruri, nextHop } = way;
  const told = { method: 'NOTIFY', ruri, nextHop, fromName: null } as const;
  return { ...told, ...filled(effect, lines, rows, list) };
}

/** One that gave way to newer ones may come back after a while (RFC 6665 section 4.1.3). */
function stateOf({ state }: OutgoingSubscription): string {
  if (typeof state === 'number') return `active;expires=${state}`;
  return `terminated;reason=${state}${state === 'probation' ? ';retry-after=600' : ''}`;
}

/** Loose routers keep the target in the Request-URI; a strict one stands there itself, and the target goes last. */
function wayOf({ target, routes }: OutgoingSubscription) {
  const [first] = routes;
  if (first === undefined) return { ruri: target, nextHop: null, routes };
  const params = first
    .slice(first.indexOf('@') + 1)
    .toLowerCase()
    .split(';');
  const isLoose = params.some((param) => param === 'lr' || param.startsWith('lr='));
  if (isLoose) return { ruri: target, nextHop: first, routes };
  return { ruri: first, nextHop: first, routes: [...routes.slice(1), target] };
}

/** Header block and body: the list where it may stand and fits, else the number. */
function filled(
  effect: OutgoingNotice,
  lines: readonly string[],
  rows: readonly ListedMessage[],
  list = true,
): Pick<SipRequestParts, 'headers' | 'body'> {
  const head = lines.map((line) => `${line}\r\n`).join('');
  const typeLine = `Content-Type: ${deferredListType}\r\n`;
  const room = messageOctetsMax - hopOctets - head.length - typeLine.length - 2 * effect.aor.length;
  const { type, body } = list ? content(effect, rows, room) : summaryOf(effect);
  return { headers: `${head}Content-Type: ${type}\r\n`, body };
}

/** The list, without subjects where it must be, else the number. */
function content(effect: OutgoingNotice, rows: readonly ListedMessage[], room: number) {
  const forms = [{ pretty: false }, { pretty: false, subjects: false }];
  for (const form of rows.length < effect.waiting ? [] : forms) {
    const body = Buffer.from(writeDeferredList(rows, form));
    if (body.length <= room) return { type: deferredListType, body };
  }
  return summaryOf(effect);
}

const summaryOf = ({ aor, waiting }: OutgoingNotice) => ({
  type: summaryType,
  body: Buffer.from(messageSummary(aor, waiting)),
});

/** RFC 3842 section 5.2: new messages and old ones; what was fetched is gone, so that none are old. */
export function messageSummary(aor: string, waiting: number): string {
  const lines = [
    `Messages-Waiting: ${waiting > 0 ? 'yes' : 'no'}`,
    `Message-Account: ${aor}`,
    `Text-Message: ${waiting}/0`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

/** User part of the service's own address. */
export const serviceUser = 'deferred';

/** Whom notices come from; a telephone number has no domain of its own. */
export function serviceUriOf(aor: string): string {
  const at = aor.indexOf('@');
  return `sip:${serviceUser}@${at < 0 ? 'deferred.invalid' : aor.slice(at + 1)}`;
}
