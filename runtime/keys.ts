// Key families and their encodings, in one table. A key is ASCII, `<partition>!<family>!…`, ordered by its octets:
// the partition first, so that a partition is one range; instants and counters in fixed width. Nothing else in the
// program puts a key together.
import { hash } from 'node:crypto';
import { partitionCount } from './limits.js';

/** Families of rows: letter, and what the row is. docs/reference/keys.md is made from this table. */
export const keyFamilies = {
  a: "Actor: one message, XState's persisted snapshot with timers, outstanding effects and trail.",
  b: 'Body: the whole request, octet for octet. Written once, deleted once.',
  d: 'Dedup: digest of sender, Message-ID and recipient → the message it became.',
  e: 'Event: a step that the operator’s own systems have not said to have heard of.',
  m: 'Meta: commit number, row count and set sum of the partition, arrival counter.',
  n: 'Notice: one on its way to a user, without an outcome.',
  o: 'Outbox: an effect without an outcome.',
  p: 'Preferences: what a served user wants, and what his operator set for him.',
  q: 'Quarantine: a message whose step failed.',
  r: 'Recipient: a mailbox in order of arrival.',
  s: 'Subscriptions: who is told of changes of a mailbox, and until when.',
  t: 'Timer: when a message has something due.',
  u: 'User: bindings, next try, number and octets of waiting messages.',
  w: 'Waiting pair: messages of one sender for one recipient.',
  P: 'Policy: a policy file under its content hash.',
  A: 'Active: which policy new messages are stored under, and which rules choose another.',
  H: 'History: what was done about policies, by whom and why.',
  M: 'Migration: messages are being moved to another policy, and how far it is.',
  R: 'Rules: which policy a message is stored under, under their content hash.',
  S: 'Store: identity, host and secret.',
} as const;

/** The partition that belongs to no user: policies and the store's own rows. */
export const sharedPartition = partitionCount;

/** Commit number of the whole store. */
export const storeSumKey = '~sum';

