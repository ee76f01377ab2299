// Sizes of all benchmarks, in one table for each thoroughness, and what the command line asks for. `tiny` is for trying
// the benchmarks themselves: its figures mean nothing.

export interface Plan {
  readonly thoroughness: 'full' | 'quick' | 'tiny';
  /** Runs of each side; medians are taken over them. */
  readonly runs: number;
  /** Messages before the measured ones, so that code is compiled and caches are warm. */
  readonly warmMessages: number;
  readonly storeMessages: number;
  /** Lines without an answer that the feeder keeps on the bus. */
  readonly storeWindow: number;
  readonly proxyMessages: number;
  readonly proxyWindow: number;
  readonly users: number;
  readonly openRatePerSecond: number;
  readonly openSeconds: number;
  readonly waitingMessages: number;
  readonly deliveryMessages: number;
  readonly deliveryUsers: number;
  readonly steps: number;
}

const full: Plan = {
  thoroughness: 'full',
  runs: 5,
  warmMessages: 5000,
  storeMessages: 60_000,
  storeWindow: 512,
  proxyMessages: 40_000,
  proxyWindow: 64,
  users: 1000,
  openRatePerSecond: 2000,
  openSeconds: 30,
  waitingMessages: 100_000,
  deliveryMessages: 1000,
  deliveryUsers: 100,
  steps: 50_000,
};

const plans: Readonly<Record<Plan['thoroughness'], Plan>> = {
  full,
  quick: {
    ...full,
    thoroughness: 'quick',
    runs: 3,
    storeMessages: 30_000,
    proxyMessages: 20_000,
    openSeconds: 10,
    steps: 20_000,
  },
  tiny: {
    ...full,
    thoroughness: 'tiny',
    runs: 3,
    warmMessages: 200,
    storeMessages: 1000,
    proxyMessages: 500,
    users: 50,
    openRatePerSecond: 200,
    openSeconds: 1,
    waitingMessages: 2000,
    deliveryMessages: 100,
    deliveryUsers: 10,
    steps: 500,
  },
};

export interface Wish {
  readonly plan: Plan;
  /** Names of the benchmarks to run; empty for all. */
  readonly only: readonly string[];
  readonly json: boolean;
  readonly write: boolean;
  /** Where temporary folders are made; the system's own place by default. */
  readonly folder: string | null;
}

export const usage = `npm run bench -- [--quick | --tiny] [--only NAME[,NAME]] [--json] [--write] [--folder DIR]
  --quick    under ten minutes: fewer and shorter runs
  --tiny     tries the benchmarks themselves; the figures mean nothing
  --only     one of: stores, proxy, open-loop, memory, delivery, inside, gate, parts
  --json     the result as JSON on standard output
  --write    writes docs/benchmarks.md; only with all benchmarks
  --folder   where the stores are put while they are measured; by default the system's temporary folder
`;

/** Reads the command line; a text when it cannot be understood. */
export function readWish(argv: readonly string[], names: readonly string[]): Wish | string {
  let thoroughness: Plan['thoroughness'] = 'full';
  let [json, write] = [false, false];
  let only: readonly string[] = [];
  let folder: string | null = null;
  const rest = [...argv];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--quick' || flag === '--tiny')
      thoroughness = flag === '--quick' ? 'quick' : 'tiny';
    else if (flag === '--json') json = true;
    else if (flag === '--write') write = true;
    else if (flag === '--only') only = (rest.shift() ?? '').split(',');
    else if (flag === '--folder') folder = rest.shift() ?? '';
    else return `unknown argument ${JSON.stringify(flag)}`;
  }
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) return `no benchmark ${JSON.stringify(unknown)}: ${names.join(', ')}`;
  if (folder === '') return '--folder needs a folder';
  if (write && (only.length > 0 || thoroughness === 'tiny'))
    return '--write needs all benchmarks, and not --tiny';
  return { plan: plans[thoroughness], only, json, write, folder };
}
