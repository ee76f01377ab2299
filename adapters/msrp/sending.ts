// The sending side of one session: one message in chunks, never more of them on their way than a window, and the
// answer to every one awaited. Delivered means that each chunk was answered 200 (spec 3.3), or, behind a relay, whose 200 is
// its own, that the peer has reported every octet; anything else is not.
import type { Connection, Session, Sink } from './connection.js';
import { answerTo } from './connection.js';
import { type MsrpUri, oneValue, readPath } from './fields.js';
import { type RequestHead, type ResponseHead, writeRequest } from './frame.js';
import { msrpLimits } from './limits.js';
import { Reported } from './reported.js';

/** What is sent. */
export interface Sendable {
  readonly content: Uint8Array;
  readonly contentType: string;
  readonly expiresSeconds: number | null;
}

export interface SendingHooks {
  /** The peer has every octet. */
  readonly delivered: () => void;
  /** A chunk was answered, or reported, with something else. */
  readonly refused: (status: number) => void;
  readonly lost: () => void;
  /** Unguessable letters. */
  readonly random: () => string;
}

export class Sending implements Session {
  private via: Connection | null = null;
  private readonly waiting = new Set<string>();
  private readonly messageId: string;
  private readonly reported: Reported;
  private next = 0;
  private allSent = false;
  private over = false;
  /** Of the peer's description; null until that is there. */
  private peer: readonly MsrpUri[] | null = null;
  /** The session of the peer that connected by itself, as it named it. */
  private named: string | null = null;

  constructor(
    readonly path: string,
    private readonly sendable: Sendable,
    private readonly hooks: SendingHooks,
  ) {
    this.messageId = hooks.random();
    this.reported = new Reported(this.messageId, sendable.content.length);
  }

  /** True once there is a connection: a peer that opens it may be quicker than its description over SIP. */
  get bound(): boolean {
    return this.via !== null;
  }

  /** True while all is sent, and nothing missing but answers of a peer who can still give them. */
  get awaitsAnswers(): boolean {
    return !this.over && this.allSent && this.via?.alive === true;
  }

  /** The peer's path is known; sending begins when the connection is there as well. */
  answered(peer: readonly MsrpUri[]): void {
    this.peer ??= peer;
    // Somebody else was here before the phone that was called.
    if (this.named !== null && this.named !== peer.at(-1)?.sessionId) this.fail();
    else this.pump();
  }

  /** The connection is there; the first one counts. */
  begin(via: Connection): void {
    if (this.via !== null || this.over) return;
    this.via = via;
    via.bind(this);
    this.pump();
  }

  // The peer that opened the connection names its session by a request without content (RFC 6135 section 4.3).
  request(head: RequestHead, via: Connection): Sink {
    return {
      body: () => {},
      end: () => {
        if (head.method === 'REPORT') {
          this.report(head, via);
          return;
        }
        const { status, comment } = this.verdict(head);
        via.send(answerTo(head, status, comment, this.path));
        if (status === 200) this.begin(via);
      },
    };
  }

  // Never answered (section 7.1.2).
  private report(head: RequestHead, via: Connection): void {
    if (this.over || via !== this.via || this.peer === null) return;
    const sessionIds = this.peer.map(({ sessionId }) => sessionId);
    const status = this.reported.take(head, sessionIds);
    if (status !== null) this.refuse(status);
    else this.judge();
  }

  // We only send here: content of the peer's would be lost, and whoever is not the peer gets nothing (section 7.3).
  private verdict({ method, headers }: RequestHead): { status: number; comment: string } {
    const from = readPath(oneValue(headers, 'from-path') ?? '')?.at(-1)?.sessionId ?? null;
    const peer = this.peer?.at(-1)?.sessionId ?? this.named ?? from;
    if (from === null || from !== peer) return { status: 481, comment: 'No Such Session' };
    if (method !== 'SEND') return { status: 501, comment: 'Unknown Method' };
    if (oneValue(headers, 'content-type') !== null)
      return { status: 403, comment: 'Nothing Is Received Here' };
    this.named ??= from;
    return { status: 200, comment: 'OK' };
  }

  response(head: ResponseHead): void {
    if (this.over || !this.waiting.delete(head.transactionId)) return;
    if (head.status !== 200) {
      this.refuse(head.status);
      return;
    }
    this.judge();
    this.pump();
  }

  // With one URI in the path whoever answers is the peer itself.
  private judge(): void {
    if (!this.allSent || this.waiting.size > 0) return;
    if (this.isRelayed && !this.reported.whole) return;
    this.end();
    this.hooks.delivered();
  }

  private get isRelayed(): boolean {
    return this.peer !== null && this.peer.length > 1;
  }

  private refuse(status: number): void {
    this.end();
    this.hooks.refused(status);
  }

  lost(via: Connection): void {
    if (via === this.via) this.fail();
  }

  private fail(): void {
    if (this.over) return;
    this.end();
    this.hooks.lost();
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.via?.unbind(this);
  }

  private pump(): void {
    const { via, peer } = this;
    while (via !== null && peer !== null && !this.over && !this.allSent) {
      if (this.waiting.size >= msrpLimits.chunksInFlightMax) return;
      if (via.alive) via.send(this.chunk(peer));
      else this.fail();
    }
  }

  private chunk(peer: readonly MsrpUri[]): Buffer {
    const { content, contentType, expiresSeconds } = this.sendable;
    const start = this.next;
    const end = Math.min(start + msrpLimits.chunkOctets, content.length);
    this.next = end;
    this.allSent = end === content.length;
    const transactionId = this.hooks.random();
    this.waiting.add(transactionId);
    const headers = [
      ['To-Path', peer.map(({ text }) => text).join(' ')],
      ['From-Path', this.path],
      ['Message-ID', this.messageId],
      ['Byte-Range', `${start + 1}-${end}/${content.length}`],
      ...(this.isRelayed ? [['Success-Report', 'yes'] as const] : []),
      ...(expiresSeconds === null ? [] : [['Expires', String(expiresSeconds)] as const]),
      ['Content-Type', contentType],
    ] as const;
    const head = { transactionId, method: 'SEND', headers };
    // The id is 80 random bits: no content has its end-line but by a chance that does not happen.
    return writeRequest(head, content.subarray(start, end), this.allSent ? '$' : '+');
  }
}
