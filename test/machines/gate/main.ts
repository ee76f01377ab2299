// `npm run policy-gate`: the gate is proved on broken policies, which it must refuse for the right reasons, on sound ones,
// which it must let in, and on random slips in the shipped ones, of which each that gets through must be harmless.
import { shippedPolicyIds } from '../../../machines/index.js';
import { judge } from '../../../runtime/index.js';
import { shipped } from '../../support/policies.js';
import { brokenCases, brokenComplaint, soundCases, soundComplaint } from './cases.js';
import { fateOf, mutantOf } from './mutations.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

function tell(name: string, complaint: string | null): number {
  say(complaint === null ? `  ok   ${name}` : `  FAIL ${name}: ${complaint}`);
  return complaint === null ? 1 : 0;
}

interface Hunt {
  caught: number;
  alike: number;
  sound: number;
  lost: number;
}

/** Every mutant of one policy: one line for each survivor. */
function hunt(base: string, seeds: number): Hunt {
  const original = judge(shipped(base).file).known!.exploration;
  const hunted = { caught: 0, alike: 0, sound: 0, lost: 0 };
  for (let seed = 1; seed <= seeds; seed += 1) {
    const mutant = mutantOf(base, seed);
    const fate = fateOf(mutant, original);
    if (fate?.kind === 'caught') hunted.caught += 1;
    else if (fate === null) {
      hunted.lost += 1;
      say(`  FAIL seed ${seed}: ${mutant.slip}: let in unexplored`);
    } else {
      hunted[fate.kind] += 1;
      say(`  seed ${seed}: ${mutant.slip}`);
      say(
        fate.kind === 'alike'
          ? '    harmless: nobody outside can tell it from the original'
          : `    harmless: another sound policy; after ${fate.after} it ${fate.does}, where the original ${fate.was}`,
      );
      if (fate.kind === 'sound') for (const one of fate.warned) say(`    told: ${one}`);
    }
  }
  return hunted;
}

function main(seeds: number): number {
  const broken = brokenCases();
  say(`broken policies, each with all that must be found (${broken.length})`);
  const refused = broken.reduce((sum, one) => sum + tell(one.name, brokenComplaint(one)), 0);
  const sound = [
    ...soundCases(),
    ...shippedPolicyIds.map((id) => ({ name: `shipped ${id}`, source: shipped(id).file })),
  ];
  say(`sound policies, with those that are shipped (${sound.length})`);
  const accepted = sound.reduce((sum, one) => sum + tell(one.name, soundComplaint(one)), 0);
  let lost = 0;
  for (const id of shippedPolicyIds) {
    say(`slips in ${id}: those that get through`);
    const { caught, alike, sound: others, lost: unexplored } = hunt(id, seeds);
    lost += unexplored;
    say(
      `  ${id}: ${caught} of ${seeds} caught, ${alike} make no difference, ${others} make another sound policy`,
    );
  }
  say(
    `policy-gate: ${refused} of ${broken.length} broken refused, ${accepted} of ${sound.length} sound accepted`,
  );
  return refused === broken.length && accepted === sound.length && lost === 0 ? 0 : 1;
}

const at = process.argv.indexOf('--seeds');
process.exitCode = main(at === -1 ? 100 : Number(process.argv[at + 1]));
