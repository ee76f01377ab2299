// Notices: a user who returns is told once that messages wait, however many of them ask for it. What he was told
// stands in his row, a notice on its way in a row of its own; both are decided like everything else. A notice changes
// no message and is never reported (spec 3.1).
import { answerClass } from '../machines/index.js';
import { pace, readUser, writeUser } from './accounts.js';
import type { Reply } from './commands.js';
import { effectIdOf } from './identity.js';
import { arrivalNumber, keys, localId, partitionOf } from './keys.js';
import { wishesFor } from './preferences.js';
import type { ActorRow, NoticeRow, PendingEffect } from './rows.js';
import type { Turn } from './turn.js';

/** The effect of a notice, as the outbox carries it. */
export const noticeEffect = (local: string, row: NoticeRow): PendingEffect => ({
  effectId: effectIdOf('notify', local, 1),
  type: 'notify',
  attempt: 1,
  late: false,
  atMs: row.atMs,
  node: row.node,
});

/**
 * Tells a user that messages wait, this one among them; null when he knows, or wants no notices. He is told once for each return, and again
 * about what arrived since, or when the last notice failed for a passing reason.
 */
export function tell(
  turn: Turn,
  aor: string,
  message: Waiting,
  node: string | null,
): string | null {
  const user = readUser(turn, aor);
  const { told, generation } = user;
  const knows = told?.generation === generation && message.row.arrival <= told.upTo;
  if ((knows && told.state !== 'failed') || wishesFor(turn, aor).notices === 'off') return null;
  const partition = partitionOf(aor);
  const local = localId(partition, turn.random(17));
  const row: NoticeRow = { aor, atMs: turn.nowMs, node, turnOf: message.local };
  const upTo = arrivalNumber(turn.partitions[partition]!.arrivals);
  turn.ledger.insert(keys.notice(local), row);
  writeUser(turn, aor, { ...user, told: { generation, upTo, state: 'pending' } });
  const effect = noticeEffect(local, row);
  turn.notices.push({ type: 'effect', local, target: aor, effect });
  return effect.effectId;
}

/** A waiting message whose turn it is. */
export interface Waiting {
  readonly local: string;
  readonly row: Pick<ActorRow, 'arrival'>;
}

/** The world's answer to a notice: null when none of this name is on its way. */
export function noticeAnswered(turn: Turn, local: string, status: number): Reply | null {
  const row = turn.ledger.readJson<NoticeRow>(keys.notice(local));
  if (row === null) return null;
  const { aor, turnOf } = row;
  turn.ledger.remove(keys.notice(local));
  turn.notices.push({ type: 'effect-over', effectId: effectIdOf('notify', local, 1) });
  // What has been fetched or deleted meanwhile needs no notice any more.
  const answer = readUser(turn, aor).messages === 0 ? 'success' : answerClass(status);
  const retryAtMs = pace(turn, aor, answer, turn.registry.active.settings.retryStepsSeconds);
  const user = readUser(turn, aor);
  const state = answer === 'temporary' ? 'failed' : 'told';
  if (user.told !== undefined) writeUser(turn, aor, { ...user, told: { ...user.told, state } });
  turn.notices.push({ type: 'settled', aor, local: turnOf, answer, retryAtMs });
  return { kind: 'done' };
}
