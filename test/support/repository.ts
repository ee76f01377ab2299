// Where the repository lies. Compiled, a file lies one folder deeper than its source: the root is where the TypeScript
// settings are. It imports nothing of ours, so that whoever only reads files pays for nothing else.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds the sources, wherever the compiled file lies. */
export const repositoryRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  for (let at = from; dirname(at) !== at; at = dirname(at)) {
    if (existsSync(join(at, 'tsconfig.json'))) return at;
  }
  throw new TypeError('the tests must lie inside the repository');
}
