// What the runtime offers to adapters and to programs that embed it.
import type { HeaderLine, Message } from '../machines/index.js';
import type {
  Binding,
  Command,
  Listing,
  PreferencesView,
  Reply,
  SentKey,
  SentStatus,
  Summoned,
} from './commands.js';

/** One step of a message's life, kept in its bounded trail. */
export interface TrailStep {
  readonly atMs: number;
  /** Event type, or the timer's name as `after <delay>`. */
  readonly event: string;
  readonly from: string | null;
  readonly to: string;
  /** Identities of the effects this step asked for. */
  readonly effects: readonly string[];
  /** SIP status of an answer, when the event was one. */
  readonly status?: number;
  /** Who did it, when an operator did. */
  readonly by?: string;
  /** Why its own chart had failed, when the message was ended without it. */
  readonly error?: string;
  /** Where the expiry was moved to, when it was. */
  readonly expiresAtMs?: number;
}

/** The whole life of one message, for operators and the review page. */
export interface MessageLife {
  readonly message: Message;
  /** State value as a dotted path: `reporting.sending`. */
  readonly state: string;
  readonly final: boolean;
  /** Outcome label of the final state, or null while it lives. */
  readonly outcome: string | null;
  readonly policyId: string;
  readonly policyHash: string;
  readonly timers: readonly { readonly name: string; readonly dueMs: number }[];
  readonly trail: readonly TrailStep[];
  /** Large messages: header fields of the BYE that ended their session. */
  readonly bye?: readonly HeaderLine[];
  /** Why the message is parked in quarantine, or null. */
  readonly parked: string | null;
}

export interface PolicySummary {
  readonly hash: string;
  readonly id: string;
  readonly title: string;
  readonly active: boolean;
  readonly installedAtMs: number;
}

/** Counters since start, and sizes now; the source of /metrics and `store stats`. */
export interface RuntimeStats {
  readonly storeId: string;
  readonly commits: number;
  readonly commands: Readonly<Record<string, number>>;
  readonly effectsSent: Readonly<Record<string, number>>;
  /** Messages that reached each outcome since start. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Curiosities by name: `stale-answer`, `foreign-token`, `late-success`, `duplicate-conflict`, `damaged-row`. */
  readonly events: Readonly<Record<string, number>>;
  /** Audit events: `written`, `sent`, `sent-again`, `taken`, and `dropped` for want of room. */
  readonly audits?: Readonly<Record<string, number>>;
  /** Audit events in the store that nobody has said to have. */
  readonly auditBacklog?: number;
  readonly outbox: number;
  readonly waiting: number;
  readonly parked: number;
  readonly timerLagMs: number;
  readonly lastGroupSize: number;
  readonly lastSyncMs: number;
}

export interface Runtime {
  /** Decides a command; resolves when what it changed is on disk. Rejects only when the runtime is closing. */
  submit(command: Command): Promise<Reply>;
  /** Why a large message would be refused now, or null: asked before a session is begun to bring it. */
  refusal(summoned: Summoned): Extract<Reply, { kind: 'refused' }> | null;
  /**
   * False while the check of the store after a start has not come to this user: what is asked about him then would be
   * answered by half, and the doors refuse it. What is submitted all the same waits until it has.
   */
  knows(aor: string): boolean;
  /** The owner's waiting messages, oldest first. Listing changes nothing. */
  list(aor: string, after: string | null, limit: number): Promise<Listing>;
  /** The stored octets of one of the owner's waiting messages; null for unknown ids and other people's alike. */
  read(
    aor: string,
    deferredId: string,
  ): { readonly message: Message; readonly octets: Uint8Array } | null;
  /** The life of one message, ended ones included until they are forgotten. */
  show(deferredId: string): MessageLife | null;
  /** What has become of a message, for its sender; `not-told` where the operator wants nobody to be told. */
  sent(sent: SentKey): SentStatus | 'unknown' | 'not-told';
  /** Hears every committed step; returns the way to stop it. */
  onStep(listener: (deferredId: string) => void): () => void;
  /** Deferred ids of all messages the store knows, in key order, a page at a time. */
  ids(after: string | null, limit: number): Promise<readonly string[]>;
  bindings(aor: string): readonly Binding[];
  /** What a user wants, and what holds where he said nothing; null when his row is damaged. */
  preferences(aor: string): PreferencesView | null;
  policies(): readonly PolicySummary[];
  /** The policy file behind a hash, or null. */
  policy(hash: string): unknown;
  stats(): RuntimeStats;
  /**
   * Calls `begin` when no MESSAGE of the engine is pending at a target URI, and keeps it free until the result is called:
   * for requests that are no effects (RFC 3428 section 8).
   */
  reserve(target: string, begin: () => void): () => void;
  /** The effect port can send again: waiting effects go out. */
  wake(): void;
  /** Stops input, finishes what was decided, closes the store. */
  close(): Promise<void>;
}
