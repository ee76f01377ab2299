// The stage with everything real: nats-server, Kamailio, `deferred-im serve` as a process of its own, and SIP user
// agents, all on free loopback ports. Invariant: what was started is ended, whichever start failed. Temporary folders
// of all programs lie inside the demo's own.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild, waitFor } from '../stage/child.js';
import { type Kamailio, startKamailio } from '../stage/kamailio.js';
import { type NatsServer, startNats } from '../stage/nats-server.js';
import { SipAgent, type TranscriptEntry } from '../stage/sip-agent.js';
import { askEngine, engineServes } from './admin.js';
import { domain, passwords, type Stage, storeHost } from './stage.js';

const command = fileURLToPath(new URL('../main.js', import.meta.url));
const answerMs = 8000;
const tailChars = 2500;

interface Parts {
  readonly nats: NatsServer;
  readonly kamailio: Kamailio;
  readonly alice: SipAgent;
  readonly bob: SipAgent;
  readonly folder: string;
  readonly logFile: string;
  readonly transcript: TranscriptEntry[];
  readonly closers: (() => Promise<void>)[];
}

/** Starts everything; `folder` is the demo's own and takes the data and the logs. */
export async function openRealStage(folder: string): Promise<Stage> {
  // Between finding a free port and using it another program may take it: once more, with other ports.
  return open(folder).catch(() => open(folder));
}

async function open(folder: string): Promise<Stage> {
  const closers: (() => Promise<void>)[] = [];
  try {
    const stage = new RealStage(await openParts(folder, closers));
    await stage.startEngine();
    return stage;
  } catch (cause) {
    await closeAll(closers);
    throw cause;
  }
}

async function openParts(folder: string, closers: (() => Promise<void>)[]): Promise<Parts> {
  const nats = await startNats();
  closers.push(() => nats.stop());
  const kamailio = await startKamailio({ natsUrl: nats.url, users: passwords, domain });
  closers.push(() => kamailio.stop());
  const transcript: TranscriptEntry[] = [];
  const phone = async (user: string): Promise<SipAgent> => {
    const agent = await SipAgent.open({
      user,
      domain,
      password: passwords[user] ?? '',
      proxyPort: kamailio.port,
      timeoutMs: answerMs,
      transcript: (entry) => transcript.push(entry),
    });
    closers.push(() => agent.close());
    return agent;
  };
  const alice = await phone('alice');
  const bob = await phone('bob');
  const logFile = join(folder, 'engine.log');
  return { nats, kamailio, alice, bob, folder: join(folder, 'data'), logFile, transcript, closers };
}

async function closeAll(closers: (() => Promise<void>)[]): Promise<void> {
  // The last one first: nobody loses the ground it stands on.
  for (const close of closers.splice(0).reverse()) await close().catch(() => undefined);
}

class RealStage implements Stage {
  readonly mode = 'real';
  readonly middle = 'proxy';
  readonly alice: SipAgent;
  readonly bob: SipAgent;
  readonly transcript: readonly TranscriptEntry[];
  readonly #parts: Parts;
  #engine: Child | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.alice = parts.alice;
    this.bob = parts.bob;
    this.transcript = parts.transcript;
    parts.closers.push(async () => this.#engine?.stop());
  }

  get about(): readonly string[] {
    const { nats, kamailio } = this.#parts;
    return [
      `nats-server   127.0.0.1:${nats.port}`,
      `Kamailio      127.0.0.1:${kamailio.port}, the proxy of ${domain}`,
      `deferred-im   process ${this.enginePid()}, stores in ${this.#parts.folder}`,
      `Alice         127.0.0.1:${this.alice.port}, a SIP user agent`,
      `Bob           127.0.0.1:${this.bob.port}, another one`,
    ];
  }

  ask(verb: string, args: object): Promise<unknown> {
    return askEngine(this.#parts.folder, verb, args);
  }

  enginePid(): number {
    return this.#engine?.pid ?? 0;
  }

  async killEngine(): Promise<void> {
    const engine = this.#engine;
    engine?.kill('SIGKILL');
    await waitFor('the end of the engine', async () => engine?.running() !== true, answerMs);
  }

  async startEngine(): Promise<void> {
    const { nats, kamailio, folder, logFile } = this.#parts;
    const settings: Readonly<Record<string, string>> = {
      folder,
      host: storeHost,
      'nats-servers': nats.url,
      'http-port': '0',
      // A demo may lie on a tmpfs, and needs no reserve for a full disk.
      'allow-volatile-folder': 'true',
      'ballast-octets': '0',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const engine = startChild(process.execPath, [command, 'serve', ...flags], logFile);
    this.#engine = engine;
    await engineServes(folder, engine);
    await nats.subscribed('deferred-im.v1.online');
    await kamailio.storeReady();
  }

  log(): string {
    const engine = this.#engine?.tail().slice(-tailChars) ?? '';
    return `${this.#parts.kamailio.log().slice(-tailChars)}\n${engine}`.trim();
  }

  close(): Promise<void> {
    return closeAll(this.#parts.closers);
  }
}
