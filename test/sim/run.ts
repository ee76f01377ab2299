// Runs seeds in this process, one after the other, and says what came of them. Each hundredth seed runs twice: the same
// seed must make the same run, line for line.
import { type Options, optionsOf } from './options.js';
import { assertDraining } from './scheduler.js';
import { type Outcome, Simulation, type Violation } from './simulation.js';

export interface Failure extends Violation {
  readonly seed: number;
}

export interface Tally {
  seeds: number;
  steps: number;
  readonly failures: Failure[];
}

let current: Simulation | null = null;
let listening = false;

function listen(): void {
  if (listening) return;
  listening = true;
  process.on('unhandledRejection', (cause) => current?.unhandled(cause));
}

/** One run, to its end or to its first violation. Must be called from a macrotask. */
export function runOptions(
  options: Options,
  watched: { readonly hashing?: boolean; readonly story?: boolean } = {},
): Outcome {
  listen();
  assertDraining();
  current = new Simulation(options, watched);
  try {
    return current.run();
  } finally {
    current = null;
  }
}

const twiceEvery = 100;

/** The violation of a seed, or null. */
export function runSeed(seed: number, tally: Tally): void {
  const twice = seed % twiceEvery === 0;
  const outcome = runOptions(optionsOf(seed), { hashing: twice });
  tally.seeds += 1;
  tally.steps += outcome.steps;
  if (outcome.violation !== null) tally.failures.push({ seed, ...outcome.violation });
  else if (twice) {
    const again = runOptions(optionsOf(seed), { hashing: true });
    if (again.digest !== outcome.digest)
      tally.failures.push({
        seed,
        code: 'determinism',
        why: `${outcome.digest}, then ${again.digest}`,
      });
  }
}

/** Resolves outside of every promise reaction: from there the simulation can be driven. */
export const macrotask = <T>(run: () => T): Promise<T> =>
  new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(run());
      } catch (cause) {
        reject(cause);
      }
    });
  });
