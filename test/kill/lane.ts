// One lane of rounds: a nats-server, a folder and a simulated proxy of its own. A round strikes the engine as planned
// while traffic goes on, waits for the calm and judges every message. Invariant: what a lane starts it ends; the folder
// of a lane in which something was wrong is kept.
import { mkdirSync, rmSync } from 'node:fs';
import { connect, type NatsConnection } from 'nats';
import { waitFor } from '../../adapters/cli/stage/child.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { Auditor } from './auditor.js';
import { History } from './history.js';
import type { Fault } from './judge.js';
import { Keeper, pause } from './keeper.js';
import { Dice, type Round } from './plan.js';
import { SimulatedProxy } from './proxy.js';
import { begin, swapPolicy, type Traffic } from './traffic.js';
import { calm, type Verdict, verdictOf } from './verdict.js';

/** Plays rounds one after the other. */
export interface Stage {
  open(): Promise<void>;
  play(round: Round): Promise<Verdict>;
  /** Ends everything; the folder stays when asked to. */
  close(keep: boolean): Promise<void>;
}

export interface StageOptions {
  readonly name: string;
  readonly root: string;
  /** The built service to run. */
  readonly program: string;
}

const beatMs = 20_000;

export class Lane implements Stage {
  private nats!: NatsServer;
  private bus!: NatsConnection;
  private proxy!: SimulatedProxy;
  private keeper!: Keeper;
  private auditor!: Auditor;
  private readonly history = new History();
  private swaps = 0;
  /** The policy that was activated last and answered for; null when no answer came. */
  private active: string | null = null;

  constructor(private readonly options: StageOptions) {}

  async open(): Promise<void> {
    const { history } = this;
    mkdirSync(this.options.root, { recursive: true });
    this.nats = await startNats();
    this.bus = await connect({ servers: this.nats.url, noAsyncTraces: true });
    this.proxy = new SimulatedProxy(this.bus, history);
    this.auditor = new Auditor(this.bus);
    this.keeper = new Keeper({ ...this.options, natsUrl: this.nats.url, history });
    await this.keeper.serve();
    await this.swap(0, false);
    await waitFor('a beat', async () => this.proxy.stores, beatMs);
  }

  async close(keep: boolean): Promise<void> {
    this.proxy?.close();
    await this.keeper?.close();
    await this.bus?.close();
    await this.nats?.stop();
    if (!keep) rmSync(this.options.root, { recursive: true, force: true });
  }

  async play(round: Round): Promise<Verdict> {
    const { keeper, history, proxy } = this;
    const dice = new Dice(round.seed);
    const sinceMs = history.nowMs;
    history.note(`round ${round.number} begins`);
    if (round.forgets) setTimeout(() => proxy.forget(), dice.between(0, 1500));
    const batches: Traffic[] = [];
    const swaps: Promise<void>[] = [];
    for (const [at, blow] of round.blows.entries()) {
      const name = `${this.options.name}-${round.number}-${at + 1}`;
      batches.push(begin({ proxy, history, dice, name }));
      const wanted = blow.kind === 'stop' && blow.stop.point.startsWith('policy.');
      const moves = blow.kind === 'stop' && blow.stop.point.endsWith('-move');
      if (dice.next() < 0.3 || wanted) swaps.push(this.swap(dice.between(50, 500), moves));
      await keeper.strike(blow, dice);
    }
    await Promise.all([...batches.map((one) => one.done), ...swaps]);
    const letters = batches.flatMap((one) => one.letters);
    const rows = await calm(keeper, letters);
    const faults = [...(await this.policyFaults()), ...(await this.auditor.faults(rows))];
    return verdictOf({ round, letters, rows, history, keeper, sinceMs, faults });
  }

  // Every other swap moves what lives; one that is to be struck while moving does.
  private async swap(afterMs: number, moves: boolean): Promise<void> {
    await pause(afterMs);
    this.active = null;
    this.swaps += 1;
    const hash = await swapPolicy(
      this.keeper.engine,
      moves || this.swaps % 2 === 0 ? 'migrate' : 'new',
    );
    this.history.note(hash === null ? 'a policy swap had no answer' : `policy ${hash} is active`);
    this.active = hash;
  }

  // Activation is all or nothing: one policy is active, and it is the one that was answered for.
  private async policyFaults(): Promise<readonly Fault[]> {
    const list = await this.keeper.engine.ask<Policies>('policy.list');
    const active = (list?.policies ?? []).filter((one) => one.active).map((one) => one.hash);
    if (active.length === 1 && (this.active === null || active[0] === this.active)) return [];
    const why = `active: ${active.join(', ') || 'none'}; answered for: ${this.active}`;
    return [{ kind: 'wrong', id: 'policy', why }];
  }
}

interface Policies {
  readonly policies: readonly { readonly hash: string; readonly active: boolean }[];
}
