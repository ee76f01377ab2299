// A deliberately broken build: a copy of the built output with one patch of test/sim/mutants applied. Production code
// knows nothing of it. Each hunk must fit in exactly one place, wherever that is; a patch that no longer fits fails.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/generate-charts.js';
import type { FaultKind } from './judge.js';

/** A broken build, and what must come of it. */
export interface Control {
  readonly name: string;
  readonly patch: string;
  readonly fault: FaultKind;
}

export const controls: readonly Control[] = [
  { name: 'ack-before-commit', patch: 'kill-ack-before-commit.patch', fault: 'lost' },
  { name: 'report-identity', patch: 'kill-report-identity.patch', fault: 'doubled' },
];

const mutants = join(repositoryRoot, 'test/sim/mutants');
const sources = ['machines', 'runtime', 'adapters', 'test/kill'];

/** Makes the broken build in a new folder; returns the service to run. */
export function breakBuild({ patch }: Control, folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const part of sources) {
    const filter = (path: string): boolean => !path.endsWith('.map') && !path.endsWith('.d.ts');
    cpSync(join(repositoryRoot, 'dist', part), join(folder, 'dist', part), {
      ...{ recursive: true, filter },
    });
  }
  cpSync(join(repositoryRoot, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
  const text = readFileSync(join(mutants, patch), 'utf8');
  const file = join(folder, fileOf(text));
  writeFileSync(file, patched(readFileSync(file, 'utf8'), text));
  return join(folder, 'dist/test/kill/service.js');
}

/** The file a unified diff is about. */
function fileOf(patch: string): string {
  const line = patch.split('\n').find((one) => one.startsWith('--- a/'));
  if (line === undefined) throw new Error('the patch names no file');
  return line.slice('--- a/'.length).trim();
}

/** A text with every hunk of a unified diff applied. Throws when one fits nowhere or twice. */
export function patched(text: string, patch: string): string {
  const hunks = patch.split(/^@@.*$\n/m).slice(1);
  if (hunks.length === 0) throw new Error('the patch has no hunk');
  return hunks.reduce((changed, hunk) => {
    const lines = hunk.split('\n').filter((line) => line !== '');
    const side = (sign: string) =>
      lines
        .filter((line) => line[0] === ' ' || line[0] === sign)
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    const [from, to] = [side('-'), side('+')];
    const parts = changed.split(from);
    if (parts.length !== 2) throw new Error(`the hunk fits ${parts.length - 1} times:\n${from}`);
    return parts.join(to);
  }, text);
}

/** Names of all patches meant for this command. */
export const patchNames = (): readonly string[] =>
  readdirSync(mutants).filter((name) => name.startsWith('kill-'));
