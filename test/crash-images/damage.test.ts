// Damage in short: the store that a real engine left is damaged in one place, and booted. `npm run crash-images` is the
// long form.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { credulousJudge } from './control.js';
import { ownBuild } from './recording.js';
import { failures, type Result, run } from './run.js';

const work = mkdtempSync(join(tmpdir(), 'deferred-im-damage-'));
t.teardown(() => rmSync(work, { recursive: true, force: true }));
// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

let result: Result;

t.before(async () => {
  const size = { seed: 12, lives: 2, images: 1, flips: 40, damages: 40 };
  result = await run(work, size, { writer: ownBuild, judge: ownBuild }, () => {});
});

t.test('B9, B10 a flipped bit is found at boot, or changes nothing', async (t) => {
  t.same(result.flips.findings, []);
  t.match(result.flips, { cases: 40, undetected: 0 });
  t.ok(result.flips.detected > 10, 'most hit something');
});

t.test('B9, B11, B12, B13, B14 files zeroed, cut, grown or gone are found at boot', async (t) => {
  t.same(result.damages.findings, []);
  t.match(result.damages, { cases: 40, undetected: 0 });
  t.ok(result.damages.detected > 10, 'most hit something');
});

t.test('a boot that believes all it reads is found', async (t) => {
  const { undetected } = await credulousJudge(work, 12, 30);
  t.ok(undetected > 0);
});

t.test('no failure goes untold', async (t) => {
  const damaged = { ...result.flips, findings: ['a bit'] };
  t.same(failures({ ...result, flips: damaged }), ['a bit']);
});
