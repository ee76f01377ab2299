// A deliberately broken build: a copy of the built output with one patch of test/sim/mutants applied. Production code
// knows nothing of it. A patch that no longer fits fails.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, patchedFile } from '../sim/patch.js';
import { repositoryRoot } from '../support/repository.js';
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
  const file = join(folder, patchedFile(text));
  writeFileSync(file, applyPatch(readFileSync(file, 'utf8'), text, patch));
  return join(folder, 'dist/test/kill/service.js');
}

/** Names of all patches meant for this command. */
export const patchNames = (): readonly string[] =>
  readdirSync(mutants).filter((name) => name.startsWith('kill-'));
