// What a session that carries a large message is to those who call, read and carry it: the SIP leg, the SIP codec and
// MSRP, which know nothing of each other, mean the same by it. Types alone; the runtime itself asks only whom a session
// is for.
import type { HeaderLine } from '../machines/index.js';
import type { Summoned } from './commands.js';

/** A call for somebody who is offline, waiting for its answer. */
export interface WaitingCall {
  /** The INVITE as it came. */
  readonly octets: Uint8Array;
  /** Its body: the caller's session description. */
  readonly body: Uint8Array;
  /** Base64 of the identity the proxy vouches for, or `-`. */
  readonly asserted: string;
  /** Its user can be reached: what it brings goes behind a backlog that is being delivered (spec 3.4). */
  readonly queued: boolean;
  /** Answers 200; gives the headers of the answer that are kept with the message, or null when it cannot. */
  accept(sdp: string, lines: readonly HeaderLine[]): readonly HeaderLine[] | null;
  refuse(status: number, lines?: readonly HeaderLine[]): void;
  /** Told once, when nothing more can come of it. */
  onEnd(run: (end: CallEnd) => void): void;
  /** Ends an accepted call by BYE, with these lines, as soon as the caller has the answer; harmless when it is over. */
  hangUp(lines?: readonly HeaderLine[]): void;
}

/** How a call ended: the lines of the caller's BYE, or none when it was not he who ended it in good order. */
export interface CallEnd {
  readonly bye: readonly HeaderLine[];
}

/** Where a proxy hears us. */
export interface ProxyPlace {
  readonly address: string;
  readonly port: number;
}

/** A call of ours to somebody who is back. */
export interface OutgoingCall {
  /** The proxy to call through. */
  readonly proxy: ProxyPlace;
  readonly uri: string;
  /** The contact among those of the user that is to be called. */
  readonly contact: string;
  /** From with its tag, To, Call-ID, and whatever else goes along; CRLF behind each line. */
  readonly headers: string;
  readonly cseq: number;
  readonly sdp: string;
}

/** What becomes of a call of ours. */
export interface CallHooks {
  /** The phone took the call; its description. */
  readonly accepted: (sdp: Uint8Array) => void;
  /** The call came to nothing, by this status; 408 when nobody said anything. */
  readonly refused: (status: number) => void;
  /** The phone ended the session. */
  readonly hungUp: () => void;
}

/** What an INVITE says before it is answered. */
export interface InviteFacts extends Summoned {
  readonly ok: true;
}

/** Content a session has brought, with what is kept of the session. */
export interface LargeContent {
  readonly content: Uint8Array;
  /** Content-Type of the SEND, as it came. */
  readonly contentType: string;
  readonly expiresSeconds: number | null;
  readonly msrpMessageId: string;
  /** Header fields of the SEND that began it. */
  readonly send: readonly HeaderLine[];
  /** Header fields of our 200 OK that are kept. */
  readonly ok: readonly HeaderLine[];
}

/** A stored large message on its way to its recipient: the call, and what the MSRP session then carries. */
export interface LargeRequest {
  readonly uri: string;
  /** The contacts that may be called, the latest at the end. */
  readonly contacts: readonly string[];
  /** From, To, Call-ID and all other headers of the INVITE but CSeq, CRLF behind each line. */
  readonly headers: string;
  readonly cseq: number;
  readonly content: Uint8Array;
  readonly contentType: string;
  /** Of the SEND: the message's life as its recipient is to see it, or null. */
  readonly expiresSeconds: number | null;
}
