// The engine as a process: booted on the disk, wired to the bus by the real adapter as adapters/service.ts does it,
// killed at any moment or at a failpoint, stopped in order, and started again by a supervisor. Whatever a dead life
// still tries goes nowhere.
import { createPublisher, startConsumer } from '../../adapters/nats/index.js';
import { defaultPreferenceRules, defaultReportRules } from '../../machines/index.js';
import {
  type Command,
  type Engine,
  type Opened,
  type OutgoingEffect,
  openRuntime,
  type Reply,
} from '../../runtime/index.js';
import { auditPort } from './auditor.js';
import { clockOf } from './clock.js';
import { codecOf } from './codec.js';
import { compiledOnce, parsedOnce } from './compiled.js';
import { failing } from './failing.js';
import { judgeMoveOnce, judgeWhole } from './gate.js';
import { Leg } from './leg.js';
import type { Letter } from './letters.js';
import { Life } from './life.js';
import type { Options } from './options.js';
import type { Random } from './random.js';
import { Killed } from './scheduler.js';
import type { Stage } from './stage.js';
import { SimulatedStore } from './store.js';

const quotaOf = ({ quota }: Options) =>
  quota == null
    ? {}
    : {
        mailboxMessagesMax: quota.mailbox,
        pairMessagesMax: quota.pair,
        atLimit: quota.atLimit,
      };

export class EngineProcess {
  life: Life | null = null;
  store: SimulatedStore | null = null;
  private lives = 0;
  private readonly random: Random;
  private readonly points: Random;
  /** Builds policies, some of whose steps throw where the seed has it. */
  private readonly compile: typeof compiledOnce;

  constructor(private readonly simulation: Stage) {
    this.random = simulation.random.named('process');
    this.points = simulation.random.named('points');
    const steps = simulation.random.named('steps');
    const throws = () => steps.chance(simulation.rate('stepFails'));
    this.compile = simulation.options.rates.stepFails > 0 ? failing(throws) : compiledOnce;
  }

