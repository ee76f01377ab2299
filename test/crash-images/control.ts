// The counter-check: the same images and flips with a writer that does not sync and with a boot that believes what it
// reads. Both must be found.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Break, breakBuild, credulousBoot, unsyncedCommits } from './broken-build.js';
import { ownBuild } from './recording.js';
import { run } from './run.js';

/** True when both were found. */
export async function control(
  work: string,
  seed: number,
  say: (line: string) => void,
  count = 100,
): Promise<boolean> {
  const broken = (name: string, changes: readonly Break[]) => {
    mkdirSync(join(work, name));
    return breakBuild(join(work, name), changes);
  };
  const nothing = { seed, lives: 2, images: 0, flips: 0, damages: 0 };
  const writer = broken('unsynced', unsyncedCommits);
  const unsynced = await run(
    join(work, 'unsynced'),
    { ...nothing, images: count },
    { writer, judge: ownBuild },
    () => {},
  );
  say(`control, commits not synced: ${count} images, ${unsynced.images.lost} lost synced commits`);
  const judge = broken('credulous', credulousBoot);
  const credulous = await run(
    join(work, 'credulous'),
    { ...nothing, images: 1, flips: count },
    { writer: ownBuild, judge },
    () => {},
  );
  say(`control, boot believes all: ${count} flips, ${credulous.flips.undetected} undetected`);
  const found = [unsynced.images.lost, credulous.flips.undetected].filter((one) => one > 0);
  say(`crash-images: ${found.length} of 2 broken builds found`);
  return found.length === 2;
}
