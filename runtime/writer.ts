// The one writer. Commands wait until their partition is admitted and the open group has room, are decided one at a
// time, and are answered when their group is durable. Commands that make progress (answers, timers, turns) pass
// before new messages, so that a full queue cannot block itself (reliability ED16).
import type { Reply } from './commands.js';
import { type DecidableCommand, decide, refuse, type TurnReply } from './decide/index.js';
import { RuntimeFault } from './errors.js';
import type { Failpoint } from './failpoints.js';
import { SeenFilter } from './filter.js';
import { GroupCommit } from './group.js';
import type { Identities } from './identity.js';
import { DamagedRow } from './integrity.js';
import { Ledger } from './ledger.js';
import { limits } from './limits.js';
import type { World } from './ports.js';
import type { StoreHead } from './recovery.js';
import type { Registry } from './registry.js';
import type { AuditRoom, Notice, RuntimeSettings, Turn } from './turn.js';

export interface WriterOptions {
  readonly world: World;
  readonly head: StoreHead;
  readonly registry: Registry;
  readonly identities: Identities;
  readonly settings: RuntimeSettings;
  readonly now: () => number;
  /** Since when effects can go out, or null while they cannot. */
  readonly sendingSince: (nowMs: number) => number | null;
  readonly gate: () => 'store-full' | null;
  readonly auditRoom: () => AuditRoom;
  /** Something has become true: its group is durable. */
  readonly notice: (notice: Notice) => void;
  /** The store failed, or the program has a bug: nothing goes on. */
  readonly failed: (cause: unknown) => void;
  readonly landed: (commands: number, syncMs: number) => void;
}

interface Job {
  readonly command: DecidableCommand;
  readonly partition: number;
  readonly resolve: (reply: Reply | TurnReply) => void;
}

export class Writer {
  readonly ledger: Ledger;
  /** Told by the boot scan and by every birth. */
  readonly seen = new SeenFilter();
  private readonly group: GroupCommit;
  private readonly urgent: Job[] = [];
  private readonly ordinary: Job[] = [];
  private readonly admitted = new Set<number>();
  private readonly early: Job[] = [];
  private readonly random = (count: number) => this.options.world.entropy.bytes(count);
  private dead = false;

  constructor(private readonly options: WriterOptions) {
    const { world, head } = options;
    this.ledger = new Ledger(world.store);
    this.group = new GroupCommit(
      world,
      this.ledger,
      head.partitions,
      { epoch: head.sum.epoch, seq: head.sum.seq },
      {
        now: options.now,
        room: () => this.pump(),
        landed: options.landed,
        failed: (cause) => this.fail(cause),
      },
    );
  }

  /** A partition has been checked: its commands are decided from now on. */
  admit(partition: number): void {
    this.admitted.add(partition);
    const ready = this.early.filter((job) => job.partition === partition);
    if (ready.length === 0) return;
    this.early.splice(
      0,
      this.early.length,
      ...this.early.filter((job) => job.partition !== partition),
    );
    for (const job of ready) this.enqueue(job);
  }

  serves(partition: number): boolean {
    return this.admitted.has(partition);
  }

  submit(command: DecidableCommand, partition: number): Promise<Reply | TurnReply> {
    return new Promise((resolve) => {
      const job = { command, partition, resolve };
      if (this.admitted.has(partition)) this.enqueue(job);
      else if (this.early.length >= limits.queuedCommandsMax) resolve(refuse('overloaded'));
      else this.early.push(job);
    });
  }

  /** Resolves when everything submitted so far is durable. */
  async drained(): Promise<void> {
    do await this.group.drained();
    while ((this.group.busy || this.urgent.length + this.ordinary.length > 0) && !this.dead);
  }

  private enqueue(job: Job): void {
    if (this.dead) return;
    const urgent = job.command.type !== 'message.received';
    if (this.group.open && this.urgent.length === 0 && (urgent || this.ordinary.length === 0)) {
      this.decide(job);
      return;
    }
    if (urgent) this.urgent.push(job);
    else if (this.ordinary.length >= limits.queuedCommandsMax) job.resolve(refuse('overloaded'));
    else this.ordinary.push(job);
  }

  // Urgent and ordinary commands alternate: neither starves the other.
  private pump(): void {
    while (this.group.open && !this.dead) {
      const job = this.urgent.shift();
      if (job !== undefined) this.decide(job);
      const other = this.group.open ? this.ordinary.shift() : undefined;
      if (other !== undefined) this.decide(other);
      if (job === undefined && other === undefined) return;
    }
  }

  private decide(job: Job): void {
    const { command, resolve } = job;
    const notices: Notice[] = [];
    const reply = this.attempt(command, notices);
    if (reply === null) return;
    // Until the group has landed, nothing of the command is kept but what is to be said.
    const { type } = command;
    const output = (): void => {
      if (type === 'effect.answered') this.pass('outcome.after-commit');
      for (const notice of notices) this.options.notice(notice);
      resolve(reply);
    };
    this.group.add(octetsOf(command), output);
  }

  private attempt(command: DecidableCommand, notices: Notice[]): Reply | TurnReply | null {
    const { options } = this;
    const nowMs = options.now();
    const turn: Turn = {
      nowMs,
      sendingSinceMs: options.sendingSince(nowMs),
      ledger: this.ledger,
      registry: options.registry,
      identities: options.identities,
      partitions: options.head.partitions,
      settings: options.settings,
      seen: this.seen,
      random: this.random,
      gate: options.gate,
      auditRoom: options.auditRoom,
      notices,
    };
    try {
      return this.ledger.within(() => this.decided(command, decide(turn, command), notices));
    } catch (cause) {
      if (cause instanceof DamagedRow) {
        notices.splice(0, notices.length, { type: 'damaged', key: cause.key });
        return refuse('damaged-row');
      }
      this.fail(cause);
      return null;
    }
  }

  // What throws here undoes the command, as any fault of a decision does.
  private decided<T>({ type }: DecidableCommand, reply: T, notices: readonly Notice[]): T {
    this.pass('cmd.validated');
    if (type === 'effect.answered') this.pass('outcome.before-commit');
    if (notices.some((one) => one.type === 'effect-over')) this.pass('outbox.before-delete');
    return reply;
  }

  private pass(name: Failpoint): void {
    this.options.world.failpoint(name);
  }

  private fail(cause: unknown): void {
    if (this.dead) return;
    this.dead = true;
    this.options.failed(cause);
  }
}

// What a command adds to a group, roughly: its body, or a few rows.
function octetsOf(command: DecidableCommand): number {
  return command.type === 'message.received' ? command.message.octets.length + 2000 : 2000;
}

/** Thrown by `submit` when the runtime is closing. */
export const closedFault = (): RuntimeFault =>
  new RuntimeFault('DEFERRED_IM_CLOSED', 'the runtime is closed');
