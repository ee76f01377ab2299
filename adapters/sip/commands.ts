// User commands by SIP (design.md section 6): a MESSAGE to the service URI whose body asks for a
// list, a retrieval, a deletion, or the preferences. Invariant: the owner is the identity the proxy asserted, never a
// header or a word of the body; only known members are copied out of the JSON, and every string and
// list has a bound.
import { type PreferenceChange, readPreferenceChange } from '../../machines/index.js';
import { deferredListType } from './deferred-list.js';
import { type Failed, failed, type Refusal, refusal } from './finding.js';
import { parseJson } from './json.js';
import { commandIdsMax, commandOctetsMax, deferredIdCharactersMax } from './limits.js';
import { readMessage } from './message.js';
import { mediaType } from './mime.js';
import { decode } from './octets.js';
import { headerValues, readRequest } from './request.js';
import { canonicalAor } from './uri.js';

/** Content type of a command. */
export const commandType = 'application/vnd.deferred-im.command+json';

/** Content type of a result. */
export const resultType = 'application/vnd.deferred-im.result+json';

export type UserOperation = 'list' | 'retrieve' | 'delete' | 'preferences';

export interface UserCommand {
  readonly op: UserOperation;
  /** Canonical AOR of the user who asks: the asserted identity. */
  readonly aor: string;
  /** Deferred ids in their bare form, each once; `all` also where a list is asked for. */
  readonly ids: readonly string[] | 'all';
  /** A list continues behind this id. */
  readonly after: string | null;
  /** Preferences: what to set first; null where they are only asked for. */
  readonly set: PreferenceChange | null;
  /** Preferences: then delete what waits from senders who are blocked. */
  readonly discardBlocked: boolean;
  /** How a list is written: our JSON, or OMA's document (spec.md 4.1). */
  readonly form: 'json' | 'xml';
  /** Call-ID of the request: the correlation of its results. */
  readonly callId: string;
}

/** Reads a command request. A refusal carries the SIP code for the sender. Never throws. */
export function readCommand(
  octets: Uint8Array,
  asserted: string | null,
): { readonly ok: true; readonly command: UserCommand } | Refusal {
  const read = readMessage(octets, asserted);
  if (!read.ok) return read;
  const { message } = read;
  const offset = message.bodyOffset;
  const refuse = (status: number, code: string, text: string) =>
    refusal(status, { code, message: text, offset });
  if (message.asserted === null) return refuse(403, 'not-asserted', 'no asserted identity');
  if (message.contentType !== commandType) return refuse(415, 'command-type', 'not a command');
  if (octets.length - offset > commandOctetsMax) {
    return refuse(413, 'command-too-large', 'the command is too large');
  }
  const text = decode(octets, offset, octets.length);
  if (text === null) return refuse(400, 'bad-utf8', 'the command is not valid UTF-8');
  const json = parseJson(text);
  if (!json.ok) return refuse(400, json.finding.code, json.finding.message);
  const parsed = readBody(json.value, acceptsList(octets) ? 'xml' : 'json');
  if (!parsed.ok) return refuse(400, parsed.finding.code, parsed.finding.message);
  const { aor, callId } = { aor: message.asserted, callId: message.callId };
  return { ok: true, command: { ...parsed.body, aor, callId } };
}

type Body = Omit<UserCommand, 'aor' | 'callId'>;

/** A list is written as OMA's document where Accept names that and nothing of ours; `form` has the last word. */
function acceptsList(octets: Uint8Array): boolean {
  const read = readRequest(octets);
  if (!read.ok) return false;
  const values = headerValues(read.request, 'accept').flatMap((value) => value.split(','));
  const types = values.map((value) => mediaType(value)?.type);
  return types.includes(deferredListType) && !types.includes(resultType);
}

/** Checks `{"v":1,"op":…,"ids":[…]|"all","after":id,"form":…,"set":{…}}`; other members are left alone. */
function readBody(
  value: unknown,
  accepted: UserCommand['form'],
): { readonly ok: true; readonly body: Body } | Failed {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return failed('command', 'a command is a JSON object', 0);
  }
  const members = new Map<string, unknown>(Object.entries(value));
  if (members.get('v') !== 1) return failed('command-version', 'unknown command version', 0);
  const op = operation(members.get('op'));
  if (op === null) return failed('command-op', 'unknown operation', 0);
  const given = members.get('ids');
  const needsNone = op === 'list' || op === 'preferences';
  const ids = given === undefined && needsNone ? 'all' : readIds(given);
  if (ids === null) return failed('command-ids', 'malformed ids', 0);
  const rawAfter = members.get('after') ?? null;
  const after = rawAfter === null ? null : bareDeferredId(rawAfter);
  if (rawAfter !== null && after === null) return failed('command-after', 'malformed after', 0);
  const form = members.get('form') ?? accepted;
  if (form !== 'json' && form !== 'xml') return failed('command-form', 'unknown form of a list', 0);
  const set = op === 'preferences' ? readSet(members.get('set')) : null;
  if (set !== null && 'ok' in set) return set;
  const discardBlocked = op === 'preferences' && members.get('discardBlocked') === true;
  return { ok: true, body: { op, ids, after, form, set, discardBlocked } };
}

/** The change of preferences, null without one; a finding names where it is malformed and no word of it. */
function readSet(value: unknown): PreferenceChange | Failed | null {
  if (value === undefined || value === null) return null;
  const read = readPreferenceChange(value, canonicalAor);
  if (read.ok) return read.change;
  return failed('command-set', `malformed set at ${read.findings[0]?.pointer || '/'}`, 0);
}

function operation(value: unknown): UserOperation | null {
  const known: readonly UserOperation[] = ['list', 'retrieve', 'delete', 'preferences'];
  return known.find((one) => one === value) ?? null;
}

function readIds(value: unknown): readonly string[] | 'all' | null {
  if (value === 'all') return 'all';
  if (!Array.isArray(value) || value.length === 0 || value.length > commandIdsMax) return null;
  const ids = new Set<string>();
  for (const item of value) {
    const id = bareDeferredId(item);
    if (id === null) return null;
    ids.add(id);
  }
  return [...ids];
}

/** `string@host`, with or without `sip:` before it (spec.md 2.4, C07); null for anything else. */
export function bareDeferredId(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > deferredIdCharactersMax + 4) return null;
  const id = value.slice(0, 4).toLowerCase() === 'sip:' ? value.slice(4) : value;
  if (id.length === 0 || id.length > deferredIdCharactersMax) return null;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f || code === 0x22 || code === 0x5c) return null;
  }
  return id;
}
