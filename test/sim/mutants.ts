// Planted bugs: each patch of mutants/ is applied to a copy of the built output, and the seed recorded for it must fail
// there; without a record, or when it no longer fails, up to five thousand seeds are searched. Production code knows
// nothing of this. To make a patch anew: build, copy the file of dist/ named in it, plant the bug in the copy, then
// `diff -U2 --label a/FILE --label b/FILE dist/FILE copy`, with the lines before `---` kept as they are.
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyPatch, patchedFile } from './patch.js';
import type { Failure } from './run.js';
import type { Shrunk } from './worker.js';
import { runWorker, shrinkIn } from './workers.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(root, 'test/sim/mutants');
const copied = ['machines', 'runtime', 'adapters', 'test/sim'];
const seedsMax = 5000;

export interface Found {
  readonly name: string;
  /** How it was found, or null. */
  readonly failure: Failure | null;
  /** Seeds that were run. */
  readonly seeds: number;
}

export const mutantNames = (): readonly string[] =>
  readdirSync(folder)
    // Broken builds of the kill tests and of the crash images lie here as well.
    .filter((name) => name.endsWith('.patch') && !/^(kill|images)-/.test(name))
    .map((name) => name.slice(0, -'.patch'.length))
    .sort();

const recorded = (): Readonly<Record<string, number>> =>
  JSON.parse(readFileSync(join(folder, 'seeds.json'), 'utf8')) as Record<string, number>;

/** A copy of the built output with one bug planted. Throws when the patch does not apply. */
export function plant(name: string): { readonly worker: string; remove(): void } {
  const patch = readFileSync(join(folder, `${name}.patch`), 'utf8');
  const home = mkdtempSync(join(tmpdir(), 'deferred-im-mutant-'));
  const remove = () => rmSync(home, { recursive: true, force: true });
  try {
    for (const part of copied)
      cpSync(join(root, 'dist', part), join(home, 'dist', part), {
        recursive: true,
        filter: (path) => !path.endsWith('.map') && !path.endsWith('.d.ts'),
      });
    cpSync(join(root, 'package.json'), join(home, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
    const file = join(home, patchedFile(patch));
    writeFileSync(file, applyPatch(readFileSync(file, 'utf8'), patch, name));
  } catch (cause) {
    remove();
    throw cause;
  }
  return { worker: join(home, 'dist/test/sim/worker.js'), remove };
}

/** Runs one mutant until it is found. */
export async function hunt(name: string, search = true): Promise<Found> {
  const planted = plant(name);
  try {
    const seed = recorded()[name];
    let seeds = 0;
    if (seed !== undefined) {
      const first = await runWorker({ seeds: [seed], untilFailure: true }, planted.worker);
      seeds += first.seeds;
      if (first.failures[0] !== undefined) return { name, failure: first.failures[0], seeds };
    }
    if (!search) return { name, failure: null, seeds };
    const rest = await runWorker({ from: 1, last: seedsMax, untilFailure: true }, planted.worker);
    return { name, failure: rest.failures[0] ?? null, seeds: seeds + rest.seeds };
  } finally {
    planted.remove();
  }
}

/** The recorded failure of a mutant, made small. */
export async function shrinkMutant(name: string): Promise<Shrunk> {
  const planted = plant(name);
  try {
    const seeds = [recorded()[name] ?? 1];
    const { failures } = await runWorker({ seeds, untilFailure: true }, planted.worker);
    const failure = failures[0];
    if (failure === undefined) throw new Error(`${name} is not found by its seed`);
    return await shrinkIn({ seed: failure.seed, code: failure.code }, planted.worker);
  } finally {
    planted.remove();
  }
}

/** All of them, two at a time; `told` hears of each as it is found or not. */
export async function huntAll(
  names: readonly string[],
  told: (found: Found) => void,
): Promise<readonly Found[]> {
  const queue = [...names];
  const all: Found[] = [];
  const one = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const found = await hunt(name);
      told(found);
      all.push(found);
    }
  };
  await Promise.all([one(), one()]);
  return all;
}

/** Keeps the seeds by which mutants were found. */
export function record(found: readonly Found[]): void {
  const seeds: Record<string, number> = { ...recorded() };
  for (const { name, failure } of found) if (failure !== null) seeds[name] = failure.seed;
  const sorted = Object.fromEntries(Object.entries(seeds).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(join(folder, 'seeds.json'), `${JSON.stringify(sorted, null, 2)}\n`);
}
