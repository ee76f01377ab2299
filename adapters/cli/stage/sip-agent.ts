// A small real SIP user agent for the demo, tests and benchmarks: registers, sends MESSAGE, answers MESSAGE, with
// digest and the retransmissions of RFC 3261 section 17.1.2. Invariant: a retransmitted request is answered again
// but seen once. It must not know anything of deferred-im: it stands for other people's phones.
import { randomBytes } from 'node:crypto';
import {
  answerHeaders,
  answering,
  answerOf,
  branchOf,
  type LaterAnswer,
  newTag,
  reasonOf,
  type SipAnswer,
  statusOf,
} from './sip-answers.js';
import { type Answer, openLink, type SipLink, type Transport } from './sip-link.js';
import {
  digestAnswer,
  formatSip,
  type HeaderFields,
  headerValue,
  parseSip,
  type SipText,
} from './sip-text.js';

export type { LaterAnswer, SipAnswer } from './sip-answers.js';

/** One message on the wire, for a transcript. */
export interface TranscriptEntry {
  readonly user: string;
  readonly direction: 'sent' | 'received';
  readonly transport: Transport;
  readonly text: string;
}

export interface AgentOptions {
  readonly user: string;
  readonly password?: string;
  /** `example.org` by default. */
  readonly domain?: string;
  readonly proxyPort: number;
  readonly proxyHost?: string;
  /** Own port; a free one by default. */
  readonly port?: number;
  /** How this agent sends requests; `udp` by default. */
  readonly transport?: Transport;
  /** Whether it accepts TCP connections; true by default. */
  readonly tcp?: boolean;
  /** Timer F, 32,000 by default: when no final answer came the status is 408 and `local` is true. */
  readonly timeoutMs?: number;
  readonly transcript?: (entry: TranscriptEntry) => void;
}

/** A MESSAGE that reached this agent. */
export interface SipRequest extends SipText {
  readonly method: string;
  readonly uri: string;
  readonly transport: Transport;
  header(name: string): string | undefined;
}

/** Answers a request that is no MESSAGE; an ACK is heard and never answered. */
export type Reply = (status: number, headers?: HeaderFields, body?: string) => void;

type Answering = number | LaterAnswer | null;

/** Decides the answer to a MESSAGE: a status, or null for silence. */
export type MessageHandler = (request: SipRequest) => Answering | Promise<Answering>;

export interface OutgoingMessage {
  /** Request-URI and To, e.g. `sip:bob@example.org`. */
  readonly to: string;
  readonly body?: string | Uint8Array;
  /** `text/plain;charset=utf-8` by default; null for none. */
  readonly contentType?: string | null;
  readonly headers?: HeaderFields;
  /** From without tag; the agent's own address by default. */
  readonly from?: string;
  readonly callId?: string;
}

interface ClientTransaction {
  readonly settle: (answer: SipText) => void;
  readonly provisional: () => void;
}

const t1Ms = 500;
const t2Ms = 4000;
const rememberedAnswers = 10_000;

export class SipAgent {
  readonly user: string;
  readonly uri: string;
  /** Every MESSAGE seen, once each, in order of arrival. */
  readonly received: SipRequest[] = [];
  /** Called once for each MESSAGE; 200 by default. */
  onMessage: MessageHandler = () => 200;
  /** Called for each request that is no MESSAGE, in place of the 405. */
  onOther: ((request: SipRequest, reply: Reply) => void) | null = null;

  readonly #options: AgentOptions;
  readonly #pending = new Map<string, ClientTransaction>();
  readonly #answered = new Map<string, Buffer | null>();
  readonly #registration = randomBytes(8).toString('hex');
  readonly #cancels = new Set<() => void>();
  #link!: SipLink;
  #cseq = 0;
  #closed = false;

  private constructor(options: AgentOptions) {
    this.#options = options;
    this.user = options.user;
    this.uri = `sip:${options.user}@${options.domain ?? 'example.org'}`;
  }

