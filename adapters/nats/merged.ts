// Merged requests (RFC 3261 section 8.2.2.2): the same request by another path, told by its top Via while the first
// one's transaction may still live. It is answered 482, stored once, and never mixed up with a repetition: a line of the
// bus that comes twice names the same transaction of the proxy, a retransmission has the same Via. Invariant: bounded
// in time and number, the oldest goes first; what is forgotten is found by its dedup row all the same.
import type { IncomingMessage } from '../../machines/index.js';
import { natsLimits } from './limits.js';

/** What tells one request from another, but for its path. */
export type RequestNames = Pick<IncomingMessage, 'aor' | 'callId' | 'cseq' | 'fromTag'>;

interface Transaction {
  readonly node: string;
  readonly index: number;
  readonly label: number;
}

export interface MergedMemory {
  /** True when the request is known with another Via; else it is remembered with this one. */
  isMerged(line: Transaction, names: RequestNames, via: string): boolean;
  /** The sender heard 5xx or nothing: by whatever path he tries again, he is heard anew. */
  forget(line: Transaction): void;
  readonly size: number;
}

interface Entry {
  readonly via: string;
  readonly atMs: number;
}

export function createMergedMemory(now: () => number): MergedMemory {
  const requests = new Map<string, Entry>();
  const byTransaction = new Map<string, string>();

  function sweep(atMs: number): void {
    for (const [key, { atMs: seenMs }] of requests) {
      const lives = seenMs > atMs - natsLimits.transactionLifeMs;
      if (lives && requests.size <= natsLimits.answerMemoryMax) break;
      requests.delete(key);
    }
    for (const [line, key] of byTransaction) {
      if (requests.has(key) && byTransaction.size <= natsLimits.answerMemoryMax) break;
      byTransaction.delete(line);
    }
  }

  return {
    isMerged(line, names, via) {
      const atMs = now();
      sweep(atMs);
      const key = keyOf(names);
      const known = requests.get(key);
      if (known !== undefined) return known.via !== via;
      requests.set(key, { via, atMs });
      byTransaction.set(lineOf(line), key);
      return false;
    },
    forget(line) {
      const key = byTransaction.get(lineOf(line));
      if (key === undefined) return;
      byTransaction.delete(lineOf(line));
      requests.delete(key);
    },
    get size() {
      return requests.size;
    },
  };
}

const keyOf = ({ aor, callId, cseq, fromTag }: RequestNames): string =>
  `${cseq} ${callId} ${fromTag} ${aor}`;

const lineOf = ({ node, index, label }: Transaction): string => `${node} ${index} ${label}`;
