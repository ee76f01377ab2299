// The whole chain for tests on the wire: a real nats-server, a real Kamailio, the real engine and
// SIP agents, all on free loopback ports and in one temporary folder. Invariant: what it starts it
// ends, by id, and every wait is bounded and says what it waited for. Each test takes users of its
// own, so that the cases of one file do not meet. It knows how the parts are started and asked,
// nothing about what a message should become.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askAdmin } from '../../adapters/admin/index.js';
import { type Child, startChild } from '../../adapters/cli/stage/child.js';
import { type Kamailio, startKamailio } from '../../adapters/cli/stage/kamailio.js';
import { type NatsServer, startNats } from '../../adapters/cli/stage/nats-server.js';
import { type AgentOptions, SipAgent } from '../../adapters/cli/stage/sip-agent.js';
import { adminPath, type Service, startService } from '../../adapters/compose.js';
import { readConfig, variableOf } from '../../adapters/config.js';
import { createLog } from '../../adapters/log.js';
import { subjects } from '../../adapters/nats/index.js';
import { client } from '../adapters/nats/nats-server.js';
import type { ChainOptions, Life, Listed } from './chain-parts.js';

type BusClient = Awaited<ReturnType<typeof client>>;

export type { ChainOptions, Life, Listed } from './chain-parts.js';

type Found<T> = Exclude<T, false | null | undefined>;

const patienceMs = 25_000;
const logLinesKept = 60;
const usersOfAKind = 100;

/** Users whose phones are programs of others, some of which read no blank in a password. */
const otherStacks = ['linphone1', 'linphone2', 'linphone3', 'baresip1', 'baresip2', 'baresip3'];

/** Users of the proxy: alice, bob, carol, and numbered ones of which each test takes its own. */
export const users: Readonly<Record<string, string>> = Object.fromEntries([
  ...['alice', 'bob', 'carol'].flatMap((name) => [
    [name, `${name}'s secret`],
    ...Array.from({ length: usersOfAKind }, (_, at) => [`${name}${at + 1}`, `secret ${at + 1}`]),
  ]),
  ...otherStacks.map((name) => [name, `${name}-secret`]),
]);

export class Chain {
  nats!: NatsServer;
  kamailio!: Kamailio;
  /** A neighbour on the bus. */
  bus!: BusClient;
  readonly folder: string;
  /** Told by the engine when it cannot go on. */
  readonly exits: string[] = [];

  readonly #root = mkdtempSync(join(tmpdir(), 'deferred-im-chain-'));
  readonly #options: ChainOptions;
  readonly #log: string[] = [];
  readonly #agents: SipAgent[] = [];
  #service: Service | null = null;
  #child: Child | null = null;
  #engineBus = '';
  #taken = 0;

  private constructor(options: ChainOptions) {
    this.#options = options;
    this.folder = join(this.#root, 'store');
  }

  /** Starts everything; resolves when the proxy would store. */
  static async start(options: ChainOptions = {}): Promise<Chain> {
    const chain = new Chain(options);
    try {
      chain.nats = await chain.#startNats();
      await chain.#meetNeighbour();
      const started = await Promise.allSettled([chain.startProxy(), chain.startEngine()]);
      for (const one of started) if (one.status === 'rejected') throw one.reason;
      await chain.serving();
      return chain;
    } catch (error) {
      await chain.stop();
      throw error;
    }
  }

  async #meetNeighbour(): Promise<void> {
    const [user, pass] = this.#options.accounts?.neighbour.split(':') ?? [];
    const reconnect = { maxReconnectAttempts: -1, reconnectTimeWait: 50 };
    const credentials = user === undefined || pass === undefined ? {} : { user, pass };
    this.bus = await client(this.nats.url, { ...reconnect, ...credentials });
    const options = this.#options;
    this.#engineBus = (await options.engineBus?.(this.nats.port)) ?? this.nats.url;
  }

