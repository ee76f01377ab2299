// A served user's row and what counts towards the quotas: messages and octets waiting for him, messages of each
// sender waiting for him. The only writer of the user and pair families.
import { keys } from './keys.js';
import { emptyUser, type PairRow, type UserRow } from './rows.js';
import type { Turn } from './turn.js';

export const readUser = (turn: Pick<Turn, 'ledger'>, aor: string): UserRow =>
  turn.ledger.readJson<UserRow>(keys.user(aor)) ?? emptyUser;

/** Writes a user row, or removes one that says nothing. */
export function writeUser(turn: Turn, aor: string, row: UserRow): void {
  const idle = row.messages === 0 && row.bindings.length === 0;
  if (idle) turn.ledger.remove(keys.user(aor));
  else turn.ledger.putJson(keys.user(aor), row);
}

const readPair = (turn: Turn, aor: string, sender: string): PairRow =>
  turn.ledger.readJson<PairRow>(keys.pair(aor, sender)) ?? { messages: 0 };

/** Messages of one sender waiting for one recipient. */
export const waitingFrom = (turn: Turn, aor: string, sender: string): number =>
  readPair(turn, aor, sender).messages;

export function enterMailbox(turn: Turn, aor: string, sender: string, octets: number): void {
  count(turn, aor, sender, octets, 1);
}

export function leaveMailbox(turn: Turn, aor: string, sender: string, octets: number): void {
  count(turn, aor, sender, -octets, -1);
}

function count(turn: Turn, aor: string, sender: string, octets: number, messages: number): void {
  const user = readUser(turn, aor);
  const changed = { ...user, messages: user.messages + messages, octets: user.octets + octets };
  writeUser(turn, aor, { ...changed, retry: changed.messages === 0 ? null : changed.retry });
  const pair = readPair(turn, aor, sender).messages + messages;
  if (pair <= 0) turn.ledger.remove(keys.pair(aor, sender));
  else turn.ledger.putJson(keys.pair(aor, sender), { messages: pair });
}

/** True while at least one binding lives. */
export const reachable = (user: UserRow, nowMs: number): boolean =>
  user.bindings.some((binding) => binding.expiresAtMs > nowMs);
