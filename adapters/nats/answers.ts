// What each held transaction was answered, for a minute or the last 32,768 of them, which outlasts the hold at any rate
// the engine reaches: the same line again hears the same, and a
// line that says "too late" finds its message. A message may be promised to its sender by several
// answers, hers and those to her repetitions; the promise is broken when all of them came too late,
// and once. Invariant: bounded in time and number; the oldest goes first.
import { natsLimits } from './limits.js';
import type { AnswerLine, LateLine, RequestLine } from './lines.js';

interface Entry {
  readonly head: string;
  /** Null while the first line is still in flight. */
  answer: AnswerLine | null;
  readonly atMs: number;
  /** Lines that wait for the answer, the first one included. */
  asked: number;
  /** Answers handed to the bus, and how many of them came too late. */
  sent: number;
  late: number;
  /** The message it promised to keep; null as well once that is known to be unheard. */
  deferredId: string | null;
}

/** What an answer promised. */
export interface Promised {
  readonly deferredId: string;
  /** An earlier answer had promised it, and is not known to have come too late. */
  readonly again: boolean;
}

/** What is known about a line that has just come. */
export type Seen = 'new' | 'in-flight' | AnswerLine;

export interface AnswerMemory {
  /** Registers the line; the same first line again is the same publication again (A6, A12). */
  see(line: RequestLine, head: string): Seen;
  /**
   * Keeps the answer; returns how many lines wait for it. `promised`: the message it says is kept.
   */
  settle(line: RequestLine, answer: AnswerLine, promised: Promised | null): number;
  /** Nothing was decided: forget that the line was seen. */
  drop(line: RequestLine): void;
  /** One answer went to the bus. */
  sent(line: RequestLine): void;
  /**
   * The message whose every answer came too late, told once; null when there is none, undefined when
   * the transaction is not known.
   */
  late(line: LateLine): string | null | undefined;
  /** Answers and promises remembered. */
  readonly size: number;
}

export function createAnswerMemory(now: () => number): AnswerMemory {
  const entries = new Map<string, Entry>();
  /** Message to the number of remembered answers that promise it and may have been heard. */
  const promises = new Map<string, number>();

  function sweep(): void {
    const oldest = now() - natsLimits.answerMemoryMs;
    for (const [key, entry] of entries) {
      if (entry.atMs > oldest && entries.size <= natsLimits.answerMemoryMax) return;
      forget(key, entry);
    }
  }

  /** Nothing was said against its answer in time: it was heard, and no other one matters. */
  function forget(key: string, entry: Entry): void {
    entries.delete(key);
    if (entry.deferredId !== null) promises.delete(entry.deferredId);
  }

  /** The promise of one answer was not heard; the message when it was the last one. */
  function unheard(entry: Entry): string | null {
    const { deferredId } = entry;
    const others = deferredId === null ? undefined : promises.get(deferredId);
    entry.deferredId = null;
    if (deferredId === null || others === undefined) return null;
    if (others > 1) promises.set(deferredId, others - 1);
    else promises.delete(deferredId);
    return others > 1 ? null : deferredId;
  }

  return {
    see(line, head) {
      sweep();
      const entry = entries.get(keyOf(line));
      // Another head under the same transaction: the proxy was restarted, or it asks anew. The
      // runtime decides.
      if (entry === undefined || entry.head !== head) {
        if (entry !== undefined) forget(keyOf(line), entry);
        entries.set(keyOf(line), newEntry(head, now()));
        return 'new';
      }
      if (entry.answer !== null) return entry.answer;
      entry.asked += 1;
      return 'in-flight';
    },
    settle(line, answer, promised) {
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return 1;
      entry.answer = answer;
      // A promise whose answer is not remembered any more was heard: a repetition adds nothing.
      if (promised !== null && (!promised.again || promises.has(promised.deferredId))) {
        entry.deferredId = promised.deferredId;
        promises.set(promised.deferredId, (promises.get(promised.deferredId) ?? 0) + 1);
      }
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
      sweep();
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return undefined;
      entry.late += 1;
      // A repeated answer is late by nature: only when none arrived in time did the sender hear
      // 503.
      return entry.late >= entry.sent ? unheard(entry) : null;
    },
    get size() {
      return entries.size + promises.size;
    },
  };
}

function keyOf(line: { node: string; index: number; label: number }): string {
  return `${line.node} ${line.index} ${line.label}`;
}

function newEntry(head: string, atMs: number): Entry {
  return { head, answer: null, atMs, asked: 1, sent: 0, late: 0, deferredId: null };
}
