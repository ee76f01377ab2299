// Images of a story after power cuts at many moments, each booted and judged: nothing acknowledged may be missing,
// nothing may be there that no commit wrote, and a cut alone may not make a store unusable.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { seeded } from '../support/world.js';
import type { Court, Verdict } from './court.js';
import type { Fate, Image, Outage } from './disk.js';
import type { Known } from './facts.js';
import { type Recording, Walk } from './recording.js';

export interface Tally {
  images: number;
  /** Acknowledged, and missing after a boot that was accepted. */
  lost: number;
  /** Accepted although the content is not one the store ever had. */
  undetected: number;
  /** Refused although only a beginning of what was written remained. */
  refused: number;
  /** Refused because of zeros in the place of octets that were not synced. */
  zeros: number;
  /** From before the first acknowledgement. */
  early: number;
  readonly findings: string[];
}

export const emptyTally = (): Tally => ({
  ...{ images: 0, lost: 0, undetected: 0, refused: 0, zeros: 0, early: 0 },
  findings: [],
});

/** Judges `count` images of a recording. The seed chooses moments and outages. */
export async function judgeImages(
  recording: Recording,
  count: number,
  seed: number,
  court: Court,
  tally: Tally,
): Promise<void> {
  const random = seeded(seed);
  const walk = new Walk(recording);
  for (const [index, moment] of moments(recording, count, random).entries()) {
    walk.to(moment);
    const kind = kinds[index % kinds.length] as Kind;
    const image = walk.disk.image(outageOf(kind, random));
    const folder = join(recording.work, 'image');
    lay(image, folder);
    const verdict = await court.judge({
      folder: join(folder, 'store'),
      watermarkFolder: join(folder, 'mark'),
      deferredIds: [...walk.known.accepted],
      goOn: index % 5 === 0,
    });
    const wrong = assess(verdict, walk.known, kind.includes('zeros'), tally);
    if (wrong !== null) tally.findings.push(`seed ${seed} call ${moment} ${kind}: ${wrong}`);
    rmSync(folder, { recursive: true });
  }
}

// Half of the moments are anywhere, half where names change or a sync begins: there the order matters most.
function moments({ calls }: Recording, count: number, random: () => number): readonly number[] {
  const turns = calls.flatMap((call, index) =>
    ['open', 'rename', 'unlink', 'mkdir', 'sync-begin'].includes(call.name)
      ? [index, index + 1]
      : [],
  );
  const pick = (from: number) => Math.floor(random() * from);
  const picked = Array.from({ length: count }, (_, index) =>
    index % 2 === 0 ? 1 + pick(calls.length) : (turns[pick(turns.length)] as number),
  );
  return picked.sort((a, b) => a - b);
}

const kinds = [
  ...(['dropped, one journal', 'dropped, folders apart', 'torn, one journal'] as const),
  ...(['torn, folders apart', 'zeros, folders apart', 'mixed, folders apart'] as const),
] as const;
type Kind = (typeof kinds)[number];

function outageOf(kind: Kind, random: () => number): Outage {
  const [what] = kind.split(', ') as ['dropped' | 'torn' | 'zeros' | 'mixed'];
  const mixed: readonly Fate[] = ['dropped', 'kept', 'torn'];
  const fate = (): Fate => (what === 'mixed' ? (mixed[Math.floor(random() * 3)] as Fate) : what);
  return { fate, oneJournal: kind.endsWith('one journal'), random };
}

/** Lays an image out as files. */
export function lay(image: Image, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of image) {
    const place = join(folder, path);
    if (content === null) mkdirSync(place, { recursive: true, mode: 0o700 });
    else {
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
      writeFileSync(place, content, { mode: 0o600 });
    }
  }
}

/** Counts a verdict; says what is wrong, or null. */
export function assess(
  verdict: Verdict,
  known: Known,
  zeros: boolean,
  tally: Tally,
): string | null {
  tally.images += 1;
  const early = known.acknowledged < 0;
  if (early) tally.early += 1;
  if (verdict.kind !== 'accepted') {
    if (zeros && verdict.kind === 'refused') tally.zeros += 1;
    else tally.refused += 1;
    return zeros ? null : `${verdict.kind} ${JSON.stringify(verdict)}`;
  }
  const commit = known.contents.get(verdict.digest);
  const lacking = commit === undefined ? [] : missing(verdict.known, known, commit);
  if (!early && (commit ?? -1) < known.acknowledged) {
    tally.lost += 1;
    const at = verdict.made ? 'no store at all' : `commit ${commit ?? 'unknown'}`;
    return `lost: ${at}, acknowledged ${known.acknowledged}`;
  }
  if (lacking.length > 0) {
    tally.lost += 1;
    return `lost: ${lacking.join(' ')}`;
  }
  const unheardOf = commit === undefined && !(early && verdict.made);
  if (!unheardOf && verdict.wrong.length === 0) return null;
  tally.undetected += 1;
  return `undetected: ${unheardOf ? 'a content that never was' : verdict.wrong.join(' ')}`;
}

/** Messages that were promised and are not as promised. */
export function missing(
  found: Readonly<Record<string, string | null>>,
  known: Known,
  commit: number,
): readonly string[] {
  return known
    .promised(commit)
    .filter(({ deferredId, outcome }) => {
      const now = found[deferredId];
      return now === undefined || (outcome !== null && now !== outcome);
    })
    .map(({ deferredId }) => deferredId);
}
