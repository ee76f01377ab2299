// `npm run soak -- --hours H`: all long forms in turn, each as a process of its own with a fresh seed, for so many hours,
// while one engine under traffic tells its memory. A part that fails is told with the command that repeats it; the others
// go on. Ends with 1 when anything failed.
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { hostEntropy } from '../../runtime/index.js';
import { slope, startLongLived } from './memory.js';
import { missingFrom, type Part, parts, programsOf } from './parts.js';

const exitUsage = 64;
/** About how long one run of a part is asked to take. */
const turnSeconds = 120;

interface Wish {
  readonly hours: number;
  readonly seed: number;
  readonly parts: readonly Part[];
}

function readWish(): Wish | string {
  const { values } = parseArgs({
    options: {
      hours: { type: 'string', default: '1' },
      parts: { type: 'string', default: parts.map((part) => part.name).join(',') },
      seed: { type: 'string' },
    },
  });
  const hours = Number(values.hours);
  if (!(hours > 0)) return `--hours ${values.hours} is no time`;
  const chosen = hostEntropy.bytes(1)[0] ?? 0;
  const seed = values.seed === undefined ? chosen : Number(values.seed);
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 400))
    return `--seed ${values.seed} is no number below 400`;
  const names = values.parts.split(',');
  const unknown = names.find((name) => !parts.some((part) => part.name === name));
  if (unknown !== undefined) return `there is no part ${unknown}`;
  const wanted = parts.filter((part) => names.includes(part.name));
  const missing = missingFrom(wanted);
  return missing.length > 0 ? missing.join('; ') : { hours, seed, parts: wanted };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const running = new Set<() => void>();

interface Ran {
  readonly code: number | null;
  readonly last: string;
  readonly tail: string;
}

function runProgram(argv: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = () => child.kill('SIGTERM');
    running.add(end);
    let said = '';
    const hear = (text: string) => {
      said = (said + text).slice(-20_000);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('close', (code) => {
      running.delete(end);
      const lines = said.split('\n').filter((line) => line.trim() !== '');
      // The last line sums up; that of a test is followed by its time.
      const last = lines.filter((line) => !line.startsWith('# time=')).at(-1) ?? '';
      resolve({ code, last, tail: lines.slice(-50).join('\n') });
    });
  });
}

/** Runs every program of a part; the number of those that failed. */
async function runPart(part: Part, seconds: number, seed: number, where: string): Promise<number> {
  let failures = 0;
  for (const program of programsOf(part)) {
    const argv = [program, ...part.args(seconds, seed).map(String)];
    const begun = performance.now();
    const { code, last, tail } = await runProgram(argv);
    const took = ((performance.now() - begun) / 1000).toFixed(1);
    const name = `${part.name}${program.endsWith('.test.js') ? ` ${basename(program)}` : ''}`;
    say(
      `soak: ${where}, ${name}, ${took} s, ${code === 0 ? 'ok' : `FAILED with ${code}`}: ${last}`,
    );
    if (code === 0 || stopped) continue;
    failures += 1;
    say(`${tail}\nsoak: again by: node ${argv.join(' ')}`);
  }
  return failures;
}

let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stopped = true;
    for (const end of running) end();
  });

async function soak(wish: Wish): Promise<number> {
  const endMs = performance.now() + wish.hours * 3_600_000;
  const left = (): number => (endMs - performance.now()) / 1000;
  say(
    `soak: ${wish.hours} h of ${wish.parts.map((part) => part.name).join(', ')}, seed ${wish.seed}`,
  );
  const engine = startLongLived();
  let cycles = 0;
  let runs = 0;
  let failures = 0;
  do {
    cycles += 1;
    for (const part of wish.parts) {
      // Every part has its turn at least once.
      if (stopped || (cycles > 1 && left() <= 0)) break;
      const seconds = Math.ceil(Math.max(1, Math.min(turnSeconds, left() / wish.parts.length)));
      // Far apart, and below 2^32: a run takes its own seeds from here on.
      const seed = wish.seed * 10_000_000 + runs * 20_000;
      failures += await runPart(part, seconds, seed, `cycle ${cycles}`);
      runs += 1;
    }
    const rss = engine.samples.at(-1);
    if (rss !== undefined)
      say(`soak: engine at ${mebibytes(rss.rssOctets)} MiB, ${rss.accepted} messages`);
  } while (!stopped && left() > 0);
  const wrong = await engine.stop();
  if (wrong !== null) say(`soak: ${wrong}`);
  failures += wrong === null ? 0 : 1;
  const growth = slope(engine.samples);
  const memory =
    growth === null ? 'too short to tell its memory' : `${growth.toFixed(1)} MiB an hour`;
  const accepted = engine.samples.at(-1)?.accepted ?? 0;
  say(
    `soak: ${cycles} cycles, ${runs} runs, ${accepted} messages, ${memory}, ${failures} failures`,
  );
  return failures === 0 ? 0 : 1;
}

const mebibytes = (octets: number): string => (octets / 1_048_576).toFixed(0);

const wish = readWish();
if (typeof wish === 'string') {
  process.stderr.write(`soak: ${wish}\n`);
  process.exitCode = exitUsage;
} else process.exitCode = await soak(wish);
