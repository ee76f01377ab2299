// A phone that subscribes to notices (RFC 6665) for the wire tests: sends SUBSCRIBE with a digest, in its dialog or
// before one, and keeps the NOTIFYs it hears, which it answers as it is told. Not a test file.
import { randomBytes } from 'node:crypto';
import type { SipAgent, SipAnswer, SipRequest } from '../../../adapters/cli/stage/sip-agent.js';
import { digestAnswer, type HeaderFields } from '../../../adapters/cli/stage/sip-text.js';
import { users } from '../../support/chain.js';

export const summaryType = 'application/simple-message-summary';
export const listType = 'application/vnd.oma.im.deferred-list+xml';

/** One subscription of a phone. */
export class Subscriber {
  /** Every NOTIFY of this dialog, once each, in order of arrival. */
  readonly heard: SipRequest[] = [];
  /** How the next NOTIFY is answered; null: not at all. */
  answer: number | null = 200;
  readonly callId = randomBytes(8).toString('hex');
  readonly tag = randomBytes(6).toString('hex');
  /** To of the dialog, as the first answer gave it. */
  to: string;
  /** Request-URI of what comes next: the Contact of the first answer. */
  target = '';
  cseq = 0;

  constructor(
    readonly agent: SipAgent,
    readonly headers: HeaderFields = {},
  ) {
    this.to = `<${agent.uri}>`;
    const others = agent.onOther;
    agent.onOther = (request, reply) => {
      if (request.method !== 'NOTIFY' || request.header('Call-ID') !== this.callId) {
        if (others === null) reply(405);
        else others(request, reply);
        return;
      }
      this.heard.push(request);
      if (this.answer !== null) reply(this.answer);
    };
  }

  /** Begins the subscription, or renews it; `uri` is whom the first request goes to. */
  async subscribe(expires: number | null = 600, uri = this.agent.uri): Promise<SipAnswer> {
    const answer = await this.send(this.target === '' ? uri : this.target, expires);
    if (answer.status === 200) {
      this.to = answer.header('To') ?? this.to;
      this.target = (answer.header('Contact') ?? '').replace(/^<|>$/g, '');
    }
    return answer;
  }

  async send(uri: string, expires: number | null): Promise<SipAnswer> {
    const first = await this.transmit(uri, expires, {});
    if (first.status !== 407) return first;
    const challenge = first.header('Proxy-Authenticate') ?? '';
    const { user } = this.agent;
    const credentials = { user, password: users[user] ?? '', method: 'SUBSCRIBE', uri };
    const value = digestAnswer(challenge, credentials);
    return this.transmit(uri, expires, { 'Proxy-Authorization': value });
  }

  private transmit(uri: string, expires: number | null, more: HeaderFields): Promise<SipAnswer> {
    this.cseq += 1;
    return this.agent.within('SUBSCRIBE', uri, {
      From: `<${this.agent.uri}>;tag=${this.tag}`,
      To: this.to,
      'Call-ID': this.callId,
      CSeq: `${this.cseq} SUBSCRIBE`,
      Contact: `<${this.agent.contact}>`,
      Event: 'message-summary',
      Accept: `${summaryType}, ${listType}`,
      ...(expires === null ? {} : { Expires: String(expires) }),
      ...this.headers,
      ...more,
    });
  }

  get last(): SipRequest | undefined {
    return this.heard.at(-1);
  }

  /** Subscription-State of the last NOTIFY. */
  get state(): string {
    return this.last?.header('Subscription-State') ?? '';
  }
}
