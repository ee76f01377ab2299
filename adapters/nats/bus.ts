// What the rest of this folder sees of the bus, and the errors that keep it from starting. Types
// and one error class; the client itself is known to connection.ts alone.
import type { Cancel, Clock } from '../../runtime/index.js';

/** What this folder needs of a clock; always the real one. */
export type BusClock = Pick<Clock, 'now' | 'mono' | 'after'>;

/** Called for each payload; `reply` is where an answer may go, or null. Must not throw. */
export type BusHandler = (payload: Uint8Array, reply: string | null) => void;

export interface Bus {
  /**
   * Hands a payload to the connection. False when it cannot go out: the bus is not ready, or the
   * payload or subject is refused. True promises nothing: core NATS may lose it (R15: repeat until
   * an outcome comes).
   */
  publish(subject: string, payload: Uint8Array | string): boolean;
  /**
   * Lasts over every reconnect, until the bus is closed or the result is called; what the server
   * had sent by then is still handled.
   */
  subscribe(subject: string, queue: string | null, handler: BusHandler): Cancel;
  ready(): boolean;
  /** Why the bus is not ready, or null when it is. */
  reason(): BusReason | null;
  /** Called each time the bus becomes ready. */
  onReady(run: () => void): void;
  /** Resolves true when the server has seen all that was published before; false when it cannot. */
  flush(): Promise<boolean>;
  /** Drains within two seconds, then closes. */
  close(): Promise<void>;
}

/** A bus on which can be asked as well. */
export interface Requester extends Bus {
  /** The first answer, or null when there is none in time, nobody listens, or the bus is away. */
  request(
    subject: string,
    payload: string,
    asked: { readonly msgId: string; readonly timeoutMs: number },
  ): Promise<Uint8Array | null>;
}

export type BusReason =
  | 'connecting'
  | 'disconnected'
  | 'stale'
  | 'unauthorized'
  | 'permissions-violation'
  | 'max-payload'
  | 'closed';

export interface BusOptions {
  /** `nats://host:port` or `tls://host:port`. */
  readonly servers: readonly string[];
  /** File with a JWT and its seed. */
  readonly credentials?: string;
  /** File with an nkey seed. */
  readonly nkey?: string;
  readonly user?: string;
  readonly password?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** A plain URL beyond loopback is refused without it (N9). */
  readonly allowPlaintext?: boolean;
  /** From `inboxPrefix(role)` (N6). */
  readonly inboxPrefix: string;
  readonly name: string;
  /** Longest wait between two attempts; the first ones are shorter. */
  readonly reconnectWaitMsMax?: number;
  /** Silence beyond two of these makes the connection stale. */
  readonly pingIntervalMs?: number;
  /** How often a violated permission is tried again. */
  readonly violationRetryMs?: number;
}

export interface BusHooks {
  /** Readiness changed, or its reason; `detail` is the text of a failed attempt to connect, or null. */
  readonly onStatus?: (ready: boolean, reason: BusReason | null, detail: string | null) => void;
  /** Something an operator must look at: a permission violation (C13), a server turned unusable. */
  readonly onAlarm?: (code: BusReason | 'handler-failed', detail: string) => void;
}

export type BusErrorCode = 'bus-plaintext' | 'bus-max-payload' | 'bus-unauthorized' | 'bus-options';

/** The bus cannot be used at all: the process refuses to start (exit 69; `bus-options`: 64). */
export class BusError extends Error {
  override readonly name = 'BusError';
  readonly retryable = false;
  constructor(
    readonly code: BusErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
