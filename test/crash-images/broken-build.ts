// A copy of the built program with one thing broken in it: what the check must find, or it checks nothing. What is broken
// stands as patches in test/sim/mutants/; the copy lies in a temporary folder, and the program itself knows no way to be
// broken. A patch that no longer applies fails.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, patchedFile } from '../sim/patch.js';
import { ownBuild } from './recording.js';

const root = join(ownBuild, '..');
const mutants = join(root, 'test/sim/mutants');

/** Commits that are acknowledged and not synced (reliability R2). */
export const unsyncedCommits: readonly string[] = ['images-unsynced-commits.patch'];

/** A boot that serves whatever it reads (reliability R10). */
export const credulousBoot: readonly string[] = [
  'images-credulous-boot.patch',
  'images-tables-unread.patch',
];

/** Names of all patches meant for this command. */
export const patchNames = (): readonly string[] =>
  readdirSync(mutants).filter((name) => name.startsWith('images-'));

/** Makes the copy in a new folder; where the broken build lies. */
export function breakBuild(folder: string, patches: readonly string[]): string {
  mkdirSync(folder);
  const build = join(folder, 'dist');
  for (const part of ['machines', 'runtime', 'adapters', 'test/crash-images', 'test/support'])
    cpSync(join(ownBuild, part), join(build, part), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const name of patches) {
    const patch = readFileSync(join(mutants, name), 'utf8');
    const path = join(folder, patchedFile(patch));
    writeFileSync(path, applyPatch(readFileSync(path, 'utf8'), patch, name));
  }
  return build;
}
