// The sending side of one session: one message in chunks, never more of them on their way than a window, and the
// answer to every one awaited. Delivered means that each chunk was answered 200 (spec 3.3); anything else is not.
import type { Connection, Session, Sink } from './connection.js';
import { answerTo } from './connection.js';
import type { MsrpUri } from './fields.js';
import { type RequestHead, type ResponseHead, writeRequest } from './frame.js';
import { msrpLimits } from './limits.js';

/** What is sent. */
export interface Sendable {
  readonly content: Uint8Array;
  readonly contentType: string;
  readonly expiresSeconds: number | null;
}

export interface SendingHooks {
  /** Every chunk was taken. */
  readonly delivered: () => void;
  /** A chunk was answered with something else. */
  readonly refused: (status: number) => void;
  readonly lost: () => void;
  /** Unguessable letters. */
  readonly random: () => string;
}

export class Sending implements Session {
  private via: Connection | null = null;
  private readonly waiting = new Set<string>();
  private readonly messageId: string;
  private next = 0;
  private allSent = false;
  private over = false;
  /** Of the peer's description; null until that is there. */
  private peer: readonly MsrpUri[] | null = null;

  constructor(
    readonly path: string,
    private readonly sendable: Sendable,
    private readonly hooks: SendingHooks,
  ) {
    this.messageId = hooks.random();
  }

  /** True once there is a connection: a peer that opens it may be quicker than its description over SIP. */
  get bound(): boolean {
    return this.via !== null;
  }

  /** The peer's path is known; sending begins when the connection is there as well. */
  answered(peer: readonly MsrpUri[]): void {
    this.peer ??= peer;
    this.pump();
  }

  /** The connection is there; the first one counts. */
  begin(via: Connection): void {
    if (this.via !== null || this.over) return;
    this.via = via;
    this.pump();
  }

  // The peer that opened the connection names its session by a request without content (RFC 6135 section 4.3).
  request(head: RequestHead, via: Connection): Sink {
    return {
      body: () => {},
      end: () => {
        if (head.method === 'REPORT') return;
        const status = head.method === 'SEND' ? 200 : 501;
        via.send(answerTo(head, status, status === 200 ? 'OK' : 'Unknown Method', this.path));
        this.begin(via);
      },
    };
  }

  response(head: ResponseHead): void {
    if (this.over || !this.waiting.delete(head.transactionId)) return;
    if (head.status !== 200) {
      this.end();
      this.hooks.refused(head.status);
      return;
    }
    if (this.allSent && this.waiting.size === 0) {
      this.end();
      this.hooks.delivered();
      return;
    }
    this.pump();
  }

  lost(): void {
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
      else this.lost();
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
      ...(expiresSeconds === null ? [] : [['Expires', String(expiresSeconds)] as const]),
      ['Content-Type', contentType],
    ] as const;
    const head = { transactionId, method: 'SEND', headers };
    // The id is 80 random bits: no content has its end-line but by a chance that does not happen.
    return writeRequest(head, content.subarray(start, end), this.allSent ? '$' : '+');
  }
}