  /** Starts nats-server, on the port it had before. */
  #startNats(config = this.#options.accounts?.config): Promise<NatsServer> {
    const port = this.nats === undefined ? {} : { port: this.nats.port };
    if (config === undefined) return startNats(port);
    writeFileSync(this.#natsFile, config);
    return startNats({ ...port, config: this.#natsFile });
  }

  /** Has a nats-server with accounts read another configuration. */
  reloadNats(config: string): void {
    writeFileSync(this.#natsFile, config);
    this.nats.kill('SIGHUP');
  }

  get #natsFile(): string {
    return join(this.#root, 'nats-server.conf');
  }

  /** Resolves when the proxy hears the engine. */
  serving(): Promise<void> {
    return this.kamailio.storeReady(patienceMs);
  }

  /** Starts Kamailio, on the port it had before. */
  async startProxy(): Promise<void> {
    const { holdMs, phoneMs, trustLoopback, proxyLines } = this.#options;
    this.kamailio = await startKamailio({
      natsUrl: this.nats.url.replace('//', `//${this.#proxyAccount}`),
      users,
      sharedMemoryMib: 64,
      ...(this.kamailio === undefined ? {} : { port: this.kamailio.port }),
      ...(holdMs === undefined ? {} : { holdMs }),
      ...(phoneMs === undefined ? {} : { phoneMs }),
      ...(trustLoopback === undefined ? {} : { trustLoopback }),
      ...(proxyLines === undefined ? {} : { moreLines: proxyLines }),
    });
  }

  get #proxyAccount(): string {
    const account = this.#options.accounts?.proxy;
    return account === undefined ? '' : `${account}@`;
  }

  /** `kill -9` of all processes of Kamailio; resolves when its main process is gone. */
  async killProxy(): Promise<void> {
    const { pid } = this.kamailio;
    this.kamailio.kill('SIGKILL');
    await this.waitUntil('Kamailio is gone', () => !isAlive(pid));
    await this.kamailio.stop();
  }

  /** `kill -9` of nats-server; resolves when it is gone. */
  async killNats(): Promise<void> {
    const { pid } = this.nats;
    this.nats.kill('SIGKILL');
    await this.waitUntil('nats-server is gone', () => !isAlive(pid));
  }

  /** Starts nats-server again on the port it had, under another configuration if one is given. */
  async restartNats(config?: string): Promise<void> {
    await this.nats.stop();
    this.nats = await this.#startNats(config);
  }

  /**
   * After a restart of nats-server: resolves when the proxy has its connections again, of which it
   * has one for each subscription and one to publish. The beat that it remembers for 4 s proves
   * none of them.
   */
  async busAgain(): Promise<void> {
    for (const name of ['answer', 'send', 'beat'] as const)
      await this.nats.subscribed(subjects[name], this.kamailio.node);
    let heard = false;
    const alive = this.bus.subscribe(subjects.alive, {
      callback: () => {
        heard = true;
      },
    });
    await this.waitUntil('the proxy publishes', () => heard);
    alive.unsubscribe();
  }

  /** Starts the engine on its folder, and waits until it serves, or until its doors are open. */
  async startEngine(until: 'ready' | 'up' = 'ready'): Promise<void> {
    if (this.#options.child === true) await this.#startChild(until);
    else await this.#startService();
  }

  async #startService(): Promise<void> {
    const read = readConfig({ file: null, environment: this.#settings(), flags: {} });
    if (!read.ok) throw new TypeError(JSON.stringify(read.findings));
    const write = (line: string): void => {
      this.#log.push(line);
      if (this.#log.length > logLinesKept) this.#log.shift();
    };
    const exit = (code: number, why: string): void => {
      this.exits.push(`${code} ${why}`);
    };
    this.#service = await startService(read.config, { log: createLog('debug', write), exit });
    await this.#service.ready;
  }

  async #startChild(until: 'ready' | 'up'): Promise<void> {
    const serve = fileURLToPath(new URL('../../adapters/cli/main.js', import.meta.url));
    const stop = this.#options.stop?.() ?? null;
    const environment = {
      ...this.#settings(),
      ...(stop === null ? {} : { DEFERRED_IM_FAILPOINT: stop }),
    };
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const args = [...assignments, process.execPath, this.#options.program ?? serve, 'serve'];
    this.#child = startChild('env', args, join(this.#root, 'engine.log'));
    await this.waitUntil('the engine serves', async () => {
      if (this.#child?.running() !== true) throw new Error('the engine ended');
      const answer = await askAdmin(adminPath(this.folder), 'readiness', {}).catch(() => null);
      if (answer?.ok !== true) return false;
      return until === 'up' || (answer.result as { ready: boolean }).ready;
    });
  }

  // As environment variables, which `serve` and readConfig understand alike.
  #settings(): Record<string, string> {
    const settings = {
      folder: this.folder,
      host: 'mailserver32.example.org',
      'nats.servers': this.#engineBus,
      ...this.#engineAccount(),
      'http.port': '0',
      allowVolatileFolder: 'true',
      ballastOctets: '0',
      logLevel: 'debug',
      ...this.#options.settings,
    };
    return Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [variableOf(name), value]),
    );
  }

  #engineAccount(): Record<string, string> {
    const [user, password] = this.#options.accounts?.engine.split(':') ?? [];
    if (user === undefined || password === undefined) return {};
    const passwordFile = join(this.#root, 'password');
    writeFileSync(passwordFile, password, { mode: 0o600 });
    return { 'nats.user': user, 'nats.passwordFile': passwordFile };
  }

  /** Port of the deferred-list document; the engine must be inside this process. */
  get xcapPort(): number | null {
    return this.#service?.xcapPort ?? null;
  }

  /** What the engine's own HTTP says; it must have been given a port. */
  async http(path: string): Promise<string> {
    const port = this.#options.settings?.['http.port'];
    return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  }

  /** What an engine that is a process of its own has logged. */
  engineLog(): string {
    return readFileSync(join(this.#root, 'engine.log'), 'utf8');
  }

  /** Ends the engine in good order. */
  async stopEngine(): Promise<void> {
    await this.#service?.close();
    await this.#child?.stop();
    this.#service = null;
    this.#child = null;
  }

  /** `kill -9` of an engine that is a process of its own; resolves when it is gone. */
  async killEngine(): Promise<void> {
    const child = this.#child;
    if (child === null) throw new TypeError('the engine is inside this process');
    child.kill('SIGKILL');
    await this.waitUntil('the engine is gone', () => !child.running());
    this.#child = null;
  }

  /** Halts an engine that is a process of its own, as a slow disk would, or has it go on. */
  signalEngine(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#child === null) throw new TypeError('the engine is inside this process');
    this.#child.kill(signal);
  }

  /** A sender of his own for one test, registered so that reports reach him. */
  async alice(options: Partial<AgentOptions> = {}): Promise<SipAgent> {
    const agent = await this.agent(this.#next('alice'), options);
    await agent.register();
    return agent;
  }

  /** A recipient of his own for one test, offline. */
  bob(options: Partial<AgentOptions> = {}): Promise<SipAgent> {
    return this.agent(this.#next('bob'), options);
  }

  #next(kind: string): string {
    this.#taken += 1;
    if (this.#taken > usersOfAKind) throw new TypeError('the proxy has no more users');
    return `${kind}${this.#taken}`;
  }

  /** An agent of a named user, offline; a second one of the same user is a second device. */
  async agent(user: string, options: Partial<AgentOptions> = {}): Promise<SipAgent> {
    const password = users[user] ?? 'unknown';
    const proxyPort = this.kamailio.port;
    const agent = await SipAgent.open({ user, password, proxyPort, ...options });
    this.#agents.push(agent);
    return agent;
  }

  /** Runs an admin verb on the engine's socket; a refusal is an error. */
  async admin(verb: string, args: object = {}): Promise<unknown> {
    const answer = await askAdmin(adminPath(this.folder), verb, args);
    if (!answer.ok) throw new Error(`${verb}: ${answer.code} ${answer.message}`);
    return answer.result;
  }

  /** A user's waiting messages, oldest first. */
  async mailbox(user: SipAgent | string): Promise<readonly Listed[]> {
    const aor = typeof user === 'string' ? user : user.uri;
    const page = (await this.admin('messages.list', { aor, limit: 1000 })) as {
      readonly messages: readonly Listed[];
    };
    return page.messages;
  }

  /** The deferred id of a user's newest waiting message. */
  async newest(user: SipAgent): Promise<string> {
    const last = (await this.mailbox(user)).at(-1);
    if (last === undefined) throw new Error(`nothing waits for ${user.user}`);
    return last.deferredId;
  }

  async life(id: string): Promise<Life> {
    return (await this.admin('messages.show', { id })) as Life;
  }

  /** Waits until a message is in a state. */
  async reaches(id: string, state: string): Promise<void> {
    await this.waitUntil(`${id} is ${state}`, async () => (await this.life(id)).state === state);
  }

  /** Makes a shipped or changed policy the one for new messages. */
  async activate(source: object): Promise<void> {
    const { hash } = (await this.admin('policy.install', { source })) as { readonly hash: string };
    await this.admin('policy.activate', { policy: hash });
  }

  /** A user request over the bus, as the operator's own services make it. */
  async ask<Answer>(verb: string, request: object): Promise<Answer> {
    const payload = JSON.stringify({ v: 1, ...request });
    const answer = await this.bus.request(`deferred-im.v1.user.${verb}`, payload, {
      timeout: patienceMs,
    });
    return answer.json<Answer>();
  }

  /** Asks again every 20 ms until there is something, and gives it back; bounded. */
  async waitUntil<T>(what: string, seek: () => T | Promise<T>): Promise<Found<T>> {
    const until = performance.now() + patienceMs;
    for (;;) {
      const found = await seek();
      if (found !== null && found !== undefined && (found as unknown) !== false)
        return found as Found<T>;
      if (performance.now() > until) throw new Error(`${what}: not in time\n${this.#tails()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #tails(): string {
    return `${this.#log.join('')}${this.#child?.tail() ?? ''}${this.kamailio?.log() ?? ''}`;
  }

  /** Ends all of it. */
  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.close()));
    await this.stopEngine();
    await this.bus?.close();
    await this.kamailio?.stop();
    await this.nats?.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Starts the chain for one test file. */
export const startChain = (options: ChainOptions = {}): Promise<Chain> => Chain.start(options);
