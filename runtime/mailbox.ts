// Delivery runs: a returning user's mailbox is emptied oldest first, one message at a time, and no more than a window
// of users at once through one proxy. A run lives in memory only; what it goes by, bindings and the next try, is in
// the user's row, so that it goes on after a crash. The run gives turns; the chart of each message decides. While
// nothing can be sent it gives none, and its messages expire on time: they are not on their way. While a run lasts the
// proxies are told to queue live messages of its user behind it, so that the order of each sender holds (spec 3.4).
import { Asked, type Head } from './asked.js';
import type { TurnReply } from './decide/index.js';
import { ranges } from './keys.js';
import { limits } from './limits.js';
import type { Cancel, Clock, StorePort } from './ports.js';
import type { Notice } from './turn.js';

interface Run {
  readonly aor: string;
  node: string | null;
  /** Key of the last mailbox row that had its turn; null at the beginning. */
  after: string | null;
  /** Messages the user asked for first. */
  head: Head;
  /** Rows read and not yet given their turn: key and local id, or null for a damaged row. */
  page: (readonly [string, string | null])[];
  /** The message being pushed. */
  active: Next | null;
  working: boolean;
  /** Something happened meanwhile: look again from the beginning, or for new arrivals, before ending. */
  again: 'no' | 'arrivals' | 'afresh';
  /** Ends the wait for the next word to the proxies that live messages are to be queued. */
  unqueue: Cancel;
}

/** Whose turn it is. */
interface Next {
  readonly local: string;
  /** Until when its user asked for it before the others; null when he did not. */
  readonly askedUntilMs: number | null;
}

const wishOf = ({ local, askedUntilMs }: Next): Head =>
  new Map(askedUntilMs === null ? [] : [[local, askedUntilMs]]);

export interface MailboxHooks {
  /** A mailbox holds no more. */
  readonly messagesMax: number;
  readonly now: () => number;
  /** False while the world cannot be reached: runs pause until `wake`. */
  readonly canSend: () => boolean;
  /** For so long live messages for this user go behind his backlog; 0: no longer. */
  readonly queue: (aor: string, forMs: number) => void;
  /** `asked`: its user asked for this message before the others. */
  readonly giveTurn: (aor: string, local: string, asked: boolean) => Promise<TurnReply>;
  /** Local id a mailbox row stands for; null when the row is damaged. */
  readonly open: (key: string, value: Uint8Array) => string | null;
  readonly failed: (cause: unknown) => void;
}

type Settled = Extract<Notice, { type: 'settled' }>;

