// The shapes of the rows, one interface for each family of keys.ts. All but bodies are JSON. Timer, outbox,
// quarantine and mailbox rows are indexes: the actor row is the truth, and recovery holds them against it.
import type {
  EarlyStatus,
  HeaderLine,
  MigrationMap,
  PreferenceRecord,
  SelectionRules,
  Stranded,
} from '../machines/index.js';
import type { TrailStep } from './api.js';
import type { Binding, Watcher } from './commands.js';
import type { ActorState } from './step.js';

/**
 * `early-report` is the engine's own: what a sender is told as soon as his message is stored. `inform` is a notice within
 * a subscription, `notify` one without.
 */
export type PendingType = 'deliver' | 'report' | 'early-report' | 'notify' | 'inform';

/** What goes to a sender, and can wait. */
export const isReport = (type: PendingType): boolean =>
  type === 'report' || type === 'early-report';

/** An effect without an outcome, as its message remembers it. */
export interface PendingEffect {
  readonly effectId: string;
  readonly type: PendingType;
  readonly attempt: number;
  /** Deliveries only: the expiry has passed. */
  readonly late: boolean;
  /** A notice that it is late goes before it; absent without. */
  readonly announced?: true;
  /** Early reports only: what they say. */
  readonly status?: EarlyStatus;
  readonly atMs: number;
  /** The proxy the recipient registered at, or null for any. */
  readonly node: string | null;
}

/** Why a message is parked, and the event it waits to hear again. */
export interface Parked {
  readonly atMs: number;
  readonly error: string;
  readonly event: string;
  /** The event itself, as JSON, for the retry. */
  readonly replay: string;
}

/** A report that is sent at once, tried again as its message still waits. */
export interface EarlyRetry {
  readonly status: EarlyStatus;
  readonly attempt: number;
  readonly dueMs: number;
}

/** `a`: one deferred message. */
export interface ActorRow {
  readonly version: 1;
  readonly policy: string;
  readonly revision: number;
  readonly actor: ActorState;
  /** Where it stands, as a dotted path. */
  readonly value: string;
  readonly live: boolean;
  /** Its place in the mailbox. */
  readonly arrival: string;
  readonly dedup: string;
  readonly bodyDigest: string;
  /** Whose quota it counts for. */
  readonly sender: string;
  /** It counts among the messages of strangers; absent where nobody counted them. */
  readonly stranger?: true;
  readonly pending: readonly PendingEffect[];
  /** When its timer row is due, or null when it has none. */
  readonly wakeMs: number | null;
  /** Large messages: header fields of the BYE that ended their session; absent until then. */
  readonly bye?: readonly HeaderLine[];
  /** What its sender is to be told at once was not taken: the next attempt. Absent when none is owed. */
  readonly early?: EarlyRetry;
  /** The maximum lifetime has been heard. */
  readonly outlived: boolean;
  /** Contacts' generation at the last push that was answered as unsuitable. */
  readonly unsuitableFor: number | null;
  readonly endedAtMs: number | null;
  readonly outcome: string | null;
  readonly forgetAtMs: number | null;
  readonly parked: Parked | null;
  readonly trail: readonly TrailStep[];
  /** The expiry it was stored with, where an operator has moved it; absent in rows before 0.5.0. */
  readonly storedExpiresAtMs?: number;
  /** What was said of our 202: that its sender had not heard it, or had after all. Absent in rows before 0.5.0. */
  readonly acknowledgements?: readonly Acknowledgement[];
}

/** Said at this instant, after so many steps of the message. */
export interface Acknowledgement {
  readonly atMs: number;
  readonly revision: number;
  readonly acknowledged: boolean;
}

/** `d`: what a submission became. */
export interface DedupRow {
  readonly local: string;
  readonly bodyDigest: string;
  /** It was answered 202 and not kept (a polite block): what its sender may still ask about. */
  readonly swallowed?: {
    readonly asserted: string;
    readonly atMs: number;
    readonly expiresAtMs: number | null;
    readonly forgetAtMs: number;
    readonly declined: boolean;
    readonly withdrawnAtMs?: number;
  };
}

/** `u`: one served user. */
export interface UserRow {
  readonly messages: number;
  readonly octets: number;
  /** Of these, messages and octets of strangers; absent without any. */
  readonly strangerMessages?: number;
  readonly strangerOctets?: number;
  readonly bindings: readonly Binding[];
  readonly node: string | null;
  /** Grows with every contact that was not bound before. */
  readonly generation: number;
  /** Index into the retry steps, and when the next try is due; null when none is. */
  readonly retry: { readonly step: number; readonly atMs: number } | null;
  /** What he was told about waiting messages; absent when nothing was, or by a release before 0.3.0. */
  readonly told?: Told;
  /** Subscriptions to his notices that have not ended; absent without any. */
  readonly subscriptions?: number;
}

/** The last notice to a user: for which return, and about which messages. */
export interface Told {
  /** `generation` of his contacts then. */
  readonly generation: number;
  /** Arrival of the newest message it covers. */
  readonly upTo: string;
  /** `failed`: for a passing reason; the next turn tells him again. */
  readonly state: 'pending' | 'told' | 'failed';
}

/** `n`: a notice without an outcome. */
export interface NoticeRow {
  readonly aor: string;
  readonly atMs: number;
  readonly node: string | null;
  /** The message whose turn it was: his delivery run waits for the answer; null when none does. */
  readonly turnOf: string | null;
  /** What it tells him: its answer says nothing of a later telling. Absent where no turn waits, and in rows before 0.4.0. */
  readonly telling?: Telling;
  /** The one message it is about, which is delivered late right after it; absent: all that waits. */
  readonly about?: string;
  /** The subscription it is said in; absent for one without. */
  readonly within?: NoticeWithin;
}

