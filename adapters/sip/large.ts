// Large messages (OMA large message mode): the INVITE of a session read before it is answered, and session and
// content made into one message when all of it has come. What is stored is the INVITE as it came, with the content
// and its headers in place of the session description: `Expires` is the SEND's, never the INVITE's (spec 2.5).
import type { HeaderLine, IncomingMessage } from '../../machines/index.js';
import type { InviteFacts, LargeContent } from '../../runtime/index.js';
import { parseChargingId } from './charging.js';
import type { CpimOptions } from './cpim.js';
import { parseSipDate } from './date.js';
import { type Refusal, refusal } from './finding.js';
import { headerOctetsMax } from './limits.js';
import {
  isAnonymous,
  parseExpires,
  type ReadResult,
  readContent,
  readNames,
  readTarget,
  single,
  statusOf,
} from './message.js';
import { asBuffer } from './octets.js';
import { type Header, headerValue, headerValues, readRequest, type SipRequest } from './request.js';
import { canonicalAor } from './uri.js';

/** Reads the INVITE of a session that is to bring a message. Never throws. */
export function readInvite(octets: Uint8Array, asserted: string | null): InviteFacts | Refusal {
  const read = readRequest(octets);
  if (!read.ok) return refusal(statusOf(read.finding.code), read.finding);
  const target = readTarget(read.request, 'INVITE');
  if (!target.ok) return target;
  const names = readNames(read.request);
  if (!names.ok) return refusal(400, names.finding);
  const identity = asserted === null ? null : canonicalAor(asserted);
  const { fromAor, fromUri } = names.names;
  const sender = identity ?? fromAor ?? fromUri;
  const anonymous = isAnonymous(read.request, fromUri);
  return { ok: true, aor: target.aor, sender, asserted: identity, anonymous };
}

/** INVITE and content as one message. Never throws. */
export function readLarge(
  invite: Uint8Array,
  asserted: string | null,
  large: LargeContent,
  options: CpimOptions = {},
): ReadResult {
  const octets = composed(invite, large);
  if (octets === null) return refusal(400, badInvite);
  const sizes = { bodyOctetsMax: large.content.length };
  const read = readRequest(octets, sizes);
  if (!read.ok) return refusal(statusOf(read.finding.code), read.finding);
  const { request } = read;
  const target = readTarget(request, 'INVITE');
  if (!target.ok) return target;
  const names = readNames(request);
  if (!names.ok) return refusal(400, names.finding);
  const content = readContent(octets, request, options);
  if (!content.ok) return refusal(400, content.finding);
  const { send, ok, msrpMessageId } = large;
  const identity = asserted === null ? null : canonicalAor(asserted);
  return {
    ok: true,
    message: {
      kind: 'large',
      session: { invite: keptLines(request, identity), ok, send, msrpMessageId },
      octets,
      bodyOffset: request.bodyOffset,
      aor: target.aor,
      asserted: identity,
      ...names.names,
      dateMs: single(request, 'date', parseSipDate),
      expiresSeconds: single(request, 'expires', parseExpires),
      contentType: content.type,
      anonymous: isAnonymous(request, names.names.fromUri),
      cpim: content.cpim,
      chargingId: single(request, 'p-charging-vector', parseChargingId),
    } satisfies IncomingMessage,
    via: headerValue(request, 'via') ?? '',
    unreadable: content.unreadable,
  };
}

const badInvite = { code: 'invite', message: 'the INVITE cannot be read', offset: 0 };

/** Header fields of the INVITE that speak of its session or its hop, not of the message. */
const sessionNames = new Set([
  'content-type',
  'content-length',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'session-expires',
  'min-se',
  'supported',
  'require',
  'allow',
  'accept',
  'x-im-leg',
]);

const belongsToMessage = ({ name }: Header): boolean => !sessionNames.has(name);

function composed(invite: Uint8Array, large: LargeContent): Buffer | null {
  const read = readRequest(invite);
  if (!read.ok) return null;
  const { request } = read;
  const from = asBuffer(invite);
  const lines = request.headers
    .filter(belongsToMessage)
    .map(({ start, end }) => from.subarray(start, end));
  const own = [
    `Content-Type: ${large.contentType}`,
    ...(large.expiresSeconds === null ? [] : [`Expires: ${large.expiresSeconds}`]),
    `Content-Length: ${large.content.length}`,
    '',
    '',
  ].join('\r\n');
  const first = Buffer.from(`INVITE ${request.requestUri} SIP/2.0\r\n`);
  const whole = [first, ...lines, Buffer.from(own)];
  const head = whole.reduce((sum, one) => sum + one.length, 0);
  return head > headerOctetsMax ? null : Buffer.concat([...whole, large.content]);
}

// The identity is the one the proxy vouches for, whatever the INVITE says of it.
function keptLines(request: SipRequest, identity: string | null): HeaderLine[] {
  const lines = (name: string): HeaderLine[] =>
    headerValues(request, name.toLowerCase()).map((value) => [name, value]);
  const asserted: HeaderLine[] =
    identity === null ? [] : [['P-Asserted-Identity', `<${identity}>`]];
  return [...lines('From'), ...lines('To'), ...asserted, ...lines('Subject'), ...lines('Date')];
}
