// What a decision works with, and what it leaves behind beside rows: notices of things that become true when the
// group is durable. A decision reads no clock and rolls no dice but through this.
import type { AnswerClass, PreferenceRules, ReportRules } from '../machines/index.js';
import type { SenderStatus } from './commands.js';
import type { SeenFilter } from './filter.js';
import type { PartitionState } from './group.js';
import type { Identities } from './identity.js';
import type { Ledger } from './ledger.js';
import type { Registry } from './registry.js';
import type { ActorRow, PendingEffect } from './rows.js';

/** What an operator sets about the store as a whole. */
export interface RuntimeSettings {
  readonly mailboxMessagesMax: number;
  readonly mailboxOctetsMax: number;
  readonly pairMessagesMax: number;
  /** How much of a mailbox all senders together may fill whom its user has not named; 100: no less than others. */
  readonly strangersPercent: number;
  /** At any of these limits: refuse the new message, or drop the oldest ones that stand in its way. */
  readonly atLimit: 'refuse' | 'drop-oldest';
  /** Domains of the users this store serves; none: the proxy alone says who is served. */
  readonly servedDomains: readonly string[];
  /** Content types that are taken, `text/*` for all of a kind; none: all. */
  readonly mediaTypes: readonly string[];
  /** Octets of a whole request that may be stored. */
  readonly messageOctetsMax: number;
  readonly reportRules: ReportRules;
  /** What a sender who asks is told about his message. */
  readonly senderStatus: SenderStatus;
  /** SIP status for a message that may not be kept for somebody who is away. */
  readonly refusedStatus: number;
  /** Defaults of the users' preferences, and what they may choose from. */
  readonly preferences: PreferenceRules;
  /** Audit events that may lie in the store; beyond it steps are not told any more. */
  readonly auditBacklogMax: number;
  /** Only devices that registered with `+g.oma.sip-im` count as reachable. */
  readonly requireImTag: boolean;
}

/** Something that is true once the group is on disk. */
export type Notice =
  | {
      readonly type: 'effect';
      readonly local: string;
      readonly target: string;
      readonly effect: PendingEffect;
    }
  /** An effect needs no answer any more. */
  | { readonly type: 'effect-over'; readonly effectId: string }
  | { readonly type: 'armed'; readonly local: string; readonly dueMs: number }
  /** A message was stored; `queued`: its recipient can be reached, and it must not wait for a next try. */
  | { readonly type: 'arrived'; readonly aor: string; readonly queued: boolean }
  /** A user returned, and nothing waits for him. */
  | { readonly type: 'nothing-waits'; readonly aor: string }
  /** A user can be reached (again): his mailbox is gone through from its oldest message. */
  | { readonly type: 'reachable'; readonly aor: string; readonly node: string | null }
  | { readonly type: 'unreachable'; readonly aor: string }
  /** A user who stays registered is tried again at this instant. */
  | { readonly type: 'retry'; readonly aor: string; readonly atMs: number }
  /** A user asked for these messages before the others. */
  | { readonly type: 'requested'; readonly aor: string; readonly locals: readonly string[] }
  /** A push is over: answered, or overtaken. `retryAtMs` is set when the run is to pause. */
  | {
      readonly type: 'settled';
      readonly aor: string;
      readonly local: string;
      readonly answer: AnswerClass | 'overtaken';
      readonly retryAtMs: number | null;
    }
  | { readonly type: 'stepped'; readonly local: string; readonly row: ActorRow }
  /** A message joined its mailbox, or left it. */
  | { readonly type: 'placed'; readonly live: boolean }
  | { readonly type: 'ended'; readonly outcome: string }
  | { readonly type: 'parked'; readonly local: string; readonly error: string }
  /** A parked message was let go on; it may be parked again in the same group. */
  | { readonly type: 'freed'; readonly local: string }
  /** The event of a step lies in the store. */
  | { readonly type: 'audited'; readonly local: string; readonly number: number }
  /** There was no room for the event of a step. */
  | { readonly type: 'audit-dropped'; readonly local: string; readonly number: number }
  /** Somebody has the event of a step: its row is gone. */
  | { readonly type: 'audit-over'; readonly local: string; readonly number: number }
  /** A row failed its checksum; its message is left alone. */
  | { readonly type: 'damaged'; readonly key: string }
  | { readonly type: 'preferences'; readonly aor: string; readonly by: string }
  | { readonly type: 'activated'; readonly hash: string }
  /** Living messages are to be moved to another policy. */
  | { readonly type: 'moving' }
  /** A group of them is where it belongs. */
  | { readonly type: 'group-moved' }
  /** A curiosity worth a counter and a log line: `late-success`, `stale-answer`, `foreign-token`. */
  | { readonly type: 'counted'; readonly what: string; readonly local: string | null };

/** Whether steps are told at all, and whether there is room for one more event. */
export type AuditRoom = 'off' | 'open' | 'full';

export interface Turn {
  readonly nowMs: number;
  /** Since when effects can go out, or null while they cannot. */
  readonly sendingSinceMs: number | null;
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly identities: Identities;
  readonly partitions: readonly PartitionState[];
  readonly settings: RuntimeSettings;
  /** Dedup digests that may be known. */
  readonly seen: SeenFilter;
  /** Unguessable octets. */
  readonly random: (count: number) => Uint8Array;
  /** Null, or why nothing new may be stored now. */
  readonly gate: () => 'store-full' | null;
  readonly auditRoom: () => AuditRoom;
  readonly notices: Notice[];
}
