// The short form of the simulation: a fixed number of seeds, every run that failed once, the same run twice, and a few
// of the planted bugs. The long form is `npm run sim`.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { hunt, mutantNames, shrinkMutant } from './mutants.js';
import { type Options, optionsOf, rateNames } from './options.js';
import { applyPatch, patchedFile } from './patch.js';
import { optionsOfKept, regressions } from './regressions.js';
import { macrotask, runOptions } from './run.js';
import { runShared } from './workers.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const seeds = 100;

t.test(
  'I1-I12 L1 L2 N1 N2 Q1 Q2 V1 V2 one hundred seeds hold (A1-A10 A12 B1 B5 C1-C12 C15 C20-C22 D1-D7 D9 E2 E7 F5 X11)',
  async (t) => {
    const tally = await runShared({ from: 1, last: seeds });
    t.equal(tally.seeds, seeds);
    t.strictSame(tally.failures, []);
    t.ok(tally.steps > seeds * 500, `${tally.steps} steps`);
  },
);

t.test('what failed once holds', async (t) => {
  for (const one of regressions()) {
    const { violation } = await macrotask(() => runOptions(optionsOfKept(one)));
    t.equal(violation, null, `seed ${one.seed}: ${one.found}`);
  }
});

t.test('a seed makes the same run again, and another seed another one', async (t) => {
  const digest = (seed: number) =>
    macrotask(() => runOptions(optionsOf(seed), { hashing: true }).digest);
  const first = await digest(7);
  t.equal(await digest(7), first);
  t.not(await digest(8), first);
});

t.test('every planted bug can still be planted', async (t) => {
  t.ok(mutantNames().length >= 20);
  for (const name of mutantNames()) {
    const patch = readFileSync(`${root}test/sim/mutants/${name}.patch`, 'utf8');
    const built = readFileSync(`${root}${patchedFile(patch)}`, 'utf8');
    t.not(applyPatch(built, patch, name), built, name);
  }
});

t.test('a patch that fits nowhere, or twice, is refused', async (t) => {
  const patch = 'what\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n';
  t.equal(applyPatch('zero\none\n', patch, 'p'), 'zero\ntwo\n');
  t.throws(() => applyPatch('zero\n', patch, 'p'), /no longer applies/);
  t.throws(() => applyPatch('one\none\n', patch, 'p'), /fits twice/);
  t.throws(() => applyPatch('one\n', 'no hunk', 'p'), /no hunk/);
});

const shown = [
  'M1-answer-before-commit',
  'M4-report-identity-at-sending',
  'M6-timers-not-armed',
  'M7-expiry-during-attempt',
];

for (const name of shown) {
  t.test(`${name} is found by its seed`, async (t) => {
    const { failure } = await hunt(name, false);
    t.ok(failure, failure?.why ?? 'not found');
  });
}

const ratesOf = ({ rates }: Options): number => rateNames.filter((name) => rates[name] > 0).length;
const messagesOf = ({ messages, without }: Options): number => messages - without.length;

t.test('a failing seed shrinks to a story that a person can read', async (t) => {
  const { before, options, story } = await shrinkMutant('M4-report-identity-at-sending');
  t.ok(
    ratesOf(options) < ratesOf(before) / 2,
    `${ratesOf(before)} kinds of fault, then ${ratesOf(options)}`,
  );
  t.ok(messagesOf(options) <= 3, `${messagesOf(before)} messages, then ${messagesOf(options)}`);
  const lines = story.split('\n');
  t.ok(lines.length < 125, `${lines.length} lines`);
  t.match(lines.at(-1), /I2/, 'its last line says what must not be');
});
