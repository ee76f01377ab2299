// Answers to user commands, as MESSAGEs of their own (design.md section 6): JSON pages small enough
// for a MESSAGE outside a session, tied to the command by its Call-ID. Invariant: every row is on
// exactly one page, in order, and no page is larger than its limit; the text of a row gives way
// before the row does.
import type { SenderRule } from '../../machines/index.js';
import type { IdResult, ListedMessage, PreferencesView, SentStatus } from '../../runtime/index.js';
import { resultType } from './commands.js';
import { deferredListType, writeDeferredList } from './deferred-list.js';
import { escapeXml } from './imdn.js';
import type { SipRequestParts } from './outgoing.js';
import { revokeType } from './sender-commands.js';

/**
 * Octets of one page: with our headers and what the proxy puts before them, about 600 octets, the
 * request stays within the 1300 of RFC 3428 section 8.
 */
export const pageOctetsMax = 700;

export type UserResult =
  | {
      readonly op: 'list';
      readonly callId: string;
      readonly messages: readonly ListedMessage[];
      /** The id to continue after, or null. */
      readonly next: string | null;
      /** `xml`: as OMA's document. */
      readonly form?: 'json' | 'xml';
    }
  | {
      readonly op: 'retrieve' | 'delete';
      readonly callId: string;
      readonly results: readonly IdResult[];
    }
  | {
      readonly op: 'preferences';
      readonly callId: string;
      readonly preferences: PreferencesView;
      /** How many waiting messages were let go; null where that was not asked for. */
      readonly discarded: number | null;
    }
  | SenderResult;

/** What a sender hears about a message of his. */
export interface SenderResult {
  readonly op: 'status' | 'withdraw';
  readonly form: 'json' | 'rcs';
  readonly callId: string;
  readonly messageId: string;
  readonly recipient: string;
  /** Of a withdrawal: whether the message was taken back. Of a question: where it stands. */
  readonly outcome: 'withdrawn' | 'failed' | SentStatus;
}

/** JSON bodies of the result, in order; one page, with no rows, when there is nothing to tell. */
export function resultPages(result: UserResult, octetsMax = pageOctetsMax): string[] {
  if ('outcome' in result) return [result.form === 'rcs' ? revokeBody(result) : senderBody(result)];
  return pagesOf(result, octetsMax);
}

type PagedResult = Exclude<UserResult, SenderResult>;

function senderBody({ op, callId, messageId, recipient, outcome }: SenderResult): string {
  const head = { v: 1, op, callId, page: 1, of: 1, messageId, recipient };
  if (typeof outcome === 'string') return JSON.stringify({ ...head, outcome });
  const { state, acceptedAtMs, expiresAtMs, endedAtMs } = outcome;
  const instants = {
    acceptedAt: instantOf(acceptedAtMs),
    expiresAt: instantOf(expiresAtMs),
    endedAt: instantOf(endedAtMs),
  };
  return JSON.stringify({ ...head, state, ...instants });
}

/** The answer to an RCS withdrawal, in its own namespace (docs/adr/0024-withdrawal.md). */
function revokeBody({ messageId, outcome }: SenderResult): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imRevoke xmlns="urn:gsma:params:xml:ns:rcs:rcs:rcsrevoke">',
    `  <Message-ID>${escapeXml(messageId)}</Message-ID>`,
    `  <result>${outcome === 'withdrawn' ? 'success' : 'failed'}</result>`,
    '</imRevoke>',
  ];
  return lines.join('\r\n');
}

const instantOf = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();

function pagesOf(result: PagedResult, octetsMax: number): string[] {
  if (result.op === 'list' && result.form === 'xml')
    return listDocuments(result.messages, octetsMax);
  const rows = rowsOf(result, octetsMax - envelopeOctets(result));
  const sizeOf = (row: string) => Buffer.byteLength(row) + 1;
  const pages = fill(rows, sizeOf, octetsMax - envelopeOctets(result));
  return pages.map((page, index) => envelope(result, index + 1, pages.length, page));
}

// Each page a document of its own, as long as its rows fit; a row alone gives up its subject first.
function listDocuments(messages: readonly ListedMessage[], octetsMax: number): string[] {
  const compact = { pretty: false };
  const frame = Buffer.byteLength(writeDeferredList([], compact));
  const sizeOf = (row: ListedMessage) =>
    Buffer.byteLength(writeDeferredList([row], compact)) - frame;
  const rows = messages.map((row) =>
    sizeOf(row) + frame <= octetsMax ? row : { ...row, subject: null },
  );
  return fill(rows, sizeOf, octetsMax - frame).map((page) => writeDeferredList(page, compact));
}

function rowsOf(result: PagedResult, room: number): string[] {
  switch (result.op) {
    case 'list':
      return result.messages.map((message) => listRow(message, room));
    case 'preferences':
      return result.preferences.rules.map((rule) => ruleRow(rule, room));
    default:
      return result.results.map(({ id, status }) => JSON.stringify({ id, status }));
  }
}

