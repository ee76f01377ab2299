// The counter-check in short: what is broken on purpose must be found, or the images and flips show nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { breakBuild } from './broken-build.js';
import { control } from './control.js';

const work = mkdtempSync(join(tmpdir(), 'deferred-im-images-'));
t.teardown(() => rmSync(work, { recursive: true, force: true }));
// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

t.test('a writer that does not sync is found, and a boot that believes all', async (t) => {
  const lines: string[] = [];
  t.ok(await control(work, 11, (line) => lines.push(line), 40), lines.join('\n'));
});

t.test('a break that does not apply is an error', async (t) => {
  const folder = t.testdir({});
  const nowhere = [{ file: 'runtime/store.js', text: 'a text that stands nowhere', instead: '' }];
  t.throws(() => breakBuild(folder, nowhere), /does not hold/);
});
