// A copy of the built program with one thing broken in it: what the check must find, or it checks nothing. The copy
// lies in a temporary folder; the program itself knows no way to be broken.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownBuild } from './recording.js';

/** A part of what is broken: a text that stands once in a built file, and what stands there instead. */
export interface Break {
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** Commits that are acknowledged and not synced (reliability R2). */
export const unsyncedCommits: readonly Break[] = [
  {
    file: 'runtime/store.js',
    text: 'batch.write({ sync: true })',
    instead: 'batch.write({ sync: false })',
  },
];

/** A boot that serves whatever it reads (reliability R10). */
export const credulousBoot: readonly Break[] = [
  {
    file: 'runtime/open.js',
    text: 'if (damage.length === 0)\n        return found;',
    instead: 'return found;',
  },
  { file: 'runtime/store.js', text: 'await damagedTables(path, tables)', instead: '[]' },
];

/** Makes the copy in a new folder; where the broken build lies. */
export function breakBuild(folder: string, breaks: readonly Break[]): string {
  const root = join(ownBuild, '..');
  mkdirSync(folder);
  const build = join(folder, 'dist');
  for (const part of ['machines', 'runtime', 'adapters', 'test/crash-images', 'test/support'])
    cpSync(join(ownBuild, part), join(build, part), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, text, instead } of breaks) {
    const path = join(build, file);
    const [before, after, ...more] = readFileSync(path, 'utf8').split(text);
    if (before === undefined || after === undefined || more.length > 0)
      throw new Error(`${file} does not hold ${JSON.stringify(text)} once`);
    writeFileSync(path, before + instead + after);
  }
  return build;
}
