// The one door: everything that can change the state of the store is one of these commands. Each is decided in
// one piece and answered only after its group is durable.
import type {
  HeaderLine,
  IncomingMessage,
  MigrationMap,
  PreferenceChange,
  Preferences,
  SenderRule,
} from '../machines/index.js';

/** One contact a user is registered with (RFC 3261 section 10). */
export interface Binding {
  /** Contact URI as registered. */
  readonly contact: string;
  /** When the binding lapses, epoch milliseconds; one that has lapsed already is a removal. */
  readonly expiresAtMs: number;
  /** Feature tags of the Contact, for instance `+g.oma.sip-im`; empty when unknown. */
  readonly features: readonly string[];
}

/** How a sender names a message of his: he never learns its deferred id. */
export interface SentKey {
  /** Canonical identity the proxy asserted for him. */
  readonly sender: string;
  /** `imdn.Message-ID` he sent it with. */
  readonly imdnMessageId: string;
  /** Canonical AOR of the recipient. */
  readonly aor: string;
}

/** How much a sender is told: all, not whether it was delivered, or nothing. */
export type SenderStatus = 'full' | 'without-delivery' | 'off';

/** What has become of a message, as far as its sender may know. */
export interface SentStatus {
  /**
   * `expired` whenever it ended unread, however that came; `accepted` where it is not told whether it was delivered.
   */
  readonly state: 'accepted' | 'stored' | 'delivered' | 'expired' | 'withdrawn';
  readonly acceptedAtMs: number;
  /** When it expires, or would have. */
  readonly expiresAtMs: number | null;
  /** When it came to this end; null while it is stored or accepted. */
  readonly endedAtMs: number | null;
}

/** What an operator may do to one message; the last three where its policy hears them. */
export type OperatorAct =
  | 'delete'
  | 'expire'
  | 'retry'
  | 'force'
  | 'withdraw'
  | 'release'
  | 'drop'
  | 'extend';

/** Who is called by whom, before a message has come. */
export interface Summoned {
  /** Canonical AOR of the served user. */
  readonly aor: string;
  /** Whose quota it counts for. */
  readonly sender: string;
  readonly asserted: string | null;
  readonly anonymous: boolean;
  /** He can be reached: what is brought goes behind a backlog that is being delivered. */
  readonly queued?: boolean;
}

/** Who subscribes to the notices of his mailbox: the dialog of the SUBSCRIBE, as its notifier sees it. */
export interface Watcher {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** URI of its To, and of its From. */
  readonly localUri: string;
  readonly remoteUri: string;
  /** Contact: where a NOTIFY goes. */
  readonly target: string;
  /** Record-Route in its order. */
  readonly routes: readonly string[];
  /** `id` of Event, or null. */
  readonly eventId: string | null;
  /** Accept names the metadata list. */
  readonly list: boolean;
  /** Of the last SUBSCRIBE. */
  readonly cseq: number;
}

export type Command =
  /** A message for a user who cannot be reached now. */
  | {
      readonly type: 'message.received';
      readonly message: IncomingMessage;
      readonly node: string | null;
      /** He can be reached: the message goes behind a backlog that is being delivered, so that order holds. */
      readonly queued?: boolean;
    }
  /** The proxy reports that the sender never heard our 202. */
  | { readonly type: 'message.unacknowledged'; readonly deferredId: string }
  /** The session that brought a large message was ended; these header fields of its BYE are kept (S2 9.3.2.4). */
  | {
      readonly type: 'session.ended';
      readonly deferredId: string;
      readonly bye: readonly HeaderLine[];
    }
  /** A user registered, refreshed a registration, or ended some of his bindings, at a proxy. */
  | {
      readonly type: 'recipient.registered';
      readonly aor: string;
      readonly node: string | null;
      readonly bindings: readonly Binding[];
    }
  /** A user has no binding any more. */
  | { readonly type: 'recipient.unregistered'; readonly aor: string }
  /** A proxy's final answer to an effect. */
  | {
      readonly type: 'effect.answered';
      readonly effectId: string;
      readonly token: string;
      readonly status: number;
      /** Retry-After of the answer, where there was one. */
      readonly retryAfterSeconds?: number | null;
    }
  /** The owner deletes some messages, or all. */
  | {
      readonly type: 'messages.deleted';
      readonly aor: string;
      readonly ids: readonly string[] | 'all';
    }
  /** The owner confirms that some messages were fetched. */
  | { readonly type: 'messages.retrieved'; readonly aor: string; readonly ids: readonly string[] }
  /** The owner asks for some messages to be pushed first (retrieval over SIP). */
  | {
      readonly type: 'messages.requested';
      readonly aor: string;
      readonly ids: readonly string[] | 'all';
    }
  /** A sender takes a message back: it is known by who he is, his own IMDN Message-ID, and the recipient. */
  | { readonly type: 'message.withdrawn'; readonly sent: SentKey }
  /** A user changes what he wants, or an operator does it for him. */
  | {
      readonly type: 'preferences.changed';
      readonly aor: string;
      readonly change: PreferenceChange;
      readonly by:
        | { readonly role: 'owner' }
        | { readonly role: 'operator'; readonly name: string };
    }
  /** The owner lets go what waits from senders he has blocked (spec 7.2: an explicit act). */
  | { readonly type: 'messages.discarded'; readonly aor: string }
  /** The recipient's own delivery notification went through us: none of ours may follow (RFC 5438 section 12.2). */
  | { readonly type: 'disposition.passed'; readonly sent: SentKey }
  /** An operator acts on one message. */
  | {
      readonly type: 'operator.acted';
      readonly deferredId: string;
      readonly act: OperatorAct;
      /** Who does it; kept in the trail. */
      readonly by: string;
      /** `extend` alone: by how much, else by the policy's `defaultExpirySeconds`. */
      readonly seconds?: number;
    }
  /** The owner of a mailbox subscribes to its notices, renews that, or ends it (0 seconds). */
  | {
      readonly type: 'subscription.requested';
      readonly aor: string;
      readonly node: string | null;
      readonly watcher: Watcher;
      /** It begins the dialog; else one that is known. */
      readonly begins: boolean;
      readonly seconds: number;
    }
  /** A policy file becomes known to the store under its content hash. */
  | { readonly type: 'policy.installed'; readonly source: unknown; readonly by: string }
  /**
   * From now on new messages are stored under this policy. With `migrate` and `force` the living messages of the policies
   * in `from` are moved to it, a group at a time; only `force` goes on where some have no place to go: it ends them.
   */
  | {
      readonly type: 'policy.activated';
      readonly hash: string;
      readonly mode: 'new' | 'migrate' | 'force';
      readonly from?: readonly string[];
      readonly map?: MigrationMap;
      readonly by: string;
      readonly reason: string;
    }
  /** From now on these rules choose the policy of a new message: a file, or the hash of one taken up before. */
  | {
      readonly type: 'rules.activated';
      readonly source?: unknown;
      readonly hash?: string;
      readonly by: string;
      readonly reason: string;
    }
  /** The policy that was active before is active again. */
  | { readonly type: 'policy.deactivated'; readonly by: string; readonly reason: string };

