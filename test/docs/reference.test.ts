// The reference and the code are equal, both ways: every page is what its tables give now, and no page stands in
// docs/reference without a generator.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { subjects } from '../../adapters/nats/index.js';
import { settingsTable } from '../../adapters/settings.js';
import {
  actionVocabulary,
  findingKinds,
  guardVocabulary,
  messageEventTypes,
} from '../../machines/index.js';
import { faults, keyFamilies, limits, refusals } from '../../runtime/index.js';
import { generatedDocs } from '../support/generate-docs.js';
import { exceptionTests } from '../support/reference-pages.js';
import { repositoryRoot } from '../support/repository.js';

const pages = await generatedDocs();
const committed = (path: string): string => {
  const file = join(repositoryRoot, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

t.test('every page is what its tables give now', async (t) => {
  for (const [path, content] of pages)
    t.ok(committed(path) === content, `${path} is stale: npm run docs`);
});

t.test('no page of docs/reference stands without a generator', async (t) => {
  const found = readdirSync(join(repositoryRoot, 'docs/reference'));
  t.strictSame(found.map((name) => `docs/reference/${name}`).sort(), [...pages.keys()].sort());
});

t.test('no entry of a table is missing on its page', async (t) => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    errors: [...Object.keys(refusals), ...Object.keys(faults)],
    events: messageEventTypes,
    gate: Object.keys(findingKinds),
    vocabulary: [...Object.keys(guardVocabulary), ...Object.keys(actionVocabulary)],
    subjects: Object.values(subjects),
    keys: Object.keys(keyFamilies),
    limits: Object.keys(limits),
    config: Object.keys(settingsTable),
  };
  for (const [name, entries] of Object.entries(expected)) {
    const text = committed(`docs/reference/${name}.md`);
    const missing = entries.filter((entry) => !text.includes(`| \`${entry}\` |`));
    t.strictSame(missing, [], name);
  }
});

t.test('every event, effect and line field has a meaning', async (t) => {
  for (const name of ['events', 'effects', 'keys']) {
    const rows = committed(`docs/reference/${name}.md`)
      .split('\n')
      .filter((one) => one.startsWith('| `'));
    t.ok(rows.length > 0, name);
    t.strictSame(
      rows.filter((row) => row.endsWith('|  |')),
      [],
      name,
    );
  }
});

t.test('limits without a reason of their own', async (t) => {
  const rows = committed('docs/reference/limits.md')
    .split('\n')
    .filter((row) => row.startsWith('| `'));
  t.ok(rows.length > 50);
  const silent = rows.filter((row) => row.endsWith('|  |')).map((row) => row.split('`')[1]);
  t.comment(`no reason beside: ${silent.join(', ')}`);
});

t.test('the test named for each report exception exists', async (t) => {
  for (const [name, [file, title]] of Object.entries(exceptionTests))
    t.ok(committed(file).includes(`'${title}'`), `${name}: ${file}`);
});
