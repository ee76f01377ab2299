// What this folder needs of its siblings, which the composition root hands in: the SIP leg, the SIP codec. Types alone.
import type { IncomingMessage } from '../../machines/index.js';
import type {
  CallHooks,
  InviteFacts,
  LargeContent,
  LargeRequest,
  OutgoingCall,
  OutgoingDelivery,
} from '../../runtime/index.js';

/** Why something was refused at the edge: a SIP status for its sender. */
export interface Refused {
  readonly ok: false;
  readonly status: number;
  /** Stable, of docs/reference/errors.md. */
  readonly code: string;
  readonly reason: string;
  /** Octet of the request at which the fault was noticed. */
  readonly offset?: number;
}

/** What is told about a session that could not be read, in whole or in part; not a word of it. */
export interface Doubtful {
  readonly event: 'message.refused' | 'cpim.unreadable';
  /** What the sender hears; absent when it was taken. */
  readonly status?: number;
  readonly code: string;
  readonly offset?: number;
}

/** The SIP leg, for calls of ours. */
export interface CallingLeg {
  call(call: OutgoingCall, hooks: CallHooks): { end(): void };
}

export interface LargeCodec {
  readInvite(octets: Uint8Array, asserted: string | null): InviteFacts | Refused;
  readLarge(
    invite: Uint8Array,
    asserted: string | null,
    large: LargeContent,
  ):
    | {
        readonly ok: true;
        readonly message: IncomingMessage;
        /** What keeps its envelope from being read, though it is taken (ADR 0020). */
        readonly unreadable?: { readonly code: string; readonly offset: number } | null;
      }
    | Refused;
  /** May throw on what cannot be sent at all. */
  largeRequest(effect: OutgoingDelivery): LargeRequest;
  /** SIP-date of an instant. */
  formatSipDate(ms: number): string;
}