/** The return of a user, and the newest arrival, that he is told of. */
export interface Telling {
  readonly generation: number;
  readonly upTo: string;
}

/** The place of a notice within its subscription. */
export interface NoticeWithin {
  readonly id: string;
  readonly cseq: number;
  /** It is the last one, and says so. */
  readonly ended: SubscriptionEnd | null;
}

/** Why a subscription ended on our side (RFC 6665 section 4.1.3): its time is over, or it gave way to a newer one. */
export type SubscriptionEnd = 'timeout' | 'probation';

/** `s`: the subscriptions to the notices of one user. Absent where there are none. */
export interface SubscriptionsRow {
  readonly version: 1;
  /** Name of their timer. */
  readonly local: string;
  /** When the first of them lapses, or null when all have ended. */
  readonly wakeMs: number | null;
  readonly all: readonly Subscription[];
}

/** One subscription: a dialog, and what was said in it. */
export interface Subscription extends Watcher {
  readonly id: string;
  /** The proxy it came by, or null for any. */
  readonly node: string | null;
  readonly expiresAtMs: number;
  /** CSeq of the last NOTIFY. */
  readonly told: number;
  /** The NOTIFY under way: one at a time, so that none overtakes another. */
  readonly pending: string | null;
  /** Something has changed since that one. */
  readonly again: boolean;
  /** The message whose turn waits for the next one. */
  readonly turnOf: string | null;
  /** It has ended, and goes when the last NOTIFY was answered. */
  readonly ended: SubscriptionEnd | null;
}

/** `p`: what one served user has set, and his operator for him. Absent where everything is as the operator's defaults. */
export interface PreferencesRow extends PreferenceRecord {
  readonly version: 1;
  readonly changedAtMs: number;
  /** Who changed it last: `owner`, or an operator's name. */
  readonly by: string;
}

/** `w`: messages of one sender waiting for one recipient. */
export interface PairRow {
  readonly messages: number;
  /** Of those that were answered 202 and not kept, how many are remembered; absent without any. */
  readonly swallowed?: number;
}

/** `P`: an installed policy. */
export interface PolicyRow {
  readonly source: unknown;
  readonly installedAtMs: number;
  readonly by: string;
  /** The policy its messages were moved to: nothing is stored under this one before it is activated again. */
  readonly successor?: string;
}

/** `A`: the policy new messages are stored under, and how it came to that. */
export interface ActiveRow {
  readonly hash: string;
  readonly atMs: number;
  readonly by: string;
  readonly reason: string;
  readonly before: string | null;
  /** What was active before that, the latest first, for deactivations; absent in rows before 0.4.0. */
  readonly earlier?: readonly string[];
}

/** `M`: living messages are being moved to another policy; the row goes when all are. */
export interface MigrationRow {
  readonly to: string;
  /** Hashes of the policies that are left. */
  readonly from: readonly string[];
  readonly map: MigrationMap;
  /** With `force`, what has no place to go is ended. */
  readonly mode: 'migrate' | 'force';
  readonly by: string;
  readonly reason: string;
  readonly begunAtMs: number;
  /** How far it is: messages of earlier partitions, and of this one up to here, are where they belong. */
  readonly at: { readonly partition: number; readonly after: string | null };
  readonly moved: number;
  readonly ended: number;
  /** By older policy: who has a place to go and would not do well there. Absent in rows before 0.5.0: nobody. */
  readonly stranded?: Readonly<Record<string, readonly Stranded[]>>;
}

/** `R`: a set of rules that was taken up, under its content hash. */
export interface RulesRow {
  readonly source: SelectionRules;
  readonly installedAtMs: number;
  readonly by: string;
}

/** `A`, `rules`: the rules that choose the policy of a new message, and the version each is bound to. */
export interface ActiveRulesRow {
  readonly hash: string;
  readonly policies: readonly string[];
  readonly atMs: number;
  readonly by: string;
  readonly reason: string;
  readonly before: string | null;
}

/** `H`: something that was done about policies. */
export interface HistoryRow {
  readonly number: number;
  readonly atMs: number;
  readonly act: 'installed' | 'activated' | 'deactivated' | 'migrated' | 'rules-activated';
  /** Of the policy, or of the set of rules. */
  readonly hash: string;
  readonly by: string;
  readonly reason: string;
  readonly mode?: 'new' | 'migrate' | 'force';
  /** What was active before. */
  readonly before?: string | null;
  /** Messages moved, and messages ended because they had no place to go. */
  readonly moved?: number;
  readonly ended?: number;
}

/** `S`: what the store is. */
export interface StoreRow {
  readonly version: 1;
  readonly storeId: string;
  /** Right side of every deferred id: `mailserver32.example.org`. */
  readonly host: string;
  /** Key of all derived identities, base32; never leaves the store. */
  readonly secret: string;
  readonly createdAtMs: number;
  /** Made for tests, never for people's messages: it may be served with a virtual clock. */
  readonly test?: true;
}

/** `m`: one partition. */
export interface MetaRow {
  readonly epoch: number;
  readonly seq: number;
  readonly count: number;
  readonly sum: string;
  readonly arrivals: number;
}

/** `~sum`: the whole store. */
export interface StoreSumRow {
  readonly epoch: number;
  readonly seq: number;
  /** The last instant the store has seen. */
  readonly timeMs: number;
}

export const emptyUser: UserRow = {
  messages: 0,
  octets: 0,
  bindings: [],
  node: null,
  generation: 0,
  retry: null,
};

export const emptyMeta: MetaRow = {
  epoch: 1,
  seq: 0,
  count: 0,
  sum: '0'.repeat(16),
  arrivals: 0,
};
