// What a sender is told as soon as his message is stored (RFC 5438 section 8.1), beyond its first attempt: a passing refusal
// has it sent again, under the same IMDN Message-ID, Call-ID and From tag, as any report (spec 6.8); a lasting one ends it
// without a word (section 7.2.1). It is said of a message that waits, and no more once it has left its mailbox; and to nobody
// who has heard an error in place of our 202, unless he asks again. Both are judged again when it is sent (loading.ts).
import type { AnswerClass } from '../machines/index.js';
import { earlyEffect, earlyOf, messageOf, write, writeOutbox } from './consequences.js';
import { limits } from './limits.js';
import type { ActorRow, PendingEffect } from './rows.js';
import type { Turn } from './turn.js';

/** An early report has its answer: that of the attempt under way, or a late success of one before it. */
export function settleEarly(
  turn: Turn,
  local: string,
  row: ActorRow,
  { answer, retryAfterMs }: { readonly answer: AnswerClass; readonly retryAfterMs: number },
): ActorRow {
  const [sent] = row.pending.filter(isEarly);
  if (sent === undefined && row.early === undefined) return row;
  const pending = row.pending.filter((one) => !isEarly(one));
  writeOutbox(turn, local, messageOf(row), row.pending, pending);
  const { early: _before, ...settled } = { ...row, pending };
  const again = answer === 'temporary' && row.live && sent?.status !== undefined;
  if (!again || sent.attempt >= limits.earlyAttemptsMax) return write(turn, local, row, settled);
  const dueMs = turn.nowMs + Math.max(limits.earlyRetryMs, retryAfterMs);
  const early = { status: sent.status, attempt: sent.attempt + 1, dueMs };
  return write(turn, local, row, { ...settled, early });
}

/** The next attempt of it, when it is due; null when it is not. */
export function earlyDue(turn: Turn, local: string, row: ActorRow): ActorRow | null {
  const { early: _now, ...rest } = row;
  const early = earlyOf(row);
  if (early === undefined || early.dueMs > turn.nowMs) return null;
  const pending = [...row.pending, earlyEffect(turn, local, early.status, early.attempt)];
  writeOutbox(turn, local, messageOf(row), row.pending, pending);
  return write(turn, local, row, { ...rest, pending });
}

const isEarly = ({ type }: PendingEffect): boolean => type === 'early-report';