  /** Opens the sockets of an agent. */
  static async open(options: AgentOptions): Promise<SipAgent> {
    const agent = new SipAgent(options);
    agent.#link = await openLink({
      port: options.port,
      tcp: options.tcp ?? true,
      proxyHost: options.proxyHost ?? '127.0.0.1',
      proxyPort: options.proxyPort,
      receive: (octets, answer, transport) => agent.#receive(octets, answer, transport),
    });
    return agent;
  }

  get port(): number {
    return this.#link.port;
  }

  /** The Contact URI this agent registers. */
  get contact(): string {
    const suffix = this.#options.transport === 'tcp' ? ';transport=tcp' : '';
    return `sip:${this.user}@127.0.0.1:${this.port}${suffix}`;
  }

  /** Binds the contact for `expiresSeconds`; `features` are added to the Contact, e.g. `;+g.oma.sip-im`. */
  register(expiresSeconds = 600, features = ''): Promise<SipAnswer> {
    const domain = this.#options.domain ?? 'example.org';
    return this.request('REGISTER', `sip:${domain}`, {
      to: `<${this.uri}>`,
      callId: this.#registration,
      headers: { Contact: `<${this.contact}>${features}`, Expires: String(expiresSeconds) },
    });
  }

  /** Removes this contact. */
  unregister(): Promise<SipAnswer> {
    return this.register(0);
  }

  /** Sends a MESSAGE and resolves with its final answer, after a digest where one is asked for. */
  message(message: OutgoingMessage): Promise<SipAnswer> {
    const type = message.contentType ?? 'text/plain;charset=utf-8';
    const named = message.contentType === null ? {} : { 'Content-Type': type };
    return this.request('MESSAGE', message.to, {
      to: `<${message.to}>`,
      ...(message.from === undefined ? {} : { from: message.from }),
      ...(message.callId === undefined ? {} : { callId: message.callId }),
      headers: { ...message.headers, ...named },
      body: message.body ?? '',
    });
  }

  /** Sends any request outside a dialog; answers one digest challenge. */
  async request(method: string, uri: string, parts: RequestParts): Promise<SipAnswer> {
    const fixed = { callId: parts.callId ?? randomBytes(10).toString('hex'), tag: newTag() };
    const first = await this.#transaction(method, uri, parts, fixed, {});
    const proxy = first.status === 407;
    if ((first.status !== 401 && !proxy) || this.#options.password === undefined) return first;
    const challenge = first.header(proxy ? 'proxy-authenticate' : 'www-authenticate') ?? '';
    const { user, password } = { user: this.user, password: this.#options.password };
    const value = digestAnswer(challenge, { user, password, method, uri });
    const name = proxy ? 'Proxy-Authorization' : 'Authorization';
    return this.#transaction(method, uri, parts, fixed, { [name]: value });
  }

  /** Sends a request within a dialog, whose headers are given whole but for Via. */
  within(method: string, uri: string, headers: HeaderFields): Promise<SipAnswer> {
    const branch = `z9hG4bK${randomBytes(10).toString('hex')}`;
    const transport = this.#options.transport ?? 'udp';
    const via = `SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${this.port};branch=${branch};rport`;
    const all = { Via: via, 'Max-Forwards': '70', ...headers };
    const octets = formatSip(`${method} ${uri} SIP/2.0`, all, Buffer.alloc(0));
    return this.#exchange(`${branch} ${method}`, octets, transport);
  }

  /** Sends octets as they are; answers to them are ignored. */
  sendRaw(octets: Buffer): void {
    this.#show('sent', octets, this.#options.transport ?? 'udp');
    this.#link.send(octets, this.#options.transport ?? 'udp');
  }

  /** Closes the sockets; transactions under way end with 408. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const cancel of [...this.#cancels]) cancel();
    await this.#link.close();
  }

  #transaction(
    method: string,
    uri: string,
    parts: RequestParts,
    fixed: { readonly callId: string; readonly tag: string },
    credentials: HeaderFields,
  ): Promise<SipAnswer> {
    const branch = `z9hG4bK${randomBytes(10).toString('hex')}`;
    const transport = this.#options.transport ?? 'udp';
    this.#cseq += 1;
    const headers = {
      Via: `SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${this.port};branch=${branch};rport`,
      'Max-Forwards': '70',
      From: `${parts.from ?? `<${this.uri}>`};tag=${fixed.tag}`,
      To: parts.to,
      'Call-ID': fixed.callId,
      CSeq: `${this.#cseq} ${method}`,
      ...credentials,
      ...parts.headers,
    };
    const octets = formatSip(`${method} ${uri} SIP/2.0`, headers, Buffer.from(parts.body ?? ''));
    const answer = this.#exchange(`${branch} ${method}`, octets, transport);
    return method === 'INVITE'
      ? answer.then((one) => this.#acknowledged(uri, headers, one))
      : answer;
  }

  // RFC 3261 section 17.1.1.3: a refusal is acknowledged within the INVITE's own transaction.
  #acknowledged(uri: string, headers: HeaderFields, answer: SipAnswer): SipAnswer {
    if (answer.status < 300 || answer.local) return answer;
    const { Via, From, CSeq, 'Call-ID': callId } = headers as Record<string, string>;
    const To = answer.header('to') ?? '';
    const own = { Via, 'Max-Forwards': '70', From, To, 'Call-ID': callId };
    const number = (CSeq ?? '').split(' ', 1)[0];
    this.sendRaw(
      formatSip(
        `ACK ${uri} SIP/2.0`,
        { ...own, CSeq: `${number} ACK` } as HeaderFields,
        Buffer.alloc(0),
      ),
    );
    return answer;
  }

  // RFC 3261 section 17.1.2.2: timer E doubles up to T2, timer F ends the wait.
  #exchange(key: string, octets: Buffer, transport: Transport): Promise<SipAnswer> {
    return new Promise((resolve) => {
      let intervalMs = t1Ms;
      let again: NodeJS.Timeout | undefined;
      const settle = (answer: SipText | null): void => {
        clearTimeout(again);
        clearTimeout(patience);
        this.#pending.delete(key);
        this.#cancels.delete(cancel);
        resolve(answerOf(answer));
      };
      const cancel = (): void => settle(null);
      const patience = setTimeout(cancel, this.#options.timeoutMs ?? 32_000);
      const transmit = (): void => {
        this.#show('sent', octets, transport);
        this.#link.send(octets, transport);
        if (transport === 'udp') again = setTimeout(transmit, intervalMs);
        intervalMs = Math.min(intervalMs * 2, t2Ms);
      };
      const provisional = (): void => {
        intervalMs = t2Ms;
      };
      this.#pending.set(key, { settle, provisional });
      this.#cancels.add(cancel);
      transmit();
    });
  }

  #receive(octets: Buffer, answer: Answer, transport: Transport): void {
    const text = parseSip(octets);
    if (text.startLine === '') return;
    this.#show('received', octets, transport);
    if (text.startLine.startsWith('SIP/2.0 ')) this.#heardAnswer(text);
    else void this.#heardRequest(text, answer, transport);
  }

  #heardAnswer(text: SipText): void {
    const method = (headerValue(text, 'cseq') ?? '').split(' ')[1] ?? '';
    const waiting = this.#pending.get(`${branchOf(text)} ${method}`);
    if (statusOf(text) >= 200) waiting?.settle(text);
    else waiting?.provisional();
  }

  async #heardRequest(text: SipText, answer: Answer, transport: Transport): Promise<void> {
    const [method = '', uri = ''] = text.startLine.split(' ');
    const key = `${branchOf(text)} ${method}`;
    const before = this.#answered.get(key);
    if (before) answer(before);
    const header = (name: string): string | undefined => headerValue(text, name);
    const request: SipRequest = { ...text, method, uri, transport, header };
    if (method === 'ACK') this.onOther?.(request, () => {});
    if (before !== undefined || method === 'ACK') return;
    this.#remember(key, null);
    const reply: Reply = (status, headers = {}, body = '') => {
      const all = { ...answerHeaders(text), ...headers };
      const first = `SIP/2.0 ${status} ${reasonOf(status)}`;
      const octets = formatSip(first, all, Buffer.from(body));
      this.#remember(key, octets);
      this.#show('sent', octets, transport);
      answer(octets);
    };
    if (method !== 'MESSAGE') {
      if (this.onOther === null) reply(405);
      else this.onOther(request, reply);
      return;
    }
    const said = await this.#heardMessage(request);
    if (said === null) return;
    const { status, headers } = answering(said, {});
    reply(status, headers);
  }

  #heardMessage(request: SipRequest): Answering | Promise<Answering> {
    this.received.push(request);
    return this.onMessage(request);
  }

  #remember(key: string, octets: Buffer | null): void {
    this.#answered.set(key, octets);
    if (this.#answered.size <= rememberedAnswers) return;
    const oldest = this.#answered.keys().next().value;
    if (oldest !== undefined) this.#answered.delete(oldest);
  }

  #show(direction: 'sent' | 'received', octets: Buffer, transport: Transport): void {
    const { transcript } = this.#options;
    transcript?.({ user: this.user, direction, transport, text: octets.toString('utf8') });
  }
}

/** What `SipAgent.request` puts into a request beside what every request has. */
export interface RequestParts {
  readonly to: string;
  readonly from?: string;
  readonly callId?: string;
  readonly headers?: HeaderFields;
  readonly body?: string | Uint8Array;
}
