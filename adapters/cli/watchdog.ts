// The event loop under watch (reliability R14): blocked for more than ten seconds the process ends
// with code 70. A thread of its own counts time, so that a process that was stopped or suspended as
// a whole is not taken for a blocked one. While the loop is blocked nothing can set an exit code:
// should it never come back, the thread kills.
import { Worker } from 'node:worker_threads';

/** What the thread is given. */
export interface WatchdogData {
  /** [turns the thread has counted, turns counted at the last sign of life of the loop] */
  readonly shared: SharedArrayBuffer;
  readonly turnMs: number;
  /** Turns without a sign of life after which the thread kills the process. */
  readonly turnsMax: number;
}

/** Watches this thread's loop; calls `blocked` when it moves again after more than `limitMs`. */
export function startWatchdog(
  blocked: (blockedMs: number) => void,
  limitMs = 10_000,
): { stop(): void } {
  const turnMs = Math.max(10, Math.floor(limitMs / 20));
  const shared = new SharedArrayBuffer(8);
  const counts = new Int32Array(shared);
  const data: WatchdogData = {
    shared,
    turnMs,
    turnsMax: Math.ceil((3 * limitMs) / turnMs),
  };
  const thread = new Worker(new URL('./watchdog-thread.js', import.meta.url), {
    workerData: data,
    // Not the flags this process was started with: a thread may not take them all.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  thread.unref();
  const timer = setInterval(() => {
    const turns = Atomics.load(counts, 0) - Atomics.exchange(counts, 1, Atomics.load(counts, 0));
    if (turns * turnMs > limitMs) blocked(turns * turnMs);
  }, turnMs);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      void thread.terminate();
    },
  };
}
