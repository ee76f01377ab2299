// The files of the repository as tests see them. Found by walking, so that work not yet committed counts. It reads no
// source: whoever needs only names and texts does not wait for a parser.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { repositoryRoot } from '../support/repository.js';

/** What git ignores here, and git itself. */
const ignoredNames = new Set(['node_modules', 'dist', '.tap', 'coverage', '.git']);
const ignoredEnds = ['.log', '.tgz'];

export const ignored = (name: string): boolean =>
  ignoredNames.has(name) || ignoredEnds.some((end) => name.endsWith(end));

/** Paths of all files below the repository, sorted; `below` limits them to one folder. */
export function filesBelow(below = ''): readonly string[] {
  const names = readdirSync(join(repositoryRoot, below)).filter((name) => !ignored(name));
  return names.sort().flatMap((name) => {
    const path = posix.join(below, name);
    return statSync(join(repositoryRoot, path)).isDirectory() ? filesBelow(path) : [path];
  });
}

export const textOf = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

/** Every TypeScript file of the program and its tests. */
export const sources: readonly string[] = ['machines', 'runtime', 'adapters', 'test']
  .flatMap((folder) => filesBelow(folder))
  .filter((path) => path.endsWith('.ts'));
