// SUBSCRIBE to the notices of a mailbox (RFC 6665, the package message-summary of RFC 3842). Invariant: only the owner
// is served, known by the identity the proxy asserted. The To tag of a SUBSCRIBE that begins a dialog is the proxy's:
// tm answers it, so that both sides and the engine know the dialog by the same name.
import type { Watcher } from '../../runtime/index.js';
import { deferredListType } from './deferred-list.js';
import { type Refusal, refusal } from './finding.js';
import {
  subscriptionRoutesMax,
  subscriptionSecondsDefault,
  subscriptionSecondsMin,
} from './limits.js';
import { parseExpires, readNames, readTarget, single, statusOf } from './message.js';
import { mediaType } from './mime.js';
import { serviceUser, summaryType } from './notice.js';
import { isToken, skipBlanks } from './octets.js';
import { headerValues, readRequest, type SipRequest } from './request.js';
import { bareUri, canonicalAor, nameAddr, nameAddrPrefix, scanParams } from './uri.js';

/** The package: RFC 3842 names it, its body may be the metadata list where Accept says so. */
export const noticePackage = 'message-summary';

export interface SubscriptionRequest {
  /** Canonical AOR of the owner. */
  readonly aor: string;
  readonly watcher: Watcher;
  /** 0 ends it. */
  readonly seconds: number;
}

/** A refusal with what the subscriber needs to do better: Allow-Events, Min-Expires, Accept. */
export interface SubscriptionRefusal extends Refusal {
  readonly headers: readonly string[];
}

export type SubscriptionReading =
  | { readonly ok: true; readonly subscription: SubscriptionRequest }
  | SubscriptionRefusal;

const methodLine = Buffer.from('SUBSCRIBE ');

/** Reads a SUBSCRIBE; null for any other request. Never throws. */
export function readSubscribe(
  octets: Uint8Array,
  asserted: string | null,
): SubscriptionReading | null {
  if (!methodLine.equals(octets.subarray(0, methodLine.length))) return null;
  const read = readRequest(octets);
  if (!read.ok)
    return refused(statusOf(read.finding.code), read.finding.code, read.finding.message);
  const { request } = read;
  const aor = asserted === null ? null : canonicalAor(asserted);
  const target = readTarget(request, 'SUBSCRIBE');
  if (!target.ok) return { ...target, headers: [] };
  if (aor === null || !isOwners(target.aor, aor))
    return refused(403, 'not-owner', 'a mailbox is watched by its owner alone');
  return readWish(request, aor);
}

/** The service serves everybody his own mailbox, as the address of a mailbox serves its owner. */
const isOwners = (target: string, aor: string): boolean =>
  target === aor || target.slice(0, target.indexOf('@')) === `sip:${serviceUser}`;

function refused(
  status: number,
  code: string,
  message: string,
  headers: readonly string[] = [],
): SubscriptionRefusal {
  return { ...refusal(status, { code, message, offset: 0 }), headers };
}

function readWish(request: SipRequest, aor: string): SubscriptionReading {
  const event = single(request, 'event', readEvent);
  if (event?.name !== noticePackage)
    return refused(489, 'bad-event', 'unknown event package', [`Allow-Events: ${noticePackage}`]);
  const types = accepted(request);
  if (types === null)
    return refused(406, 'not-acceptable', 'neither body is accepted', [
      `Accept: ${summaryType}, ${deferredListType}`,
    ]);
  const seconds = single(request, 'expires', parseExpires) ?? subscriptionSecondsDefault;
  if (seconds > 0 && seconds < subscriptionSecondsMin)
    return refused(423, 'interval-too-brief', 'the subscription is too short', [
      `Min-Expires: ${subscriptionSecondsMin}`,
    ]);
  const place = readPlace(request);
  if (typeof place === 'string') return refused(400, place, `${place} is missing or malformed`);
  const watcher = { ...place, eventId: event.id, list: types.list };
  return { ok: true, subscription: { aor, watcher, seconds } };
}

/** The dialog of a request, or the name of the header that keeps it from having one. */
function readPlace(request: SipRequest): Omit<Watcher, 'eventId' | 'list'> | string {
  const read = readNames(request);
  if (!read.ok) return read.finding.code;
  const { callId, fromTag, fromUri, toUri, cseq } = read.names;
  const to = single(request, 'to', nameAddr);
  const localTag = to?.params.get('tag') ?? '';
  if (!isToken(localTag)) return 'to-tag';
  const target = single(request, 'contact', bareUri);
  if (target === null || canReach(target) === null) return 'contact';
  const routes = headerValues(request, 'record-route').flatMap((value) =>
    nameAddrPrefix(value, subscriptionRoutesMax + 1).map((one) => one.uri),
  );
  if (routes.length > subscriptionRoutesMax) return 'record-route';
  const names = { callId, localTag, remoteTag: fromTag, localUri: toUri, remoteUri: fromUri };
  return { ...names, target, routes, cseq };
}

const canReach = (uri: string): string | null =>
  uri.startsWith('sip:') || uri.startsWith('sips:') ? uri : null;

/** `package *( ";" param )` (RFC 6665 section 8.4); null when it is malformed. */
function readEvent(value: string): { readonly name: string; readonly id: string | null } | null {
  const semicolon = value.indexOf(';');
  const end = semicolon < 0 ? value.length : semicolon;
  const name = value.slice(0, end).trimEnd();
  const tail = scanParams(value, end);
  const id = tail?.params.get('id') ?? null;
  if (tail === null || tail.end !== value.length || (id !== null && !isToken(id))) return null;
  return isToken(name) ? { name, id } : null;
}

/** Which bodies are taken; null when neither. Every subscriber knows the summary (RFC 3842), unless he says otherwise. */
function accepted(request: SipRequest): { readonly list: boolean } | null {
  const values = headerValues(request, 'accept');
  if (values.length === 0) return { list: false };
  const types = new Set<string>();
  for (const value of values)
    for (const one of value.split(',')) {
      const at = skipBlanks(one, 0);
      const type = mediaType(one.slice(at))?.type;
      if (type !== undefined) types.add(type);
    }
  const list = types.has(deferredListType);
  const summary = types.has(summaryType) || types.has('application/*') || types.has('*/*');
  return list || summary ? { list } : null;
}
