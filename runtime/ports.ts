// All the outside there is. The runtime reads no clock, rolls no dice, opens no file and speaks to no bus but
// through these ports; a simulation or a test supplies others.
import type { EarlyStatus, Message } from '../machines/index.js';
import type { Listing, Watcher } from './commands.js';
import type { Failpoint } from './failpoints.js';

/** Ends a wait that was begun; harmless when it is over. */
export type Cancel = () => void;

export interface Clock {
  /** Wall clock in epoch milliseconds, as the host shows it; the clock rule is applied by the runtime. */
  now(): number;
  /** Monotonic milliseconds; may stand still while the host is suspended. */
  mono(): number;
  /** Milliseconds since boot of the host; counts a suspend. Dearer than `mono`, asked only when in doubt. */
  boot(): number;
  /** Runs once after `delayMs` (0 to `waitMsMax`). */
  after(delayMs: number, run: () => void): Cancel;
  /** The longest wait it is asked for; 60,000 where it does not say. One on which nobody sets the time may take any. */
  readonly waitMsMax?: number;
  /** Runs as soon as the work at hand is done. */
  soon(run: () => void): void;
  /** A virtual clock alone: its wall time stands until it is moved here. */
  set?(atMs: number): void;
}

export interface Entropy {
  /** `count` unguessable octets. */
  bytes(count: number): Uint8Array;
}

/** One write of a group: a value, or null for a removal. */
export interface RowWrite {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** An ordered, durable map from ASCII keys to octets. */
export interface StorePort {
  get(key: string): Uint8Array | undefined;
  /** Rows with `from <= key < to` in key order, at most `limit`. */
  scan(from: string, to: string, limit?: number): AsyncIterable<readonly [string, Uint8Array]>;
  /** One atomic, synced batch. A rejection means *unknown*: the caller must stop. Never called while one is in flight. */
  commit(rows: readonly RowWrite[]): Promise<void>;
  close(): Promise<void>;
}

/** A committed effect on its way to the world. The adapter repeats nothing and remembers nothing. */
export type OutgoingEffect = OutgoingDelivery | OutgoingReport | OutgoingNotice;

interface OutgoingIdentity {
  /** Identity of this attempt, equal at every repetition: `d-`, `r-`, `p-`, `n-` or `s-`, then `<local id>-<attempt>`. */
  readonly effectId: string;
  /** 130 unguessable bits, derived from the store's secret; an answer counts only when it echoes them. */
  readonly token: string;
  /** The proxy to send through, or null for any. */
  readonly node: string | null;
  /** When the effect was committed, epoch milliseconds. */
  readonly atMs: number;
  /** Function of the message or notice alone: the same at every attempt. */
  readonly callId: string;
  readonly fromTag: string;
  /** The attempt, counted from 1. */
  readonly cseq: number;
}

interface OutgoingBase extends OutgoingIdentity {
  readonly message: Message;
}

export interface OutgoingDelivery extends OutgoingBase {
  readonly type: 'deliver';
  /** The whole request as it was stored. */
  readonly octets: Uint8Array;
  /** Its expiry has passed: the recipient is to be told. */
  readonly late: boolean;
  /** A notice has gone before it that says so. */
  readonly announced?: true;
  /** Large messages only: the contacts that may be called, the one registered last at the end. */
  readonly contacts?: readonly string[];
}

export interface OutgoingReport extends OutgoingBase {
  readonly type: 'report';
  /** `stored` is a processing notification, the others are delivery notifications (RFC 5438 section 11.1.6). */
  readonly status: 'failed' | EarlyStatus;
  /** `imdn.Message-ID` of the report itself: a function of the message and a store secret. */
  readonly imdnMessageId: string;
}

/** A user who has returned is told what waits for him. What it says is read when it is sent. */
export interface OutgoingNotice extends OutgoingIdentity {
  readonly type: 'notify';
  readonly aor: string;
  /** Messages waiting for him. */
  readonly waiting: number;
  /** The first of them, oldest first; rejects when the engine is closing. */
  list(limit: number): Promise<Listing>;
  /** The subscription it is said in, as a NOTIFY; absent: as a MESSAGE. Call-ID, tag and CSeq are those of its dialog. */
  readonly within?: OutgoingSubscription;
}

/** A subscription as its NOTIFY needs it. */
export interface OutgoingSubscription extends Omit<Watcher, 'callId' | 'localTag' | 'cseq'> {
  /** Seconds left, or why it is over (RFC 6665 section 4.1.3). */
  readonly state: number | 'timeout' | 'probation';
}

/** Where committed effects go. Answers come back as the command `effect.answered`. */
export interface EffectPort {
  /** False while the world cannot be reached: effects wait in the outbox, no patience runs. */
  ready(): boolean;
  /** Hands one effect over; may be lost. Throws never. */
  send(effect: OutgoingEffect): void;
  /**
   * For so long live messages for this user go behind his backlog (spec 3.4), `message.received` with `queued`; 0: no
   * longer. May be lost. Throws never.
   */
  queue?(aor: string, forMs: number): void;
}

/** One step of a message's life, as the operator's own systems hear of it. At least once; known by `eventId`. */
export interface AuditEvent {
  readonly v: 1;
  /** `e-<local id>-<number>`: the same at every repetition. */
  readonly eventId: string;
  /** Counts the steps of this message from 1; a gap is an event that was not kept. */
  readonly number: number;
  readonly atMs: number;
  readonly deferredId: string;
  readonly kind: 'page' | 'large';
  readonly policy: { readonly id: string; readonly hash: string };
  /** Why: what the message heard, or `after <delay>`. */
  readonly reason: string;
  /** SIP final code of an answer, or null. */
  readonly status: number | null;
  /** The operator who did it, or null. */
  readonly by: string | null;
  /** Where the message stood, as a dotted path; null at its birth. */
  readonly before: string | null;
  readonly after: string;
  /** States entered on the way, the last one included. */
  readonly path: readonly string[];
  /** In its mailbox now. */
  readonly live: boolean;
  /** Label of the end it came to, or null while it lives. */
  readonly outcome: string | null;
  /** Null when the sender asked for privacy. */
  readonly sender: string | null;
  readonly recipient: string;
  /** Octets of the body, and of the whole request. */
  readonly octets: number;
  readonly requestOctets: number;
  readonly contentType: string;
  readonly callId: string;
  /** `icid-value` of the request's P-Charging-Vector (RFC 7315 section 4.6), or null. */
  readonly chargingId: string | null;
  readonly receivedAtMs: number;
  /** The sender's own Date, or null. */
  readonly dateMs: number | null;
  readonly expiresAtMs: number | null;
}

/** Where committed audit events go. */
export interface AuditPort {
  /** False while nobody can be reached: events wait in the store. */
  ready(): boolean;
  /** Hands one event over; true when somebody has said that he has it. Rejects never. */
  publish(event: AuditEvent): Promise<boolean>;
}

/** Everything outside the runtime. */
export interface World {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly store: StorePort;
  readonly effects: EffectPort;
  /** Absent when nobody wants to hear of steps: then no event is written. */
  readonly audits?: AuditPort;
  /** Ends the process (or the simulated one): the runtime is unusable from this moment. */
  exit(code: number, why: string): void;
  /** Failpoint; does nothing in production. */
  failpoint(name: Failpoint): void;
}
