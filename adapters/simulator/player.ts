// Plays a scenario: the real runtime on a store in memory and a clock of its own, with the policy to be tried as the one
// of new messages. It gives the engine commands as adapters do, and writes down what becomes of each message; it decides
// nothing about any of them.
import { createHash } from 'node:crypto';
import type { IncomingMessage, Judgement, PolicyFile } from '../../machines/index.js';
import { compilePolicy, readPreferenceChange } from '../../machines/index.js';
import {
  type Command,
  type Entropy,
  foundingRows,
  type Opened,
  openRuntime,
  type Reply,
} from '../../runtime/index.js';
import { DistantProxy } from './distant-proxy.js';
import { imdnIdOf, letterOf } from './letter.js';
import { type Life, newLife, noteStep, type OpenLife, refusalIn, type Story } from './lives.js';
import { MemoryStore } from './memory-store.js';
import { aorOf, type Scenario, type ScenarioStep, type SendStep, spanMs } from './scenario.js';
import { VirtualTime } from './virtual-time.js';

/** What is handed in: the reader of SIP requests. */
export interface SimulatorCodec {
  readMessage(
    octets: Uint8Array,
    asserted: string | null,
  ):
    | { readonly ok: true; readonly message: IncomingMessage }
    | { readonly ok: false; readonly status: number; readonly code: string };
  canonicalAor(uri: string): string | null;
}

const host = 'store.example.org';
const beginsDefault = '2026-01-05T08:00:00Z';
const registrationMs = 3_600_000;
const operator = 'operator';

/** The gate of a store that lives for one scenario: whoever plays one has asked the real gate before. */
function passedBefore(source: unknown): Judgement {
  const compiled = compilePolicy(source);
  return compiled.ok
    ? { ok: true, findings: [], policy: compiled.policy, known: null }
    : { ok: false, findings: compiled.findings, policy: null, known: null };
}

/** Plays a scenario under a policy that passed its checks. Rejects when the engine itself fails: a bug of ours. */
export async function playScenario(
  policy: PolicyFile,
  scenario: Scenario,
  codec: SimulatorCodec,
): Promise<Story> {
  const player = new Player(scenario, codec);
  await player.open();
  await player.activate(policy);
  for (const [index, step] of scenario.steps.entries()) await player.take(step, index);
  return player.end();
}

class Player {
  private readonly time: VirtualTime;
  private readonly beganMs: number;
  private readonly store: MemoryStore;
  private readonly proxy: DistantProxy;
  private readonly entropy = countedOctets();
  private readonly lives = new Map<string, OpenLife>();
  private readonly byId = new Map<string, OpenLife>();
  private readonly refusals: { pointer: string; reason: string }[] = [];
  private policy = { id: '', hash: '' };
  private opened!: Opened;
  private broken: Error | null = null;

  constructor(
    private readonly scenario: Scenario,
    private readonly codec: SimulatorCodec,
  ) {
    this.beganMs = Date.parse(scenario.begins ?? beginsDefault);
    this.time = new VirtualTime(this.beganMs);
    this.store = new MemoryStore(foundingRows(this.time, this.entropy, { host, test: true }));
    this.proxy = new DistantProxy({
      clock: this.time,
      beganMs: this.beganMs,
      answered: (command) => void this.opened.engine.submit(command).catch(() => {}),
      delivered: (id, attempt) => this.byId.get(id)?.deliveries.push(attempt),
      reported: (id, attempt) => this.byId.get(id)?.reports.push(attempt),
    });
  }

  async open(): Promise<void> {
    this.opened = await openRuntime(this.store, {
      ...{ clock: this.time, entropy: this.entropy, effects: this.proxy, clockTrusted: true },
      judge: passedBefore,
      exit: (_code, why) => {
        this.broken ??= new Error(why);
      },
    });
    this.opened.engine.onStep((deferredId, row) => {
      const life = this.lifeOf(deferredId);
      if (life !== null) noteStep(life, row, this.beganMs);
    });
    await this.opened.ready;
    await this.time.settle();
  }

  async activate(policy: PolicyFile): Promise<void> {
    const by = operator;
    const installed = await this.submit({ type: 'policy.installed', source: policy, by });
    if (installed.kind !== 'policy') throw new TypeError(`refused: ${JSON.stringify(installed)}`);
    const { hash } = installed;
    const mode = 'new';
    await this.submit({ type: 'policy.activated', hash, mode, by, reason: 'simulation' });
    this.policy = { id: policy.id, hash };
  }

  async take(step: ScenarioStep, index: number): Promise<void> {
    await this.runTo(spanMs(step.at));
    const reason = await this.perform(step);
    if (reason !== null) this.refusals.push({ pointer: `/steps/${index}`, reason });
  }

  async end(): Promise<Story> {
    const lastsMs = spanMs(this.scenario.lasts);
    await this.runTo(lastsMs);
    const lives = [...this.lives.values()].map((life) => this.closed(life));
    await this.opened.close();
    const { title } = this.scenario;
    const { notices } = this.proxy;
    return {
      ...{ scenario: title, lastsMs, policy: this.policy, lives, notices },
      refusals: this.refusals,
    };
  }

  private async runTo(elapsedMs: number): Promise<void> {
    await this.time.runTo(elapsedMs);
    if (this.broken !== null) throw this.broken;
  }

  private async submit(command: Command): Promise<Reply> {
    const reply = this.opened.engine.submit(command);
    await this.time.settle();
    if (this.broken !== null) throw this.broken;
    return reply;
  }