  boot(): void {
    const { simulation } = this;
    this.lives += 1;
    const life = new Life(this.lives, simulation.scheduler.nowMs);
    this.life = life;
    this.store = new SimulatedStore(simulation, life, simulation.disk);
    simulation.trace('engine', 'boots');
    if (this.random.chance(simulation.rate('wrongAtBoot'))) simulation.wall.wrong(this.wrongMs());
    void this.open(life, this.store).catch((cause: unknown) => {
      if (cause instanceof Killed || life.dead) return;
      this.exit(life, 65, cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
    });
  }

  // Before the last stored time, or so far after it that nobody believes it (reliability D3, D4).
  private wrongMs(): number {
    return this.random.chance(0.5)
      ? -this.random.spread(1000, 1e9)
      : this.random.spread(31, 3000) * 86_400_000;
  }

  private async open(life: Life, store: SimulatedStore): Promise<void> {
    const { simulation } = this;
    const clock = clockOf(simulation, life);
    const entropy = { bytes: (count: number) => this.random.octets(count) };
    const opened = await openRuntime(store, {
      clock,
      entropy,
      parsePolicy: parsedOnce,
      compile: this.compile,
      judge: judgeWhole,
      judgeMove: judgeMoveOnce,
      settings: {
        ...quotaOf(simulation.options),
        reportRules: { ...defaultReportRules, stored: simulation.options.early === true },
        preferences: {
          ...defaultPreferenceRules,
          blockedAtDelivery: simulation.options.holdsBlocked === true ? 'hold' : 'deliver',
        },
      },
      ...(simulation.options.audit === true ? { audits: auditPort(simulation, life) } : {}),
      failpoint: (name) => this.passes(life, name),
      exit: (code, why) => this.exit(life, code, why),
      effects: {
        ready: () => !life.dead && (life.publisher?.ready() ?? false),
        send: (effect) => {
          if (!life.dead) this.send(life, effect);
        },
        queue: (aor, forMs) => {
          if (!life.dead) life.publisher?.queue(aor, forMs);
        },
      },
    });
    if (life.dead) return;
    life.opened = opened;
    this.wire(life, opened);
    await opened.ready;
    simulation.trace('engine', 'serves');
  }

  private send(life: Life, effect: OutgoingEffect): void {
    const isLarge = effect.type === 'deliver' && effect.message.kind === 'large';
    if (isLarge) life.leg?.send(effect);
    else life.publisher?.send(effect);
  }

  private wire(life: Life, opened: Opened): void {
    const { simulation } = this;
    const { bus } = simulation;
    const face = bus.face(life.client);
    const clock = clockOf(simulation, life);
    const codec = codecOf(simulation);
    const runtime = this.observed(life, opened.engine);
    const publisher = createPublisher(face, codec, {
      clock,
      storeId: () => 'store',
      canStore: () => opened.progress().admitted > 1,
      answered: (effectId, token, status) => {
        void runtime.submit({ type: 'effect.answered', effectId, token, status }).catch(() => {});
      },
      onFailure: (where, error) =>
        simulation.violated('E7', `publisher: ${where}: ${String(error)}`),
    });
    life.publisher = publisher;
    life.leg = new Leg(simulation, life, this.random.named(`leg ${life.number}`), () => runtime);
    publisher.onReady(() => opened.engine.wake());
    if (simulation.options.beats) publisher.start();
    bus.connect(life.client);
    life.consumer = startConsumer(face, runtime, codec, {
      clock,
      entropy: { bytes: (count) => this.random.octets(count) },
      onNode: (node) => publisher.heard(node),
      onMalformed: ({ where, message }) =>
        simulation.violated('E7', `malformed: ${where}: ${message}`),
      onFailure: (where, error) => this.consumerFailed(life, where, error),
    });
  }

  private consumerFailed(life: Life, where: string, error: unknown): void {
    if (life.dead || life.closing || (error as { code?: string }).code === 'DEFERRED_IM_CLOSED')
      return;
    if (life.expectsExit) return;
    this.simulation.violated('E7', `consumer: ${where}: ${String(error)}`);
  }

  // The engine itself, with every command told to the model as it goes in and as it is answered.
  private observed(life: Life, engine: Engine): Engine {
    const { model } = this.simulation;
    const submit = async (command: Command): Promise<Reply> => {
      model.submitted(life, command);
      const reply = await engine.submit(command);
      if (!life.dead) model.replied(life, command, reply);
      return reply;
    };
    return Object.assign(Object.create(engine) as Engine, { submit });
  }

  /** Submits as an operator's socket would; nothing when nobody serves. */
  submit(command: Command): void {
    const { life } = this;
    if (life === null) return;
    const hear = () => {
      if (life.engine !== null && life.serving)
        void this.observed(life, life.engine)
          .submit(command)
          .catch(() => {});
    };
    this.simulation.scheduler.after(0.1, hear, life);
  }

  /** A letter has come by a session, whole: its sender hears what became of it, or nothing. */
  bringLarge(letter: Letter, octets: Uint8Array, answer: (code: number) => void): void {
    const { life } = this;
    if (life === null) return;
    const message = { ...letter.incoming, octets, asserted: letter.asserted };
    const hear = async () => {
      if (life.engine === null || !life.serving) return;
      const runtime = this.observed(life, life.engine);
      const reply = await runtime.submit({ type: 'message.received', message, node: null });
      if (life.dead) return;
      if (reply.kind === 'accepted') this.sessionEnds(life, runtime, reply.deferredId);
      answer(reply.kind === 'refused' ? reply.status : 202);
    };
    this.simulation.scheduler.after(0.1, () => void hear().catch(() => {}), life);
  }

  private sessionEnds(life: Life, runtime: Engine, deferredId: string): void {
    const end = () => {
      if (!life.serving) return;
      const bye = [['Reason', `SIP;text="${this.random.u32()}"`]] as const;
      void runtime.submit({ type: 'session.ended', deferredId, bye }).catch(() => {});
    };
    this.simulation.scheduler.after(this.random.spread(1, 3000), end, life);
  }

  private passes(life: Life, name: string): void {
    if (life.dead) throw new Killed();
    if (!this.points.chance(this.simulation.rate('killedAtPoint'))) return;
    this.kill(`at ${name}`);
    throw new Killed();
  }

  // Only what was done to it may end it: anything else is a fault of the engine.
  private exit(life: Life, code: number, why: string): void {
    if (life.dead) return;
    this.simulation.trace('engine', 'exits with', code);
    if (!life.expectsExit) this.simulation.violated('E7', `exit ${code}: ${why.slice(0, 600)}`);
    this.end(life);
  }

  kill(why: string): void {
    const { life } = this;
    if (life === null || life.dead) return;
    this.simulation.trace('engine', 'killed', why);
    this.end(life);
  }

  private end(life: Life): void {
    life.dead = true;
    this.simulation.bus.leave(life.client);
    this.store?.crash();
    this.simulation.model.died();
    this.life = null;
    this.store = null;
    life.letGo();
    this.simulation.scheduler.forget(life);
    const delay = this.simulation.calm ? 100 : this.random.spread(20, 8000);
    this.simulation.scheduler.after(delay, () => this.again());
  }

  private again(): void {
    if (this.life !== null) return;
    // A host that comes up again asks for the time.
    this.simulation.wall.right();
    this.simulation.damage.beforeBoot(() => this.boot());
  }

  /** SIGTERM: nothing more comes in, what was decided is finished (G1). */
  stop(): void {
    const { life } = this;
    if (life !== null) this.simulation.scheduler.after(0.1, () => this.stopNow(life), life);
  }

  private stopNow(life: Life): void {
    if (life.opened === null || !life.serving) return;
    this.simulation.trace('engine', 'is stopped');
    life.closing = true;
    life.client.handlers.clear();
    life.publisher?.stop();
    life.opened.close().then(
      () => {
        if (life.dead) return;
        this.simulation.model.closed(life);
        this.simulation.trace('engine', 'is closed');
        this.end(life);
      },
      () => {},
    );
    // The service manager's patience.
    this.simulation.scheduler.after(10_000, () => {
      if (life.dead) return;
      this.kill('after the stop took too long');
    });
  }

  /** The process, or the whole host, stands still for a while. */
  pause(ms: number, hostSleeps: boolean): void {
    const { life } = this;
    // One that stands still already cannot fall asleep.
    const still = life !== null && life.pausedUntilMs > this.simulation.scheduler.nowMs;
    if (life === null || life.dead || still) return;
    this.simulation.trace('engine', hostSleeps ? 'sleeps' : 'stands still', Math.trunc(ms));
    life.pausedUntilMs = Math.max(life.pausedUntilMs, this.simulation.scheduler.nowMs + ms);
    if (hostSleeps) life.sleptMs += ms;
  }
}
