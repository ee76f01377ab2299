// The runtime put together: writer, timers, outbox, delivery runs, and the queries. Everything that can change the
// store comes through `submit`; everything visible comes out of `notice`, which runs after the commit.
import { largeContacts, readUser } from './accounts.js';
import type { MessageLife, PolicySummary, Runtime, RuntimeStats } from './api.js';
import { AuditSender } from './audit-sender.js';
import { type SteadyClock, steadyClock } from './clock.js';
import type {
  Binding,
  Command,
  IdResult,
  Listing,
  PreferencesView,
  Reply,
  SentKey,
  SentStatus,
  Summoned,
} from './commands.js';
import { messageOf, targetOf } from './consequences.js';
import { type BulkType, sessionRefusal, type TurnReply } from './decide/index.js';
import { exitCodeOf } from './errors.js';
import type { SeenFilter } from './filter.js';
import { Identities } from './identity.js';
import { openRow, unlessDamaged } from './integrity.js';
import { keys, partitionOf, partitionOfLocal, sharedPartition } from './keys.js';
import { LapsedUsers } from './lapsed.js';
import { readActor } from './life.js';
import { limits } from './limits.js';
import { Mailboxes } from './mailbox.js';
import { noticeEffect } from './notices.js';
import { Outbox } from './outbox.js';
import type { AuditEvent, AuditPort, OutgoingEffect, OutgoingNotice, World } from './ports.js';
import { auditsOf, outboxOf, type Source } from './queries.js';
import { Questions } from './questions.js';
import type { PartitionFound, StoreHead } from './recovery.js';
import { type PolicyReader, Registry } from './registry.js';
import { type ActorRow, isReport, type NoticeRow, type PendingEffect } from './rows.js';
import { TimerScheduler } from './scheduler.js';
import { Sending } from './sending.js';
import { Statistics } from './statistics.js';
import type { AuditRoom, Notice, RuntimeSettings } from './turn.js';
import { closedFault, Writer } from './writer.js';

export interface EngineOptions {
  readonly world: World;
  readonly head: StoreHead;
  readonly settings: RuntimeSettings;
  readonly clockTrusted: boolean;
  /** Answers questions only. */
  readonly readOnly: boolean;
  /** Null, or why nothing new may be stored now. */
  readonly gate: () => 'store-full' | null;
  /** Hears every notice after its commit: logs, metrics, subscriptions. */
  readonly listener?: (notice: Notice) => void;
  readonly readPolicy?: PolicyReader;
}

/** A message's actor row as subscribers see it. */
export type StepListener = (deferredId: string, row: ActorRow) => void;

/** Refusals that older messages may make room for. */
const quotas: ReadonlySet<string> = new Set(['mailbox-full', 'pair-full', 'strangers-full']);

const isBulk = (command: Command): command is Extract<Command, { type: BulkType }> =>
  command.type === 'messages.deleted' ||
  command.type === 'messages.requested' ||
  command.type === 'messages.discarded';

export class Engine implements Runtime {
  readonly registry: Registry;
  readonly identities: Identities;
  readonly time: SteadyClock;
  readonly statistics = new Statistics();
  private readonly writer: Writer;
  private readonly scheduler: TimerScheduler;
  private readonly outbox: Outbox;
  private readonly mailboxes: Mailboxes;
  /** Null when nobody wants to hear of steps. */
  private readonly audits: AuditSender | null;
  private readonly sending: Sending;
  private readonly lapsed: LapsedUsers;
  private readonly listeners = new Set<StepListener>();
  private readonly reading = new Set<Promise<unknown>>();
  private closing = false;
  private closed = false;
  private failed = false;

