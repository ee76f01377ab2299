// Where benchmarks live: temporary folders under one roof, children that are ended by id, and Node.js programs of this
// folder run as processes of their own. Invariant: after `close`, also after Ctrl-C, nothing is left behind.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild, waitFor } from '../../adapters/cli/stage/child.js';
import type { Plan } from './plan.js';

/** What a benchmark is given. */
export interface Stage {
  readonly plan: Plan;
  /** A new empty folder for one run. */
  folder(name: string): string;
  /** Frees the space of a run's folder; what it held has been counted. */
  clear(folder: string): void;
  /** Tells how far it is. */
  say(text: string): void;
  /** Remembers how to end something that was started, for the case that the run breaks. */
  track<T extends { stop(): Promise<void> }>(started: T): T;
  /** Runs a program of this folder, `feeder.js`, to its end and returns what it told as its result. */
  run<T>(program: string, options: object, patienceMs?: number): Promise<T>;
  /** Ends all that was started and removes all folders. */
  close(): Promise<void>;
}

export function openStage(plan: Plan, under: string | null): Stage {
  const roof = mkdtempSync(join(under ?? tmpdir(), 'deferred-im-bench-'));
  // Whatever is started from here puts its own temporary folders under the roof as well.
  process.env['TMPDIR'] = roof;
  // Also when the process ends early. This runs after the listener in child.ts, which kills the children.
  process.once('exit', () => remove(roof));
  const started = new Set<{ stop(): Promise<void> }>();
  let count = 0;
  const stage: Stage = {
    plan,
    folder: (name) => {
      count += 1;
      const folder = join(roof, `${name}-${count}`);
      mkdirSync(folder, { mode: 0o700 });
      return folder;
    },
    clear: (folder) => rmSync(folder, { recursive: true, force: true }),
    say: (text) => process.stderr.write(`bench: ${text}\n`),
    track: (one) => {
      started.add(one);
      return one;
    },
    run: (program, options, patienceMs = 300_000) =>
      runProgram(stage, program, options, patienceMs),
    close: async () => {
      await Promise.all([...started].map((one) => one.stop().catch(() => undefined)));
      remove(roof);
    },
  };
  return stage;
}

// Tried again, for what was killed a moment ago may still write its last file.
const remove = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

/** The built file of a program beside this one. */
export const programPath = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A line of a program's output that is its result. */
const resultMark = 'result ';
/** A line that says how far it is. */
const stepMark = 'progress ';

async function runProgram<T>(
  stage: Stage,
  program: string,
  options: object,
  patienceMs: number,
): Promise<T> {
  const logFile = join(stage.folder(program), 'output.log');
  const child = startProgram(program, options, logFile);
  stage.track(child);
  let told: string | undefined;
  const progress = setInterval(() => {
    const step = lastStep(child);
    if (step !== undefined && step !== told) stage.say(`  ${step}`);
    told = step;
  }, 2000);
  try {
    await waitFor(program, async () => !child.running(), patienceMs);
  } finally {
    clearInterval(progress);
    await child.stop();
  }
  return resultOf<T>(program, readFileSync(logFile, 'utf8'));
}

/** Starts a program of this folder that goes on until it is stopped. */
export const startProgram = (program: string, options: object, logFile: string): Child =>
  startChild(process.execPath, [programPath(program), JSON.stringify(options)], logFile);

function resultOf<T>(program: string, output: string): T {
  const line = output.split('\n').find((one) => one.startsWith(resultMark));
  if (line === undefined) throw new Error(`${program} told no result\n${output.slice(-4000)}`);
  return JSON.parse(line.slice(resultMark.length)) as T;
}

function lastStep(child: Child): string | undefined {
  const lines = child.tail().split('\n');
  return lines.findLast((line) => line.startsWith(stepMark))?.slice(stepMark.length);
}

// ---- the other side: what a program of this folder uses ----

/** The options the program was started with. */
export const givenOptions = <T>(): T => JSON.parse(process.argv[2] ?? '{}') as T;

export const tellResult = (result: object): void => {
  process.stdout.write(`${resultMark}${JSON.stringify(result)}\n`);
};

export const tellStep = (text: string): void => {
  process.stdout.write(`${stepMark}${text}\n`);
};

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