function fill<Row>(rows: readonly Row[], sizeOf: (row: Row) => number, room: number): Row[][] {
  const pages: Row[][] = [[]];
  let used = 0;
  for (const row of rows) {
    const size = sizeOf(row);
    if (used + size > room && used > 0) {
      pages.push([]);
      used = 0;
    }
    pages.at(-1)!.push(row);
    used += size;
  }
  return pages;
}

function envelope(result: PagedResult, page: number, of: number, rows: readonly string[]): string {
  const head = { v: 1, op: result.op, callId: result.callId, page, of };
  const open = JSON.stringify({ ...head, ...beside(result) }).slice(0, -1);
  return `${open},"${labels[result.op]}":[${rows.join(',')}]}`;
}

/** What the rows of a result are called. */
const labels = {
  list: 'messages',
  retrieve: 'results',
  delete: 'results',
  preferences: 'rules',
} as const;

/** What stands on every page beside its rows. */
function beside(result: UserResult): object {
  if (result.op === 'list') return { next: result.next };
  if (result.op !== 'preferences') return {};
  const { deferral, delivery, notices, reports, expired, set, permission } = result.preferences;
  const discarded = result.discarded === null ? {} : { discarded: result.discarded };
  return { deferral, delivery, notices, reports, expired, set, permission, ...discarded };
}

/** The envelope with the widest page numbers there can be. */
function envelopeOctets(result: PagedResult): number {
  return Buffer.byteLength(envelope(result, 999_999, 999_999, []));
}

/** A row of the list, its longest texts given up one after the other until it fits. */
function listRow(message: ListedMessage, room: number): string {
  const full = {
    id: message.deferredId,
    state: message.state,
    from: message.from,
    to: message.to,
    subject: message.subject,
    contentType: message.contentType,
    octets: message.octets,
    receivedAt: instantOf(message.receivedAtMs),
    expiresAt: instantOf(message.expiresAtMs),
  };
  const short = { ...full, subject: cutText(message.subject, 40) };
  const bare = { ...short, subject: null, contentType: cutText(message.contentType, 64) };
  const least = { id: full.id, octets: full.octets, expiresAt: full.expiresAt };
  const forms: unknown[] = [full, short, bare, { ...bare, to: cutText(full.to, 64) }, least];
  const rows = forms.map((form) => JSON.stringify(form));
  return rows.find((row) => Buffer.byteLength(row) < room) ?? rows.at(-1)!;
}

/** A rule; one with very many exceptions says how many. */
function ruleRow({ from, except, action }: SenderRule, room: number): string {
  const full = JSON.stringify({ from, ...(except === undefined ? {} : { except }), action });
  if (Buffer.byteLength(full) < room) return full;
  return JSON.stringify({ from: cutText(from, 128), exceptions: except?.length ?? 0, action });
}

function cutText(text: string | null, charactersMax: number): string | null {
  if (text === null || text.length <= charactersMax) return text;
  return `${Array.from(text.slice(0, charactersMax + 1))
    .slice(0, -1)
    .join('')}\u2026`;
}

export interface ResultEffect {
  /** The user who asked. */
  readonly aor: string;
  /** `sip:deferred@DOMAIN`. */
  readonly serviceUri: string;
  /** Call-ID of the command. */
  readonly correlation: string;
  /** One page of resultPages. */
  readonly body: string;
  /** How the body is written. */
  readonly form?: 'json' | 'rcs';
  /** `n-<local id>-<number>`: gives the request its identity, the same at every repetition. */
  readonly effectId: string;
}

/** The MESSAGE that carries one page to the user who asked. */
export function resultRequest(effect: ResultEffect): SipRequestParts {
  const host = effect.serviceUri.slice(effect.serviceUri.indexOf('@') + 1);
  const lines = [
    `From: <${effect.serviceUri}>;tag=${effect.effectId}`,
    `To: <${effect.aor}>`,
    `Call-ID: ${effect.effectId}@${host}`,
    'CSeq: 1 MESSAGE',
    `P-Asserted-Identity: <${effect.serviceUri}>`,
    // RFC 3261 section 20.21: the call this one answers.
    `In-Reply-To: ${effect.correlation}`,
    `Content-Type: ${typeOf(effect)}`,
  ];
  return {
    ruri: effect.aor,
    nextHop: null,
    headers: lines.map((line) => `${line}\r\n`).join(''),
    body: Buffer.from(effect.body, 'utf8'),
    fromName: null,
  };
}

// JSON or XML: the first sign tells, but for the form of RCS.
function typeOf({ form, body }: ResultEffect): string {
  if (form === 'rcs') return revokeType;
  return body.startsWith('<') ? deferredListType : resultType;
}
