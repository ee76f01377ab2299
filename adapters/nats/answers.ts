// What each held transaction was answered, for a minute or the last 32,768 of them, which outlasts the hold at any rate
// the engine reaches: the same line again hears the same, and a line that says "too late" finds its message. Invariant:
// bounded in time and number; the oldest goes first.
import { natsLimits } from './limits.js';
import type { LateLine, RequestLine } from './lines.js';

/** What a held request came to. */
export interface Decision {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | null;
  /** The message now kept on the strength of this answer, or null. */
  readonly deferredId: string | null;
}

interface Entry {
  /** The proxy's stamp, in microseconds: the same again is the same publication again. */
  readonly stamp: number;
  /** Null while the first line is still in flight. */
  decision: Decision | null;
  readonly atMs: number;
  /** Lines that wait for the answer, the first one included. */
  asked: number;
  /** Answers handed to the bus, and how many of them came too late. */
  sent: number;
  late: number;
}

/** What is known about a line that has just come. */
export type Seen = 'new' | 'in-flight' | Decision;

export interface AnswerMemory {
  /** Registers the line; the same first line again is the same publication again (A6, A12). */
  see(line: RequestLine): Seen;
  /** Keeps the decision; returns how many lines wait for it. */
  settle(line: RequestLine, decision: Decision): number;
  /** Nothing was decided: forget that the line was seen. */
  drop(line: RequestLine): void;
  /** One answer went to the bus. */
  sent(line: RequestLine): void;
  /** The message whose every answer came too late, or null. */
  late(line: LateLine): string | null;
  readonly size: number;
}

const sweepIntervalMs = 1000;

export function createAnswerMemory(now: () => number): AnswerMemory {
  const entries = new Map<string, Entry>();
  let sweptAtMs = now();

  function sweep(atMs: number): void {
    const full = entries.size > natsLimits.answerMemoryMax;
    if (!full && Math.abs(atMs - sweptAtMs) < sweepIntervalMs) return;
    sweptAtMs = atMs;
    for (const [key, entry] of entries) {
      const kept = entry.atMs > atMs - natsLimits.answerMemoryMs;
      if (kept && entries.size <= natsLimits.answerMemoryMax) return;
      entries.delete(key);
    }
  }

  return {
    see(line) {
      const atMs = now();
      sweep(atMs);
      const key = keyOf(line);
      const entry = entries.get(key);
      const stamp = stampOf(line);
      // Another stamp under the same transaction: the proxy was restarted, or it asks anew. The runtime decides.
      if (entry === undefined || entry.stamp !== stamp) {
        entries.delete(key);
        entries.set(key, { stamp, decision: null, atMs, asked: 1, sent: 0, late: 0 });
        return 'new';
      }
      if (entry.decision !== null) return entry.decision;
      entry.asked += 1;
      return 'in-flight';
    },
    settle(line, decision) {
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return 1;
      entry.decision = decision;
      return entry.asked;
    },
    drop(line) {
      entries.delete(keyOf(line));
    },
    sent(line) {
      const entry = entries.get(keyOf(line));
      if (entry !== undefined) entry.sent += 1;
    },
    late(line) {
      sweep(now());
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return null;
      entry.late += 1;
      // A repeated answer is late by nature: only when none arrived in time did the sender hear 503.
      return entry.late >= entry.sent ? (entry.decision?.deferredId ?? null) : null;
    },
    get size() {
      return entries.size;
    },
  };
}

const keyOf = (line: { node: string; index: number; label: number }): string =>
  `${line.node} ${line.index} ${line.label}`;

const stampOf = ({ sec, usec }: RequestLine): number => sec * 1_000_000 + usec;
