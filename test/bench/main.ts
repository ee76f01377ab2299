// `npm run bench`: runs the benchmarks one after the other, tells how far they are, prints what they found. Ends with 0
// also when an aim is missed; with 1 when a run broke or the number of 202 and of stored messages do not agree.
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delivery } from './delivery.js';
import { engineSettings } from './engine.js';
import type { Findings } from './figures.js';
import { floor } from './floor.js';
import { gate } from './gate.js';
import { inside } from './inside.js';
import { describeMachine } from './machine.js';
import { memory } from './memory.js';
import { openLoop } from './open-loop.js';
import { readWish, usage, type Wish } from './plan.js';
import { proxy } from './proxy.js';
import { aims, type Report, reportPage, reportText } from './report.js';
import { openStage, type Stage } from './stage.js';
import { stores } from './stores.js';

const benchmarks: Readonly<Record<string, (stage: Stage) => Promise<Findings>>> = {
  stores,
  proxy,
  'open-loop': openLoop,
  memory,
  delivery,
  inside,
  gate,
  parts: floor,
};

const quotaNote =
  'No quota is raised: at most 100 messages wait for one user, at most 100 from one sender (defaults 1,000 and 200).';
const exitBroken = 1;
const exitUsage = 64;

async function run(wish: Wish): Promise<number> {
  const stage = openStage(wish.plan, wish.folder);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
  try {
    const machine = describeMachine(wish.folder ?? tmpdir());
    for (const [what, value] of machine) stage.say(`${what}: ${value}`);
    const findings = await runAll(wish, stage);
    const { thoroughness } = wish.plan;
    show(wish, { thoroughness, machine, settings: [engineSettings, quotaNote], findings });
    return findings.some(({ lost }) => lost.length > 0) ? exitBroken : 0;
  } finally {
    await stage.close();
  }
}

async function runAll(wish: Wish, stage: Stage): Promise<Findings[]> {
  const findings: Findings[] = [];
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (wish.only.length > 0 && !wish.only.includes(name)) continue;
    const begun = performance.now();
    findings.push(await benchmark(stage));
    stage.say(`${name}: done in ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  return findings;
}

function show(wish: Wish, report: Report): void {
  const { reached, of } = aims(report);
  if (wish.write) {
    const page = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));
    mkdirSync(dirname(page), { recursive: true });
    writeFileSync(page, reportPage(report));
  }
  if (wish.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else process.stdout.write(reportText(report));
  const last = `bench: ${reached} of ${of} aims reached\n`;
  if (wish.json) process.stderr.write(last);
  else process.stdout.write(last);
}

const wish = readWish(process.argv.slice(2), Object.keys(benchmarks));
if (typeof wish === 'string') {
  process.stderr.write(`bench: ${wish}\n${usage}`);
  process.exitCode = exitUsage;
} else {
  process.exitCode = await run(wish).catch((cause: unknown) => {
    process.stderr.write(
      `bench: broke: ${cause instanceof Error ? (cause.stack ?? cause.message) : cause}\n`,
    );
    return exitBroken;
  });
}
