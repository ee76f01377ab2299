// The owner's commands over NATS request and reply: list, retrieve, confirm, delete, preferences. The caller
// vouches for the owner with `asserted`; a mailbox is never named otherwise, so nobody else's can
// be reached (X11). Invariant: a retrieved message stays stored until its token is confirmed.

import { type PreferenceChange, readPreferenceChange } from '../../machines/index.js';
import type {
  Cancel,
  Entropy,
  IdResult,
  ListedMessage,
  ListedRow,
  Reply,
  Runtime,
} from '../../runtime/index.js';
import type { Bus } from './bus.js';
import type { SipCodec } from './codec.js';
import { newToken } from './identity.js';
import { natsLimits } from './limits.js';
import { changePreferences } from './preferences.js';
import {
  type Malformed,
  notReady,
  type RequestRefusal,
  refuse,
  serveRequests,
} from './requests.js';
import { type SchemaName, schemaCheck } from './schemas.js';
import { subjects } from './subjects.js';

export interface UserDoorOptions {
  readonly now: () => number;
  readonly entropy: Entropy;
  readonly onMalformed?: (malformed: Malformed) => void;
  readonly onFailure?: (where: string, error: unknown) => void;
}

interface Owned {
  readonly v: 1;
  readonly asserted: string;
}
interface ListRequest extends Owned {
  readonly after?: string | null;
  readonly limit?: number;
}
interface RetrieveRequest extends Owned {
  readonly ids: readonly string[] | 'all';
}
interface DeleteRequest extends Owned {
  readonly ids: readonly string[] | 'all';
}
interface ConfirmRequest extends Owned {
  readonly token: string;
}

interface PreferencesRequest extends Owned {
  readonly set?: unknown;
  readonly document?: string;
  readonly unmatched?: 'deny' | 'deferral';
  readonly discardBlocked?: boolean;
}

interface Pending {
  readonly aor: string;
  readonly ids: readonly string[];
  readonly dueMs: number;
  /** The answer of the first confirmation, for a requester who lost it. */
  results: readonly IdResult[] | null;
}

/** Room left for the envelope of a page. */
const pageBytesMax = natsLimits.payloadBytesMax - 4_096;

/** Serves the user subjects until the bus closes or the result is called. */
export function serveUserCommands(
  bus: Bus,
  runtime: Runtime,
  codec: SipCodec,
  options: UserDoorOptions,
): Cancel {
  const pending = new Map<string, Pending>();
  const doors: Cancel[] = [];

  function door<Request extends Owned>(
    subject: string,
    schemas: readonly [SchemaName, SchemaName],
    run: (aor: string, request: Request) => Promise<unknown>,
  ): void {
    const close = serveRequests<Request>(bus, {
      subject,
      request: schemaCheck(schemas[0]),
      reply: schemaCheck(schemas[1]),
      ...(options.onMalformed === undefined ? {} : { onMalformed: options.onMalformed }),
      ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
      handle: async (request) => {
        const aor = request.asserted === '-' ? null : codec.canonicalAor(request.asserted);
        if (aor === null) return refuse(403, 'not-asserted', 'no owner is asserted');
        return runtime.knows(aor) ? run(aor, request) : notReady();
      },
    });
    doors.push(close);
  }

  door<ListRequest>(subjects.userList, ['user-list-request', 'user-list-reply'], (aor, request) =>
    listPage(runtime, aor, request),
  );
  door<RetrieveRequest>(
    subjects.userRetrieve,
    ['user-retrieve-request', 'user-retrieve-reply'],
    async (aor, request) => {
      const ids = request.ids === 'all' ? await firstIds(runtime, aor) : request.ids;
      return retrieve({ runtime, codec, pending, options }, aor, ids);
    },
  );
  door<ConfirmRequest>(
    subjects.userConfirm,
    ['user-confirm-request', 'user-results-reply'],
    (aor, request) => confirm(runtime, pending, options.now(), aor, request.token),
  );
  door<DeleteRequest>(
    subjects.userDelete,
    ['user-delete-request', 'user-results-reply'],
    async (aor, { ids }) =>
      resultsReply(await runtime.submit({ type: 'messages.deleted', aor, ids })),
  );
  door<PreferencesRequest>(
    subjects.userPreferences,
    ['user-preferences-request', 'user-preferences-reply'],
    (aor, request) => preferences(runtime, codec, aor, request),
  );
  return () => {
    for (const close of doors) close();
  };
}

async function listPage(runtime: Runtime, aor: string, request: ListRequest): Promise<unknown> {
  const limit = request.limit ?? natsLimits.listRowsMax;
  const listing = await runtime.list(aor, request.after ?? null, limit);
  const messages: ListedRow[] = [];
  let bytes = 0;
  for (const listed of listing.messages) {
    const row = rowOf(listed);
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (bytes > pageBytesMax) break;
    messages.push(row);
  }
  const whole = messages.length === listing.messages.length;
  const next = whole ? listing.next : (messages.at(-1)?.deferredId ?? null);
  return { v: 1, ok: true, messages, next };
}

/** The members of the contract, and no others, whatever the runtime may add one day. */
function rowOf(row: ListedMessage): ListedRow {
  const { deferredId, state, from, to, subject } = row;
  const { contentType, octets, receivedAtMs, expiresAtMs } = row;
  return { deferredId, state, from, to, subject, contentType, octets, receivedAtMs, expiresAtMs };
}

