// Timers of RFC 3261 (table 4 of section 17) and the bounds of the leg, unit in each name.

export const legLimits = {
  /** T1: estimate of the round trip. */
  t1Ms: 500,
  /** T2: the longest wait between two repetitions. */
  t2Ms: 4_000,
  /** 64 × T1: timers B, F, H, L, M and the wait for an ACK. */
  patienceMs: 32_000,
  /** T4: how long a repetition may wander in the net. */
  t4Ms: 5_000,
  /** Timer C's part here: a phone that rings for this long is cancelled. Page mode is taken without a human. */
  ringingMsMax: 60_000,
  /** Transactions remembered at once, in each direction; beyond it new requests hear 503. */
  transactionsMax: 2_048,
  /** Dialogs at once, in either direction. */
  dialogsMax: 512,
  /** Phones that may answer one call of ours; each beyond the first is hung up on. */
  forksMax: 16,
  /** URIs of one route set. */
  routesMax: 16,
} as const;
