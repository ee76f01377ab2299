// What the wire tests of large messages share: a chain with large messages on, a sender who brings one over a session,
// and what the engine tells of it. Not a test file.
import type { Test } from 'tap';
import type { SipAgent, SipAnswer } from '../../../adapters/cli/stage/sip-agent.js';
import type { HeaderFields } from '../../../adapters/cli/stage/sip-text.js';
import { type Chain, type ChainOptions, startChain } from '../../support/chain.js';
import { MsrpPeer, messageSdp, pathIn } from '../../support/msrp-peer.js';
import {
  type CallHeard,
  type CallMade,
  invite,
  okHeaders,
  takeCalls,
} from '../../support/session-agent.js';
import { type Letter, letter, type Writing } from './letters.js';

export const largeSettings = {
  'msrp.address': '127.0.0.1',
  'msrp.port': '0',
  'sipLeg.port': '0',
};

/** The whole chain, large messages on. */
export const startLargeChain = (options: ChainOptions = {}): Promise<Chain> =>
  startChain({ ...options, settings: { ...largeSettings, ...options.settings } });

/** A letter whose text has so many octets. */
export function largeLetter(
  from: SipAgent,
  to: SipAgent,
  octets: number,
  writing: Writing = {},
): Letter {
  const words = 'Are we still on for lunch? ';
  return letter(from, to, {
    text: words.repeat(Math.ceil(octets / words.length)).slice(0, octets),
    ...writing,
  });
}

/** A session with the engine, on the sender's side. */
export interface Session {
  readonly call: CallMade;
  readonly peer: MsrpPeer;
}

const isCall = (made: CallMade | SipAnswer): made is CallMade => 'bye' in made;

/** Calls somebody who is offline and opens the MSRP connection; a refusal is an error. */
export async function openSession(
  from: SipAgent,
  to: SipAgent,
  headers: HeaderFields = {},
  sdpLines: readonly string[] = [],
): Promise<Session> {
  const path = MsrpPeer.newPath(9);
  const made = await invite(from, to.uri, messageSdp(path, ['a=sendonly', ...sdpLines]), headers);
  if (!isCall(made)) throw new Error(`no session: ${made.status} ${made.reason}`);
  return { call: made, peer: await MsrpPeer.connect(path, pathIn(made.sdp)) };
}

/** Waits for the response to a chunk. */
export async function heard(chain: Chain, peer: MsrpPeer, id: string): Promise<string> {
  await chain.waitUntil(`the answer to ${id}`, () => peer.answerTo(id) !== null);
  return peer.answerTo(id) ?? '';
}

export interface Bringing {
  readonly headers?: HeaderFields;
  readonly send?: Readonly<Record<string, string>>;
  readonly chunkOctets?: number;
}

/** Brings a letter over a session and ends it; the deferred id of what was stored. */
export async function bring(
  chain: Chain,
  from: SipAgent,
  to: SipAgent,
  sent: Letter,
  { headers = {}, send = {}, chunkOctets = 2048 }: Bringing = {},
): Promise<string> {
  const { call, peer } = await openSession(from, to, headers);
  const ids = peer.sendAll(
    `m${Buffer.from(sent.imdnMessageId).toString('hex').slice(0, 20)}`,
    sent.body,
    chunkOctets,
    send,
  );
  const last = await heard(chain, peer, ids.at(-1)!);
  if (last !== '200 OK') throw new Error(`not stored: ${last}`);
  await call.bye();
  peer.close();
  return chain.newest(to);
}

/** Calls somebody with a description that is to be refused; the answer. */
export async function refusal(
  from: SipAgent,
  to: string,
  sdp: string,
  headers: HeaderFields = {},
): Promise<SipAnswer> {
  const made = await invite(from, to, sdp, headers);
  if (isCall(made)) throw new Error('the call was taken');
  return made;
}

/** Feature tags of a phone that takes large messages. */
export const largeTag = ';+g.oma.sip-im;+g.oma.sip-im.large-message';

/**
 * A phone that answers calls by waiting to be connected to (none), or by connecting to the caller's path after its answer
 * (active) or before it (early).
 */
export class LargePhone {
  readonly calls: CallHeard[];
  readonly peers: MsrpPeer[] = [];
  /** Status by which the next calls are refused; null to take them. */
  refusing: number | null = null;
  direction: 'recvonly' | 'inactive' = 'recvonly';
  /** More lines of its descriptions. */
  sdpLines: readonly string[] = [];

  constructor(
    private readonly t: Pick<Test, 'teardown'>,
    readonly agent: SipAgent,
    setup: 'active' | 'none' | 'early',
    onPeer: (peer: MsrpPeer) => void = () => undefined,
  ) {
    this.calls = takeCalls(agent, (call) => {
      if (this.refusing !== null) call.reply(this.refusing);
      else void this.take(call, setup, onPeer);
    });
  }

  private async take(call: CallHeard, setup: string, onPeer: (peer: MsrpPeer) => void) {
    const listener = await MsrpPeer.listen();
    this.t.teardown(() => listener.close());
    const path = MsrpPeer.newPath(listener.port);
    const theirs = pathIn(call.sdp);
    const lines = setup === 'none' ? [] : ['a=setup:active'];
    const sdp = messageSdp(path, [`a=${this.direction}`, ...lines, ...this.sdpLines]);
    const answer = () => call.reply(200, okHeaders(this.agent, call), sdp);
    if (setup !== 'early') answer();
    const connected =
      setup === 'none' ? listener.accept(path, theirs) : MsrpPeer.connect(path, theirs);
    const peer = await connected;
    onPeer(peer);
    this.peers.push(peer);
    // RFC 6135 section 4.3: who connects names the session by a SEND without content.
    if (setup !== 'none') peer.send({ messageId: 'bindbind', range: '1-0/0', body: null });
    if (setup === 'early') peer.socket.once('data', answer);
  }

  /** What a session brought, put together. */
  content(session = 0): string {
    const chunks = (this.peers[session]?.frames ?? []).filter((one) => one.what === 'SEND');
    return chunks.map((one) => one.body ?? '').join('');
  }
}
