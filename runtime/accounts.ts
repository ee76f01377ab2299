// A served user's row and what counts towards the quotas: messages and octets waiting for him, messages of each
// sender waiting for him. The only writer of the user and pair families.
import type { AnswerClass } from '../machines/index.js';
import { keys } from './keys.js';
import { emptyUser, type PairRow, type UserRow } from './rows.js';
import type { RuntimeSettings, Turn } from './turn.js';

export const readUser = (turn: Pick<Turn, 'ledger'>, aor: string): UserRow =>
  turn.ledger.readJson<UserRow>(keys.user(aor)) ?? emptyUser;

/** Writes a user row, or removes one that says nothing. */
export function writeUser(turn: Turn, aor: string, row: UserRow): void {
  const idle = row.messages === 0 && row.bindings.length === 0 && !row.subscriptions;
  if (idle) turn.ledger.remove(keys.user(aor));
  else turn.ledger.put(keys.user(aor), row);
}

const readPair = (turn: Pick<Turn, 'ledger'>, aor: string, sender: string): PairRow =>
  turn.ledger.readJson<PairRow>(keys.pair(aor, sender)) ?? { messages: 0 };

/** Messages of one sender waiting for one recipient. */
export const waitingFrom = (turn: Pick<Turn, 'ledger'>, aor: string, sender: string): number =>
  readPair(turn, aor, sender).messages;

/** What one message counts for. */
export interface Counted {
  readonly sender: string;
  readonly octets: number;
  readonly stranger: boolean;
}

export function enterMailbox(turn: Turn, aor: string, one: Counted): void {
  count(turn, aor, one, 1);
}

export function leaveMailbox(turn: Turn, aor: string, one: Counted): void {
  count(turn, aor, one, -1);
}

function count(turn: Turn, aor: string, { sender, octets, stranger }: Counted, sign: 1 | -1): void {
  const user = readUser(turn, aor);
  const messages = user.messages + sign;
  writeUser(turn, aor, {
    ...user,
    messages,
    octets: user.octets + sign * octets,
    ...(stranger ? strangersOf(user, octets, sign) : {}),
    retry: messages === 0 ? null : user.retry,
  });
  const pair = readPair(turn, aor, sender);
  writePair(turn, aor, sender, { ...pair, messages: pair.messages + sign });
}

function writePair(turn: Turn, aor: string, sender: string, pair: PairRow): void {
  if (pair.messages <= 0 && !pair.swallowed) turn.ledger.remove(keys.pair(aor, sender));
  else turn.ledger.put(keys.pair(aor, sender), pair);
}

/** Messages of one sender for one recipient that were not kept and are remembered. */
export const swallowedFrom = (turn: Pick<Turn, 'ledger'>, aor: string, sender: string): number =>
  readPair(turn, aor, sender).swallowed ?? 0;

export function writeSwallowed(turn: Turn, aor: string, sender: string, count: number): void {
  const { swallowed: _before, ...pair } = readPair(turn, aor, sender);
  writePair(turn, aor, sender, count === 0 ? pair : { ...pair, swallowed: count });
}

const strangersOf = (user: UserRow, octets: number, sign: 1 | -1) => ({
  strangerMessages: (user.strangerMessages ?? 0) + sign,
  strangerOctets: (user.strangerOctets ?? 0) + sign * octets,
});

type Quotas = Pick<
  RuntimeSettings,
  'mailboxMessagesMax' | 'mailboxOctetsMax' | 'pairMessagesMax' | 'strangersPercent'
>;

/** By how much a message is too many, for each limit; nothing above 0 means that it fits. */
export interface Excess {
  readonly pair: number;
  readonly messages: number;
  readonly octets: number;
  readonly strangerMessages: number;
  readonly strangerOctets: number;
}

/** What a message would be too many by if it joined the mailbox now. */
export function excessOf(
  turn: Pick<Turn, 'ledger'>,
  aor: string,
  { sender, octets, stranger }: Counted,
  quotas: Quotas,
): Excess {
  const user = readUser(turn, aor);
  const { mailboxMessagesMax, mailboxOctetsMax, pairMessagesMax, strangersPercent } = quotas;
  const share = (most: number): number => Math.floor((most * strangersPercent) / 100);
  const none = Number.NEGATIVE_INFINITY;
  return {
    pair: waitingFrom(turn, aor, sender) + 1 - pairMessagesMax,
    messages: user.messages + 1 - mailboxMessagesMax,
    octets: user.octets + octets - mailboxOctetsMax,
    strangerMessages: stranger
      ? (user.strangerMessages ?? 0) + 1 - share(mailboxMessagesMax)
      : none,
    strangerOctets: stranger ? (user.strangerOctets ?? 0) + octets - share(mailboxOctetsMax) : none,
  };
}

/**
 * When a user whose push was answered is tried again: after the retry steps of the policy while a binding lives (spec
 * 3.2); null when not by time. Any answer but a temporary one starts the steps anew.
 */
export function pace(
  turn: Turn,
  aor: string,
  kind: AnswerClass,
  stepsSeconds: readonly number[],
): number | null {
  const user = readUser(turn, aor);
  if (kind !== 'temporary') {
    if (user.retry !== null) writeUser(turn, aor, { ...user, retry: null });
    return null;
  }
  const step = user.retry === null ? 0 : user.retry.step + 1;
  const seconds = stepsSeconds[Math.min(step, stepsSeconds.length - 1)];
  if (seconds === undefined || !reachable(user, turn.nowMs)) return null;
  const atMs = turn.nowMs + seconds * 1000;
  writeUser(turn, aor, { ...user, retry: { step, atMs } });
  return atMs;
}

/** True while at least one binding lives. */
export const reachable = (user: UserRow, nowMs: number): boolean =>
  user.bindings.some((binding) => binding.expiresAtMs > nowMs);

/** Feature tag of a device that takes large messages (spec 3.1). */
const largeTag = '+g.oma.sip-im.large-message';

/** Contacts of a user's living bindings that take large messages, in order of registration. */
export const largeContacts = (user: UserRow, nowMs: number): readonly string[] =>
  user.bindings
    .filter(({ expiresAtMs, features }) => expiresAtMs > nowMs && features.includes(largeTag))
    .map(({ contact }) => contact);
