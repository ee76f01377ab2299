// Power cuts and damage in short: a real engine writes under strace, its disk is rebuilt as it may lie after a cut, and
// the engine boots on it. `npm run crash-images` is the long form.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { control } from './control.js';
import { ownBuild } from './recording.js';
import { failures, type Result, run } from './run.js';

const work = mkdtempSync(join(tmpdir(), 'deferred-im-images-'));
t.teardown(() => rmSync(work, { recursive: true, force: true }));

const builds = { writer: ownBuild, judge: ownBuild };
const size = { seed: 11, lives: 2, images: 60, flips: 40, damages: 24 };
let result: Result;

t.before(async () => {
  result = await run(work, size, builds, () => {});
});

t.test('A3, B6, B7 a power cut takes nothing acknowledged, and half a batch is none', async (t) => {
  const { images } = result;
  t.same(images.findings, []);
  t.match(images, { images: 60, lost: 0, undetected: 0, refused: 0 });
});

t.test('B8 a store that was half made is made again', async (t) => {
  // Images from before the first acknowledgement are accepted too, or they would be findings.
  t.ok(result.images.early > 0);
  t.equal(result.images.refused, 0);
});

t.test('B9, B10 a flipped bit is found at boot, or changes nothing', async (t) => {
  t.same(result.flips.findings, []);
  t.match(result.flips, { cases: 40, undetected: 0 });
  t.ok(result.flips.detected > 10, 'most hit something');
});

t.test('B11, B12, B13, B14 files zeroed, cut, grown or gone are found at boot', async (t) => {
  t.same(result.damages.findings, []);
  t.match(result.damages, { cases: 24, undetected: 0 });
  t.ok(result.damages.detected > 5, 'most hit something');
});

t.test('the check finds a writer that does not sync, and a boot that believes all', async (t) => {
  const lines: string[] = [];
  t.ok(await control(work, 11, (line) => lines.push(line), 30), lines.join('\n'));
});

t.test('no failure goes untold', async (t) => {
  const damaged = { ...result.flips, findings: ['a bit'] };
  t.same(failures({ ...result, flips: damaged }), ['a bit']);
});
