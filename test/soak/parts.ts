// The parts of a soak, as one table: which built programs each runs, and how a wish for so many seconds becomes its
// arguments. Nothing here knows what a program does; its exit code says whether it failed, its last line what it did.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Part {
  readonly name: string;
  /** A program below `dist/test`, or a folder whose tests are run one after the other. */
  readonly programs: readonly string[];
  /** How it is asked to work for about so long; tests take no wishes. */
  readonly args: (seconds: number, seed: number) => readonly (string | number)[];
}

const none = () => [];

/** Fewer rounds do not reach every failpoint, and a run that leaves one out fails. */
const killRoundsMin = 60;

export const parts: readonly Part[] = [
  {
    name: 'sim',
    programs: ['sim/main.js'],
    // The planted bugs have their seeds; fresh ones are for the engine as it is.
    args: (seconds, seed) => ['--seconds', seconds, '--from', seed, '--no-mutants'],
  },
  {
    name: 'kill',
    programs: ['kill/main.js'],
    args: (seconds, seed) => [
      '--rounds',
      Math.max(killRoundsMin, Math.round(seconds)),
      '--seed',
      seed,
    ],
  },
  {
    name: 'crash-images',
    programs: ['crash-images/main.js'],
    args: (seconds, seed) => ['--images', Math.max(60, Math.round(seconds * 20)), '--seed', seed],
  },
  { name: 'faults', programs: ['faults/'], args: none },
  { name: 'nth-operation', programs: ['nth-operation/'], args: none },
  { name: 'disk', programs: ['env/full-disk.test.js'], args: none },
];

const testRoot = fileURLToPath(new URL('..', import.meta.url));

/** Paths of the programs of a part; a folder stands for its tests. */
export const programsOf = (part: Part): readonly string[] =>
  part.programs.flatMap((program) => {
    const path = join(testRoot, program);
    if (!program.endsWith('/')) return [path];
    if (!existsSync(path)) return [join(path, '*.test.js')];
    return readdirSync(path)
      .filter((name) => name.endsWith('.test.js'))
      .sort()
      .map((name) => join(path, name));
  });

/** What of the parts is not built: nothing, when all can run. */
export const missingFrom = (wanted: readonly Part[]): readonly string[] =>
  wanted.flatMap((part) =>
    programsOf(part)
      .filter((path) => !existsSync(path))
      .map((path) => `${part.name} needs ${path}`),
  );
