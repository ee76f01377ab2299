// Whether the service can do its work, and if not why: one answer for /readyz, for the operators' verb and for the metric.
// Ready means that a message for somebody who is offline would be stored now, and what is due can go out. What only makes
// it slower or later (a clock that is held) has a figure of its own. Knows none of the parts it asks.

export interface Readiness {
  readonly ready: boolean;
  /** Why it is not, or null. */
  readonly reason: string | null;
}

/** What is asked of the parts, each time anew. */
export interface Parts {
  readonly closing: () => boolean;
  /** Partitions whose rows are checked and that serve. */
  readonly progress: () => { readonly admitted: number; readonly of: number };
  /** Why nothing new is stored, or null. */
  readonly gate: () => 'store-full' | null;
  /** Why the bus is away, or null. */
  readonly bus: () => string | null;
  /** A proxy answered one of the last beats. */
  readonly proxyHeard: () => boolean;
}

/** The first reason that holds, the nearest to home first. */
export function readinessOf(parts: Parts): () => Readiness {
  return () => {
    const reason = reasonOf(parts);
    return { ready: reason === null, reason };
  };
}

function reasonOf({ closing, progress, gate, bus, proxyHeard }: Parts): string | null {
  if (closing()) return 'closing';
  const { admitted, of } = progress();
  if (admitted < of) return `checking the store: ${admitted} of ${of} partitions serve`;
  if (gate() !== null) return 'store full: nothing new is stored';
  const away = bus();
  if (away !== null) return `bus: ${away}`;
  return proxyHeard() ? null : 'no proxy is heard';
}
