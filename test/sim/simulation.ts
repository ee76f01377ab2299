// One run: everything that stands around the engine, put together from a seed, driven through two phases. While faults
// happen only safety is asked; in the calm nothing goes wrong any more and everything must come to its end.

import { subjects } from '../../adapters/nats/subjects.js';
import { foundingRows } from '../../runtime/found.js';
import type { ActorRow } from '../../runtime/index.js';
import { SimulatedBus } from './bus.js';
import type { BusClient } from './bus-client.js';
import { WallClock } from './clock.js';
import { Damage } from './damage.js';
import { Disk } from './disk.js';
import { epochMs } from './epoch.js';
import { Faults } from './faults.js';
import { atRest, checkEnd } from './invariants/end.js';
import { Model } from './invariants/model.js';
import { messageOf } from './invariants/view.js';
import { Letters } from './letters.js';
import type { Options, RateName } from './options.js';
import { People } from './people.js';
import { policyHashes } from './policy-hashes.js';
import { EngineProcess } from './process.js';
import { ProxyNode } from './proxy.js';
import { Random } from './random.js';
import { Killed, Scheduler } from './scheduler.js';
import type { Stage } from './stage.js';
import { Trace } from './trace.js';

export interface Violation {
  readonly code: string;
  readonly why: string;
}

export interface Outcome {
  readonly steps: number;
  readonly violation: Violation | null;
  readonly digest: string;
  readonly trace: Trace;
}

const calmMaxMs = 2_400_000;
/** What comes too late would come by then: a report is tried again after five minutes. */
const restMs = 330_000;
const stepsMax = 100_000;
/** Longer than any policy remembers what has ended; the host sleeps over it. */
const remembranceMs = 8 * 86_400_000;
const host = 'im.example.org';

/** The rows of a new store, the same for every run: founding builds policies, which is dear. */
const founded = new Map<string, readonly (readonly [string, Uint8Array])[]>();

function foundedDisk(policyId: string): Disk {
  let rows = founded.get(policyId);
  if (rows === undefined) {
    const still = {
      now: () => epochMs,
      mono: () => 0,
      boot: () => 0,
      after: () => () => {},
      soon: () => {},
    };
    const random = new Random(1, 'founding');
    const entropy = { bytes: (count: number) => random.octets(count) };
    rows = foundingRows(still, entropy, { host, policyId }).map(
      ({ key, value }) => [key, value!] as const,
    );
    founded.set(policyId, rows);
  }
  return new Disk(rows);
}

export class Simulation implements Stage {
  readonly random: Random;
  readonly scheduler = new Scheduler((cause) => this.unhandled(cause));
  readonly disk: Disk;
  readonly wall: WallClock;
  readonly bus: SimulatedBus;
  readonly letters: Letters;
  readonly model: Model;
  readonly process: EngineProcess;
  readonly proxies: readonly ProxyNode[];
  readonly damage: Damage;
  readonly people: People;
  calm = false;
  /** All that is left is to be forgotten. */
  nearlyOver = false;
  private violation: Violation | null = null;
  private readonly lines: Trace;

  constructor(
    readonly options: Options,
    watched: { readonly hashing?: boolean; readonly story?: boolean } = {},
  ) {
    this.lines = new Trace(watched.hashing ?? false);
    if (watched.story) this.lines.all = [];
    this.random = new Random(options.seed, 'simulation');
    this.disk = foundedDisk(options.policyId);
    this.wall = new WallClock(this);
    this.bus = new SimulatedBus(this);
    this.letters = new Letters(options);
    this.model = new Model(this);
    this.process = new EngineProcess(this);
    this.damage = new Damage(this);
    this.proxies = Array.from(
      { length: options.proxies },
      (_, at) => new ProxyNode(this, `k${at + 1}`),
    );
    this.people = new People(this);
    new Faults(this);
    this.scheduler.after(0, () => this.process.boot());
    this.scheduler.after(options.faultMs, () => this.calmDown());
  }

