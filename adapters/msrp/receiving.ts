// The receiving side of one session: chunks in, whole messages out, and the answer to each SEND. The SEND that
// completes a message is answered when its message is stored, and not before (spec 2.3); until then nothing of the
// message exists but octets in memory. Knows no SIP and no store: both are behind its hooks.
import { Assembly, type AssemblyFault, type Budget } from './assembly.js';
import { answerTo, type Connection, type Session, type Sink } from './connection.js';
import {
  failureReportOf,
  type MsrpUri,
  oneValue,
  readPath,
  type SendFacts,
  sendFacts,
} from './fields.js';
import { type Fingerprint, isAnnounced } from './fingerprint.js';
import { type Flag, type HeaderLine, type RequestHead, writeRequest } from './frame.js';
import { msrpLimits } from './limits.js';

/** A complete message. */
export interface Received {
  readonly msrpMessageId: string;
  readonly content: Uint8Array;
  readonly contentType: string;
  readonly expiresSeconds: number | null;
  /** Header fields of the SEND that began it. */
  readonly send: readonly HeaderLine[];
}

/** What becomes of a complete message: an MSRP status with its comment. */
export interface Verdict {
  readonly status: number;
  readonly comment: string;
  /** Told when it was said to the sender. */
  readonly heard?: () => void;
  /** Told when the sender could not be told. */
  readonly unheard?: () => void;
}

export interface ReceivingHooks {
  /** Stores a message; resolves when that is durable, or refused; null when nobody knows. Rejects never. */
  readonly complete: (message: Received) => Promise<Verdict | null>;
  readonly lost: () => void;
  /** Unguessable letters. */
  readonly random: () => string;
}

/** Whom a session is with, as its description says. */
export interface Peer {
  readonly uri: MsrpUri;
  /** Whether it comes by TLS. */
  readonly secure: boolean;
  /** Of the certificate it shows; null: any, or none. */
  readonly fingerprint: Fingerprint | null;
}

/** One message of the session. */
interface Incoming {
  readonly assembly: Assembly;
  /** Of the chunk that has the first octet, else of the first one that came. */
  begun: { readonly facts: SendFacts; readonly send: readonly HeaderLine[] };
  /** Once decided, every further chunk hears the same. */
  verdict: Promise<Verdict | null> | null;
  /** Octets of the whole message, when it is whole. */
  octets: number;
  reported: boolean;
}

const accepted: Verdict = { status: 200, comment: 'OK' };
const givenUp: Verdict = { status: 413, comment: 'Message Was Given Up' };

const faults: Readonly<Record<AssemblyFault, Verdict>> = {
  'too-large': { status: 413, comment: 'Message Too Large' },
  'no-memory': { status: 413, comment: 'Too Many Messages Under Way' },
  'too-many-gaps': { status: 400, comment: 'Too Many Gaps' },
  contradiction: { status: 400, comment: 'Byte-Range Contradicts Itself' },
};

export class Receiving implements Session {
  private readonly messages = new Map<string, Incoming>();
  private via: Connection | null = null;
  private over = false;

  constructor(
    readonly path: string,
    private readonly peer: Peer,
    private readonly octetsMax: number,
    private readonly budget: Budget,
    private readonly hooks: ReceivingHooks,
  ) {}

  /** True once the peer has spoken. */
  get bound(): boolean {
    return this.via !== null;
  }

  request(head: RequestHead, via: Connection): Sink {
    const refused = this.refusal(head, via);
    if (refused !== null) return this.answering(head, via, refused);
    this.via = via;
    via.bind(this);
    if (head.method === 'REPORT') return silent;
    if (head.method !== 'SEND')
      return this.answering(head, via, { status: 501, comment: 'Unknown Method' });
    const facts = sendFacts(head);
    if (typeof facts === 'string')
      return this.answering(head, via, { status: 400, comment: facts });
    // A SEND without content names the session of a connection, or keeps it open.
    if (facts.contentType === null) return this.answering(head, via, accepted);
    return this.chunk(head, facts, via);
  }

  // Section 7.3: a session has one peer and one connection.
  private refusal(head: RequestHead, via: Connection): Verdict | null {
    const from = readPath(oneValue(head.headers, 'from-path') ?? '');
    if (this.over || from?.at(-1)?.sessionId !== this.peer.uri.sessionId || !this.isPeer(via))
      return { status: 481, comment: 'No Such Session' };
    if (this.via !== null && this.via !== via && this.via.alive)
      return { status: 506, comment: 'Session Is Bound To Another Connection' };
    return null;
  }

  // RFC 4975 section 14.4: who shows another certificate than was announced is somebody else.
  private isPeer(via: Connection): boolean {
    if (via === this.via) return true;
    const { secure, fingerprint } = this.peer;
    if (via.secure !== secure) return false;
    return fingerprint === null || isAnnounced(via.certificate, fingerprint);
  }

  response(): void {}

