// What was left undone goes on: effects without outcome, timers, delivery runs, audit events of a partition that has
// passed its checks, and reports for which memory had no room. All of it is found in the store; nothing is decided.
import type { AuditSender } from './audit-sender.js';
import { messageOf, targetOf } from './consequences.js';
import { unlessDamaged } from './integrity.js';
import { keys, sharedPartition } from './keys.js';
import { readActor } from './life.js';
import type { Mailboxes } from './mailbox.js';
import { Mover, type MoverParts } from './mover.js';
import { noticeEffect, noticeTarget } from './notice-effect.js';
import type { Outbox } from './outbox.js';
import type { StorePort } from './ports.js';
import { outboxOf, type Source } from './queries.js';
import type { PartitionFound } from './recovery.js';
import type { PendingEffect } from './rows.js';
import type { TimerScheduler } from './scheduler.js';

export interface ResumptionParts {
  readonly source: Source;
  readonly store: Pick<StorePort, 'get'>;
  readonly outbox: Outbox;
  readonly scheduler: TimerScheduler;
  readonly mailboxes: Mailboxes;
  readonly audits: AuditSender | null;
  readonly mover: Omit<MoverParts, 'course'>;
}

export class Resumption {
  /** Living messages on their way to another policy. */
  readonly mover: Mover;

  constructor(private readonly parts: ResumptionParts) {
    const { course } = parts.source.registry;
    this.mover = new Mover({ ...parts.mover, course });
  }

  /** A partition serves again: what the last process left undone in it goes on. */
  rearm(found: PartitionFound): void {
    const { outbox, scheduler, audits } = this.parts;
    if (found.partition === sharedPartition) {
      this.mover.begin();
      return;
    }
    scheduler.start(found.partition);
    // A notice may announce a delivery that is under way as well.
    for (const [local, notice] of found.notices)
      outbox.add(local, noticeTarget(notice), noticeEffect(local, notice));
    this.resend(found.outbox);
    this.deliver(found.users);
    if (found.audits > 0) audits?.found(found.partition);
  }

  /** The outbox has room again for what it left in the store. */
  async refill(): Promise<void> {
    for (let partition = 0; partition < sharedPartition; partition += 1) {
      this.resend(await outboxOf(this.parts.source, partition));
    }
  }

  private deliver(users: PartitionFound['users']): void {
    const { mailboxes, source } = this.parts;
    const now = source.now();
    for (const [aor, user] of users) {
      const bound = user.bindings.some((binding) => binding.expiresAtMs > now);
      if (user.messages === 0 || !bound) continue;
      if (user.retry === null) mailboxes.reachable(aor, user.node);
      else mailboxes.retryAt(aor, user.retry.atMs);
    }
  }

  private resend(locals: readonly string[]): void {
    const { source, outbox } = this.parts;
    for (const local of locals) {
      const row = unlessDamaged(() => readActor(source, local));
      if (row === null || row.parked !== null) continue;
      for (const effect of row.pending) {
        if (this.isDurable(local, effect))
          outbox.add(local, targetOf(messageOf(row), effect), effect);
      }
    }
  }

  // Rows are read with the open group over them: an effect decided there has its notice still to come (R1, I6).
  private isDurable(local: string, effect: PendingEffect): boolean {
    return this.parts.store.get(keys.outbox(local, effect.effectId)) !== undefined;
  }
}