export class Mailboxes {
  private readonly runs = new Map<string, Run>();
  private readonly queued: Run[] = [];
  private readonly retries = new Map<string, { readonly atMs: number; readonly cancel: Cancel }>();
  private readonly asked: Asked;
  private readonly busy = new Map<string | null, number>();
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly store: Pick<StorePort, 'scan'>,
    private readonly hooks: MailboxHooks,
  ) {
    this.asked = new Asked(clock, hooks.messagesMax);
  }

  /** Users whose mailbox is being emptied now. */
  get running(): number {
    return this.runs.size;
  }

  /** A user can be reached: his mailbox is worked through from its oldest message. */
  reachable(aor: string, node: string | null): void {
    this.forgetRetry(aor);
    const run = this.runs.get(aor);
    if (run === undefined) {
      this.begin(aor, node, this.asked.take(aor));
      return;
    }
    run.node = node;
    run.again = 'afresh';
  }

  unreachable(aor: string): void {
    this.forgetRetry(aor);
    this.asked.unreachable(aor);
  }

  /** A message was stored: it joins a run that is under way; one that was queued begins a run of its own. */
  arrived(aor: string, queued: boolean): void {
    const run = this.runs.get(aor);
    if (run !== undefined && run.again === 'no') run.again = 'arrivals';
    if (run === undefined && queued) this.reachable(aor, null);
  }

  /** A user returned and nothing waits for him: no live message needs to be queued. */
  nothingWaits(aor: string): void {
    if (!this.runs.has(aor)) this.hooks.queue(aor, 0);
  }

  requested(aor: string, node: string | null, locals: readonly string[]): void {
    const run = this.runs.get(aor);
    if (run === undefined) {
      this.begin(aor, node, this.asked.take(aor, locals));
      return;
    }
    this.asked.add(run.head, locals);
    if (run.again === 'no') run.again = 'arrivals';
  }

  /** A push is over. */
  settled(notice: Settled): void {
    if (notice.retryAtMs !== null) this.retryAt(notice.aor, notice.retryAtMs);
    const run = this.runs.get(notice.aor);
    if (run === undefined || run.active?.local !== notice.local) return;
    run.active = null;
    if (notice.answer !== 'temporary') {
      void this.work(run);
      return;
    }
    // What failed may be asked for again (spec 4.2); what stood behind it has not been tried.
    this.keep(run, run.head, this.retries.has(run.aor) ? 'retry' : 'unreachable');
    this.end(run);
  }

  /** Nothing can be decided any more about a message that was pushed, or told of: the run it holds goes on (B10). */
  lost(local: string): void {
    for (const run of this.runs.values()) {
      if (run.active?.local !== local) continue;
      run.active = null;
      void this.work(run);
    }
  }

  /** Tries again at an instant, unless the user is heard of before. */
  retryAt(aor: string, atMs: number): void {
    this.forgetRetry(aor);
    const longestMs = this.clock.waitMsMax ?? limits.wakeIntervalMaxMs;
    const delay = Math.min(Math.max(0, atMs - this.hooks.now()), longestMs);
    const cancel = this.clock.after(delay, () => {
      this.retries.delete(aor);
      if (this.hooks.now() < atMs) this.retryAt(aor, atMs);
      else this.reachable(aor, null);
    });
    this.retries.set(aor, { atMs, cancel });
  }

  /** Time has leapt: the waits that were begun are too long. */
  timeMoved(): void {
    for (const [aor, { atMs }] of [...this.retries]) this.retryAt(aor, atMs);
  }

  /** Something can be sent again: the runs that paused go on. */
  wake(): void {
    for (const run of [...this.admittedAt.keys()]) if (run.active === null) void this.work(run);
  }

  stop(): void {
    this.stopped = true;
    for (const { cancel } of this.retries.values()) cancel();
    for (const run of this.runs.values()) run.unqueue();
  }

  private forgetRetry(aor: string): void {
    this.retries.get(aor)?.cancel();
    this.retries.delete(aor);
  }

  private begin(aor: string, node: string | null, head: Head): void {
    if (this.stopped) return;
    const run: Run = {
      aor,
      node,
      after: null,
      head,
      page: [],
      active: null,
      working: false,
      again: 'no',
      unqueue: () => {},
    };
    this.runs.set(aor, run);
    this.queueLive(run);
    if (this.busyAt(node) >= limits.deliveryWindow) this.queued.push(run);
    else this.admit(run);
  }

  // Said again while the run lasts: a line may be lost, and what the proxies remember ends by itself.
  private queueLive(run: Run): void {
    this.hooks.queue(run.aor, limits.queueMarkMs);
    run.unqueue = this.clock.after(limits.queueRemarkMs, () => this.queueLive(run));
  }

  private busyAt(node: string | null): number {
    return this.busy.get(node) ?? 0;
  }

  private admit(run: Run): void {
    this.busy.set(run.node, this.busyAt(run.node) + 1);
    const admittedAt = run.node;
    this.admittedAt.set(run, admittedAt);
    void this.work(run);
  }

  /** Under which proxy a run was counted: its node may change while it goes on. */
  private readonly admittedAt = new Map<Run, string | null>();

  private end(run: Run): void {
    const again = run.again === 'afresh';
    this.runs.delete(run.aor);
    run.unqueue();
    const node = this.admittedAt.get(run) ?? null;
    this.admittedAt.delete(run);
    this.busy.set(node, this.busyAt(node) - 1);
    if (again) this.begin(run.aor, run.node, this.asked.take(run.aor, run.head.keys()));
    else this.hooks.queue(run.aor, 0);
    const next = this.queued.findIndex((one) => this.busyAt(one.node) < limits.deliveryWindow);
    if (next !== -1) this.admit(this.queued.splice(next, 1)[0]!);
  }

  // Gives turns until a message is on its way or the mailbox has been worked through.
  private async work(run: Run): Promise<void> {
    if (run.working || this.stopped) return;
    run.working = true;
    try {
      while (run.active === null && this.current(run)) {
        if (!this.hooks.canSend()) return;
        const next = await this.next(run);
        // Between here and the end of the run nothing can happen: an arrival is seen now, or begins another one.
        if (next === null && run.again !== 'no') continue;
        if (next === null) break;
        if (!this.current(run)) break;
        // The answer may overtake the reply: the push counts from here.
        run.active = next;
        const { came } = await this.hooks.giveTurn(run.aor, next.local, next.askedUntilMs !== null);
        if (came === 'sent') continue;
        if (run.active === next) run.active = null;
        if (came === 'unreachable') {
          this.keep(run, new Map([...wishOf(next), ...run.head]), 'unreachable');
          break;
        }
      }
    } catch (cause) {
      // A read that the closing of the store cut short is nobody's loss.
      if (!this.stopped) this.hooks.failed(cause);
    } finally {
      run.working = false;
    }
    if (run.active === null && this.current(run)) this.end(run);
  }

  // What was asked for is no less asked for because the phone was busy, or its registration not yet heard of.
  private keep(run: Run, head: Head, why: 'retry' | 'unreachable'): void {
    this.asked.keep(run.aor, head, why);
    run.head = new Map();
  }

  private current(run: Run): boolean {
    return !this.stopped && this.runs.get(run.aor) === run;
  }

  // What its user asks for while a page is read is still what he asked for.
  private async next(run: Run): Promise<Next | null> {
    const [asked] = run.head;
    if (asked !== undefined) {
      const [local, askedUntilMs] = asked;
      run.head.delete(local);
      return { local, askedUntilMs };
    }
    if (run.again === 'afresh') {
      run.again = 'no';
      run.after = null;
      run.page = [];
    }
    if (run.page.length === 0) await this.readPage(run);
    const row = run.page.shift();
    // What arrived while the page was read is not on it.
    if (row === undefined) return run.again === 'no' ? null : this.next(run);
    run.after = row[0];
    return row[1] === null ? this.next(run) : { local: row[1], askedUntilMs: null };
  }

  private async readPage(run: Run): Promise<void> {
    run.again = 'no';
    const { from, to } = ranges.mailbox(run.aor, null);
    const start = run.after === null ? from : `${run.after}\0`;
    for await (const [key, value] of this.store.scan(start, to, limits.mailboxPageRows)) {
      run.page.push([key, this.hooks.open(key, value)]);
    }
  }
}
