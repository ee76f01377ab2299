// The runtime put together: writer, timers, outbox, delivery runs, and the queries. Everything that can change the
// store comes through `submit`; everything visible comes out of notices, which are heard after the commit.
import type { MessageLife, PolicySummary, Runtime, RuntimeStats } from './api.js';
import { AuditSender } from './audit-sender.js';
import { type SteadyClock, steadyClock } from './clock.js';
import type { Command, Reply, SentKey, Summoned } from './commands.js';
import { refuse, sessionRefusal, type TurnReply } from './decide/index.js';
import { Door } from './door.js';
import type { EngineOptions } from './engine-options.js';
import { exitCodeOf } from './errors.js';
import type { Failpoint } from './failpoints.js';
import type { SeenFilter } from './filter.js';
import { type Hearers, hear, type StepListener, StepListeners } from './hearing.js';
import { Identities } from './identity.js';
import { unlessDamaged } from './integrity.js';
import { type Judging, judgingOf } from './judging.js';
import { keys, partitionOf, partitionOfLocal, sharedPartition } from './keys.js';
import { type LapsedHooks, LapsedUsers } from './lapsed.js';
import { Loading } from './loading.js';
import { Mailboxes } from './mailbox.js';
import { Outbox } from './outbox.js';
import type { MigrationForecast } from './population.js';
import type { AuditEvent, AuditPort } from './ports.js';
import { auditsOf, listed, localOfRow, type Source } from './queries.js';
import { Questions } from './questions.js';
import type { PartitionFound } from './recovery.js';
import { Registry } from './registry.js';
import { Resumption } from './resumption.js';
import { partitionFor } from './router.js';
import type { ActorRow } from './rows.js';
import { TimerScheduler } from './scheduler.js';
import { Sending } from './sending.js';
import { Statistics } from './statistics.js';
import type { AuditRoom } from './turn.js';
import { Writer } from './writer.js';

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
  private readonly door: Door;
  private readonly hearers: Hearers;
  private readonly resumption: Resumption;
  private readonly source: Source;
  private readonly questions: Questions;
  private readonly steps = new StepListeners();
  private readonly reading = new Set<Promise<unknown>>();
  /** What every part is given. */
  private readonly common = {
    now: () => this.time.now(),
    failed: (cause: unknown) => this.fail(cause),
    failpoint: (name: Failpoint) => this.options.world.failpoint(name),
  };
  private readonly judging: Judging;
  private closing = false;
  private closed = false;
  private failed = false;

  constructor(private readonly options: EngineOptions) {
    const { world, head, settings } = options;
    this.registry = new Registry(options.compile, options.judge, options.judgeMove);
    this.identities = new Identities(head.identity.secret, head.identity.host);
    this.time = steadyClock(world.clock, head.sum.timeMs, options.clockTrusted);
    this.sending = new Sending(world.effects);
    this.writer = this.openWriter();
    const { identities, registry, statistics } = this;
    const { ledger, seen } = this.writer;
    const known = { ledger, seen, identities, registry, settings };
    this.source = { ...this.common, ...known, store: world.store };
    this.judging = judgingOf(this.source, world.clock);
    this.questions = new Questions(this.source, this.common.failed, this.reading, this.judging);
    this.scheduler = this.openScheduler();
    this.outbox = this.openOutbox();
    this.mailboxes = this.openMailboxes();
    this.audits = world.audits === undefined ? null : this.openAudits(world.audits);
    this.door = this.openDoor();
    const { outbox, scheduler, mailboxes, audits, source, reading, writer } = this;
    const parts = { outbox, scheduler, mailboxes, audits };
    const at = { ...this.common, reading, writer, halted: () => this.closing };
    const { store } = world;
    this.resumption = new Resumption({ ...parts, source, store, mover: { ...at, store } });
    this.hearers = {
      ...this.common,
      ...{ ...parts, statistics, mover: this.resumption.mover },
      stepped: (local, row) => this.steps.tell(() => identities.deferredId(local), row),
    };
  }

  // ---- how the parts are joined ----

  private openWriter(): Writer {
    const { registry, identities } = this;
    const { world, head, settings, gate } = this.options;
    return new Writer({
      ...this.common,
      ...{ world, head, registry, identities, settings, gate },
      sendingSince: (nowMs) => this.sending.since(nowMs),
      auditRoom: () => this.auditRoom(),
      notice: (notice) => {
        this.options.listener?.(notice);
        hear(this.hearers, notice);
      },
      landed: (commands, syncMs) => this.statistics.landed(commands, syncMs),
    });
  }

  private openScheduler(): TimerScheduler {
    const { world } = this.options;
    return new TimerScheduler(world.clock, world.store, {
      ...this.common,
      fire: async (due) => {
        world.failpoint('timer.fired');
        await this.writer.submit({ ...due, type: 'timer.due' }, partitionOfLocal(due.local)!);
      },
    });
  }

  private openOutbox(): Outbox {
    const { world } = this.options;
    const list = (aor: string, limit: number) => this.list(aor, null, limit);
    const listedNow = (local: string) => listed(this.source, local);
    const loading = new Loading({ ...this.source, list, listed: listedNow });
    return new Outbox(world.clock, world.effects, {
      ...this.common,
      load: (local, effect) => this.readOrFail(() => loading.load(local, effect)),
      unanswered: (effectId, status) => this.unanswered(effectId, status),
      sent: (type) => this.statistics.effect(type),
      refill: () => void this.resumption.refill().catch(this.common.failed),
    });
  }

  private openMailboxes(): Mailboxes {
    const { world, settings } = this.options;
    return new Mailboxes(world.clock, world.store, {
      ...this.common,
      messagesMax: settings.mailboxMessagesMax,
      canSend: () => world.effects.ready(),
      queue: (aor, forMs) => world.effects.queue?.(aor, forMs),
      giveTurn: async (aor, local, asked) => {
        const turn = { type: 'turn.given', aor, local, asked } as const;
        return (await this.writer.submit(turn, partitionOf(aor))) as TurnReply;
      },
      open: localOfRow,
    });
  }

  private openAudits(port: AuditPort): AuditSender {
    const { world } = this.options;
    const { ledger } = this.writer;
    return new AuditSender(world.clock, port, {
      ...this.common,
      load: ({ local, number }) =>
        this.readOrFail(() => ledger.readJson<AuditEvent>(keys.audit(local, number))),
      taken: (place) => {
        const taken = { ...place, type: 'audit.taken' } as const;
        this.writer.submit(taken, partitionOfLocal(place.local)!).catch(this.common.failed);
      },
      sent: (again) => this.statistics.audit(again ? 'sent-again' : 'sent'),
      partitionOf: (local) => partitionOfLocal(local)!,
      scan: (partition) => auditsOf(this.source, partition),
    });
  }

  private openDoor(): Door {
    const { world, readOnly } = this.options;
    const { writer, identities, statistics, questions, judging } = this;
    const hooks: LapsedHooks = {
      ...this.common,
      closing: () => this.closing,
      let: (aor, partition) => writer.submit({ type: 'user.lapsed', aor }, partition),
    };
    const lapsed = new LapsedUsers(world.store, hooks, this.reading);
    return new Door({
      ...this.common,
      ...{ writer, identities, statistics, questions, lapsed, judging },
      settings: this.options.settings,
      closed: () => this.closing || readOnly,
    });
  }

  private auditRoom(): AuditRoom {
    if (this.audits === null) return 'off';
    return this.statistics.auditBacklog < this.options.settings.auditBacklogMax ? 'open' : 'full';
  }

  // ---- the door ----

  submit(command: Command): Promise<Reply> {
    return this.door.submit(command);
  }

  /** Which submissions may be known; the boot scan tells it. */
  get seen(): SeenFilter {
    return this.writer.seen;
  }

  /** Hears every committed step; returns the way to stop it. */
  onStep(listener: StepListener): () => void {
    return this.steps.hear(listener);
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
    return this.orFail(() => unlessDamaged(read)) ?? null;
  }

  private orFail<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (cause) {
      this.fail(cause);
      return undefined;
    }
  }

  reserve(target: string, begin: () => void): () => void {
    return this.outbox.reserve(target, begin);
  }

  private unanswered(effectId: string, status: number): void {
    if (this.failed) return;
    const token = this.identities.token(effectId);
    const command = { type: 'effect.answered', effectId, token, status } as const;
    this.writer.submit(command, partitionFor(command, this.identities)).then(
      // Nothing can be decided about a damaged message; others must not wait behind it.
      (reply) => {
        if (reply.kind !== 'refused') return;
        this.outbox.over(effectId);
        this.mailboxes.lost(effectId.split('-')[1] ?? '');
      },
      (cause: unknown) => this.fail(cause),
    );
  }

  // ---- life cycle ----

  /** A partition passed its checks: what it left undone goes on, and its commands are decided. */
  admit(found: PartitionFound): void {
    this.statistics.found(found);
    this.writer.admit(found.partition);
    if (!this.options.readOnly) this.resumption.rearm(found);
    this.options.world.failpoint('boot.rearmed');
  }

  /** Called by adapters from within a handler that outlives its errors: a fault of ours must not end there (R14). */
  wake(): void {
    this.orFail(() => {
      this.sending.anew(this.time.now());
      this.outbox.wake();
      this.mailboxes.wake();
      this.audits?.wake();
    });
  }

  /** Audit events can be handed over again. */
  wakeAudits(): void {
    this.orFail(() => this.audits?.wake());
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

  knows(aor: string): boolean {
    return this.writer.serves(partitionOf(aor));
  }

  refusal(summoned: Summoned): ReturnType<Runtime['refusal']> {
    if (!this.knows(summoned.aor)) return refuse('not-ready');
    const source = { ...this.source, gate: this.options.gate };
    // What is damaged is told when the message is to be stored.
    return this.questions.reading(() => unlessDamaged(() => sessionRefusal(source, summoned)));
  }

  list(aor: string, after: string | null, limit: number): ReturnType<Runtime['list']> {
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

  sent(sent: SentKey): ReturnType<Runtime['sent']> {
    return this.questions.sent(sent, this.options.settings.senderStatus);
  }

  bindings(aor: string): ReturnType<Runtime['bindings']> {
    return this.questions.bindings(aor);
  }

  preferences(aor: string): ReturnType<Runtime['preferences']> {
    return this.questions.preferences(aor);
  }

  forecast(asked: Parameters<Questions['forecast']>[0]): Promise<MigrationForecast> {
    return this.questions.forecast(asked);
  }

  policies(): readonly PolicySummary[] {
    return this.registry.summaries();
  }

  policy(hash: string): unknown {
    return this.registry.row(hash)?.source ?? null;
  }

  stats(): RuntimeStats {
    const { storeId } = this.options.head.identity;
    return this.statistics.snapshot(storeId, this.outbox.size, this.scheduler.lagMs);
  }
}
