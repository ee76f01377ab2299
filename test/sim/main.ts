// `npm run sim -- [--seconds S | --seeds N | --seed N | --mutant NAME] [--from N] [--no-mutants] [--record]`: a deterministic simulation
// of the engine. The real machines, XState, runtime and bus adapter (consumer, held requests, publisher, lines) run on a
// simulated clock, store and bus; proxies, phones and people are simulated after adapters/kamailio/deferred-im.cfg; only
// the SIP codec is replaced by a table of letters. After the seeds the planted bugs of mutants/ are hunted.
import { parseArgs } from 'node:util';
import { type Found, hunt, huntAll, mutantNames, record } from './mutants.js';
import { describe, optionsOf } from './options.js';
import { kept } from './regressions.js';
import { type Failure, macrotask, runOptions, type Tally } from './run.js';
import { shrink, story } from './shrink.js';
import { runShared } from './workers.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seeds: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    mutant: { type: 'string' },
    'no-mutants': { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    lines: { type: 'string', default: '50' },
  },
});

const numbers = ['seconds', 'seeds', 'seed', 'from', 'lines'] as const;
for (const name of numbers) {
  const text = values[name];
  if (text !== undefined && !(Number.isInteger(Number(text)) && Number(text) >= 1))
    throw new TypeError(`--${name} takes a number from 1, not ${JSON.stringify(text)}`);
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Everything a person needs to understand a failing seed. */
async function explain({ seed, code, why }: Failure): Promise<void> {
  const options = optionsOf(seed);
  say(`\nseed ${seed} fails: ${code} ${why}\n${describe(options)}`);
  const outcome = await macrotask(() => runOptions(options));
  say(outcome.trace.last(Number(values.lines)).join('\n'));
  say(`again: npm run sim -- --seed ${seed}`);
  if (outcome.violation === null) return;
  const small = await macrotask(() => shrink(options, code));
  say(`\nthe same in short:\n${await macrotask(() => story(small))}`);
  say(`for test/sim/regressions.json: ${JSON.stringify(kept(small, `${code} …`))}`);
}

const shownFailures = 3;

async function tellFailures(failures: readonly Failure[]): Promise<void> {
  const first = [...failures].sort((a, b) => a.seed - b.seed);
  for (const failure of first.slice(0, shownFailures)) await explain(failure);
  for (const { seed, code, why } of first.slice(shownFailures))
    say(`seed ${seed} fails: ${code} ${why}`);
}

const tellMutant = ({ name, failure, seeds }: Found): void =>
  say(
    failure === null
      ? `mutant ${name}: not found in ${seeds} seeds`
      : `mutant ${name}: seed ${failure.seed} after ${seeds}, by ${failure.code} ${failure.why}`,
  );

async function all(work: { seconds?: number; last?: number }): Promise<number> {
  const from = Number(values.from);
  const begun = Date.now();
  const tally: Tally = await runShared({ ...work, from });
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  say(
    `${tally.seeds} seeds, ${Math.round(tally.steps / Math.max(1, tally.seeds))} steps each, in ${seconds} s`,
  );
  await tellFailures(tally.failures);
  const names = values['no-mutants'] ? [] : mutantNames();
  const found = await huntAll(names, tellMutant);
  if (values.record) record(found);
  const caught = found.filter((one) => one.failure !== null).length;
  const failures = tally.failures.length;
  say(
    `sim: ${tally.seeds} seeds, ${tally.steps} steps, ${failures} failures; mutants ${caught} of ${names.length} found`,
  );
  return failures === 0 && caught === names.length ? 0 : 1;
}

async function one(seed: number): Promise<number> {
  const outcome = await macrotask(() => runOptions(optionsOf(seed), { hashing: true }));
  if (outcome.violation !== null) await explain({ seed, ...outcome.violation });
  else
    say(
      `${describe(optionsOf(seed))}\nseed ${seed} holds: ${outcome.steps} steps, trace ${outcome.digest}`,
    );
  return outcome.violation === null ? 0 : 1;
}

async function mutant(name: string): Promise<number> {
  const found = await hunt(name);
  tellMutant(found);
  if (values.record) record([found]);
  return found.failure === null ? 1 : 0;
}

async function main(): Promise<number> {
  if (values.seed !== undefined) return one(Number(values.seed));
  if (values.mutant !== undefined) return mutant(values.mutant);
  if (values.seeds !== undefined)
    return all({ last: Number(values.from) + Number(values.seeds) - 1 });
  return all({ seconds: Number(values.seconds ?? 60) });
}

process.exitCode = await main();
