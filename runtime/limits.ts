// Every bound of the runtime, unit in its name, reason beside it. docs/reference/limits.md is made from this table.

/** Partitions by served user, fixed for the life of a store; one more holds what belongs to nobody. */
export const partitionCount = 64;

export const limits = {
  /** Octets of a SIP body: what Kamailio's base64 decoding carries with room to spare. */
  bodyOctetsMax: 48_000,
  /** Octets of a header block. */
  headerOctetsMax: 12_000,
  /** Octets of a whole request, at intake and at sending. */
  requestOctetsMax: 61_440,
  /** Characters of a canonical AOR: it is part of keys. */
  aorCharactersMax: 256,
  /** Commands decided in one group; more only lengthens the tail. */
  groupCommandsMax: 512,
  /** Octets of one group; LevelDB copies a batch in memory. */
  groupOctetsMax: 8_388_608,
  /** Commands that may wait for a group; beyond it the engine answers 503. */
  queuedCommandsMax: 20_000,
  /** Due timers fired in one turn, alternating with commands. */
  timersPerTurnMax: 256,
  /** Due rows held in memory for each partition. */
  timerWindowRows: 128,
  /** Timers of one message that may fire in one turn. */
  timersPerMessageMax: 16,
  /** The process timer is re-armed at least this often, so that no wait is ever truncated. */
  wakeIntervalMaxMs: 60_000,
  /** Steps kept of a message's trail: the first ones and the last ones. */
  trailHeadSteps: 8,
  trailTailSteps: 24,
  /** Characters of an operator's name as a trail keeps it. */
  authorCharactersMax: 128,
  /** Messages and octets waiting for one recipient. */
  mailboxMessagesMax: 1000,
  mailboxOctetsMax: 33_554_432,
  /** Messages waiting from one sender for one recipient. */
  pairMessagesMax: 200,
  /** How often room is made for one message that others take before it is used. */
  roomRoundsMax: 4,
  /** After so many registrations one page of users is looked at, and those whose bindings have lapsed are forgotten. */
  registrationsPerSweep: 64,
  sweepRows: 256,
  /** Bindings remembered for one user. */
  bindingsMax: 16,
  /** Subscriptions of one user; the one that lapses first gives way to a newer one. */
  subscriptionsMax: 8,
  /** The longest a subscription is granted for (RFC 6665 section 4.2.1.1: a notifier may shorten it). */
  subscriptionSecondsMax: 86_400,
  /** How long the proxies queue live messages behind a delivery run without hearing of it again. */
  queueMarkMs: 120_000,
  /** How often they hear of it while it lasts: twice within that time, as core NATS may lose a line. */
  queueRemarkMs: 50_000,
  /** Deliveries under way through one proxy. */
  deliveryWindow: 32,
  /** Reports under way at once. */
  reportWindow: 32,
  /** Reports to one sender at once, then one a second. */
  reportBurst: 60,
  reportIntervalMs: 1000,
  /** What a user asked for before we heard of his registration is kept for so long; what any asked for, of so many users. */
  requestKeepMs: 10_000,
  keptRequestsMax: 1_024,
  /** A report that is sent at once, as its failure report would be: so many attempts, so far apart. */
  earlyAttemptsMax: 10,
  earlyRetryMs: 300_000,
  /** Mailbox rows read at a time by a delivery run. */
  mailboxPageRows: 32,
  /** Effects kept in memory; the rest is found again in the store. */
  outboxMemoryMax: 20_000,
  /** Audit events known in memory; the rest is found again in the store. */
  auditMemoryMax: 10_000,
  /** Audit events out at once, each of another message. */
  auditWindow: 256,
  /** How long an audit event waits for somebody to say that he has it. */
  auditPatienceMs: 5000,
  /** How long an effect that was handed over waits for its answer: Timer F of RFC 3261 and 8 s of grace. */
  effectPatienceMs: 40_000,
  /** How long a Retry-After may put off the next attempt of a report: nobody keeps us waiting for ever. */
  retryAfterMaxMs: 3_600_000,
  /** How much longer it waits, at most, while nothing can be sent (reliability R21). */
  suspensionMaxMs: 3_600_000,
  /** Messages moved to another policy in one group; commands and timers go between. */
  migrationGroupRows: 64,
  /** Steps of one message's life when its history is lived again under another policy. */
  shadowStepsMax: 1000,
  /** Times a row remembers that its sender had heard our 202, or had not; the proxy says so once. */
  acknowledgementsMax: 8,
  /** Messages compared in one answer. */
  shadowPageMessages: 200,
  /** Commands about policies that wait for the gate; one at a time is judged. */
  policyMattersMax: 64,
  /** Rules of one set whose policies are judged before its turn: as many as its schema lets in. */
  selectionRulesMax: 256,
  /** Things done about policies that the store remembers; the oldest is forgotten. */
  policyHistoryRows: 1000,
  /** Policies that were active before, as far as deactivations lead back. */
  earlierPoliciesMax: 32,
  /** Rows of one page of a scan. */
  scanPageRows: 1000,
  /** Ids in one bulk command; `all` takes as many turns as it needs. */
  bulkIdsMax: 1000,
  /** With less free than this at start the ballast is given back: a first group and a first table must find room. */
  bootOctetsMin: 16_777_216,
  /** The watermark is written at most this often. */
  watermarkIntervalMs: 1000,
  /** A wall clock this far ahead of boot time is not believed. */
  clockJumpMaxMs: 10_000,
  /** A wall clock this far ahead of elapsed time: boot time is asked whether the host slept. */
  clockDoubtMs: 50,
  /** At boot, a wall clock this far after the last stored time is not believed. */
  bootGapMaxMs: 30 * 86_400_000,
} as const;

/** Waits before an audit event nobody took is sent again; the last one repeats. */
export const auditRepeatsMs: readonly number[] = [1000, 2000, 5000, 10_000, 30_000];

/** Waits between repetitions of one effect on the bus, milliseconds. */
export const effectRepeatsMs: readonly number[] = [2000, 4000, 8000, 16_000];
