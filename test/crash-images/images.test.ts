// Power cuts in short: a real engine writes under strace, its disk is rebuilt as it may lie after a cut, and the engine
// boots on it. `npm run crash-images` is the long form.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { breakBuild, credulousBoot, patchNames, unsyncedCommits } from './broken-build.js';
import { unsyncedWriter } from './control.js';
import { ownBuild } from './recording.js';
import { type Result, run } from './run.js';

const work = mkdtempSync(join(tmpdir(), 'deferred-im-images-'));
t.teardown(() => rmSync(work, { recursive: true, force: true }));
// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

let result: Result;

t.before(async () => {
  const size = { seed: 11, lives: 3, images: 60, flips: 0, damages: 0 };
  result = await run(work, size, { writer: ownBuild, judge: ownBuild }, () => {});
});

t.test('A3, B6, B7 a power cut takes nothing acknowledged, and half a batch is none', async (t) => {
  const { images } = result;
  t.same(images.findings, []);
  t.match(images, { images: 60, lost: 0, undetected: 0, refused: 0 });
});

t.test('B8 a store that was half made is made again', async (t) => {
  // Images from before the first acknowledgement must be served too, with an old store or a new one.
  t.ok(result.images.early > 0);
  t.equal(result.images.refused, 0);
});

t.test('a writer that does not sync is found', async (t) => {
  const { lost } = await unsyncedWriter(work, 11, 40);
  t.ok(lost > 0);
});

t.test('every patch of this command applies, and is used', async (t) => {
  t.same([...unsyncedCommits, ...credulousBoot].sort(), [...patchNames()].sort());
  t.ok(breakBuild(join(work, 'all'), patchNames()));
  // The second time its text is no longer there.
  const twice = [...unsyncedCommits, ...unsyncedCommits];
  t.throws(() => breakBuild(join(work, 'twice'), twice), /no longer applies/);
});
