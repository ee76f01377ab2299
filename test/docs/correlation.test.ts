// docs/correlation.md shows a program: it is run here as it stands there, and prints what the page says. The steps of its
// table are those of the code: C82.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { textOf } from '../architecture/source-files.js';
import { repositoryRoot } from '../support/repository.js';

const page = textOf('docs/correlation.md');
const block = (language: string): string =>
  page.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';

t.test('C82 the example of the page runs, and prints what the page says', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-correlation-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const program = block('js');
  t.match(program, "from 'deferred-im'");
  const library = pathToFileURL(join(repositoryRoot, 'dist/adapters/compose.js')).href;
  const file = join(folder, 'example.mjs');
  writeFileSync(file, program.replace("'deferred-im'", `'${library}'`));
  const printed = execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 });
  t.equal(printed, block('text'));
});

t.test('C82 every reason is told of', async (t) => {
  for (const reason of ['unreadable', 'not-a-report', 'unknown-message', 'unknown-recipient'])
    t.match(page, `\`${reason}\``);
});
