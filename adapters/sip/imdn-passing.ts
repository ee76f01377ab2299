// Disposition notifications that come back through this store, since it stood in their IMDN-Record-Route: our IMDN-Route is
// taken off, and the notification goes to the next one, or to CPIM To (RFC 5438 section 8). Invariant: nothing but our
// own lines changes, and nothing is sent to a route that is not trusted (section 14).
import { hash } from 'node:crypto';
import { isTrustedRoute } from '../../machines/index.js';
import { readImdn } from './correlate.js';
import { type CpimEnvelope, imdnNamespace, type PlacedHeader } from './cpim-envelope.js';
import { explore } from './explored.js';
import { type Refusal, refusal } from './finding.js';
import { readMessage } from './message.js';
import { requestTarget, type SipRequestParts } from './outgoing.js';
import { bareUri, canonicalAor, hostOf } from './uri.js';

/** A notification that came back to us, and goes on. */
export interface PassedImdn {
  /** The same at every repetition of the request that brought it. */
  readonly effectId: string;
  readonly parts: SipRequestParts;
  /** What it settles: a delivery notification of its recipient's own about a message; null for any other. */
  readonly about: {
    readonly sender: string;
    readonly imdnMessageId: string;
    readonly aor: string;
  } | null;
}

export interface RouteOptions {
  /** Our own URI as it stands in IMDN-Record-Route. */
  readonly route: string;
  /** Domains whose routes are followed; each covers its subdomains. */
  readonly trusted: readonly string[];
}

/** Reads a notification whose top IMDN-Route is ours; null for any other request. Never throws. */
export function readPassedImdn(
  octets: Uint8Array,
  asserted: string | null,
  { route, trusted }: RouteOptions,
): { readonly ok: true; readonly imdn: PassedImdn } | Refusal | null {
  const read = readMessage(octets, asserted);
  if (!read.ok || read.message.contentType !== 'message/cpim') return null;
  const { message } = read;
  const body = octets.subarray(message.bodyOffset);
  const found = explore(body, message.contentType);
  const envelope = found.envelope;
  const routes = envelope?.headers.filter(isRoute) ?? [];
  const ours = countOurs(routes, route);
  if (envelope === null || ours === 0 || !found.isImdn) return null;
  const refuse = (status: number, code: string, text: string) =>
    refusal(status, { code, message: text, offset: message.bodyOffset });
  if (message.asserted === null) return refuse(403, 'not-asserted', 'no asserted identity');
  const next = routes[ours];
  const target = bareUri(next?.value ?? headerOf(envelope, 'To'));
  if (target === null) return refuse(400, 'imdn-route', 'nowhere to pass it on to');
  // Whoever may write a route could make us write to anybody (section 14).
  if (next !== undefined && !isTrustedRoute(target, trusted))
    return refuse(403, 'untrusted-route', 'the next route is not trusted');
  const key = [message.asserted, message.callId, String(message.cseq), message.fromTag].join('\n');
  const id = hash('sha256', key, 'hex').slice(0, 40);
  const passed = without(body, routes.slice(0, ours));
  const ruri = requestTarget(target);
  const headers = [
    `From: <${message.asserted}>;tag=${id.slice(0, 16)}`,
    `To: <${ruri}>`,
    `Call-ID: ${id}@${hostOf(route) ?? 'imdn.invalid'}`,
    'CSeq: 1 MESSAGE',
    `P-Asserted-Identity: <${message.asserted}>`,
    'Content-Type: message/cpim',
  ];
  const parts = {
    ...{ ruri, nextHop: null, body: passed, fromName: null },
    headers: headers.map((line) => `${line}\r\n`).join(''),
  };
  const about = settled(body, found.imdns[0]?.entity ?? null, { envelope, aor: message.asserted });
  return { ok: true, imdn: { effectId: `i-${id}-1`, parts, about } };
}

const isRoute = ({ namespace, name }: PlacedHeader): boolean =>
  namespace === imdnNamespace && name === 'IMDN-Route';

const headerOf = ({ headers }: CpimEnvelope, name: string): string =>
  headers.find((each) => each.name === name)?.value ?? '';

/** How many routes on top are ours: each pass takes all of them, so that nothing comes back to us. */
function countOurs(routes: readonly PlacedHeader[], route: string): number {
  const own = canonicalAor(route);
  const first = routes.findIndex(({ value }) => canonicalAor(bareUri(value) ?? '') !== own);
  return first === -1 ? routes.length : first;
}

function without(body: Uint8Array, lines: readonly PlacedHeader[]): Buffer {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { start, end } of lines) {
    parts.push(body.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...parts, body.subarray(from)]);
}

function settled(
  body: Uint8Array,
  entity: { readonly start: number; readonly end: number } | null,
  { envelope, aor }: { readonly envelope: CpimEnvelope; readonly aor: string },
): PassedImdn['about'] {
  const read = entity === null ? null : readImdn(body.subarray(entity.start, entity.end));
  const sender = canonicalAor(bareUri(headerOf(envelope, 'To')) ?? '');
  if (read === null || !read.ok || sender === null) return null;
  const { notification, messageId } = read.imdn;
  if (notification !== 'delivery' || messageId === null) return null;
  return { sender, imdnMessageId: messageId, aor };
}