const prefixes = Array.from({ length: partitionCount + 1 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
);

const prefix = (partition: number): string => prefixes[partition]!;

/** The partition of a served user, for life: FNV-1a over the canonical AOR. */
export const partitionOf = (aor: string): number => named(aor).partition;

function hashed(aor: string): number {
  let mixed = 0x811c9dc5;
  for (let index = 0; index < aor.length; index += 1) {
    mixed = Math.imul(mixed ^ aor.charCodeAt(index), 0x01000193);
  }
  return (mixed >>> 0) % partitionCount;
}

/** The partition a key belongs to. */
export const partitionOfKey = (key: string): number =>
  16 * hexDigit(key.charCodeAt(0)) + hexDigit(key.charCodeAt(1));

const hexDigit = (code: number): number => (code >= 97 ? code - 87 : code - 48);

/** The partition within the local part of a deferred id, or null when it is not one of ours. */
export function partitionOfLocal(local: string): number | null {
  if (local.length !== localLength || !isLowerBase32(local, 2)) return null;
  const partition = Number.parseInt(local.slice(0, 2), 16);
  // `parseInt` takes signs, blanks and half a number: only what `prefix` writes is ours.
  const ours = partition >= 0 && partition < partitionCount;
  return ours && prefix(partition) === local.slice(0, 2) ? partition : null;
}

const localLength = 28;

/** Local part of a new deferred id: its partition and 130 bits of randomness. */
export const localId = (partition: number, random: Uint8Array): string =>
  prefix(partition) + base32(random, 26);

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const letterCodes = Buffer.from(alphabet, 'latin1');
const written = Buffer.alloc(128);

/** Lower-case base32 (RFC 4648 section 6) without padding; `letters` cuts it short. At most 80 octets. */
export function base32(octets: Uint8Array, letters = Math.ceil((octets.length * 8) / 5)): string {
  let bits = 0;
  let value = 0;
  let at = 0;
  for (let count = 0; count < letters; count += 1) {
    if (bits < 5) {
      value = ((value << 8) | (octets[at] ?? 0)) & 0xffff;
      at += 1;
      bits += 8;
    }
    bits -= 5;
    written[count] = letterCodes[(value >>> bits) & 31]!;
  }
  return written.toString('latin1', 0, letters);
}

function isLowerBase32(text: string, from: number): boolean {
  for (let index = from; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if ((code < 97 || code > 122) && (code < 50 || code > 55)) return false;
  }
  return true;
}

// Users' own text never meets a separator: `!` is escaped, all else is RFC 3986 escaping. A lone surrogate, which no
// canonical AOR has, would make that throw: the way through octets replaces it.
const part = (text: string): string =>
  encodeURIComponent(Buffer.from(text).toString()).replaceAll('!', '%21');

/** What the keys of one user or sender are made of; it takes longer to make than to find. */
interface Named {
  readonly partition: number;
  readonly text: string;
  /** Key of his own row, asked for several times with each message. */
  readonly user: string;
  /** The last sender his pair row was asked for, and its key. */
  sender: string | null;
  pair: string;
  /** Made when it is first asked for. */
  digest: string | null;
}

const namedMax = 16_384;
const names = new Map<string, Named>();

function named(aor: string): Named {
  const known = names.get(aor);
  if (known !== undefined) return known;
  if (names.size >= namedMax) names.clear();
  const [partition, text] = [hashed(aor), part(aor)];
  const user = family(partition, 'u', text);
  const fresh: Named = { partition, text, user, sender: null, pair: '', digest: null };
  names.set(aor, fresh);
  return fresh;
}

function pairKey(aor: string, sender: string): string {
  const recipient = named(aor);
  if (recipient.sender !== sender) {
    const { partition, text } = recipient;
    recipient.pair = family(partition, 'w', `${text}!${named(sender).text}`);
    recipient.sender = sender;
  }
  return recipient.pair;
}

/** Digest of a user's name for the filter of what may be known. */
export function preferencesDigest(aor: string): string {
  const user = named(aor);
  user.digest ??= dedupDigest(['preferences', aor]);
  return user.digest;
}

const digits = 15;
const instant = (ms: number): string =>
  Math.max(0, Math.trunc(ms)).toString().padStart(digits, '0');

const family = (partition: number, letter: keyof typeof keyFamilies, rest: string): string =>
  `${prefix(partition)}!${letter}!${rest}`;

const byLocal = (letter: keyof typeof keyFamilies) => (local: string) =>
  `${local.slice(0, 2)}!${letter}!${local}`;

export const keys = {
  actor: byLocal('a'),
  body: byLocal('b'),
  quarantine: byLocal('q'),
  notice: byLocal('n'),
  meta: (partition: number) => family(partition, 'm', ''),
  dedup: (aor: string, digest: string) => family(partitionOf(aor), 'd', digest),
  audit: (local: string, number: number) =>
    `${local.slice(0, 2)}!e!${local}!${arrivalNumber(number)}`,
  outbox: (local: string, effectId: string) => `${local.slice(0, 2)}!o!${effectId}`,
  mailbox: (aor: string, arrival: string) =>
    family(partitionOf(aor), 'r', `${named(aor).text}!${arrival}`),
  timer: (local: string, dueMs: number) => `${local.slice(0, 2)}!t!${instant(dueMs)}!${local}`,
  preferences: (aor: string) => family(partitionOf(aor), 'p', named(aor).text),
  subscriptions: (aor: string) => family(partitionOf(aor), 's', named(aor).text),
  user: (aor: string) => named(aor).user,
  pair: pairKey,
  policy: (hash: string) => family(sharedPartition, 'P', hash),
  active: (name: string) => family(sharedPartition, 'A', name),
  history: (number: number) => family(sharedPartition, 'H', arrivalNumber(number)),
  rules: (hash: string) => family(sharedPartition, 'R', hash),
  migration: () => family(sharedPartition, 'M', ''),
  store: () => family(sharedPartition, 'S', 'identity'),
} as const;

/** A key range, the end exclusive. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
}

/** `"` follows `!`, so that this ends a family. */
const after = (range: string): string => `${range.slice(0, -1)}"`;

export const ranges = {
  partition: (partition: number): KeyRange => ({
    from: `${prefix(partition)}!`,
    to: after(`${prefix(partition)}!`),
  }),
  family: (partition: number, letter: keyof typeof keyFamilies): KeyRange => {
    const from = family(partition, letter, '');
    return { from, to: after(from) };
  },
  mailbox: (aor: string, afterArrival: string | null): KeyRange => {
    const from = keys.mailbox(aor, '');
    return {
      from: afterArrival === null ? from : `${keys.mailbox(aor, afterArrival)}\0`,
      to: after(from),
    };
  },
  timers: (partition: number, fromMs: number): KeyRange => ({
    from: family(partition, 't', instant(fromMs)),
    to: ranges.family(partition, 't').to,
  }),
};

/** What a timer key says. */
export function readTimerKey(key: string): { readonly dueMs: number; readonly local: string } {
  return { dueMs: Number(key.slice(5, 5 + digits)), local: key.slice(6 + digits) };
}

/** What an audit key says. */
export function readAuditKey(key: string): { readonly local: string; readonly number: number } {
  return {
    local: key.slice(5, 5 + localLength),
    number: Number.parseInt(key.slice(6 + localLength), 36),
  };
}

/** Number of an arrival as it stands in keys: fixed width, ordered. */
export const arrivalNumber = (count: number): string => count.toString(36).padStart(10, '0');

/** Digest for a dedup key: the parts cannot be confused, whatever they contain. */
export function dedupDigest(parts: readonly string[]): string {
  let text = '';
  for (const one of parts) text += `${one.length}:${one};`;
  return digestOf(text, 32);
}

/** SHA-256 in base32, cut to `letters`. */
export const digestOf = (input: string | Uint8Array, letters: number): string =>
  base32(octetsOf(hash('sha256', input, 'binary')), letters);

// A digest comes as a string, one character for each octet: it costs a fraction of a Buffer.
const digestRoom = new Uint8Array(32);

function octetsOf(digest: string): Uint8Array {
  for (let at = 0; at < digestRoom.length; at += 1) digestRoom[at] = digest.charCodeAt(at);
  return digestRoom;
}

/** Dedup digest of a message that has an IMDN Message-ID: its sender finds it by what he knows. */
export const sentDigest = (sender: string, imdnMessageId: string, aor: string): string =>
  dedupDigest(['imdn', sender, imdnMessageId, aor]);