  constructor(private readonly options: EngineOptions) {
    const { world, head } = options;
    this.registry = new Registry(options.readPolicy);
    this.identities = new Identities(head.identity.secret, head.identity.host);
    this.time = steadyClock(world.clock, head.sum.timeMs, options.clockTrusted);
    const now = () => this.time.now();
    const failed = (cause: unknown) => this.fail(cause);
    this.sending = new Sending(world.effects);
    this.writer = new Writer({
      ...{ world, head, now, failed },
      sendingSince: (nowMs) => this.sending.since(nowMs),
      registry: this.registry,
      identities: this.identities,
      settings: options.settings,
      gate: options.gate,
      auditRoom: () => this.auditRoom(),
      notice: (notice) => this.notice(notice),
      landed: (commands, syncMs) => this.landed(commands, syncMs),
    });
    this.scheduler = new TimerScheduler(world.clock, world.store, {
      ...{ now, failed },
      fire: async (due) => {
        world.failpoint('timer.fired');
        await this.writer.submit({ ...due, type: 'timer.due' }, partitionOfLocal(due.local)!);
      },
    });
    this.outbox = new Outbox(world.clock, world.effects, {
      load: (local, effect) => this.readOrFail(() => this.load(local, effect)),
      unanswered: (effectId, status) => this.unanswered(effectId, status),
      sent: (type) => this.statistics.effect(type),
      refill: () => void this.refillOutbox().catch(failed),
      failpoint: (name) => world.failpoint(name),
    });
    this.lapsed = new LapsedUsers(
      world.store,
      {
        ...{ now, failed },
        closing: () => this.closing,
        let: (aor, partition) => this.writer.submit({ type: 'user.lapsed', aor }, partition),
      },
      this.reading,
    );
    this.mailboxes = new Mailboxes(world.clock, world.store, {
      ...{ now, failed },
      canSend: () => world.effects.ready(),
      queue: (aor, forMs) => world.effects.queue?.(aor, forMs),
      giveTurn: async (aor, local, asked) =>
        (await this.writer.submit(
          { type: 'turn.given', aor, local, asked },
          partitionOf(aor),
        )) as TurnReply,
      open: (key, value) =>
        unlessDamaged(
          () => (JSON.parse(openRow(key, value).toString()) as { local: string }).local,
        ),
    });
    this.audits = world.audits === undefined ? null : this.auditSender(world.audits);
  }

  private auditSender(port: AuditPort): AuditSender {
    const { world } = this.options;
    return new AuditSender(world.clock, port, {
      load: ({ local, number }) =>
        this.readOrFail(() => this.writer.ledger.readJson<AuditEvent>(keys.audit(local, number))),
      taken: (place) => {
        const partition = partitionOfLocal(place.local)!;
        this.writer.submit({ ...place, type: 'audit.taken' }, partition).catch((cause: unknown) => {
          this.fail(cause);
        });
      },
      sent: (again) => this.statistics.audit(again ? 'sent-again' : 'sent'),
      partitionOf: (local) => partitionOfLocal(local)!,
      scan: (partition) => auditsOf(this.source, partition),
      failed: (cause) => this.fail(cause),
      failpoint: (name) => world.failpoint(name),
    });
  }

  private auditRoom(): AuditRoom {
    if (this.audits === null) return 'off';
    return this.statistics.auditBacklog < this.options.settings.auditBacklogMax ? 'open' : 'full';
  }

  // ---- the door ----

