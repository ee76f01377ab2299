// What a sender may do with a message of his: take it back while it waits (spec 9). Unknown and foreign messages get the
// same answer; a message he has taken back ends without a report, since he knows.
import type { Command, Reply } from '../commands.js';
import { contextOf, plainCause } from '../consequences.js';
import { keys } from '../keys.js';
import { advance, fireDue, rewrite } from '../life.js';
import type { ActorRow } from '../rows.js';
import { findSent } from '../sent.js';
import { findSwallowed, type SwallowedRow } from '../swallowed.js';
import type { Turn } from '../turn.js';
import { refuse } from './receive.js';

export function withdrawSent(
  turn: Turn,
  { sent }: Extract<Command, { type: 'message.withdrawn' }>,
): Reply {
  const swallowed = findSwallowed(turn, sent);
  if (swallowed !== null) return withdrawSwallowed(turn, sent.aor, swallowed);
  const found = findSent(turn, sent);
  // Expiry is judged at use, not only by the timer (spec 5).
  const row = found === null ? null : fireDue(turn, found.local, found.row);
  if (found === null || row === null) return refuse('no-such-message');
  return withdraw(turn, found.local, row);
}

// One that was not kept is taken back like one that waits.
function withdrawSwallowed(
  turn: Turn,
  aor: string,
  { digest, row }: { readonly digest: string; readonly row: SwallowedRow },
): Reply {
  const { swallowed } = row;
  const over = swallowed.expiresAtMs !== null && swallowed.expiresAtMs <= turn.nowMs;
  if (over && swallowed.withdrawnAtMs === undefined) return refuse('no-longer-waiting');
  if (swallowed.withdrawnAtMs === undefined) {
    const after = { ...row, swallowed: { ...swallowed, withdrawnAtMs: turn.nowMs } };
    turn.ledger.put(keys.dedup(aor, digest), after);
  }
  const deferredId = turn.identities.deferredId(row.local);
  return { kind: 'withdrawal', deferredId, ended: true };
}

/** Withdraws one message; a repetition hears what the first request heard. */
export function withdraw(turn: Turn, local: string, row: ActorRow, by?: string): Reply {
  const deferredId = turn.identities.deferredId(local);
  if (row.outcome === 'withdrawn') return { kind: 'withdrawal', deferredId, ended: true };
  if (!row.live) return refuse('no-longer-waiting');
  const plain = plainCause('message.withdrawn');
  const cause = by === undefined ? plain : { ...plain, by };
  const after = advance(turn, local, row, { type: 'message.withdrawn' }, cause);
  if (!after.live) return { kind: 'withdrawal', deferredId, ended: true };
  // A push is under way: what was noted first takes effect when it brings no delivery.
  if (after.parked !== null || contextOf(after).ending === null) return refuse('not-now');
  return { kind: 'withdrawal', deferredId, ended: false };
}

/** One delivery notification for each message: the recipient has sent it, and we have passed it on (section 12.2). */
export function dispositionPassed(
  turn: Turn,
  { sent }: Extract<Command, { type: 'disposition.passed' }>,
): Reply {
  const found = findSent(turn, sent);
  if (found === null || found.row.endedAtMs !== null) return { kind: 'done' };
  const { local, row } = found;
  const context = { ...contextOf(row), reported: true };
  const snapshot = { ...row.actor.snapshot, context };
  if (!contextOf(row).reported)
    rewrite(turn, local, row, { ...row, actor: { ...row.actor, snapshot } });
  return { kind: 'done' };
}
