// What each held transaction was answered, for a minute or the last 32,768 of them, which outlasts the hold at any rate
// the engine reaches: the same line again hears the same, and a line that says "too late" finds its message. A message
// may be promised to its sender by several answers, hers and those to her repetitions; the promise is broken when all of
// them came too late, and once. Invariant: bounded in time and number; the oldest goes first.
import { compact } from './fields.js';
import { natsLimits } from './limits.js';
import type { LateLine, RequestLine } from './lines.js';

/** What an answer promised. */
export interface Promised {
  readonly deferredId: string;
  /** An earlier answer had promised it, and is not known to have come too late. */
  readonly again: boolean;
}

/** What a held request came to. */
export interface Decision {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | null;
  /** Further header fields for the sender, complete lines without their ends: Accept, Warning. */
  readonly headers?: readonly string[];
  /** The message that this answer says is kept, or null. */
  readonly promised: Promised | null;
}

/** One held line, as it is remembered. */
export interface Held {
  readonly key: string;
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
  /** The proxy has told that the hold ended: whatever is answered now comes too late. */
  overdue: boolean;
  /** The message it promised to keep; null as well once that is known to be unheard. */
  deferredId: string | null;
}

/** What came of keeping a decision. */
export interface Settled {
  /** Lines that wait for the answer. */
  readonly lines: number;
  /** The message it promises in vain: the sender has heard 503 already, and no other answer promises it. */
  readonly unheard: string | null;
}

export interface AnswerMemory {
  /** Registers the line and counts it; the same first line again is the same publication again (A6, A12). */
  see(line: RequestLine): Held;
  /** What is remembered of a line that is not counted, or undefined. */
  known(line: RequestLine): Held | undefined;
  /** Keeps the decision. */
  settle(held: Held, decision: Decision): Settled;
  /** Nothing was decided: forget that the line was seen. */
  drop(held: Held): void;
  /** One answer went to the bus. */
  sent(held: Held): void;
  /**
   * The message whose every answer came too late, told once; null when there is none, undefined when
   * the transaction is not known.
   */
  late(line: LateLine): string | null | undefined;
  /** A repetition was decided before the promise it leans on was taken back: its own 202 needs another decision. */
  leansOnNothing(decision: Decision | null): boolean;
  /** Answers and promises remembered. */
  readonly size: number;
}

const sweepIntervalMs = 1000;
/** Swept together: to find the oldest entry of a map means to walk over the places of all that went before it. */
const sweepEntries = 1024;

/** What the proxy answers when its hold has ended; the line that tells so names it. */
const holdEndedCode = 503;

