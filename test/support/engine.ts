// An engine in a simulated world: opened, spoken to, killed and opened again from what was durable.
// Every helper finishes the work at hand before it returns, so that a test reads as a story without
// waits.
import { foundingRows } from '../../runtime/found.js';
import {
  type Command,
  type Engine,
  type MessageLife,
  type Notice,
  type Opened,
  type OutgoingEffect,
  openRuntime,
  type Reply,
  type RowWrite,
  type RuntimeOptions,
} from '../../runtime/index.js';
import { compiledOnce, parsedOnce } from '../sim/compiled.js';
import { contact, hoursMs, registered, writtenAtMs } from './messages.js';
import './reload.js';
import { MemoryStore, RecordingEffects, SimulatedClock, seededEntropy } from './world.js';

export const storeHost = 'mailserver32.example.org';

export interface TestOptions extends Omit<Partial<RuntimeOptions>, 'effects'> {
  /** Where the wall clock begins; Alice's Date by default. */
  readonly startMs?: number;
  readonly policyId?: string;
  readonly seed?: number;
}

/** Rows of the stores that were founded before: the same wishes, clock and dice give the same rows. */
const founded = new Map<string, readonly RowWrite[]>();

/** A new store in memory. */
export function foundedStore(options: TestOptions = {}): MemoryStore {
  const { policyId, seed = 1, startMs = writtenAtMs } = options;
  const name = JSON.stringify([policyId, seed, startMs]);
  const founding = policyId === undefined ? { host: storeHost } : { host: storeHost, policyId };
  const rows =
    founded.get(name) ?? foundingRows(new SimulatedClock(startMs), seededEntropy(seed), founding);
  founded.set(name, rows);
  // Copies: some tests damage the octets where they lie.
  return new MemoryStore(rows.map(({ key, value }) => [key, (value as Uint8Array).slice()]));
}

export class EngineUnderTest {
  readonly exits: { readonly code: number; readonly why: string }[] = [];
  readonly notices: Notice[] = [];
  private opened!: Opened;

  private constructor(
    readonly store: MemoryStore,
    readonly clock: SimulatedClock,
    readonly effects: RecordingEffects,
    private readonly options: TestOptions,
  ) {}

  /** Opens an engine on a new store. */
  static async open(options: TestOptions = {}): Promise<EngineUnderTest> {
    const clock = new SimulatedClock(options.startMs ?? writtenAtMs);
    return EngineUnderTest.on(foundedStore(options), clock, options);
  }

  /** Opens an engine on a store that is there, and waits until every partition serves. */
  static async on(
    store: MemoryStore,
    clock: SimulatedClock,
    options: TestOptions = {},
    effects = new RecordingEffects(),
  ): Promise<EngineUnderTest> {
    const test = new EngineUnderTest(store, clock, effects, options);
    test.opened = await openRuntime(store, {
      entropy: seededEntropy((options.seed ?? 1) + 1000),
      exit: (code, why) => test.exits.push({ code, why }),
      listener: (notice) => test.notices.push(notice),
      ...{ compile: compiledOnce, parsePolicy: parsedOnce },
      ...options,
      clock,
      effects,
    });
    await test.opened.ready;
    await clock.settle();
    return test;
  }

  get engine(): Engine {
    return this.opened.engine;
  }

  /** Submits a command and waits until it is durable. */
  async submit(command: Command): Promise<Reply> {
    const reply = this.engine.submit(command);
    await this.clock.settle();
    return reply;
  }

  /** Submits a message that must be accepted; its deferred id. */
  async accept(command: Command): Promise<string> {
    const reply = await this.submit(command);
    if (reply.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(reply)}`);
    return reply.deferredId;
  }

  /** Bob registers one contact for some hours. */
  async register(hours = 24, uri?: string, aor?: string): Promise<void> {
    const binding = contact(this.clock.now() + hoursMs(hours), uri);
    await this.submit(registered([binding], aor));
  }

  /** The world answers an effect. */
  answer(effect: OutgoingEffect, status: number): Promise<Reply> {
    const { effectId, token } = effect;
    return this.submit({ type: 'effect.answered', effectId, token, status });
  }

  /** From now on the world answers every effect at once. */
  answerAll(status: number | ((effect: OutgoingEffect) => number | null)): void {
    this.effects.heard = (effect) => {
      const said = typeof status === 'number' ? status : status(effect);
      if (said === null) return;
      const { effectId, token } = effect;
      void this.engine
        .submit({ type: 'effect.answered', effectId, token, status: said })
        .catch(() => {});
    };
  }

  life(deferredId: string): MessageLife {
    const life = this.engine.show(deferredId);
    if (life === null) throw new Error(`no message ${deferredId}`);
    return life;
  }

  state(deferredId: string): string {
    return this.life(deferredId).state;
  }

  /**
   * Kills the process and opens what was durable; the batch in flight landed whole, or not at all.
   */
  async crash(landed = false, changes: TestOptions = {}): Promise<EngineUnderTest> {
    const store = this.store.afterCrash(landed);
    const clock = new SimulatedClock(this.clock.now());
    const seed = (this.options.seed ?? 1) + 1;
    return EngineUnderTest.on(store, clock, { ...this.options, seed, ...changes });
  }

  close(): Promise<void> {
    const closed = this.opened.close();
    return this.clock.settle().then(() => closed);
  }
}
