// How much of a proxy's traffic is let in (N7): a token bucket for each proxy, and a bound on what
// is submitted and not yet durable. Invariant: memory stays bounded whatever names and floods the
// bus brings.
import { natsLimits } from './limits.js';

interface Bucket {
  tokens: number;
  atMs: number;
}

export interface AdmissionLimits {
  readonly ratePerSecond: number;
  readonly rateBurst: number;
  readonly inFlightMax: number;
  readonly inFlightBytesMax: number;
}

export interface Admission {
  /** Takes one from the proxy's bucket; false when it is empty. */
  take(node: string): boolean;
  /** Claims room for one command of `bytes`; false when there is none. */
  begin(bytes: number): boolean;
  end(bytes: number): void;
  readonly inFlight: number;
}

const shared = '';

export function createAdmission(limits: AdmissionLimits, now: () => number): Admission {
  const buckets = new Map<string, Bucket>();
  let inFlight = 0;
  let inFlightBytes = 0;

  function bucketOf(node: string): Bucket {
    const key = buckets.has(node) || buckets.size < natsLimits.nodesMax ? node : shared;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: limits.rateBurst, atMs: now() };
      buckets.set(key, bucket);
    }
    return bucket;
  }

  return {
    take(node) {
      const bucket = bucketOf(node);
      const atMs = now();
      // A clock set back grants nothing; it only starts counting anew.
      const elapsedMs = Math.max(0, atMs - bucket.atMs);
      const grown = bucket.tokens + (elapsedMs * limits.ratePerSecond) / 1_000;
      bucket.tokens = Math.min(limits.rateBurst, grown);
      bucket.atMs = atMs;
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
    begin(bytes) {
      if (inFlight >= limits.inFlightMax) return false;
      if (inFlightBytes + bytes > limits.inFlightBytesMax) return false;
      inFlight += 1;
      inFlightBytes += bytes;
      return true;
    },
    end(bytes) {
      inFlight -= 1;
      inFlightBytes -= bytes;
    },
    get inFlight() {
      return inFlight;
    },
  };
}
