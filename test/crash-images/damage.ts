// Damage to a store at rest: one bit turned over, a page of zeros, a file cut, grown or gone. Each must be refused at
// boot, or change nothing that can be read.
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../support/world.js';
import type { Court, Verdict } from './court.js';
import { missing } from './images.js';
import { allFacts, type Recording } from './recording.js';

export type DamageKind = 'flip' | 'zeros' | 'cut' | 'grown' | 'gone';

export interface DamageTally {
  cases: number;
  detected: number;
  harmless: number;
  undetected: number;
  readonly findings: string[];
}

export const emptyDamageTally = (): DamageTally => ({
  ...{ cases: 0, detected: 0, harmless: 0, undetected: 0 },
  findings: [],
});

/** Damages the store that a story left, `count` times, once each. */
export async function judgeDamage(
  recording: Recording,
  kinds: readonly DamageKind[],
  count: number,
  seed: number,
  court: Court,
  tally: DamageTally,
): Promise<void> {
  const random = seeded(seed);
  const whole = join(recording.work, 'disk');
  const folder = join(recording.work, 'damaged');
  const known = allFacts(recording);
  for (let index = 0; index < count; index += 1) {
    cpSync(whole, folder, { recursive: true });
    const kind = kinds[index % kinds.length] as DamageKind;
    const where = inflict(folder, kind, random);
    const verdict = await court.judge({
      folder: join(folder, 'store'),
      watermarkFolder: join(folder, 'mark'),
      deferredIds: [...known.accepted],
      goOn: false,
    });
    tally.cases += 1;
    if (verdict.kind !== 'accepted') tally.detected += 1;
    else {
      const wrong = changed(verdict, known);
      if (wrong === null) tally.harmless += 1;
      else {
        tally.undetected += 1;
        tally.findings.push(`seed ${seed} case ${index} ${kind} ${where}: ${wrong}`);
      }
    }
    rmSync(folder, { recursive: true });
  }
}

function changed(
  verdict: Extract<Verdict, { kind: 'accepted' }>,
  known: ReturnType<typeof allFacts>,
): string | null {
  const commit = known.contents.get(verdict.digest);
  if (commit !== known.acknowledged) return `content of commit ${commit ?? 'none'}`;
  if (verdict.wrong.length > 0) return verdict.wrong.join(', ');
  const lacking = missing(verdict.known, known, commit);
  return lacking.length === 0 ? null : `missing ${lacking.join(' ')}`;
}

// LOCK is empty and LOG tells only what happened: they are damaged like the others.
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Damages one file; which, and where. */
function inflict(folder: string, kind: DamageKind, random: () => number): string {
  const files = filesBelow(folder).filter((path) => statSync(path).size > 0);
  const sizes = files.map((path) => statSync(path).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  // Half of the time any octet of the store, half of the time any file: small files matter most.
  let place = Math.floor(random() * total);
  let file = 0;
  while (place >= (sizes[file] as number)) {
    place -= sizes[file] as number;
    file += 1;
  }
  if (random() < 0.5) {
    file = Math.floor(random() * files.length);
    place = Math.floor(random() * (sizes[file] as number));
  }
  const path = files[file] as string;
  damageAt(path, kind, place, random);
  return `${path.slice(folder.length + 1)} at ${place}`;
}

const pageOctets = 512;

function damageAt(path: string, kind: DamageKind, place: number, random: () => number): void {
  if (kind === 'gone') rmSync(path);
  else if (kind === 'cut') truncateSync(path, place);
  else if (kind === 'grown') appendFileSync(path, Buffer.alloc(1 + (place % 600), place));
  else {
    const octets = readFileSync(path);
    if (kind === 'flip')
      octets[place] = (octets[place] as number) ^ (1 << Math.floor(random() * 8));
    else
      octets
        .subarray(place - (place % pageOctets))
        .subarray(0, pageOctets)
        .fill(0);
    writeFileSync(path, octets);
  }
}
