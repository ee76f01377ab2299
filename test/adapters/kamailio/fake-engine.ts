// The engine's side of the bus contract for tests of the proxy: beats, answers held requests, sends effects and keeps
// every line that came. It stores nothing and knows no machine.
import { connect, type NatsConnection } from 'nats';
import {
  type Kamailio,
  type KamailioOptions,
  startKamailio,
} from '../../../adapters/cli/stage/kamailio.js';
import { type NatsServer, startNats } from '../../../adapters/cli/stage/nats-server.js';
import { type AgentOptions, SipAgent } from '../../../adapters/cli/stage/sip-agent.js';

/** One line from a proxy, split; `octets` is what follows the line of a store or command. */
export interface BusLine {
  readonly subject: string;
  readonly fields: readonly string[];
  readonly octets: Buffer;
}

export interface FakeAnswer {
  readonly code: number;
  readonly after?: number;
  readonly reason?: string;
  readonly delayMs?: number;
}

export interface FakeEffect {
  readonly node?: string;
  readonly id: string;
  readonly ruri: string;
  readonly from?: string;
  readonly name?: string;
  readonly headers?: readonly string[];
  readonly body?: Uint8Array | string;
  readonly nextHop?: string;
  readonly lie?: boolean;
}

export const token = 'abcdefghijklmnopqrstuvwxyz';

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');
export const plain = (text: string | undefined): string =>
  Buffer.from(text ?? '', 'base64').toString('utf8');
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export class FakeEngine {
  /** All but the answers to the beat. */
  readonly lines: BusLine[] = [];
  /** The answers to the beat. */
  readonly alive: string[] = [];
  /** Decides the answer to a held request; null for silence. */
  answer: (line: BusLine) => FakeAnswer | null = () => ({ code: 202, reason: 'Accepted' });
  #beat: NodeJS.Timeout | undefined;

  private constructor(readonly bus: NatsConnection) {}

  static async open(url: string): Promise<FakeEngine> {
    const engine = new FakeEngine(await connect({ servers: url }));
    engine.bus.subscribe('deferred-im.>', {
      callback: (_error, message) => engine.#heard(message.subject, Buffer.from(message.data)),
    });
    await engine.bus.flush();
    return engine;
  }

  beat(): void {
    this.beatOnce();
    this.#beat = setInterval(() => this.beatOnce(), 200);
  }

  beatOnce(text = 'v1 teststore 1'): void {
    this.bus.publish('deferred-im-v1-beat', text);
  }

  /** Live messages for a user go behind his backlog; resolves when the proxies have heard it. */
  async queue(aor: string, seconds: number): Promise<void> {
    this.bus.publish('deferred-im-v1-queue', `v1 ${base64(aor)} ${seconds}`);
    await this.bus.flush();
    await pause(50);
  }

  silence(): void {
    clearInterval(this.#beat);
  }

  of(kind: string): readonly BusLine[] {
    return this.lines.filter((line) => line.subject === `deferred-im.v1.${kind}`);
  }

  /** The first line that fits; rejects after `timeoutMs`. */
  async wait(kind: string, fits: (line: BusLine) => boolean, timeoutMs = 6000): Promise<BusLine> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const found = this.of(kind).find(fits);
      if (found) return found;
      if (performance.now() > until) throw new Error(`no ${kind} line: ${this.#seen()}`);
      await pause(10);
    }
  }

  /** `STATUS VIA` of an effect. */
  async outcome(id: string, timeoutMs?: number): Promise<string> {
    const { fields } = await this.wait('outcome', (line) => line.fields[2] === id, timeoutMs);
    return `${fields[4]} ${fields[5]}`;
  }

  send(effect: FakeEffect): void {
    const headers = [
      `From: <${effect.from ?? 'sip:alice@example.org'}>;tag=t-${effect.id}`,
      'To: <sip:bob@example.org>',
      `Call-ID: c-${effect.id}`,
      'CSeq: 1 MESSAGE',
      ...(effect.headers ?? ['Content-Type: text/plain']),
    ];
    const head = Buffer.from(headers.map((line) => `${line}\r\n`).join(''));
    const body = Buffer.from(effect.body ?? '');
    const fields = [
      'v1',
      effect.node ?? 'n1',
      effect.id,
      token,
      base64(effect.ruri),
      effect.nextHop === undefined ? '-' : base64(effect.nextHop),
      head.length + (effect.lie === true ? 1 : 0),
      body.length,
      base64(head),
      body.length === 0 ? '-' : base64(body),
      effect.name === undefined ? '-' : base64(effect.name),
    ];
    this.bus.publish('deferred-im-v1-send', fields.join(' '));
  }

  async close(): Promise<void> {
    this.silence();
    await this.bus.close();
  }

  #seen(): string {
    return this.lines.map((line) => `${line.subject} ${line.fields.join(' ')}`).join('\n');
  }

  #heard(subject: string, data: Buffer): void {
    if (subject === 'deferred-im.v1.alive') {
      this.alive.push(data.toString('utf8'));
      return;
    }
    const held = subject === 'deferred-im.v1.store' || subject === 'deferred-im.v1.command';
    const end = held ? data.indexOf('\r\n') : data.length;
    const fields = data.subarray(0, end).toString('utf8').split(' ');
    const line = { subject, fields, octets: Buffer.from(data.subarray(end + 2)) };
    this.lines.push(line);
    if (!held) return;
    const answer = this.answer(line);
    if (answer === null) return;
    const [, node, index, label] = fields;
    const { code, after = '-', reason = 'Answered' } = answer;
    const text = `v1 ${node} ${index} ${label} ${code} ${after} ${base64(reason)}`;
    const publish = (): void => this.bus.publish('deferred-im-v1-answer', text);
    if (answer.delayMs === undefined) publish();
    else setTimeout(publish, answer.delayMs);
  }
}

/** NATS, proxies, engine and phones of one test file. */
export interface Stage {
  readonly nats: NatsServer;
  readonly engine: FakeEngine;
  readonly proxy: Kamailio;
  readonly proxies: readonly Kamailio[];
  phone(user: string, options?: Partial<AgentOptions>): Promise<SipAgent>;
  close(): Promise<void>;
}

export const users = { alice: 'wonder', bob: 'builder' } as const;

/** Opens a stage with one proxy per node name; resolves when all would store. */
export async function openStage(
  options: Partial<KamailioOptions> = {},
  nodes: readonly string[] = ['n1'],
): Promise<Stage> {
  const nats = await startNats();
  const engine = await FakeEngine.open(nats.url);
  const proxies = await Promise.all(
    nodes.map((node) => startKamailio({ natsUrl: nats.url, users, ...options, node })),
  );
  for (const node of nodes) {
    for (const kind of ['answer', 'send', 'beat', 'queue']) {
      await nats.subscribed(`deferred-im-v1-${kind}`, node);
    }
  }
  engine.beat();
  for (const proxy of proxies) await proxy.storeReady();
  const phones: SipAgent[] = [];
  return {
    nats,
    engine,
    proxy: proxies[0]!,
    proxies,
    phone: async (user, more) => {
      const password = users[user as keyof typeof users] ?? 'guess';
      const phone = await SipAgent.open({ user, password, proxyPort: proxies[0]!.port, ...more });
      phones.push(phone);
      return phone;
    },
    close: async () => {
      for (const phone of phones) await phone.close();
      await engine.close();
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await nats.stop();
    },
  };
}
