// `npm run crash-images`: the store after power cuts and after damage. Options: `--images N` (600), `--flips N` (300),
// `--seed S` (1), and `--control`, which does the same with a broken writer and a broken boot and fails unless both
// are found.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { control } from './control.js';
import { ownBuild } from './recording.js';
import { damageLine, failures, run } from './run.js';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '600' },
    flips: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    control: { type: 'boolean', default: false },
  },
});
const size = {
  lives: 4,
  images: Number(values.images),
  flips: Number(values.flips),
  damages: Math.ceil(Number(values.flips) / 3),
  seed: Number(values.seed),
};
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const work = mkdtempSync(join(tmpdir(), 'deferred-im-images-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

if (values.control) process.exitCode = (await control(work, size.seed, say)) ? 0 : 1;
else {
  const result = await run(work, size, { writer: ownBuild, judge: ownBuild }, say);
  const { images, flips, damages } = result;
  for (const failure of failures(result)) say(failure);
  say(`bit flips: ${flips.cases} flips, ${damageLine(flips)}`);
  const undetected = images.undetected + flips.undetected + damages.undetected;
  say(
    `crash-images: ${images.images} images, ${images.lost} lost synced commits, ${undetected} undetected`,
  );
  process.exitCode = failures(result).length === 0 ? 0 : 1;
}
