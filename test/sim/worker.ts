// A worker process: runs a share of the seeds until time or seeds are up, and tells its parent as it goes. Started as
// `worker.js '{"seeds":[…]}'` or with a first seed, a stride and an end.
import { type Options, optionsOf } from './options.js';
import { macrotask, runSeed, type Tally } from './run.js';
import { shrink, story } from './shrink.js';

export interface Work {
  /** Exactly these, or else from `from` in steps of `stride`. */
  readonly seeds?: readonly number[];
  readonly from?: number;
  readonly stride?: number;
  /** Last seed, or how long to go on. */
  readonly last?: number;
  readonly seconds?: number;
  /** The first failure is enough. */
  readonly untilFailure?: boolean;
  /** No run, but the smallest story of a seed that fails by this invariant. */
  readonly shrink?: { readonly seed: number; readonly code: string };
}

/** A failing seed made small, and what happens then, in words. */
export interface Shrunk {
  readonly before: Options;
  readonly options: Options;
  readonly story: string;
}

const work = JSON.parse(process.argv[2] ?? '{}') as Work;
const endsAt = Date.now() + (work.seconds ?? 1e9) * 1000;
const batchMs = 200;

function* seedsOf({ seeds, from = 1, stride = 1, last = Number.MAX_SAFE_INTEGER }: Work) {
  if (seeds !== undefined) yield* seeds;
  else for (let seed = from; seed <= last; seed += stride) yield seed;
}

const seeds = seedsOf(work);

/** True when there is nothing left to do. */
function batch(tally: Tally): boolean {
  const until = Date.now() + batchMs;
  while (Date.now() < until) {
    if (Date.now() >= endsAt) return true;
    const next = seeds.next();
    if (next.done) return true;
    runSeed(next.value, tally);
    if (work.untilFailure && tally.failures.length > 0) return true;
  }
  return false;
}

function shrunk(seed: number, code: string): Shrunk {
  const before = optionsOf(seed);
  const options = shrink(before, code);
  return { before, options, story: story(options) };
}

const { shrink: small } = work;
if (small !== undefined) process.send?.(await macrotask(() => shrunk(small.seed, small.code)));

for (let over = small !== undefined; !over; ) {
  const tally: Tally = { seeds: 0, steps: 0, failures: [] };
  over = await macrotask(() => batch(tally));
  process.send?.(tally);
}
process.disconnect?.();