  // ---- the steps of a scenario; each says why it changed nothing, or null ----

  private async perform(step: ScenarioStep): Promise<string | null> {
    switch (step.do) {
      case 'send':
        await this.sendLetter(step);
        return null;
      case 'phone':
        this.proxy.phone(aorOf(step.user), step.answers);
        return null;
      case 'bus':
        this.proxy.setAway(step.is === 'away');
        if (step.is === 'back') this.opened.engine.wake();
        await this.time.settle();
        return null;
      case 'restart':
        await this.opened.close();
        await this.open();
        return null;
      case 'prefer':
        return this.prefer(aorOf(step.user), step.change);
      default: {
        const command = this.commandOf(step);
        return typeof command === 'string' ? command : refusalIn(await this.submit(command));
      }
    }
  }

  private async prefer(aor: string, value: object): Promise<string | null> {
    const read = readPreferenceChange(value, (uri) => this.codec.canonicalAor(uri));
    if (!read.ok) return `/change${read.findings[0]?.pointer}: ${read.findings[0]?.message}`;
    const by = { role: 'owner' } as const;
    const { change } = read;
    return refusalIn(await this.submit({ type: 'preferences.changed', aor, change, by }));
  }

  private async sendLetter(step: SendStep): Promise<void> {
    const life = newLife(step, this.time.now() - this.beganMs);
    this.lives.set(step.message, life);
    const asserted = step.asserted === false ? null : aorOf(step.from);
    const read = this.codec.readMessage(letterOf(step, this.time.now()), asserted);
    if (!read.ok) {
      life.refused = { status: read.status, code: read.code };
      return;
    }
    this.awaited = life;
    const reply = await this.submit({
      ...{ type: 'message.received', message: read.message, node: null },
    });
    this.awaited = null;
    if (reply.kind === 'refused') life.refused = { status: reply.status, code: reply.code };
    if (reply.kind === 'accepted') this.known(life, reply.deferredId);
  }

  /** The message that is being stored: its steps come before its sender's answer. */
  private awaited: OpenLife | null = null;

  private lifeOf(deferredId: string): OpenLife | null {
    const known = this.byId.get(deferredId);
    if (known !== undefined) return known;
    if (this.awaited !== null) this.known(this.awaited, deferredId);
    return this.awaited;
  }

  private known(life: OpenLife, deferredId: string): void {
    life.deferredId = deferredId;
    this.byId.set(deferredId, life);
  }

  private commandOf(
    step: Exclude<ScenarioStep, { do: 'send' | 'phone' | 'bus' | 'restart' | 'prefer' }>,
  ): Command | string {
    switch (step.do) {
      case 'register': {
        const aor = aorOf(step.user);
        const forMs = step.for === undefined ? registrationMs : spanMs(step.for);
        const contact = `${aor.replace('@', '-at-')}@192.0.2.7`;
        const expiresAtMs = this.time.now() + forMs;
        const bindings = [{ contact, expiresAtMs, features: [] }];
        return { type: 'recipient.registered', aor, node: null, bindings };
      }
      case 'unregister':
        return { type: 'recipient.unregistered', aor: aorOf(step.user) };
      case 'delete':
      case 'request': {
        const ids = step.messages === 'all' ? 'all' : this.ids(step.messages);
        const type = step.do === 'delete' ? 'messages.deleted' : 'messages.requested';
        return { type, aor: aorOf(step.user), ids };
      }
      case 'retrieve': {
        const names = step.messages === 'all' ? [...this.lives.keys()] : step.messages;
        return { type: 'messages.retrieved', aor: aorOf(step.user), ids: this.ids(names) };
      }
      case 'withdraw': {
        const life = this.lives.get(step.message)!;
        const sent = { sender: aorOf(life.from), aor: aorOf(life.to) };
        const imdnMessageId = imdnIdOf(step.message);
        return { type: 'message.withdrawn', sent: { ...sent, imdnMessageId } };
      }
      case 'unheard':
        return this.about(step.message, (deferredId) => ({
          ...{ type: 'message.unacknowledged', deferredId },
        }));
      case 'operate': {
        const seconds = step.for === undefined ? {} : { seconds: spanMs(step.for) / 1000 };
        return this.about(step.message, (deferredId) => ({
          ...{ type: 'operator.acted', deferredId, act: step.act, by: operator, ...seconds },
        }));
      }
      default:
        throw new TypeError(`no such step: ${(step satisfies never as { do: string }).do}`);
    }
  }

  private about(message: string, command: (deferredId: string) => Command): Command | string {
    const { deferredId } = this.lives.get(message)!;
    return deferredId === null ? `"${message}" was never stored` : command(deferredId);
  }

  private ids(names: readonly string[]): readonly string[] {
    return names.flatMap((name) => this.lives.get(name)?.deferredId ?? []);
  }

  private closed({ deferredId, ...life }: OpenLife): Life {
    const shown = deferredId === null ? null : this.opened.engine.show(deferredId);
    return { ...life, parked: shown?.parked ?? null };
  }
}

// Equal at every playing, and never the same twice within one.
function countedOctets(): Entropy {
  let drawn = 0;
  return {
    bytes: (count) => {
      drawn += 1;
      const digest = createHash('sha512').update(`draw ${drawn}`).digest();
      return new Uint8Array(Buffer.alloc(count, digest));
    },
  };
}
