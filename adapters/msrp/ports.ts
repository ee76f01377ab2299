// What this folder needs of its siblings, which the composition root hands in: the SIP leg, the SIP codec. Types alone.
import type { HeaderLine, IncomingMessage } from '../../machines/index.js';
import type { OutgoingDelivery } from '../../runtime/index.js';

/** Why something was refused at the edge: a SIP status for its sender. */
export interface Refused {
  readonly ok: false;
  readonly status: number;
  readonly reason: string;
}

/** A call for somebody who is offline, waiting for its answer. */
export interface IncomingCall {
  readonly octets: Uint8Array;
  /** The caller's session description. */
  readonly body: Uint8Array;
  /** Base64 of the identity the proxy vouches for, or `-`. */
  readonly asserted: string;
  /** Answers 200; gives the headers of the answer that are kept with the message, or null when it cannot. */
  accept(sdp: string, lines: readonly HeaderLine[]): readonly HeaderLine[] | null;
  refuse(status: number, lines?: readonly HeaderLine[]): void;
  onEnd(run: (end: { readonly bye: readonly HeaderLine[] }) => void): void;
  hangUp(lines?: readonly HeaderLine[]): void;
}

/** An address and port the leg sends to. */
export interface ProxyPlace {
  readonly address: string;
  readonly port: number;
}

/** The SIP leg, for calls of ours. */
export interface CallingLeg {
  call(
    call: {
      readonly proxy: ProxyPlace;
      readonly uri: string;
      readonly contact: string;
      readonly headers: string;
      readonly cseq: number;
      readonly sdp: string;
    },
    hooks: {
      readonly accepted: (sdp: Uint8Array) => void;
      readonly refused: (status: number) => void;
      readonly hungUp: () => void;
    },
  ): { end(): void };
}

export interface InviteFacts {
  readonly ok: true;
  readonly aor: string;
  readonly sender: string;
  readonly asserted: string | null;
  readonly anonymous: boolean;
}

/** Content a session has brought, with what is kept of the session. */
export interface LargeContent {
  readonly content: Uint8Array;
  readonly contentType: string;
  readonly expiresSeconds: number | null;
  readonly msrpMessageId: string;
  readonly send: readonly HeaderLine[];
  readonly ok: readonly HeaderLine[];
}

/** A stored message on its way: the call, and what the session then carries. */
export interface LargeRequest {
  readonly uri: string;
  readonly contacts: readonly string[];
  readonly headers: string;
  readonly cseq: number;
  readonly content: Uint8Array;
  readonly contentType: string;
  readonly expiresSeconds: number | null;
}

export interface LargeCodec {
  readInvite(octets: Uint8Array, asserted: string | null): InviteFacts | Refused;
  readLarge(
    invite: Uint8Array,
    asserted: string | null,
    large: LargeContent,
  ): { readonly ok: true; readonly message: IncomingMessage } | Refused;
  /** May throw on what cannot be sent at all. */
  largeRequest(effect: OutgoingDelivery): LargeRequest;
  /** SIP-date of an instant. */
  formatSipDate(ms: number): string;
}
