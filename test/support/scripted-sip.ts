// The far side of the SIP leg in tests: a UDP socket that says what the script tells it to, well formed or not, and keeps
// what it hears in order. It answers nothing by itself. Plain text, apart from our own reader and writer.

import dgram from 'node:dgram';
import { once } from 'node:events';
import type { Test } from 'tap';
import { parseSip, type SipText } from '../../adapters/cli/stage/sip-text.js';
import { type LegOptions, openLeg, type SipLeg } from '../../adapters/sip/leg/leg.js';
import { hostEntropy } from '../../runtime/index.js';
import { SimulatedClock } from './world.js';

/** One message as it was heard, its headers by lower-case name. */
export interface HeardText {
  readonly first: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class ScriptedSip {
  readonly heard: HeardText[] = [];
  #taken = 0;
  #waiting: () => void = () => {};

  private constructor(
    readonly socket: dgram.Socket,
    readonly port: number,
    private readonly to: { readonly address: string; readonly port: number },
  ) {
    socket.on('message', (octets) => {
      this.heard.push(textOf(parseSip(octets)));
      this.#waiting();
    });
  }

  static async open(to: SipLeg['place']): Promise<ScriptedSip> {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new ScriptedSip(socket, socket.address().port, to);
  }

  /** Sends lines, CRLF behind each; a Content-Length unless there is one. */
  say(lines: readonly string[], body = ''): void {
    const length = lines.some((line) => line.startsWith('Content-Length:'))
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`];
    const text = [...lines, ...length, '', body].join('\r\n');
    this.socket.send(text, this.to.port, this.to.address);
  }

  /** The next message that was not looked at yet. */
  async next(): Promise<HeardText> {
    while (this.heard.length <= this.#taken)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    this.#taken += 1;
    return this.heard[this.#taken - 1]!;
  }

  /**
   * What was heard since `next` and not looked at: all of it, as an answer to a question put now comes behind it.
   */
  async rest(): Promise<readonly HeardText[]> {
    const callId = `fence-${this.#taken}-${this.heard.length}`;
    this.say(requestLines(this, 'OPTIONS', { callId, branch: `z9hG4bK${callId}` }));
    const fence = () => this.heard.findIndex((one) => one.headers['call-id'] === callId);
    while (fence() === -1)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    const found = this.heard.slice(this.#taken, fence());
    this.heard.splice(fence(), 1);
    this.#taken = this.heard.length;
    return found;
  }

  close(): void {
    this.socket.close();
  }
}

function textOf(message: SipText): HeardText {
  const headers: Record<string, string> = {};
  for (const [name, value] of message.headers) {
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { first: message.startLine, headers, body: message.body.toString('utf8') };
}

/** What of a request a script may choose. */
export interface Asked {
  readonly callId?: string;
  readonly branch?: string;
  readonly fromTag?: string;
  readonly to?: string;
  readonly cseq?: number | string;
  readonly headers?: readonly string[];
  readonly uri?: string;
}

/** A request of the script's, as a proxy would send it. */
export function requestLines(
  from: { readonly port: number },
  method: string,
  asked: Asked,
): string[] {
  const { callId = 'call-1', branch = `z9hG4bK-${method}-${callId}`, fromTag = 'alice' } = asked;
  const { to = '<sip:bob@example.org>', cseq = 1, uri = 'sip:bob@example.org' } = asked;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${from.port};branch=${branch};rport`,
    'Max-Forwards: 70',
    `From: "Alice" <sip:alice@example.org>;tag=${fromTag}`,
    `To: ${to}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...(asked.headers ?? []),
  ];
}

/** An answer of the script's to a request of the leg. */
export function answerLines(
  request: HeardText,
  status: string,
  {
    toTag = 'bob',
    headers = [],
  }: { readonly toTag?: string; readonly headers?: readonly string[] } = {},
): string[] {
  const echo = ['Via', 'From', 'Call-ID', 'CSeq'].map(
    (name) => `${name}: ${request.headers[name.toLowerCase()]}`,
  );
  const to = request.headers['to'] ?? '';
  const tagged = to.includes(';tag=') || toTag === '' ? to : `${to};tag=${toTag}`;
  return [`SIP/2.0 ${status}`, ...echo, `To: ${tagged}`, ...headers];
}

/** A leg on loopback by a clock that is moved by hand, with its scripted far side. */
export async function legUnderTest(
  t: Pick<Test, 'teardown'>,
  options: Partial<Pick<LegOptions, 'onInvite'>> = {},
): Promise<LegUnderTest> {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1));
  const failures: string[] = [];
  const leg = await openLeg({
    place: { address: '127.0.0.1', port: 0 },
    ...{ clock, entropy: hostEntropy },
    onInvite: options.onInvite ?? ((call) => call.refuse(480)),
    onFailure: (where, cause) => failures.push(`${where}: ${String(cause)}`),
  });
  const peer = await ScriptedSip.open(leg.place);
  t.teardown(async () => {
    await leg.close();
    peer.close();
  });
  return { leg, peer, clock, failures };
}

export interface LegUnderTest {
  readonly leg: SipLeg;
  readonly peer: ScriptedSip;
  readonly clock: SimulatedClock;
  /** What the leg itself could not do. */
  readonly failures: readonly string[];
}
