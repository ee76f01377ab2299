// Merged requests (RFC 3261 section 8.2.2.2): the same request by another path, told by its top Via while the first
// one's transaction may still live. It is answered 482, stored once, and never mixed up with a repetition: a line of the
// bus that comes twice names the same transaction of the proxy, a retransmission has the same Via. Invariant: bounded
// in time and number, the oldest goes first; what is forgotten is found by its dedup row all the same.
import type { IncomingMessage } from '../../machines/index.js';
import { compact } from './fields.js';
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
  readonly via: number;
  readonly atMs: number;
}

const sweepIntervalMs = 1000;
/** Swept together: to find the oldest entry of a map means to walk over the places of all that went before it. */
const sweepEntries = 1024;

export function createMergedMemory(now: () => number): MergedMemory {
  const requests = new Map<string, Entry>();
  const byTransaction = new Map<string, string>();
  let sweptAtMs = now();

  function sweep(atMs: number): void {
    const full = requests.size > natsLimits.answerMemoryMax + sweepEntries;
    if (!full && Math.abs(atMs - sweptAtMs) < sweepIntervalMs) return;
    sweptAtMs = atMs;
    for (const [key, entry] of requests) {
      if (lives(entry, atMs) && requests.size <= natsLimits.answerMemoryMax) break;
      requests.delete(key);
    }
    for (const [line, key] of byTransaction) {
      if (requests.has(key) && byTransaction.size <= natsLimits.answerMemoryMax) break;
      byTransaction.delete(line);
    }
  }

  function remember(line: Transaction, key: string, entry: Entry): void {
    // In order of age, so that the oldest goes first.
    requests.delete(key);
    requests.set(key, entry);
    byTransaction.set(lineOf(line), key);
  }

  return {
    isMerged(line, names, via) {
      const atMs = now();
      sweep(atMs);
      const key = keyOf(names);
      const path = pathOf(via);
      const known = requests.get(key);
      if (known !== undefined && lives(known, atMs)) return known.via !== path;
      remember(line, key, { via: path, atMs });
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

const lives = ({ atMs: seenMs }: Entry, atMs: number): boolean =>
  seenMs > atMs - natsLimits.transactionLifeMs;

/**
 * FNV-1a over a Via: the text itself would keep the whole request in memory. Two paths that look alike are taken for
 * one, and the second request is found to be stored already by its dedup row: nothing is stored twice or lost.
 */
function pathOf(via: string): number {
  let mixed = 0x811c9dc5;
  for (let at = 0; at < via.length; at += 1)
    mixed = Math.imul(mixed ^ via.charCodeAt(at), 0x01000193);
  return mixed;
}

const keyOf = ({ aor, callId, cseq, fromTag }: RequestNames): string =>
  compact([cseq, callId, fromTag, aor]);

const lineOf = ({ node, index, label }: Transaction): string => compact([node, index, label]);
