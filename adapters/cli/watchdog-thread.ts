// The watchdog's thread: counts turns, and kills a process whose loop gives no sign of life for
// very long.
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.js';

const { shared, turnMs, turnsMax } = workerData as WatchdogData;
const counts = new Int32Array(shared);

setInterval(() => {
  const turns = Atomics.add(counts, 0, 1) + 1;
  if (turns - Atomics.load(counts, 1) > turnsMax) process.kill(process.pid, 'SIGKILL');
}, turnMs);
