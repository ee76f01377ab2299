// A notice on its way: its row, its effect, and the way into the outbox. What is told, and when, is for notices.ts and
// subscriptions.ts to say.
import { effectIdOf } from './identity.js';
import { keys, localId, partitionOf } from './keys.js';
import type { NoticeRow, PendingEffect } from './rows.js';
import type { Turn } from './turn.js';

/** The effect of a notice, as the outbox carries it. */
export function noticeEffect(local: string, row: NoticeRow): PendingEffect {
  const type = row.within === undefined ? 'notify' : 'inform';
  const effectId = effectIdOf(type, local, 1);
  return { effectId, type, attempt: 1, late: false, atMs: row.atMs, node: row.node };
}

/** What it waits for: another MESSAGE to its user, or another NOTIFY of its subscription. */
export const noticeTarget = ({ aor, within }: NoticeRow): string => within?.id ?? aor;

/** Decides a notice; its local id. */
export function launch(turn: Turn, row: NoticeRow): string {
  const local = localId(partitionOf(row.aor), turn.random(17));
  turn.ledger.insert(keys.notice(local), row);
  const effect = noticeEffect(local, row);
  turn.notices.push({ type: 'effect', local, target: noticeTarget(row), effect });
  return local;
}

/** A notice has its answer. */
export function land(turn: Turn, local: string, row: NoticeRow): void {
  turn.ledger.remove(keys.notice(local));
  turn.notices.push({ type: 'effect-over', effectId: noticeEffect(local, row).effectId });
}