  lost(via: Connection): void {
    if (this.over || via !== this.via) return;
    this.end();
    this.hooks.lost();
  }

  /** Forgets what has not come whole; a message that is being stored keeps its memory until it is. */
  end(): void {
    if (this.over) return;
    this.over = true;
    for (const one of this.messages.values()) if (one.verdict === null) one.assembly.drop();
    this.via?.unbind(this);
  }

  private answering(head: RequestHead, via: Connection, verdict: Verdict): Sink {
    return { body: () => {}, end: () => this.answer(head, via, verdict) };
  }

  private chunk(head: RequestHead, facts: SendFacts, via: Connection): Sink {
    const message = this.messageOf(head, facts);
    if (message === null)
      return this.answering(head, via, { status: 403, comment: 'One Message To A Session' });
    let fault = message.verdict === null ? message.assembly.begin(facts.range) : null;
    // A sender of too much hears so at once, and stops (RFC 4975 section 10.5).
    let told = false;
    const refuse = (): void => {
      if (fault === null || told) return;
      told = true;
      this.settle(message, faults[fault]);
      this.answer(head, via, faults[fault]);
    };
    refuse();
    return {
      body: (octets) => {
        if (this.over || fault !== null || message.verdict !== null) return;
        fault = message.assembly.write(octets);
        refuse();
      },
      end: (flag) => {
        // The session ended within this chunk: what had not come whole is forgotten already.
        if (this.over && message.verdict === null) return;
        if (!told) this.ended(head, facts, via, message, flag);
      },
    };
  }

  private messageOf(head: RequestHead, facts: SendFacts): Incoming | null {
    const known = this.messages.get(facts.messageId);
    const begun = { facts, send: head.headers };
    if (known !== undefined) {
      if (facts.range.start === 1 && known.begun.facts.range.start !== 1) known.begun = begun;
      return known;
    }
    if (this.messages.size >= msrpLimits.messagesPerSessionMax) return null;
    const assembly = new Assembly(this.octetsMax, this.budget);
    const fresh: Incoming = { assembly, begun, verdict: null, octets: 0, reported: false };
    this.messages.set(facts.messageId, fresh);
    return fresh;
  }

  private ended(
    head: RequestHead,
    facts: SendFacts,
    via: Connection,
    message: Incoming,
    flag: Flag,
  ): void {
    if (message.verdict === null) this.settleAt(flag, facts.messageId, message);
    if (flag === '#' || message.verdict === null) {
      this.answer(head, via, accepted);
      return;
    }
    void message.verdict.then((verdict) => {
      // Unknown is not refused: the sender hears nothing, and tries again.
      if (verdict === null) via.close();
      else this.answer(head, via, verdict);
      if (verdict?.status === 200) this.report(head, via, message);
    });
  }

  private settleAt(flag: Flag, messageId: string, message: Incoming): void {
    if (flag === '#') {
      this.settle(message, givenUp);
      return;
    }
    const fault = flag === '$' ? message.assembly.last() : null;
    if (fault !== null) this.settle(message, faults[fault]);
    else if (message.assembly.complete) this.store(messageId, message);
  }

  private settle(message: Incoming, verdict: Verdict): void {
    message.assembly.drop();
    message.verdict = Promise.resolve(verdict);
  }

  private store(msrpMessageId: string, message: Incoming): void {
    const { facts, send } = message.begun;
    const content = message.assembly.content();
    message.octets = content.length;
    const { expiresSeconds } = facts;
    const contentType = facts.contentType ?? '';
    const received = { msrpMessageId, content, contentType, expiresSeconds, send };
    message.verdict = this.hooks.complete(received).finally(() => message.assembly.drop());
  }

  // RFC 4975 section 7.2: what the sender wants to hear of.
  private answer(head: RequestHead, via: Connection, verdict: Verdict): void {
    const { status, comment } = verdict;
    const wish = failureReportOf(head.headers);
    if (wish === 'no' || (wish === 'partial' && status === 200)) return;
    if (!via.alive) {
      verdict.unheard?.();
      return;
    }
    via.send(answerTo(head, status, comment, this.path));
    verdict.heard?.();
  }

  // Section 7.1.2: one REPORT over the whole message.
  private report(head: RequestHead, via: Connection, message: Incoming): void {
    const { messageId, successReport } = message.begun.facts;
    if (!successReport || message.reported) return;
    message.reported = true;
    const total = message.octets;
    const headers = [
      ['To-Path', oneValue(head.headers, 'from-path') ?? ''],
      ['From-Path', this.path],
      ['Message-ID', messageId],
      ['Byte-Range', `1-${total}/${total}`],
      ['Status', '000 200 OK'],
    ] as const;
    via.send(
      writeRequest({ transactionId: this.hooks.random(), method: 'REPORT', headers }, null, '$'),
    );
  }
}

const silent: Sink = { body: () => {}, end: () => {} };
