// What each held transaction was answered, for a minute or the last 32,768 of them, which outlasts the hold at any rate
// the engine reaches: the same line again hears the same, and a
// line that says "too late" finds its message. Invariant: bounded in time and number; the oldest
// goes first.
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
  deferredId: string | null;
  /** Its answer is the one that made a report owed; a repetition of a known message takes nothing back. */
  first: boolean;
}

/** What an answer of 202 stands for. */
export interface Promise202 {
  readonly deferredId: string;
  readonly first: boolean;
}

/** What is known about a line that has just come. */
export type Seen = 'new' | 'in-flight' | AnswerLine;

export interface AnswerMemory {
  /** Registers the line; the same first line again is the same publication again (A6, A12). */
  see(line: RequestLine, head: string): Seen;
  /**
   * Keeps the answer; returns how many lines wait for it. `promise`: the message it promised to
   * keep, and whether it was the first to do so.
   */
  settle(line: RequestLine, answer: AnswerLine, promise: Promise202 | null): number;
  /** Nothing was decided: forget that the line was seen. */
  drop(line: RequestLine): void;
  /** One answer went to the bus. */
  sent(line: RequestLine): void;
  /** The message whose every answer came too late, or null: from then on it counts as taken back. */
  late(line: LateLine): string | null;
  /** It was taken back, and nothing promised it anew since. */
  isTakenBack(deferredId: string): boolean;
  readonly size: number;
}

export function createAnswerMemory(now: () => number): AnswerMemory {
  const entries = new Map<string, Entry>();
  /** All that promised to keep one message: its sender may have asked several times at once. */
  const promises = new Map<string, { readonly entries: Set<Entry>; takenBack: boolean }>();

  function forget(key: string): void {
    const entry = entries.get(key);
    entries.delete(key);
    if (entry === undefined || entry.deferredId === null) return;
    const kin = promises.get(entry.deferredId);
    kin?.entries.delete(entry);
    if (kin?.entries.size === 0) promises.delete(entry.deferredId);
  }

  // A repeated answer is late by nature: only when none arrived in time did the sender hear 503.
  const unheard = (entry: Entry): boolean => entry.late >= entry.sent;

  function sweep(): void {
    const oldest = now() - natsLimits.answerMemoryMs;
    for (const [key, entry] of entries) {
      if (entry.atMs > oldest && entries.size <= natsLimits.answerMemoryMax) return;
      forget(key);
    }
  }

  return {
    see(line, head) {
      sweep();
      const entry = entries.get(keyOf(line));
      // Another head under the same transaction: the proxy was restarted, or it asks anew. The
      // runtime decides.
      if (entry === undefined || entry.head !== head) {
        forget(keyOf(line));
        entries.set(keyOf(line), newEntry(head, now()));
        return 'new';
      }
      if (entry.answer !== null) return entry.answer;
      entry.asked += 1;
      return 'in-flight';
    },
    settle(line, answer, promise) {
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return 1;
      entry.answer = answer;
      if (promise !== null) {
        const { deferredId } = promise;
        Object.assign(entry, promise);
        const kin = promises.get(deferredId) ?? { entries: new Set(), takenBack: false };
        kin.entries.add(entry);
        if (promise.first) kin.takenBack = false;
        promises.set(deferredId, kin);
      }
      return entry.asked;
    },
    drop(line) {
      forget(keyOf(line));
    },
    sent(line) {
      const entry = entries.get(keyOf(line));
      if (entry !== undefined) entry.sent += 1;
    },
    late(line) {
      sweep();
      const entry = entries.get(keyOf(line));
      if (entry === undefined) return null;
      entry.late += 1;
      const kin = entry.deferredId === null ? undefined : promises.get(entry.deferredId);
      if (kin === undefined) return null;
      // Another transaction of the same sender may have had its 202 in time.
      const all = [...kin.entries];
      if (!all.some((one) => one.first) || !all.every(unheard)) return null;
      // A second line about it must not overtake the repetition that promises it anew.
      if (kin.takenBack) return null;
      kin.takenBack = true;
      return entry.deferredId;
    },
    isTakenBack(deferredId) {
      return promises.get(deferredId)?.takenBack ?? false;
    },
    get size() {
      return entries.size;
    },
  };
}

function keyOf(line: { node: string; index: number; label: number }): string {
  return `${line.node} ${line.index} ${line.label}`;
}

function newEntry(head: string, atMs: number): Entry {
  const counts = { asked: 1, sent: 0, late: 0 };
  return { head, answer: null, atMs, ...counts, deferredId: null, first: false };
}
