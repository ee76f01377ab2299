// `npm run conformance`: runs every test whose name carries a case, prints one line for each case and last
// `conformance: N of M cases hold`; ends with 1 unless all of them hold. `--only C01,C38` runs the files of these cases
// alone, `--write` keeps the results and makes docs/conformance.md from them, `--jobs N` runs N files at once.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../support/repository.js';
import { conformancePage } from './page.js';
import { type Judged, judgeAll, keepResults, type Results, summary } from './results.js';
import { runFiles } from './run.js';
import { shownCases } from './shown.js';
import { cases } from './table.js';

const exitUsage = 64;
const fileMsMax = 600_000;

interface Wish {
  readonly only: readonly string[];
  readonly jobs: number;
  readonly write: boolean;
}

function readWish(): Wish | string {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      write: { type: 'boolean', default: false },
    },
  });
  const jobs = Number(values.jobs);
  if (!(Number.isInteger(jobs) && jobs > 0)) return `--jobs ${values.jobs} is no number of files`;
  const only = values.only?.split(',') ?? [];
  const unknown = only.find((id) => !cases.some((one) => one.id === id));
  if (unknown !== undefined) return `there is no case ${unknown}`;
  if (values.write && only.length > 0) return '--write keeps whole runs only';
  return { only, jobs, write: values.write };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

function lineOf({ one, shown, verdict, edges }: Judged): string {
  const how = edges.length === 0 ? '' : ` (${edges.join(', ')}; ${shown.length} tests)`;
  return `${one.id.padEnd(4)} ${verdict.padEnd(15)} ${one.name}${how}`;
}

async function conformance(wish: Wish): Promise<number> {
  const shown = shownCases();
  const wanted = cases.filter(({ id }) => wish.only.length === 0 || wish.only.includes(id));
  const tests = wanted.flatMap(({ id }) => shown.get(id) ?? []);
  const files = [...new Set(tests.map(({ file }) => file))].sort();
  let done = 0;
  const outcomes = await runFiles({
    ...{ files, jobs: wish.jobs, fileMsMax },
    heard: (file, code, ms) => {
      done += 1;
      const ended = code === null ? 'ended after its time' : code === 0 ? 'ok' : `exit ${code}`;
      tell(`${done}/${files.length} ${file}: ${ended}, ${(ms / 1000).toFixed(1)} s`);
    },
  });
  const day = new Date().toISOString().slice(0, 10);
  const results: Results = { day, node: process.version.slice(1), files: outcomes };
  const judged = judgeAll(wanted, shown, results);
  for (const each of judged) say(lineOf(each));
  if (wish.write) {
    keepResults(results);
    writeFileSync(join(repositoryRoot, 'docs/conformance.md'), conformancePage(results));
  }
  say(`conformance: ${summary(judged)}`);
  return judged.every((each) => each.verdict === 'holds') ? 0 : 1;
}

const wish = readWish();
if (typeof wish === 'string') {
  tell(`conformance: ${wish}`);
  process.exitCode = exitUsage;
} else process.exitCode = await conformance(wish);
