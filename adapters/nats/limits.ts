// Every bound of the NATS adapter in one table, unit in the name, reason beside it. Relations
// between them are asserted by test/adapters/nats/lines.test.ts. This file must not know the client
// or the runtime.

export const natsLimits = {
  /**
   * Largest payload in either direction; a reply page of 256 KiB is the largest of them (design.md
   * 6).
   */
  payloadBytesMax: 262_144,
  /** The whole SIP request at intake (design.md 5). */
  requestBytesMax: 61_440,
  /** Header block of a request we send: that of the largest stored one, and what is added to it (ADR 0016). */
  headerBytesMax: 14_000,
  bodyBytesMax: 48_000,
  /** First line of a store or command payload: thirteen fields, the identity the longest. */
  headBytesMax: 4_096,
  /** A line that is the whole payload; contacts of one REGISTER make up most of the longest. */
  lineBytesMax: 131_072,
  identityBytesMax: 1_024,
  contactsBytesMax: 16_384,
  reasonCharsMax: 128,
  /**
   * How long an answer is remembered for the same transaction; tm keeps one 5 s, Timer F is 32 s.
   */
  answerMemoryMs: 60_000,
  answerMemoryMax: 32_768,
  /** How long a transaction may live after its first request: Timer J, 64 times T1 (RFC 3261 section 17.2.2). */
  transactionLifeMs: 32_000,
  /** Further header fields of an answer: Accept and Warning; the answer of a proxy over UDP stays below 1,300. */
  answerHeadersBytesMax: 512,
  /** Commands submitted and not yet durable; beyond it the sender hears 503 (N7). */
  inFlightMax: 8_192,
  inFlightBytesMax: 67_108_864,
  /**
   * Token bucket per proxy: well above the 7,500/s to reach, below what would starve the timers
   * (N7).
   */
  ratePerSecond: 20_000,
  rateBurst: 20_000,
  /**
   * Proxies with a bucket of their own; later names share one, so that invented names gain nothing.
   */
  nodesMax: 64,
  retryAfterSeconds: 5,
  beatEveryMs: 1_000,
  /**
   * A proxy answers every beat; after this many beats without a line of it (10 s) it counts as
   * silent. Several, as core NATS may lose a beat or its answer, and a proxy may be busy.
   */
  silentBeatsMax: 10,
  /**
   * A named proxy is kept this long (60 s) although others answer: longer than the patience of an
   * effect, for it alone remembers that it has sent this effect, and another would send it again.
   */
  keptBeatsMax: 60,
  /** A binding without any expiry: the registrar's usual default (RFC 3261 section 10.2.1.1). */
  registrationSeconds: 3_600,
  /** JSON requests: octets, and nesting checked before they are parsed (P5, F10). */
  jsonRequestBytesMax: 65_536,
  jsonDepthMax: 32,
  jsonInFlightMax: 256,
  listRowsMax: 500,
  /** Rows of one list over SIP: the requester continues with `after`. */
  sipListRowsMax: 50,
  idsMax: 500,
  /**
   * A withdrawal during a push waits for its answer, and so many wait at once: the patience of an
   * effect and some grace.
   */
  withdrawPatienceMs: 45_000,
  withdrawalsMax: 1_000,
  /** How often one held request is decided while answers that came too late take their promises back. */
  decisionsMax: 8,
  /** Disposition notifications being passed on at once. */
  passedMax: 1_000,
  confirmWithinMs: 60_000,
  confirmationsMax: 4_096,
  /** Results on their way to requesters (SIP): per owner and in all. */
  resultsPerOwnerMax: 4,
  resultsMax: 1_000,
  /**
   * Repeats of one result on the bus; then the next page, after the last wait none (Timer F + 8 s).
   */
  resultRepeatsMs: [2_000, 4_000, 8_000, 16_000, 10_000],
} as const;
