// What the bus adapter needs of a SIP codec. The composition root hands one in: sibling adapters
// never import each other. This file holds types alone.
import type { IncomingMessage, PreferenceChange, SenderRule } from '../../machines/index.js';
import type {
  Binding,
  IdResult,
  ListedMessage,
  OutgoingDelivery,
  OutgoingNotice,
  OutgoingReport,
  PreferencesView,
  SentKey,
  SentStatus,
  Watcher,
} from '../../runtime/index.js';

/** A request refused before anything was stored; `status` and `reason` go to the sender. */
export interface CodecRefusal {
  readonly ok: false;
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  /** Octet of the request at which the fault was noticed. */
  readonly offset?: number;
}

/** A user command sent to `sip:deferred@DOMAIN`. */
export interface UserCommand {
  readonly op: 'list' | 'retrieve' | 'delete' | 'preferences';
  readonly ids: readonly string[] | 'all';
  /** List: the id to continue after, or null. */
  readonly after: string | null;
  /** Preferences: what to set first, or null. */
  readonly set: PreferenceChange | null;
  readonly discardBlocked: boolean;
  /** How a list is written. */
  readonly form?: 'json' | 'xml';
  /** Call-ID of the request: the result carries it as correlation. */
  readonly callId: string;
}

/** What a user command came to. */
export type CommandResult =
  | {
      readonly op: 'list';
      readonly callId: string;
      readonly messages: readonly ListedMessage[];
      readonly next: string | null;
      readonly form?: 'json' | 'xml';
    }
  | {
      readonly op: 'retrieve' | 'delete';
      readonly callId: string;
      readonly results: readonly IdResult[];
    }
  | {
      readonly op: 'preferences';
      readonly callId: string;
      readonly preferences: PreferencesView;
      readonly discarded: number | null;
    }
  | SenderResult;

/** A sender asks about a message of his, or takes it back. */
export interface SenderCommand {
  readonly op: 'status' | 'withdraw';
  /** How the result is written: as JSON, or as RCS has it. */
  readonly form: 'json' | 'rcs';
  readonly imdnMessageId: string;
  /** Canonical AOR of the recipient. */
  readonly recipient: string;
  readonly callId: string;
}

export interface SenderResult {
  readonly op: 'status' | 'withdraw';
  readonly form: 'json' | 'rcs';
  readonly callId: string;
  readonly messageId: string;
  readonly recipient: string;
  readonly outcome: 'withdrawn' | 'failed' | SentStatus;
}

/** A disposition notification that came back through us. */
export interface PassedImdn {
  /** `i-<digest>-1`: the same at every repetition of the request that brought it. */
  readonly effectId: string;
  readonly parts: SipRequestParts;
  /** The message it is the delivery notification of, or null. */
  readonly about: SentKey | null;
}

/** A SUBSCRIBE to the notices of a mailbox, by its owner. */
export interface SubscriptionRequest {
  readonly aor: string;
  readonly watcher: Watcher;
  readonly seconds: number;
}

/** A request of our own, complete but for Via, Max-Forwards and Content-Length. */
export interface SipRequestParts {
  /** MESSAGE when absent. */
  readonly method?: 'NOTIFY';
  readonly ruri: string;
  /** Where to send it, or null for the proxy's own inner port. */
  readonly nextHop: string | null;
  /** Complete header block, CRLF after each line. */
  readonly headers: string;
  readonly body: Uint8Array;
  /** From display name as written, quotes included; the proxy restores it on the inner leg. */
  readonly fromName: string | null;
}

/** One page of a result on its way to the user who asked. */
export interface ResultEffect {
  readonly aor: string;
  /** `sip:deferred@DOMAIN`: whom the result comes from. */
  readonly serviceUri: string;
  /** Call-ID of the command. */
  readonly correlation: string;
  readonly body: string;
  readonly form?: 'json' | 'rcs';
  /** `n-<local id>-<number>`: gives the request its identity, the same at every repetition. */
  readonly effectId: string;
}

export interface SipCodec {
  readMessage(
    octets: Uint8Array,
    asserted: string | null,
  ):
    | {
        readonly ok: true;
        readonly message: IncomingMessage;
        /** The top Via as written: by which path the request came. */
        readonly via: string;
        /** What keeps its envelope from being read, though it is taken. */
        readonly unreadable?: { readonly code: string; readonly offset: number } | null;
      }
    | CodecRefusal;
  readCommand(
    octets: Uint8Array,
    asserted: string | null,
  ): { readonly ok: true; readonly command: UserCommand } | CodecRefusal;
  /** A notification whose top IMDN-Route is ours, on its way on; null when the request is something else. */
  readPassedImdn?(
    octets: Uint8Array,
    asserted: string | null,
  ): { readonly ok: true; readonly imdn: PassedImdn } | CodecRefusal | null;
  /** A SUBSCRIBE, or why it is refused, with header lines that help; null when the request is something else. */
  readSubscribe?(
    octets: Uint8Array,
    asserted: string | null,
  ):
    | { readonly ok: true; readonly subscription: SubscriptionRequest }
    | (CodecRefusal & { readonly headers: readonly string[] })
    | null;
  /** Whom notices of a mailbox come from. */
  serviceUriOf?(aor: string): string;
  /** What a sender asks about a message of his; null when the request is something else. */
  readSenderCommand(
    octets: Uint8Array,
    asserted: string | null,
  ): { readonly ok: true; readonly command: SenderCommand } | CodecRefusal | null;
  /** Bodies in order, each small enough for a MESSAGE of at most 1,300 octets. */
  resultPages(result: CommandResult): readonly string[];
  resultRequest(effect: ResultEffect): SipRequestParts;
  /** Rules of an access-rules document (RFC 4745), and what of it says nothing here. */
  readAccessRules(
    octets: Uint8Array,
    options: { readonly unmatched?: 'deny' | 'deferral' },
  ):
    | {
        readonly ok: true;
        readonly access: {
          readonly rules: readonly SenderRule[];
          readonly notes: readonly { readonly path: string; readonly message: string }[];
        };
      }
    | { readonly ok: false; readonly finding: { readonly message: string } };
  /** Bindings of a Contact header field value; one that ends now is a removal. */
  readContacts(contacts: string, defaultExpirySeconds: number, nowMs: number): readonly Binding[];
  /** The canonical AOR of a URI or `user@domain`, or null when it is none. */
  canonicalAor(uri: string): string | null;
  /** A stored request as the owner of the mailbox may have it: an anonymous sender is not named in it. */
  shownOctets(octets: Uint8Array): Uint8Array;
  /** May throw on what cannot be sent at all; the effect is then answered 513. */
  deliverRequest(effect: OutgoingDelivery): SipRequestParts;
  reportRequest(effect: OutgoingReport): SipRequestParts;
  /** The notice, of the first of the waiting messages; `noticeRowsMax` of them are all it needs. */
  noticeRequest(effect: OutgoingNotice, rows: readonly ListedMessage[]): SipRequestParts;
  readonly noticeRowsMax: number;
}