export function createAnswerMemory(now: () => number): AnswerMemory {
  const entries = new Map<string, Held>();
  /** Message to the number of remembered answers that promise it and may have been heard. */
  const promises = new Map<string, number>();
  /** Messages whose promise was taken back, and when, until it is made anew. */
  const takenBack = new Map<string, number>();
  /** Transactions whose hold had ended before their line was heard, and when that was told: a line may be overtaken. */
  const ended = new Map<string, number>();
  let sweptAtMs = now();

  function sweep(atMs: number): void {
    const full = Math.max(entries.size, ended.size) > natsLimits.answerMemoryMax + sweepEntries;
    if (!full && Math.abs(atMs - sweptAtMs) < sweepIntervalMs) return;
    sweptAtMs = atMs;
    for (const [deferredId, takenAtMs] of takenBack) {
      if (takenAtMs > atMs - natsLimits.answerMemoryMs) break;
      takenBack.delete(deferredId);
    }
    for (const [key, toldAtMs] of ended) {
      const kept = toldAtMs > atMs - natsLimits.answerMemoryMs;
      if (kept && ended.size <= natsLimits.answerMemoryMax) break;
      ended.delete(key);
    }
    for (const [key, entry] of entries) {
      const kept = entry.atMs > atMs - natsLimits.answerMemoryMs;
      if (kept && entries.size <= natsLimits.answerMemoryMax) return;
      forget(key, entry);
    }
  }

  /** Nothing was said against its answer in time: it was heard, and no other one matters. */
  function forget(key: string, entry: Held): void {
    entries.delete(key);
    if (entry.deferredId !== null) promises.delete(entry.deferredId);
  }

  /** The promise of one answer was not heard; the message when it was the last one. */
  function unheard(entry: Held): string | null {
    const { deferredId } = entry;
    const others = deferredId === null ? undefined : promises.get(deferredId);
    entry.deferredId = null;
    if (deferredId === null || others === undefined) return null;
    if (others > 1) promises.set(deferredId, others - 1);
    else promises.delete(deferredId);
    if (others > 1) return null;
    takenBack.set(deferredId, now());
    return deferredId;
  }

  // A promise whose answer is not remembered any more was heard: a repetition adds nothing.
  function promise(entry: Held, { deferredId, again }: Promised): void {
    if (again && !promises.has(deferredId)) return;
    takenBack.delete(deferredId);
    entry.deferredId = deferredId;
    promises.set(deferredId, (promises.get(deferredId) ?? 0) + 1);
  }

  return {
    see(line) {
      const atMs = now();
      sweep(atMs);
      const key = keyOf(line);
      const entry = entries.get(key);
      const stamp = stampOf(line);
      if (entry?.stamp === stamp) {
        entry.asked += 1;
        return entry;
      }
      // Another stamp under the same transaction: the proxy was restarted, or it asks anew. The runtime decides.
      if (entry !== undefined) forget(key, entry);
      const fresh = { ...newEntry(key, stamp, atMs), overdue: ended.delete(key) };
      entries.set(key, fresh);
      return fresh;
    },
    known(line) {
      const entry = entries.get(keyOf(line));
      return entry?.stamp === stampOf(line) ? entry : undefined;
    },
    settle(held, decision) {
      held.decision = plainly(decision);
      // Its transaction may have been begun anew meanwhile: then it is answered, and not remembered.
      if (entries.get(held.key) !== held) return { lines: held.asked, unheard: null };
      if (decision.promised !== null) promise(held, decision.promised);
      return { lines: held.asked, unheard: held.overdue ? unheard(held) : null };
    },
    drop(held) {
      if (entries.get(held.key) === held) entries.delete(held.key);
    },
    sent(held) {
      held.sent += 1;
    },
    late(line) {
      sweep(now());
      const key = keyOf(line);
      const entry = entries.get(key);
      if (entry === undefined && line.code === holdEndedCode) ended.set(key, now());
      if (entry === undefined) return undefined;
      entry.late += 1;
      // Nothing was answered yet: it is the word about the end of the hold, and the sender has heard 503 (A4).
      if (entry.decision === null && line.code === holdEndedCode) entry.overdue = true;
      // A repeated answer is late by nature: only when none arrived in time did the sender hear 503.
      return entry.late >= entry.sent ? unheard(entry) : null;
    },
    leansOnNothing(decision) {
      const promised = decision?.promised ?? null;
      return promised?.again === true && takenBack.has(promised.deferredId);
    },
    get size() {
      return entries.size + promises.size + takenBack.size + ended.size;
    },
  };
}

const accepted: Decision = {
  code: 202,
  reason: 'Accepted',
  retryAfterSeconds: null,
  promised: null,
};

/** What is repeated of a decision. Nearly all of them are the same, and thousands are kept. */
const plainly = (decision: Decision): Decision => {
  const { code, reason, promised, headers } = decision;
  const usual = code === accepted.code && reason === accepted.reason && headers === undefined;
  return usual && promised !== null ? accepted : decision;
};

/** Name of a transaction of a proxy. */
const keyOf = (line: { node: string; index: number; label: number }): string =>
  compact([line.node, line.index, line.label]);

const stampOf = ({ sec, usec }: RequestLine): number => sec * 1_000_000 + usec;

const newEntry = (key: string, stamp: number, atMs: number): Held => ({
  key,
  stamp,
  decision: null,
  atMs,
  asked: 1,
  sent: 0,
  late: 0,
  overdue: false,
  deferredId: null,
});
