// One lane of rounds: a nats-server, a folder and a proxy of its own. A round strikes the engine as planned while traffic
// goes on, starts it again on the same folder, waits for the calm and judges every message. Invariant: what a lane
// starts it ends; the folder of a lane in which something was wrong is kept.
import { mkdirSync, rmSync } from 'node:fs';
import { connect, type NatsConnection } from 'nats';
import { waitFor } from '../../adapters/cli/stage/child.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { type Ended, EngineProcess } from './engine.js';
import type { Mode, Stop } from './failpoint.js';
import { accepted, History, type Letter } from './history.js';
import { type Fault, isSettled, judge, pairOf, type Row } from './judge.js';
import { type Blow, Dice, type Round } from './plan.js';
import { SimulatedProxy } from './proxy.js';
import { begin, swapPolicy, type Traffic } from './traffic.js';

/** What a run adds up. */
export interface Verdict {
  readonly round: Round;
  readonly accepted: number;
  readonly faults: readonly Fault[];
  /** Identical reports: published again, and heard again by their sender. */
  readonly repeated: { readonly published: number; readonly heard: number };
  readonly hits: readonly Stop[];
  /** What is told of each fault: the ids with their history. */
  readonly stories: readonly string[];
}

/** How long a stop may take to be reached: an expiry of two seconds, a repetition of an effect, a busy machine. */
const reachMs = 10_000;
const calmMs = 30_000;
const bootMs = 60_000;
/** A drain takes ten seconds at most; a busy machine may take longer to say so. */
const endMs = 30_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Lane {
  private nats!: NatsServer;
  private bus!: NatsConnection;
  private proxy!: SimulatedProxy;
  private engine!: EngineProcess;
  private readonly history = new History();
  private readonly hits: Stop[] = [];
  private batches = 0;
  private faults: Fault[] = [];
  /** The policy that was activated last and answered for; null when no answer came. */
  private active: string | null = null;

  constructor(
    readonly name: string,
    private readonly root: string,
    private readonly program: string,
  ) {}

  async open(): Promise<void> {
    mkdirSync(this.root, { recursive: true });
    this.nats = await startNats();
    this.bus = await connect({ servers: this.nats.url, noAsyncTraces: true });
    this.proxy = new SimulatedProxy(this.bus, this.history);
    await this.serve(null);
    this.active = await swapPolicy(this.engine, 0);
    await waitFor('a beat', async () => this.proxy.stores, bootMs);
  }

  /** Ends everything; the folder stays when asked to. */
  async close(keep: boolean): Promise<void> {
    this.proxy?.close();
    if (this.engine?.running) {
      this.engine.signal('SIGKILL');
      await this.engine.ended;
    }
    await this.bus?.close();
    await this.nats?.stop();
    if (!keep) rmSync(this.root, { recursive: true, force: true });
  }

  // ---- the engine ----

  private start(stop: Stop | null): void {
    this.engine = new EngineProcess({
      ...{ root: this.root, natsUrl: this.nats.url, program: this.program },
      ...(stop === null ? {} : { stop }),
    });
    this.history.note(`engine ${this.engine.pid} starts`);
  }

  /** Starts it, and again when a stop ended it at boot; resolves when it serves. */
  private async serve(stop: Stop | null): Promise<void> {
    this.start(stop);
    const serving = await Promise.race([this.engine.serving, pause(bootMs)]);
    if (serving === true) {
      this.history.note('the engine serves');
      this.collect();
      return;
    }
    if (serving === undefined) throw new Error(`the engine does not serve, see ${this.root}`);
    await this.noteEnd(stop === null ? null : stop.mode);
    if (stop === null) throw new Error(`the engine does not start, see ${this.root}`);
    await this.serve(null);
  }

  private collect(): void {
    this.hits.push(...this.engine.hits.splice(0));
  }

  /** The engine has ended, or will: how, and whether that was to be expected. */
  private async noteEnd(cause: Mode | 'killed' | 'term' | null): Promise<void> {
    const ended = await this.goneWithin(endMs);
    this.collect();
    this.history.note(`the engine ended with ${ended.signal ?? ended.code}`);
    if (isExpected(ended, cause)) return;
    const why = `the engine ended with ${ended.signal ?? ended.code} after ${cause ?? 'nothing'}`;
    this.faults.push(wrong(this.name, why));
  }

  private async goneWithin(ms: number): Promise<Ended> {
    const ended = await Promise.race([this.engine.ended, pause(ms)]);
    if (ended !== undefined) return ended;
    this.faults.push(wrong(this.name, `the engine did not end within ${ms} ms`));
    this.engine.signal('SIGKILL');
    return this.engine.ended;
  }

  private async kill(): Promise<void> {
    this.engine.signal('SIGKILL');
    await this.noteEnd('killed');
  }

  // ---- a round ----

  async play(round: Round): Promise<Verdict> {
    const dice = new Dice(round.seed);
    const sinceMs = this.history.nowMs;
    this.faults = [];
    this.history.note(`round ${round.number} begins`);
    const batches: Traffic[] = [];
    for (const [at, blow] of round.blows.entries()) {
      batches.push(this.batch(round, at, dice));
      if (round.forgets && at === 0) setTimeout(() => this.proxy.forget(), dice.between(0, 1500));
      await this.strike(blow, dice);
      if (!this.engine.running) await this.serve(null);
    }
    await Promise.all(batches.map((one) => one.done));
    const letters = batches.flatMap((one) => one.letters);
    const rows = await this.calm(letters);
    await this.judgePolicy();
    return this.verdict(round, letters, rows, sinceMs);
  }

  private batch(round: Round, at: number, dice: Dice): Traffic {
    this.batches += 1;
    const { proxy, history } = this;
    const swaps = round.blows[at]?.kind === 'stop' || dice.next() < 0.3;
    if (swaps) void this.swap(dice.between(50, 500));
    return begin({ proxy, history, dice, name: `${this.name}-${round.number}-${at + 1}` });
  }

  private async swap(afterMs: number): Promise<void> {
    await pause(afterMs);
    const { engine, batches } = this;
    this.active = null;
    const hash = await swapPolicy(engine, batches);
    this.history.note(hash === null ? 'a policy swap had no answer' : `policy ${hash} is active`);
    this.active = hash;
  }

  private async strike(blow: Blow, dice: Dice): Promise<void> {
    switch (blow.kind) {
      case 'term':
        await pause(blow.afterMs);
        this.engine.signal('SIGTERM');
        await this.noteEnd('term');
        return;
      case 'moment':
        await this.strikeAt(blow.moment, blow.afterMs, dice);
        return;
      case 'stop':
        await this.stopAt(blow.stop, dice);
        return;
      default:
        blow satisfies never;
    }
  }

  private async strikeAt(
    moment: 'serving' | 'boot' | 'shutdown',
    afterMs: number,
    dice: Dice,
  ): Promise<void> {
    if (moment === 'serving') await pause(afterMs);
    else await pause(dice.between(100, 700));
    if (moment === 'boot') {
      await this.kill();
      this.start(null);
    } else if (moment === 'shutdown') this.engine.signal('SIGTERM');
    if (moment !== 'serving') await pause(afterMs);
    this.engine.signal('SIGKILL');
    await this.noteEnd(moment === 'shutdown' ? 'term' : 'killed');
  }

  private async stopAt(stop: Stop, dice: Dice): Promise<void> {
    const [kind] = stop.point.split('.');
    if (kind === 'boot') {
      await pause(dice.between(100, 700));
      await this.kill();
      await this.serve(stop);
      return;
    }
    this.engine.arm(stop);
    if (kind === 'shutdown') {
      await pause(dice.between(100, 700));
      this.engine.signal('SIGTERM');
      await this.noteEnd(stop.mode === 'delay' ? 'term' : stop.mode);
      return;
    }
    await this.engine.stopped(reachMs);
    // What throws may be caught where it harms nobody; what ends, ends soon.
    if (stop.mode !== 'delay') await Promise.race([this.engine.ended, pause(500)]);
    this.collect();
    if (!this.engine.running) await this.noteEnd(stop.mode);
  }

  // ---- the calm and the judgement ----

  private async calm(letters: readonly Letter[]): Promise<ReadonlyMap<string, Row>> {
    const until = performance.now() + calmMs;
    for (;;) {
      const rows = await this.rows();
      const waiting = letters.filter(
        (letter) => !isSettled(rows.get(pairOf(letter.from, letter.to))),
      );
      if (waiting.length === 0 || performance.now() > until) return rows;
      await pause(100);
    }
  }

  private async rows(): Promise<ReadonlyMap<string, Row>> {
    const rows = new Map<string, Row>();
    let after: string | null = null;
    do {
      const args: object = after === null ? { limit: 1000 } : { limit: 1000, after };
      const page: { messages: readonly Row[]; next: string | null } | null = await this.engine.ask(
        'messages.list',
        args,
      );
      if (page === null) throw new Error(`the engine does not answer, see ${this.root}`);
      for (const row of page.messages) rows.set(pairOf(row.asserted, row.aor), row);
      after = page.next;
    } while (after !== null);
    return rows;
  }

  // Policy activation is all or nothing: one is active, and it is the one that was answered for.
  private async judgePolicy(): Promise<void> {
    const list = await this.engine.ask<{ policies: readonly { hash: string; active: boolean }[] }>(
      'policy.list',
    );
    const active = (list?.policies ?? []).filter((one) => one.active).map((one) => one.hash);
    if (active.length === 1 && (this.active === null || active[0] === this.active)) return;
    const why = `active: ${active.join(', ') || 'none'}; answered for: ${this.active}`;
    this.faults.push(wrong('policy', why));
  }

  private verdict(
    round: Round,
    letters: readonly Letter[],
    rows: ReadonlyMap<string, Row>,
    sinceMs: number,
  ): Verdict {
    const strange = this.history.strange.splice(0);
    const known = letters.filter(accepted).length;
    const faults = [
      ...this.faults,
      ...(known > 0 ? [] : [wrong(this.name, 'nothing was accepted, nothing was shown')]),
      ...strange.map((why) => wrong(this.name, why)),
      ...letters.flatMap((letter) => judge(letter, rows.get(pairOf(letter.from, letter.to)))),
    ];
    const again = (count: (letter: Letter) => number) =>
      letters.reduce((sum, letter) => sum + Math.max(0, count(letter) - 1), 0);
    return {
      round,
      faults,
      accepted: known,
      repeated: {
        published: again((letter) => letter.reports.length),
        heard: again((letter) => letter.told),
      },
      hits: this.hits.splice(0),
      stories: faults.map((one) =>
        [`${one.kind}: ${one.id}: ${one.why}`, ...this.history.story(one.id, sinceMs)].join(
          '\n    ',
        ),
      ),
    };
  }
}

const wrong = (id: string, why: string): Fault => ({ kind: 'wrong', id, why });

function isExpected({ code, signal }: Ended, cause: Mode | 'killed' | 'term' | null): boolean {
  switch (cause) {
    case 'kill':
    case 'killed':
      return signal === 'SIGKILL';
    case 'throw':
      return code === 70;
    case 'term':
      return code === 0 || signal === 'SIGKILL';
    default:
      return false;
  }
}
