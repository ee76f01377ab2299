// Finds a file of the project from a test, built or not. Not a test file.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder upwards that holds the project's package file and this path. */
export function projectFile(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, path);
    if (existsSync(join(folder, 'package.json')) && existsSync(file)) return file;
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${path} is not found`);
    folder = parent;
  }
}
