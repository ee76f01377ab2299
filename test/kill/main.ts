// `npm run kill`: kills, breaks and halts a real engine while real traffic goes on, starts it again on the same folder,
// and judges every message. The last line is the result.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { servicePath } from './engine.js';
import { planRounds } from './plan.js';
import { exitCodeOf, run, summary } from './run.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '4' },
  },
});

const seed = Number(values.seed ?? Date.now() % 1_000_000);
const rounds = planRounds(Number(values.rounds), seed);
const root = mkdtempSync(join(tmpdir(), 'deferred-im-kill-'));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`kill: seed ${seed}, ${rounds.length} rounds`);
const totals = await run(rounds, { root, program: servicePath, lanes: Number(values.lanes), say });
if (totals.faults.length === 0) rmSync(root, { recursive: true, force: true });
for (const line of summary(totals)) say(line);
process.exitCode = exitCodeOf(totals);