/** What became of one id of a bulk command; 404 for unknown ids and other people's alike. */
export interface IdResult {
  readonly id: string;
  readonly status: 200 | 202 | 404 | 409;
}

/** What holds for one served user, and which of it he has set himself. */
export interface PreferencesView extends Preferences {
  readonly aor: string;
  /** In their order: the first that speaks of a sender holds. */
  readonly rules: readonly SenderRule[];
  /** Fields the user has set; the others are the operator's defaults. */
  readonly set: readonly (keyof Preferences)[];
  /** Whether messages may be stored for him at all, and who says so. */
  readonly permission: 'on' | 'off';
  readonly permissionFrom: 'configuration' | 'operator';
  /** What he may choose in `expired`. */
  readonly expiredChoices: readonly string[];
  /** Null where nothing was ever set. */
  readonly changedAtMs: number | null;
  readonly by: string | null;
}

export type Reply =
  /** Durable. `duplicate`: it had been stored before, there is still one copy. */
  | {
      readonly kind: 'accepted';
      readonly deferredId: string;
      readonly duplicate: boolean;
      /** A repeat that makes a report owed again, because its sender had not heard the first 202. */
      readonly acknowledgedAgain?: boolean;
    }
  /** Nothing was stored. `status` is the SIP code for the sender; `code` a stable reason of docs/reference/errors.md. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly code: string;
      readonly reason: string;
      readonly retryAfterSeconds: number | null;
      /** With 415: the media types that are taken. */
      readonly accept?: readonly string[];
    }
  /** Nothing was stored and nothing will be sent, and the sender hears 202 all the same (spec 7.3). */
  | { readonly kind: 'swallowed' }
  | { readonly kind: 'done' }
  /** `ended` is false while a push is under way: its answer decides. */
  | { readonly kind: 'withdrawal'; readonly deferredId: string; readonly ended: boolean }
  | { readonly kind: 'results'; readonly results: readonly IdResult[] }
  | { readonly kind: 'preferences'; readonly preferences: PreferencesView }
  /** The subscription lasts so long. */
  | { readonly kind: 'subscribed'; readonly seconds: number }
  | {
      readonly kind: 'policy';
      readonly hash: string;
      /** What the gate has to say about it all the same. */
      readonly warnings?: readonly string[];
    };

/** One row of a user's list. */
export interface ListedMessage {
  readonly deferredId: string;
  readonly state: string;
  /** Canonical sender, or null when the sender asked for privacy. */
  readonly from: string | null;
  readonly to: string;
  readonly subject: string | null;
  readonly contentType: string;
  readonly octets: number;
  readonly receivedAtMs: number;
  readonly expiresAtMs: number | null;
  /** The sender's SIP Date, or null. */
  readonly sentAtMs: number | null;
  /** Octets of the innermost content: of the text within CPIM, not of its envelope. */
  readonly contentOctets: number;
  /** URI of the SIP From, and the identity that was asserted; null when the sender asked for privacy. */
  readonly fromUri: string | null;
  readonly authId: string | null;
}

/** The members of a row of the list that the contract with tools knows; others are for documents of our own. */
export type ListedRow = Omit<ListedMessage, 'sentAtMs' | 'contentOctets' | 'fromUri' | 'authId'>;

/** One page of a user's list, oldest first; `next` is the id to continue after, or null. */
export interface Listing {
  readonly messages: readonly ListedMessage[];
  readonly next: string | null;
}
