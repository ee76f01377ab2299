// What a chain can be asked for, and what its engine tells; types only.

export interface ChainOptions {
  /** Settings of the engine by their name in the configuration file, over those of the chain. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The engine as a process of its own, which can be killed; inside this process by default. */
  readonly child?: boolean;
  /** The built program of an engine that is a process of its own, in place of the command's. */
  readonly program?: string;
  /** Where that program stops, asked at each start: `ack.after:1:kill`; null for nowhere. */
  readonly stop?: () => string | null;
  /** How long the proxy holds a sender. */
  readonly holdMs?: number;
  /** How long a phone may be silent. */
  readonly phoneMs?: number;
  /** The proxy believes senders on loopback without a digest. */
  readonly trustLoopback?: boolean;
  /** More lines of configuration for the proxy. */
  readonly proxyLines?: string;
  /** A nats-server that asks who one is; without it everybody may do everything. */
  readonly accounts?: Accounts;
  /** Another way to the bus for the engine, by the port of the bus. */
  readonly engineBus?: (natsPort: number) => Promise<string>;
}

/** A configuration of nats-server with accounts, and `user:password` of each part there. */
export interface Accounts {
  readonly config: string;
  readonly engine: string;
  readonly proxy: string;
  readonly neighbour: string;
}

/** One row of a user's mailbox, as the engine lists it. */
export interface Listed {
  readonly deferredId: string;
  readonly state: string;
  readonly from: string | null;
  /** Of the body. */
  readonly octets: number;
  readonly expiresAtMs: number | null;
}

/** What the engine tells of one message. */
export interface Life {
  readonly state: string;
  readonly outcome: string | null;
  readonly policyId: string;
  readonly bye?: readonly (readonly [string, string])[];
  readonly message: {
    readonly kind?: string;
    readonly contentType: string;
    readonly session?: {
      readonly invite: readonly (readonly [string, string])[];
      readonly ok: readonly (readonly [string, string])[];
      readonly send: readonly (readonly [string, string])[];
      readonly msrpMessageId: string;
    };
    readonly reportException: string | null;
    readonly receivedAtMs: number;
    readonly expiresAtMs: number | null;
  };
  readonly trail: readonly {
    readonly atMs: number;
    readonly event: string;
    readonly status?: number;
    readonly by?: string;
  }[];
}
