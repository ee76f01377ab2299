// What large messages have come to since the start, as numbers for an operator: plain counts, never read by what counts.

export class LargeCounters {
  /** Octets over MSRP connections, frames and all. */
  readonly octets = { in: 0, out: 0 };
  readonly events = {
    /** Calls for people who are offline that were answered. */
    taken: 0,
    /** Calls for them that were refused. */
    refused: 0,
    /** Messages that were stored, or taken and dropped for a polite block. */
    stored: 0,
    /** Messages that were taken although their CPIM envelope cannot be read. */
    unreadable: 0,
    /** Sessions that were taken and brought nothing. */
    aborted: 0,
    /** Calls of ours to people who are back. */
    called: 0,
    /** Those whose phone named a place that we do not connect to. */
    forbidden: 0,
    /** Messages that were handed over. */
    delivered: 0,
    /** Calls of ours that came to nothing, by refusal or by a session that broke. */
    undelivered: 0,
  };
}
