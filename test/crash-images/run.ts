// One run: stories are lived and cut short, and the store of the first is damaged. Told line by line.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Court } from './court.js';
import { type DamageTally, emptyDamageTally, judgeDamage } from './damage.js';
import { emptyTally, judgeImages, type Tally } from './images.js';
import { type Plan, record } from './recording.js';

export interface Size {
  readonly seed: number;
  /** Times the writer of a story is started. */
  readonly lives: number;
  readonly images: number;
  readonly flips: number;
  /** Zeroed pages, cut, grown and missing files. */
  readonly damages: number;
}

export interface Result {
  readonly images: Tally;
  readonly flips: DamageTally;
  readonly damages: DamageTally;
}

/** The builds that write and that judge. */
export interface Builds {
  readonly writer: string;
  readonly judge: string;
}

const imagesPerStory = 150;

// LevelDB's smallest write buffer: its log is rotated about three times in every life, and tables are merged.
const small = { rounds: 30, writeBufferOctets: 65_536, bodyOctets: 4000 };
// The buffer as it is in service, and bodies that fill it.
const large = { lives: 2, rounds: 240, writeBufferOctets: 8_388_608, bodyOctets: 47_000 };

/** Images of several stories, and damage to the store of the first; `say` hears progress. */
export async function run(
  work: string,
  size: Size,
  builds: Builds,
  say: (line: string) => void,
): Promise<Result> {
  const result = { images: emptyTally(), flips: emptyDamageTally(), damages: emptyDamageTally() };
  const court = new Court(builds.judge);
  const { flips, images, damages } = result;
  try {
    for (const [index, { count, plan }] of stories(size, builds.writer).entries()) {
      const folder = join(work, `story-${index}`);
      mkdirSync(folder);
      const recording = record(folder, plan);
      await judgeImages(recording, count, plan.seed, court, images);
      say(`story ${index + 1}: ${recording.calls.length} calls, ${imagesLine(images)}`);
      if (index === 0) {
        await judgeDamage(recording, ['flip'], size.flips, size.seed, court, flips);
        await judgeDamage(recording, damageKinds, size.damages, size.seed, court, damages);
        say(`other damage: ${damages.cases} cases, ${damageLine(damages)}`);
      }
      rmSync(folder, { recursive: true });
    }
  } finally {
    await court.close();
  }
  return result;
}

const damageKinds = ['zeros', 'cut', 'grown', 'gone'] as const;

function stories({ seed, lives, images }: Size, build: string) {
  // A large story is dear: one, for a run that is not short.
  const inLarge = images >= 300 ? Math.floor(images / 30) : 0;
  const found: { count: number; plan: Plan }[] = [];
  for (let left = images - inLarge; left > 0; left -= imagesPerStory) {
    const plan = { ...small, lives, seed: seed * 1000 + found.length, build };
    found.push({ count: Math.min(left, imagesPerStory), plan });
  }
  if (inLarge > 0)
    found.push({ count: inLarge, plan: { ...large, seed: seed * 1000 + 999, build } });
  return found;
}

export const damageLine = ({ detected, harmless, undetected }: DamageTally): string =>
  `${detected} detected, ${harmless} harmless, ${undetected} undetected`;

const imagesLine = ({ images, early, refused, zeros }: Tally): string =>
  `${images} images, ${early} of them from before the first acknowledgement, ` +
  `${refused} refused, ${zeros} refused for zeros that were never written`;

/** What went wrong, each with what repeats it; empty when all went well. */
export function failures({ images, flips, damages }: Result): readonly string[] {
  return [...images.findings, ...flips.findings, ...damages.findings];
}
