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
  readonly reason: string;
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
  ): { readonly ok: true; readonly message: IncomingMessage } | Refused;
  /** May throw on what cannot be sent at all. */
  largeRequest(effect: OutgoingDelivery): LargeRequest;
  /** SIP-date of an instant. */
  formatSipDate(ms: number): string;
}
