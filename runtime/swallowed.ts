// What a politely blocked sender may still ask about (spec 7.3): a message that was answered 202 and not kept. Its envelope
// is remembered as long as that of a kept one would be, so that a question about it, a withdrawal and a repetition hear what
// they would hear of a message that waits for somebody who never comes. Nothing of its content is kept, and nothing is sent.
import {
  type IncomingMessage,
  type Policy,
  retentionMinMs,
  type Wishes,
} from '../machines/index.js';
import { swallowedFrom, writeSwallowed } from './accounts.js';
import type { SenderStatus, SentKey, SentStatus } from './commands.js';
import { keys, localId, partitionOf, sentDigest } from './keys.js';
import type { Ledger } from './ledger.js';
import type { DedupRow } from './rows.js';
import type { Turn } from './turn.js';

/** A dedup row that remembers a message that was not kept. */
export type SwallowedRow = DedupRow & Required<Pick<DedupRow, 'swallowed'>>;

/** What is known of a message when it is swallowed. */
export interface Swallowing {
  readonly message: IncomingMessage;
  readonly digest: string;
  readonly bodyDigest: string;
  readonly policy: Policy;
  readonly wishes: Wishes;
  readonly expiresAtMs: number | null;
}

export const isSwallowed = (row: DedupRow | null): row is SwallowedRow =>
  row?.swallowed !== undefined;

/** Remembers it, as long as there is room for so many of one sender as could wait; beyond that it is forgotten at once. */
export function rememberSwallowed(turn: Turn, swallowing: Swallowing): void {
  const { message, digest, bodyDigest, policy, wishes, expiresAtMs } = swallowing;
  const { aor, asserted } = message;
  if (asserted === null) return;
  const count = swallowedFrom(turn, aor, asserted);
  if (count >= turn.settings.pairMessagesMax) return;
  writeSwallowed(turn, aor, asserted, count + 1);
  const local = localId(partitionOf(aor), turn.random(17));
  const endsAtMs = expiresAtMs ?? turn.nowMs + policy.settings.maxLifetimeSeconds * 1000;
  const forgetAtMs = Math.max(endsAtMs, turn.nowMs) + retentionMinMs;
  const declined = wishes.reports !== 'send';
  const swallowed = { asserted, atMs: turn.nowMs, expiresAtMs, forgetAtMs, declined };
  turn.seen.add(digest);
  turn.ledger.insert(keys.dedup(aor, digest), { local, bodyDigest, swallowed });
  turn.ledger.insert(keys.timer(local, forgetAtMs), { aor, digest });
  turn.notices.push({ type: 'armed', local, dueMs: forgetAtMs });
}

/** It is forgotten: its time has come, or the same message is kept after all. */
export function forgetSwallowed(
  turn: Turn,
  aor: string,
  digest: string,
  { local, swallowed }: SwallowedRow,
): void {
  turn.ledger.remove(keys.dedup(aor, digest));
  turn.ledger.remove(keys.timer(local, swallowed.forgetAtMs));
  const count = swallowedFrom(turn, aor, swallowed.asserted);
  writeSwallowed(turn, aor, swallowed.asserted, Math.max(0, count - 1));
}

/** The timer of one of them; false when the timer row is none of theirs. */
export function swallowedDue(turn: Turn, local: string, dueMs: number): boolean {
  const timer = turn.ledger.readJson<{ readonly aor?: string; readonly digest?: string }>(
    keys.timer(local, dueMs),
  );
  if (timer?.aor === undefined || timer.digest === undefined) return false;
  const row = turn.ledger.readJson<DedupRow>(keys.dedup(timer.aor, timer.digest));
  if (!isSwallowed(row) || row.local !== local) return false;
  forgetSwallowed(turn, timer.aor, timer.digest, row);
  return true;
}

/** The one a sender names, or null. */
export function findSwallowed(
  source: { readonly ledger: Ledger },
  { sender, imdnMessageId, aor }: SentKey,
): { readonly digest: string; readonly row: SwallowedRow } | null {
  const digest = sentDigest(sender, imdnMessageId, aor);
  const row = source.ledger.readJson<DedupRow>(keys.dedup(aor, digest));
  return isSwallowed(row) && row.swallowed.asserted === sender ? { digest, row } : null;
}

/** What its sender is told: that it waits, then that it has expired, as of one whose recipient stays away. */
export function swallowedStatus(
  { swallowed }: SwallowedRow,
  nowMs: number,
  told: Exclude<SenderStatus, 'off'>,
): SentStatus {
  const { atMs, expiresAtMs, withdrawnAtMs = null, declined } = swallowed;
  const over = expiresAtMs !== null && expiresAtMs <= nowMs;
  const open = told === 'full' && !declined ? 'stored' : 'accepted';
  const state = withdrawnAtMs !== null ? 'withdrawn' : over && !declined ? 'expired' : open;
  const running = state === 'stored' || state === 'accepted';
  const endedAtMs = running ? null : (withdrawnAtMs ?? expiresAtMs);
  return { state, acceptedAtMs: atMs, expiresAtMs, endedAtMs };
}
