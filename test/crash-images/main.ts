// `npm run crash-images`: the store after power cuts and after damage, and a story whose n-th operation fails. Options: `--images N` (600), `--flips N` (300),
// `--seed S` (1), and `--control`, which does the same with a broken writer and a broken boot and fails unless both
// are found.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { everyOperation } from '../nth-operation/every.js';
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
const number = (name: 'images' | 'flips' | 'seed'): number => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1)
    throw new TypeError(`--${name} takes a number from 1, not ${JSON.stringify(values[name])}`);
  return value;
};
const flipsAsked = number('flips');
const size = {
  lives: 4,
  images: number('images'),
  flips: flipsAsked,
  damages: Math.ceil(flipsAsked / 3),
  seed: number('seed'),
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
  const every = await everyOperation();
  const wrong = [...failures(result), ...every.wrong];
  for (const failure of wrong) say(failure);
  const { length } = every.undisturbed.operations;
  say(`n-th operation: ${length} operations, ${every.runs} stories, ${every.wrong.length} wrong`);
  say(`bit flips: ${flips.cases} flips, ${damageLine(flips)}`);
  const undetected = images.undetected + flips.undetected + damages.undetected;
  say(
    `crash-images: ${images.images} images, ${images.lost} lost synced commits, ${undetected} undetected`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
