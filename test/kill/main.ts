// `npm run kill`: kills, breaks and halts a real engine while real traffic goes on, starts it again on the same folder,
// and judges every message. The last line is the result. With --control it runs two deliberately broken builds, and
// succeeds when both are found out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { breakBuild, type Control, controls } from './broken-build.js';
import { servicePath } from './engine.js';
import { planRounds } from './plan.js';
import { countOf, exitCodeOf, type RunOptions, run, summary } from './run.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '4' },
    control: { type: 'boolean', default: false },
  },
});

const number = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} takes a number from 1`);
  return value;
};

const rounds = number('rounds', values.rounds);
const lanes = number('lanes', values.lanes);
const seed = values.seed === undefined ? 1 + (Date.now() % 999_999) : number('seed', values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const root = mkdtempSync(join(tmpdir(), 'deferred-im-kill-'));
/** Folders in which something was wrong stay, all others go, also after Ctrl-C. */
let keep = false;
process.once('exit', () => {
  if (!keep) rmSync(root, { recursive: true, force: true });
});
process.once('SIGINT', () => process.exit(130));

async function judgeBuild(): Promise<number> {
  const totals = await run(planRounds(rounds, seed), { root, program: servicePath, lanes, say });
  keep = totals.faults.length > 0;
  for (const line of summary(totals)) say(line);
  return exitCodeOf(totals);
}

/** True when the broken build is found out by the fault it was given. */
async function findsOut(control: Control): Promise<boolean> {
  const folder = join(root, control.name);
  const options: RunOptions = {
    ...{ root: folder, program: breakBuild(control, join(folder, 'build')), lanes },
    say: () => {},
    enough: (totals) => countOf(totals, control.fault) > 0,
  };
  const totals = await run(planRounds(rounds, seed, false), options);
  const found = countOf(totals, control.fault);
  const what = `${found} ${control.fault} after ${totals.rounds} rounds`;
  say(`kill: control ${control.name} ${found > 0 ? `caught: ${what}` : `NOT CAUGHT: ${what}`}`);
  if (found === 0) for (const one of totals.faults) say(`  ${one.kind}: ${one.id}: ${one.why}`);
  return found > 0;
}

async function judgeControls(): Promise<number> {
  let missed = 0;
  for (const control of controls) if (!(await findsOut(control))) missed += 1;
  return missed === 0 ? 0 : 1;
}

say(
  `kill: seed ${seed}, ${rounds} rounds; again: npm run kill -- --rounds ${rounds} --seed ${seed}`,
);
process.exitCode = await (values.control ? judgeControls() : judgeBuild());