  submit(command: Command): Promise<Reply> {
    // No async function: one promise less for every message.
    try {
      return this.taken(command);
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  private taken(command: Command): Promise<Reply> {
    if (this.closing || this.options.readOnly) throw closedFault();
    this.statistics.command(command.type);
    this.received(command);
    if (command.type === 'recipient.registered') this.lapsed.registered();
    if (isBulk(command)) return this.bulk(command);
    const reply = this.writer.submit(command, this.partition(command)) as Promise<Reply>;
    const makesRoom =
      command.type === 'message.received' && this.options.settings.atLimit === 'drop-oldest';
    return makesRoom ? reply.then((first) => this.afterMakingRoom(command, first)) : reply;
  }

  private received({ type }: Command): void {
    const { world } = this.options;
    world.failpoint('cmd.received');
    if (type === 'effect.answered') world.failpoint('outcome.received');
    else if (type === 'policy.activated') world.failpoint('policy.before-activate');
  }

  private partition(command: Command): number {
    switch (command.type) {
      case 'message.received':
        return partitionOf(command.message.aor);
      case 'message.unacknowledged':
      case 'session.ended':
      case 'operator.acted':
        return this.partitionOfId(command.deferredId);
      case 'disposition.passed':
      case 'message.withdrawn':
        return partitionOf(command.sent.aor);
      case 'effect.answered':
        return partitionOfLocal(command.effectId.split('-')[1] ?? '') ?? sharedPartition;
      case 'policy.installed':
      case 'policy.activated':
        return sharedPartition;
      default:
        return partitionOf(command.aor);
    }
  }

  private partitionOfId(deferredId: string): number {
    const local = this.identities.localOf(deferredId);
    return (local === null ? null : partitionOfLocal(local)) ?? sharedPartition;
  }

  // `all` is as many commands as it needs; each id has its own result either way.
  private async bulk(command: Extract<Command, { type: BulkType }>): Promise<Reply> {
    const { type, aor } = command;
    const named = command.type === 'messages.discarded' ? 'all' : command.ids;
    const ids = named === 'all' ? await this.allIds(aor) : named;
    const results: IdResult[] = [];
    for (let from = 0; from < ids.length; from += limits.groupCommandsMax) {
      if (this.closing) throw closedFault();
      const part = ids.slice(from, from + limits.groupCommandsMax);
      const reply = (await this.writer.submit({ type, aor, ids: part }, partitionOf(aor))) as Reply;
      if (reply.kind !== 'results') return reply;
      results.push(...reply.results);
    }
    return { kind: 'results', results };
  }

  private async allIds(aor: string): Promise<readonly string[]> {
    return this.questions.owned(aor, this.options.settings.mailboxMessagesMax);
  }

  private async afterMakingRoom(
    command: Extract<Command, { type: 'message.received' }>,
    first: Reply,
  ): Promise<Reply> {
    if (first.kind !== 'refused' || !quotas.has(first.code)) return first;
    const victims = await this.questions.victims(command.message);
    if (victims.length === 0) return first;
    const partition = this.partition(command);
    for (const local of victims) {
      if (this.closing) throw closedFault();
      await this.writer.submit({ type: 'room.made', local }, partition);
    }
    if (this.closing) throw closedFault();
    return (await this.writer.submit(command, partition)) as Reply;
  }

  // ---- what becomes true ----

  private notice(notice: Notice): void {
    this.options.listener?.(notice);
    switch (notice.type) {
      case 'effect':
        if (isReport(notice.effect.type)) this.options.world.failpoint('report.after-commit');
        this.outbox.add(notice.local, notice.target, notice.effect);
        return;
      case 'effect-over':
        this.options.world.failpoint('outbox.after-delete');
        this.outbox.over(notice.effectId);
        return;
      case 'armed':
        this.scheduler.armed({ local: notice.local, dueMs: notice.dueMs });
        return;
      case 'arrived':
        this.mailboxes.arrived(notice.aor, notice.queued);
        return;
      case 'nothing-waits':
        this.mailboxes.nothingWaits(notice.aor);
        return;
      case 'reachable':
        this.mailboxes.reachable(notice.aor, notice.node);
        return;
      case 'unreachable':
        this.mailboxes.unreachable(notice.aor);
        return;
      case 'retry':
        this.mailboxes.retryAt(notice.aor, notice.atMs);
        return;
      case 'requested':
        this.mailboxes.requested(notice.aor, null, notice.locals);
        return;
      case 'settled':
        this.mailboxes.settled(notice);
        return;
      case 'activated':
        this.options.world.failpoint('policy.after-activate');
        return;
      case 'stepped':
        this.tell(notice.local, notice.row);
        return;
      case 'audited':
        this.statistics.audit('written');
        this.audits?.add(notice);
        return;
      case 'audit-over':
        this.options.world.failpoint('audit.after-remove');
        this.statistics.audit('taken');
        this.audits?.over(notice);
        return;
      default:
        this.count(notice);
    }
  }

  private count(notice: Notice): void {
    switch (notice.type) {
      case 'placed':
        this.statistics.waiting += notice.live ? 1 : -1;
        return;
      case 'ended':
        this.statistics.outcome(notice.outcome);
        return;
      case 'parked':
        this.statistics.parked += 1;
        return;
      case 'freed':
        this.statistics.parked -= 1;
        return;
      case 'counted':
        this.statistics.event(notice.what);
        return;
      case 'audit-dropped':
        this.statistics.audit('dropped');
        return;
      case 'damaged':
        this.statistics.event('damaged-row');
        return;
      default:
    }
  }

  private tell(local: string, row: ActorRow): void {
    if (this.listeners.size === 0) return;
    const deferredId = this.identities.deferredId(local);
    for (const listener of this.listeners) listener(deferredId, row);
  }

  /** Which submissions may be known; the boot scan tells it. */
  get seen(): SeenFilter {
    return this.writer.seen;
  }

  /** Hears every committed step; returns the way to stop it. */
  onStep(listener: StepListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private landed(commands: number, syncMs: number): void {
    this.statistics.commits += 1;
    this.statistics.lastGroupSize = commands;
    this.statistics.lastSyncMs = syncMs;
  }

  /** Null, or why nothing new may be stored now. */
  get gate(): 'store-full' | null {
    return this.options.gate();
  }

  /** Number of the last durable commit. */
  get committed(): number {
    return this.options.head.sum.seq + this.statistics.commits;
  }

  // ---- effects ----

  // Asked by timers and after commits, where nobody would hear a read that fails.
  private readOrFail<T>(read: () => T): T | null {
    try {
      return unlessDamaged(read);
    } catch (cause) {
      this.fail(cause);
      return null;
    }
  }

  private load(local: string, effect: PendingEffect): OutgoingEffect | null {
    return effect.type === 'notify'
      ? this.loadNotice(local, effect)
      : this.loadMessage(local, effect);
  }

  // Nothing waits any more: nothing is said.
  private loadNotice(local: string, effect: PendingEffect): OutgoingNotice | null {
    const row = this.writer.ledger.readJson<NoticeRow>(keys.notice(local));
    const waiting = row === null ? 0 : readUser(this.writer, row.aor).messages;
    if (row === null || waiting === 0) return null;
    const { aor } = row;
    return {
      type: 'notify',
      ...this.outgoing(local, effect),
      ...{ aor, waiting, list: (limit) => this.list(aor, null, limit) },
    };
  }

  private outgoing(local: string, effect: PendingEffect) {
    const { effectId, node, atMs, attempt } = effect;
    const token = this.identities.token(effectId);
    return {
      effectId,
      token,
      node,
      atMs,
      ...this.identities.dialog(effect.type, local),
      cseq: attempt,
    };
  }

  private loadMessage(local: string, effect: PendingEffect): OutgoingEffect | null {
    const row = readActor(this.writer, local);
    if (row === null) return null;
    const base = { ...this.outgoing(local, effect), message: messageOf(row) };
    if (effect.type === 'report' || effect.type === 'early-report') {
      const imdnMessageId = this.identities.reportMessageId(local, effect.type);
      return { ...base, type: 'report', status: effect.status ?? 'failed', imdnMessageId };
    }
    const octets = this.writer.ledger.read(keys.body(local));
    if (octets === null) return null;
    const delivery = { ...base, type: 'deliver', octets, late: effect.late } as const;
    if (base.message.kind !== 'large') return delivery;
    const user = readUser(this.writer, base.message.aor);
    return { ...delivery, contacts: largeContacts(user, this.time.now()) };
  }

  reserve(target: string, begin: () => void): () => void {
    return this.outbox.reserve(target, begin);
  }

  private unanswered(effectId: string, status: number): void {
    if (this.failed) return;
    const token = this.identities.token(effectId);
    const command = { type: 'effect.answered', effectId, token, status } as const;
    this.writer.submit(command, this.partition(command)).then(
      // Nothing can be decided about a damaged message; others must not wait behind it.
      (reply) => reply.kind === 'refused' && this.outbox.over(effectId),
      (cause: unknown) => this.fail(cause),
    );
  }

  private async refillOutbox(): Promise<void> {
    for (let partition = 0; partition < sharedPartition; partition += 1) {
      this.resend(await outboxOf(this.source, partition));
    }
  }

  private resend(locals: readonly string[]): void {
    for (const local of locals) {
      const row = unlessDamaged(() => readActor(this.writer, local));
      if (row === null || row.parked !== null) continue;
      for (const effect of row.pending) {
        if (this.isDurable(local, effect))
          this.outbox.add(local, targetOf(messageOf(row), effect), effect);
      }
    }
  }

  // Rows are read with the open group over them: an effect decided there has its notice still to come (R1, I6).
  private isDurable(local: string, effect: PendingEffect): boolean {
    return this.options.world.store.get(keys.outbox(local, effect.effectId)) !== undefined;
  }

  // ---- life cycle ----

  /** A partition passed its checks: what it left undone goes on, and its commands are decided. */
  admit(found: PartitionFound): void {
    this.statistics.waiting += found.waiting;
    this.statistics.parked += found.parked;
    this.statistics.auditBacklog += found.audits;
    this.writer.admit(found.partition);
    if (found.partition !== sharedPartition && !this.options.readOnly) this.rearm(found);
    this.options.world.failpoint('boot.rearmed');
  }

  private rearm(found: PartitionFound): void {
    this.scheduler.start(found.partition);
    this.resend(found.outbox);
    for (const [local, notice] of found.notices)
      this.outbox.add(local, notice.aor, noticeEffect(local, notice));
    const now = this.time.now();
    for (const [aor, user] of found.users) {
      const bound = user.bindings.some((binding) => binding.expiresAtMs > now);
      if (user.messages === 0 || !bound) continue;
      if (user.retry === null) this.mailboxes.reachable(aor, user.node);
      else this.mailboxes.retryAt(aor, user.retry.atMs);
    }
    if (found.audits > 0) this.audits?.found(found.partition);
  }

  /** Called by adapters from within a handler that outlives its errors: a fault of ours must not end there (R14). */
  wake(): void {
    try {
      this.sending.anew(this.time.now());
      this.outbox.wake();
      this.mailboxes.wake();
      this.audits?.wake();
    } catch (cause) {
      this.fail(cause);
    }
  }

  /** Audit events can be handed over again. */
  wakeAudits(): void {
    try {
      this.audits?.wake();
    } catch (cause) {
      this.fail(cause);
    }
  }

  /** Somebody vouches for the wall clock as it stands: what is due by it fires now. */
  confirmClock(): void {
    this.time.confirm();
    this.scheduler.timeMoved();
  }

  /** Where the virtual clock stands, or null with a host's. */
  get virtualNow(): number | null {
    return this.options.world.clock.set === undefined ? null : this.time.now();
  }

  /**
   * Moves a virtual clock ahead: what is due by then fires. Resolves when the new time is on disk. Rejects with a
   * RangeError for an instant that lies behind, or for a clock that is not virtual.
   */
  async moveClock(toMs: number): Promise<void> {
    const { clock } = this.options.world;
    if (clock.set === undefined || toMs < this.time.now())
      throw new RangeError('only a virtual clock is moved, and only ahead');
    clock.set(toMs);
    await this.writer.submit({ type: 'clock.moved' }, sharedPartition);
    this.scheduler.timeMoved();
    this.mailboxes.timeMoved();
  }

  /** The first failure ends everything, a shutdown under way included: nothing goes on after it (R5, R14). */
  fail(cause: unknown): void {
    // Whoever asks a store that was closed in good order hears so; nothing has failed.
    if (this.failed || this.closed) return;
    this.failed = true;
    this.closing = true;
    this.stopParts();
    const code = exitCodeOf(cause);
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.options.world.exit(code, why);
  }

  private stopParts(): void {
    this.scheduler.stop();
    this.outbox.stop();
    this.audits?.stop();
    this.mailboxes.stop();
  }

  /** Stops input, finishes what was decided, does `last`, closes the store. */
  async close(last: () => Promise<void> = async () => {}): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.options.world.failpoint('shutdown.begin');
    this.stopParts();
    await this.writer.drained();
    this.options.world.failpoint('shutdown.before-close');
    await last();
    while (this.reading.size > 0) await Promise.allSettled([...this.reading]);
    this.closed = true;
    await this.options.world.store.close();
  }

  // ---- questions ----

  private get source(): Source {
    return {
      store: this.options.world.store,
      ledger: this.writer.ledger,
      identities: this.identities,
      registry: this.registry,
      now: () => this.time.now(),
      seen: this.writer.seen,
      settings: this.options.settings,
    };
  }

  private get questions(): Questions {
    return new Questions(this.source, (cause) => this.fail(cause), this.reading);
  }

  refusal(summoned: Summoned): ReturnType<Runtime['refusal']> {
    const { settings, gate } = this.options;
    const { ledger, seen } = this.writer;
    const source = { ledger, seen, settings, gate };
    return this.questions.reading(() => sessionRefusal(source, summoned));
  }

  list(aor: string, after: string | null, limit: number): Promise<Listing> {
    return this.questions.list(aor, after, limit);
  }

  read(aor: string, deferredId: string): ReturnType<Runtime['read']> {
    return this.questions.read(aor, deferredId);
  }

  show(deferredId: string): MessageLife | null {
    return this.questions.show(deferredId);
  }

  actor(deferredId: string): ActorRow | null {
    return this.questions.actor(deferredId);
  }

  ids(after: string | null, limit: number): Promise<readonly string[]> {
    return this.questions.ids(after, limit);
  }

  sent(sent: SentKey): SentStatus | 'unknown' | 'not-told' {
    return this.questions.sent(sent, this.options.settings.senderStatus);
  }

  bindings(aor: string): readonly Binding[] {
    return this.questions.bindings(aor);
  }

  preferences(aor: string): PreferencesView | null {
    return this.questions.preferences(aor);
  }

  policies(): readonly PolicySummary[] {
    return this.registry.summaries();
  }

  policy(hash: string): unknown {
    return this.registry.row(hash)?.source ?? null;
  }

  stats(): RuntimeStats {
    return this.statistics.snapshot(
      this.options.head.identity.storeId,
      this.outbox.size,
      this.scheduler.lagMs,
    );
  }
}