/** All that one request may name, oldest first. */
async function firstIds(runtime: Runtime, aor: string): Promise<readonly string[]> {
  const { messages } = await runtime.list(aor, null, natsLimits.idsMax);
  return messages.map((one) => one.deferredId);
}

interface Retrieving {
  readonly runtime: Runtime;
  readonly codec: SipCodec;
  readonly pending: Map<string, Pending>;
  readonly options: UserDoorOptions;
}

interface Retrieved {
  readonly id: string;
  readonly status: 200 | 404 | 413;
  readonly octets?: string;
  readonly reason?: string;
}

const tooLargeForPage =
  'larger than a page: ask for it over SIP, from a device that takes large messages by a session';

function retrieve(
  { runtime, codec, pending, options }: Retrieving,
  aor: string,
  ids: readonly string[],
): unknown {
  const messages: Retrieved[] = [];
  const left: string[] = [];
  const taken: string[] = [];
  let bytes = 0;
  for (const id of new Set(ids)) {
    const found = left.length > 0 ? undefined : runtime.read(aor, id);
    // Base64 of the octets, the id, and the JSON around them.
    const size = id.length + 64 + Math.ceil((found?.octets.length ?? 0) / 3) * 4;
    if (size <= pageBytesMax) bytes += size;
    // A large message that fits no page would be left for ever: it comes by a session alone.
    if (size > pageBytesMax) messages.push({ id, status: 413, reason: tooLargeForPage });
    else if (found === undefined || bytes > pageBytesMax) left.push(id);
    else if (found === null) messages.push({ id, status: 404 });
    else {
      const octets = Buffer.from(codec.shownOctets(found.octets)).toString('base64');
      messages.push({ id, status: 200, octets });
      taken.push(id);
    }
  }
  const token = taken.length > 0 ? remember(pending, options, aor, taken) : null;
  return { v: 1, ok: true, token, messages, left };
}

function remember(
  pending: Map<string, Pending>,
  options: UserDoorOptions,
  aor: string,
  ids: readonly string[],
): string {
  const nowMs = options.now();
  for (const [token, entry] of pending) {
    if (entry.dueMs > nowMs && pending.size < natsLimits.confirmationsMax) break;
    pending.delete(token);
  }
  const token = newToken(options.entropy);
  pending.set(token, { aor, ids, dueMs: nowMs + natsLimits.confirmWithinMs, results: null });
  return token;
}

async function confirm(
  runtime: Runtime,
  pending: Map<string, Pending>,
  nowMs: number,
  aor: string,
  token: string,
): Promise<unknown> {
  const entry = pending.get(token);
  // Unknown, too late, or somebody else's: the same answer (spec.md 4.3).
  if (entry === undefined || entry.aor !== aor || entry.dueMs < nowMs)
    return refuse(404, 'token-unknown', 'no retrieval waits for this token');
  if (entry.results !== null) return { v: 1, ok: true, results: entry.results };
  const { ids } = entry;
  const reply = await runtime.submit({ type: 'messages.retrieved', aor, ids });
  if (reply.kind === 'results') entry.results = reply.results;
  return resultsReply(reply);
}

async function preferences(
  runtime: Runtime,
  codec: SipCodec,
  aor: string,
  request: PreferencesRequest,
): Promise<unknown> {
  const { set, document, discardBlocked = false } = request;
  if (set !== undefined && document !== undefined)
    return refuse(400, 'preferences-twice', 'either set or document');
  const read = document === undefined ? readSet(codec, set) : readDocument(codec, request);
  if ('ok' in read) return read;
  const reply = await changePreferences(runtime, aor, { set: read.set, discardBlocked });
  if (reply.kind === 'refused') return refuse(reply.status, reply.code, reply.reason);
  const { kind: _told, ...told } = reply;
  return { v: 1, ok: true, ...told, ...(read.notes === undefined ? {} : { notes: read.notes }) };
}

interface ReadWish {
  readonly set: PreferenceChange | null;
  readonly notes?: readonly { readonly path: string; readonly message: string }[];
}

function readSet(codec: SipCodec, value: unknown): ReadWish | RequestRefusal {
  if (value === undefined) return { set: null };
  const read = readPreferenceChange(value, (uri) => codec.canonicalAor(uri));
  if (read.ok) return { set: read.change };
  const { pointer, message } = read.findings[0]!;
  return refuse(400, 'preferences-malformed', `/set${pointer} ${message}`);
}

function readDocument(
  codec: SipCodec,
  { document = '', unmatched = 'deny' }: PreferencesRequest,
): ReadWish | RequestRefusal {
  const read = codec.readAccessRules(Buffer.from(document, 'utf8'), { unmatched });
  if (!read.ok) return refuse(400, 'document-malformed', read.finding.message);
  const { rules, notes } = read.access;
  return { set: { rules }, notes };
}

function resultsReply(
  reply: Reply,
): { v: 1; ok: true; results: readonly IdResult[] } | RequestRefusal {
  if (reply.kind === 'results') return { v: 1, ok: true, results: reply.results };
  if (reply.kind === 'refused') return refuse(reply.status, reply.code, reply.reason);
  return refuse(500, 'reply-unexpected', 'the runtime gave another kind of reply');
}
