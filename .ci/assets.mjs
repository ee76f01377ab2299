// Copies what tsc leaves behind (JSON, configuration, pages) into dist, so that the built tree runs alone.
import { chmodSync, cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const kinds = /\.(json|cfg|html|css|rng|xml|sh|md|eml|bin|conf)$/;
const folders = ['machines', 'runtime', 'adapters', 'test'];

for (const folder of folders) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && kinds.test(entry.name)) cpSync(path, join('dist', path));
  }
}

chmodSync('dist/adapters/cli/main.js', 0o755);
