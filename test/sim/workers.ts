// Worker processes and the sum of what they tell.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Tally } from './run.js';
import type { Shrunk, Work } from './worker.js';

export const workerPath = fileURLToPath(new URL('worker.js', import.meta.url));

/** Runs one worker to its end; rejects when it dies of anything but its own end. */
export async function runWorker(work: Work, path: string = workerPath): Promise<Tally> {
  const total: Tally = { seeds: 0, steps: 0, failures: [] };
  await follow(work, path, (message) => {
    const tally = message as Tally;
    total.seeds += tally.seeds;
    total.steps += tally.steps;
    total.failures.push(...tally.failures);
  });
  return total;
}

/** Has a worker make a failing seed small. */
export async function shrinkIn(work: Required<Work>['shrink'], path: string): Promise<Shrunk> {
  let small: Shrunk | null = null;
  await follow({ shrink: work }, path, (message) => {
    small = message as Shrunk;
  });
  if (small === null) throw new Error('a worker told nothing');
  return small;
}

function follow(work: Work, path: string, heard: (message: unknown) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(path, [JSON.stringify(work)], { execArgv: ['--max-semi-space-size=32'] });
    child.on('message', heard);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`a worker ended with ${signal ?? code}`));
    });
  });
}

/** Shares the seeds from `from` on between two workers. */
export async function runShared(work: Work & { readonly from: number }): Promise<Tally> {
  const both = await Promise.all(
    [0, 1].map((offset) => runWorker({ ...work, from: work.from + offset, stride: 2 })),
  );
  return {
    seeds: both.reduce((sum, one) => sum + one.seeds, 0),
    steps: both.reduce((sum, one) => sum + one.steps, 0),
    failures: both.flatMap((one) => one.failures),
  };
}
