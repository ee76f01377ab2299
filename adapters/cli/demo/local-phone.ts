// A user agent without sockets: writes and reads the same SIP octets as a real one, and hands them to the switch by
// function call. Invariant: each message is a request of its own, with its own Call-ID and tag.
import { randomBytes } from 'node:crypto';
import type {
  MessageHandler,
  OutgoingMessage,
  SipRequest,
  TranscriptEntry,
} from '../stage/sip-agent.js';
import { formatSip, headerValue, parseSip, type SipText } from '../stage/sip-text.js';
import { domain, type Heard, type Phone } from './stage.js';

/** What a phone can do with the switch it is plugged into. */
export interface Line {
  register(user: string, expiresSeconds: number): Promise<number>;
  /** A request of this user; resolves with its final status. */
  request(user: string, request: SipText): Promise<readonly [status: number, reason: string]>;
  readonly transcript: TranscriptEntry[];
}

const registrationSeconds = 600;

export class LocalPhone implements Phone {
  readonly uri: string;
  readonly received: SipRequest[] = [];
  onMessage: MessageHandler = () => 200;
  readonly #line: Line;
  #cseq = 0;

  constructor(
    readonly user: string,
    line: Line,
  ) {
    this.uri = `sip:${user}@${domain}`;
    this.#line = line;
  }

  async register(): Promise<Heard> {
    const status = await this.#line.register(this.user, registrationSeconds);
    return this.#answer('REGISTER', parseSip(Buffer.alloc(0)), status, reasonOf(status));
  }

  async unregister(): Promise<Heard> {
    const status = await this.#line.register(this.user, 0);
    return this.#answer('REGISTER', parseSip(Buffer.alloc(0)), status, reasonOf(status));
  }

  async message(message: OutgoingMessage): Promise<Heard> {
    const request = parseSip(this.#octets(message));
    this.#show('sent', request.octets);
    const [status, reason] = await this.#line.request(this.user, request);
    return this.#answer('MESSAGE', request, status, reason);
  }

  /** A MESSAGE for this phone; resolves with its answer, 408 for silence. */
  async ring(octets: Buffer): Promise<number> {
    const text = parseSip(octets);
    const [method = '', uri = ''] = text.startLine.split(' ');
    const header = (name: string): string | undefined => headerValue(text, name);
    const request: SipRequest = { ...text, method, uri, transport: 'udp', header };
    this.#show('received', octets);
    this.received.push(request);
    return statusOf(await this.onMessage(request));
  }

  #octets(message: OutgoingMessage): Buffer {
    this.#cseq += 1;
    const headers = {
      From: `${message.from ?? `<${this.uri}>`};tag=${randomBytes(6).toString('hex')}`,
      To: `<${message.to}>`,
      'Call-ID': message.callId ?? randomBytes(10).toString('hex'),
      CSeq: `${this.#cseq} MESSAGE`,
      'Max-Forwards': '70',
      ...message.headers,
      'Content-Type': message.contentType ?? 'text/plain;charset=utf-8',
    };
    return formatSip(`MESSAGE ${message.to} SIP/2.0`, headers, Buffer.from(message.body ?? ''));
  }

  #answer(method: string, request: SipText, status: number, reason: string): Heard {
    const same = (name: string) => headerValue(request, name) ?? '';
    const headers = { From: same('from'), To: same('to'), 'Call-ID': same('call-id') };
    const octets = formatSip(`SIP/2.0 ${status} ${reason}`, headers, Buffer.alloc(0));
    const message = parseSip(octets);
    if (method === 'MESSAGE') this.#show('received', octets);
    return { status, reason, message, header: (name) => headerValue(message, name) };
  }

  #show(direction: 'sent' | 'received', octets: Buffer): void {
    const text = octets.toString('utf8');
    this.#line.transcript.push({ user: this.user, direction, transport: 'udp', text });
  }
}

const reasonOf = (status: number): string => (status === 200 ? 'OK' : 'Server Internal Error');

/** The status of what a phone says; silence counts as 408. */
function statusOf(said: Awaited<ReturnType<MessageHandler>>): number {
  if (said === null) return 408;
  return typeof said === 'number' ? said : said.status;
}
