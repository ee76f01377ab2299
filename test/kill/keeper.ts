// Keeps one engine on one folder: starts it, strikes it as planned, and starts it again. Invariant: how a process ended
// is always noted, and an end that its blow does not explain is a fault.
import { type Ended, EngineProcess } from './engine.js';
import type { Mode, Stop } from './failpoint.js';
import type { History } from './history.js';
import { type Fault, pairOf, type Row } from './judge.js';
import type { Blow, Dice, Moment } from './plan.js';

/** How long a stop may take to be reached: an expiry of two seconds, a repetition of an effect, a busy machine. */
const reachMs = 10_000;
const bootMs = 60_000;
/** A drain takes ten seconds at most; a busy machine may take longer to say so. */
const endMs = 30_000;
/** What throws may be caught where it harms nobody; what ends the process, does so soon. */
const thrownMs = 500;

export interface KeeperOptions {
  /** Name of its lane, for faults. */
  readonly name: string;
  /** Holds the store, its watermark and the log. */
  readonly root: string;
  readonly natsUrl: string;
  /** The built service to run. */
  readonly program: string;
  readonly history: History;
}

/** Why an engine may have ended. */
type Cause = Mode | 'killed' | 'term' | 'killed while ending' | null;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

// A wait that is given up holds no process.
const patience = (ms: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, ms).unref());

export class Keeper {
  readonly faults: Fault[] = [];
  /** Stops that were reached. */
  readonly hits: Stop[] = [];
  private readonly doubles = new Set<string>();
  private current!: EngineProcess;

  constructor(private readonly options: KeeperOptions) {}

  get engine(): EngineProcess {
    return this.current;
  }

  private start(stop: Stop | null): void {
    const { root, natsUrl, program, history } = this.options;
    const armed = stop === null ? {} : { stop };
    this.current = new EngineProcess({ root, natsUrl, program, ...armed });
    history.note(`engine ${this.current.pid} starts`);
  }

  /** Starts the engine, and again when a stop ended it at boot; resolves when it serves. */
  async serve(stop: Stop | null = null): Promise<void> {
    const { root, history } = this.options;
    this.start(stop);
    const serving = await Promise.race([this.current.serving, patience(bootMs)]);
    if (serving === undefined) throw new Error(`the engine does not serve, see ${root}`);
    if (serving) {
      history.note('the engine serves');
      this.collect();
      return;
    }
    await this.noteEnd(stop === null ? null : stop.mode);
    if (stop === null) throw new Error(`the engine does not start, see ${root}`);
    await this.serve();
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    if (this.current?.running !== true) return;
    this.current.signal('SIGKILL');
    await this.current.ended;
  }

  private collect(): void {
    this.hits.push(...this.current.hits.splice(0));
  }

  private async noteEnd(cause: Cause): Promise<void> {
    const ended = await this.goneWithin(endMs);
    this.collect();
    const how = `the engine ended with ${ended.signal ?? ended.code}`;
    this.options.history.note(how);
    if (!isExpected(ended, cause)) this.wrong(`${how} after ${cause ?? 'nothing'}`);
  }

  private async goneWithin(ms: number): Promise<Ended> {
    const ended = await Promise.race([this.current.ended, patience(ms)]);
    if (ended !== undefined) return ended;
    this.wrong(`the engine did not end within ${ms} ms`);
    this.current.signal('SIGKILL');
    return this.current.ended;
  }

  private wrong(why: string): void {
    this.faults.push({ kind: 'wrong', id: this.options.name, why });
  }

  /** Kills it at once. */
  async kill(): Promise<void> {
    this.current.signal('SIGKILL');
    await this.noteEnd('killed');
  }

  // ---- blows ----

  /** Strikes; afterwards it serves, be it the same process or the next one. */
  async strike(blow: Blow, dice: Dice): Promise<void> {
    if (blow.kind === 'stop') await this.stopAt(blow.stop, dice);
    else if (blow.kind === 'term') await this.term(blow.afterMs);
    else await this.killAt(blow.moment, blow.afterMs, dice);
    if (!this.current.running) await this.serve();
  }

  private async term(afterMs: number): Promise<void> {
    await pause(afterMs);
    this.current.signal('SIGTERM');
    await this.noteEnd('term');
  }

  private async killAt(moment: Moment, afterMs: number, dice: Dice): Promise<void> {
    if (moment !== 'serving') await underTraffic(dice);
    if (moment === 'boot') {
      await this.kill();
      this.start(null);
    } else if (moment === 'shutdown') this.current.signal('SIGTERM');
    await pause(afterMs);
    this.current.signal('SIGKILL');
    await this.noteEnd(moment === 'shutdown' ? 'killed while ending' : 'killed');
  }

  private async stopAt(stop: Stop, dice: Dice): Promise<void> {
    const [kind] = stop.point.split('.');
    if (kind === 'boot') {
      await underTraffic(dice);
      await this.kill();
      await this.serve(stop);
      return;
    }
    this.current.arm(stop);
    if (kind === 'shutdown') {
      await underTraffic(dice);
      this.current.signal('SIGTERM');
      await this.noteEnd(stop.mode === 'delay' ? 'term' : stop.mode);
      return;
    }
    await this.current.stopped(reachMs);
    if (stop.mode !== 'delay') await Promise.race([this.current.ended, patience(thrownMs)]);
    this.collect();
    if (!this.current.running) await this.noteEnd(stop.mode);
  }

  private storedTwice(pair: string): void {
    if (this.doubles.has(pair)) return;
    this.doubles.add(pair);
    this.wrong(`stored twice: ${pair}`);
  }

  // ---- questions ----

  /** Every message the store knows, by sender and recipient. */
  async rows(): Promise<ReadonlyMap<string, Row>> {
    const rows = new Map<string, Row>();
    let after: string | null = null;
    do {
      const args: object = after === null ? { limit: 1000 } : { limit: 1000, after };
      const page: Page | null = await this.current.ask<Page>('messages.list', args);
      if (page === null) throw new Error(`the engine does not answer, see ${this.options.root}`);
      for (const row of page.messages) {
        const pair = pairOf(row.asserted, row.aor);
        if (rows.has(pair)) this.storedTwice(pair);
        rows.set(pair, row);
      }
      after = page.next;
    } while (after !== null);
    return rows;
  }
}

interface Page {
  readonly messages: readonly Row[];
  readonly next: string | null;
}

/** A moment at which messages, registrations and expiries are under way. */
const underTraffic = (dice: Dice): Promise<void> => pause(dice.between(100, 700));

function isExpected({ code, signal }: Ended, cause: Cause): boolean {
  switch (cause) {
    case 'kill':
    case 'cut':
    case 'killed':
      return signal === 'SIGKILL';
    case 'throw':
      return code === 70;
    case 'term':
      return code === 0;
    case 'killed while ending':
      return code === 0 || signal === 'SIGKILL';
    default:
      return false;
  }
}
