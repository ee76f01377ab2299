// Who hears what has become true: each notice of a durable group goes to the part that acts on it. Nothing is decided
// here, and no part is told of what is not yet on disk (reliability R1).
import type { AuditSender } from './audit-sender.js';
import type { Failpoint } from './failpoints.js';
import type { Mailboxes } from './mailbox.js';
import type { Mover } from './mover.js';
import type { Outbox } from './outbox.js';
import { type ActorRow, isReport } from './rows.js';
import type { TimerScheduler } from './scheduler.js';
import type { Statistics } from './statistics.js';
import type { Notice } from './turn.js';

export interface Hearers {
  readonly outbox: Outbox;
  readonly scheduler: TimerScheduler;
  readonly mailboxes: Mailboxes;
  readonly audits: AuditSender | null;
  readonly mover: Pick<Mover, 'begin'>;
  readonly statistics: Statistics;
  readonly failpoint: (name: Failpoint) => void;
  /** A message took a step. */
  readonly stepped: (local: string, row: ActorRow) => void;
}

/** Tells one notice to whoever acts on it. */
export function hear(hearers: Hearers, notice: Notice): void {
  switch (notice.type) {
    case 'effect':
      if (isReport(notice.effect.type)) hearers.failpoint('report.after-commit');
      hearers.outbox.add(notice.local, notice.target, notice.effect);
      return;
    case 'effect-over':
      hearers.failpoint('outbox.after-delete');
      hearers.outbox.over(notice.effectId);
      return;
    case 'armed':
      hearers.scheduler.armed({ local: notice.local, dueMs: notice.dueMs });
      return;
    case 'activated':
      hearers.failpoint('policy.after-activate');
      return;
    case 'moving':
      hearers.mover.begin();
      return;
    case 'group-moved':
      hearers.failpoint('policy.after-move');
      return;
    case 'stepped':
      hearers.stepped(notice.local, notice.row);
      return;
    case 'audited':
      hearers.statistics.hear(notice);
      hearers.audits?.add(notice);
      return;
    case 'audit-over':
      hearers.failpoint('audit.after-remove');
      hearers.statistics.hear(notice);
      hearers.audits?.over(notice);
      return;
    default:
      tellMailboxes(hearers.mailboxes, notice);
      hearers.statistics.hear(notice);
  }
}

function tellMailboxes(mailboxes: Mailboxes, notice: Notice): void {
  switch (notice.type) {
    case 'arrived':
      mailboxes.arrived(notice.aor, notice.queued);
      return;
    case 'nothing-waits':
      mailboxes.nothingWaits(notice.aor);
      return;
    case 'reachable':
      mailboxes.reachable(notice.aor, notice.node);
      return;
    case 'unreachable':
      mailboxes.unreachable(notice.aor);
      return;
    case 'retry':
      mailboxes.retryAt(notice.aor, notice.atMs);
      return;
    case 'requested':
      mailboxes.requested(notice.aor, null, notice.locals);
      return;
    case 'settled':
      mailboxes.settled(notice);
      return;
    default:
  }
}

/** Hears a message's actor row after each of its steps. */
export type StepListener = (deferredId: string, row: ActorRow) => void;

/** Whoever wants to hear of steps, for as long as he wants to. */
export class StepListeners {
  private readonly listeners = new Set<StepListener>();

  /** Returns the way to stop it. */
  hear(listener: StepListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(deferredId: () => string, row: ActorRow): void {
    if (this.listeners.size === 0) return;
    const id = deferredId();
    for (const listener of this.listeners) listener(id, row);
  }
}
