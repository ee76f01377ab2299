// The counter-check: the same images and flips with a writer that does not sync and with a boot that believes what it
// reads. Both must be found.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { breakBuild, credulousBoot, unsyncedCommits } from './broken-build.js';
import type { DamageTally } from './damage.js';
import type { Tally } from './images.js';
import { ownBuild } from './recording.js';
import { run } from './run.js';

const nothing = { lives: 2, images: 0, flips: 0, damages: 0 };

/** Images of a writer that acknowledges what it did not sync. */
export async function unsyncedWriter(work: string, seed: number, images: number): Promise<Tally> {
  const folder = join(work, 'unsynced');
  const writer = breakBuild(folder, unsyncedCommits);
  const builds = { writer, judge: ownBuild };
  return (await run(folder, { ...nothing, seed, images }, builds, () => {})).images;
}

/** Flips that a boot is to find which looks at nothing. */
export async function credulousJudge(
  work: string,
  seed: number,
  flips: number,
): Promise<DamageTally> {
  const folder = join(work, 'credulous');
  const judge = breakBuild(folder, credulousBoot);
  const builds = { writer: ownBuild, judge };
  return (await run(folder, { ...nothing, seed, images: 1, flips }, builds, () => {})).flips;
}

/** True when both were found. */
export async function control(
  work: string,
  seed: number,
  say: (line: string) => void,
): Promise<boolean> {
  mkdirSync(work, { recursive: true });
  const images = await unsyncedWriter(work, seed, 100);
  say(`commits not synced: ${images.images} images, ${images.lost} lost synced commits`);
  const flips = await credulousJudge(work, seed, 100);
  say(`boot believes all: ${flips.cases} flips, ${flips.undetected} undetected`);
  const found = [images.lost, flips.undetected].filter((one) => one > 0);
  say(`crash-images: ${found.length} of 2 broken builds found`);
  return found.length === 2;
}