  /** A rate as it is now: nothing goes wrong in the calm. */
  rate(name: RateName): number {
    return this.calm ? 0 : this.options.rates[name];
  }

  trace(what: string, ...parts: readonly (string | number)[]): void {
    this.lines.add(this.scheduler.nowMs, what, ...parts);
  }

  violated(code: string, why: string): void {
    if (this.violation !== null) return;
    this.violation = { code, why };
    this.trace('VIOLATED', code, why);
  }

  readonly policyIdOf = (hash: string): string =>
    [...policyHashes].find(([, one]) => one === hash)?.[0] ?? 'unknown';

  /** The engine hands a line to the bus; always true, told to the model first. */
  published(client: BusClient, subject: string, payload: Uint8Array | string): boolean {
    if (client.owner.dead) return false;
    if (subject === subjects.answer) this.model.publishedAnswer(String(payload));
    else if (subject === subjects.send) this.model.publishedSend(String(payload));
    return true;
  }

  /** A line reaches the engine; the model is told first. */
  heard(client: BusClient, subject: string, payload: Uint8Array): void {
    if (subject === subjects.late && !client.owner.dead)
      this.model.heardLate(Buffer.from(payload).toString('latin1'));
  }

  private calmDown(): void {
    this.trace('calm');
    this.calm = true;
    this.wall.right();
    for (const client of [...this.proxies.map((one) => one.client), this.process.life?.client]) {
      if (client === undefined) continue;
      client.parted = false;
      this.bus.tell(client, null);
    }
    this.people.calm();
  }

  // An operator looks at the clock, now and then.
  private confirmClock(): void {
    const { life } = this.process;
    const time = life?.engine?.time;
    if (life === null || time?.held() == null) return;
    this.scheduler.after(0.1, () => time.confirm(), life);
  }

  // The same operator decides about what is held, every other one to be dropped, and frees what is parked.
  private decideHeld(): void {
    for (const { row } of this.model.view.stored.values()) {
      if (row?.parked != null) this.free(row);
      if (row?.value !== 'expired' || this.policyIdOf(row.policy) !== 'hold-for-operator') continue;
      const { deferredId } = messageOf(row);
      const act = row.revision % 2 === 0 ? 'drop' : 'release';
      this.process.submit({ type: 'operator.acted', deferredId, act, by: 'operator' });
    }
  }

  private free(row: ActorRow): void {
    const act = row.revision % 2 === 0 ? 'retry' : 'force';
    const { deferredId } = messageOf(row);
    this.process.submit({ type: 'operator.acted', deferredId, act, by: 'operator' });
  }

  /** Runs to the end, or to the first violation. */
  run(): Outcome {
    let endMs = this.options.faultMs + calmMaxMs;
    let restSinceMs: number | null = null;
    let asked = 0;
    while (this.violation === null) {
      if (!this.scheduler.step()) {
        this.violated('L1', 'nothing is left to do');
        break;
      }
      if (this.scheduler.steps > stepsMax) this.violated('I9', `more than ${stepsMax} steps`);
      if (!this.calm || this.scheduler.nowMs < asked) continue;
      asked = this.scheduler.nowMs + 1000;
      this.confirmClock();
      this.decideHeld();
      const resting = atRest(this, this.nearlyOver);
      restSinceMs = resting ? (restSinceMs ?? this.scheduler.nowMs) : null;
      if (restSinceMs !== null && this.scheduler.nowMs - restSinceMs > restMs) {
        if (!this.options.untilForgotten || this.nearlyOver) break;
        this.nearlyOver = true;
        endMs += remembranceMs;
        this.process.pause(remembranceMs, true);
      }
      if (this.scheduler.nowMs > endMs) break;
    }
    if (this.violation === null) checkEnd(this);
    const { violation, lines } = this;
    return { steps: this.scheduler.steps, violation, digest: lines.digest, trace: lines };
  }

  /** Fails the run from outside: a rejection nobody handled. */
  unhandled(cause: unknown): void {
    if (cause instanceof Killed) return;
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.violated('E7', `unhandled rejection: ${why.slice(0, 600)}`);
  }
}
