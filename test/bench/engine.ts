// The engine under test: `deferred-im serve` as a process of its own, on free ports. What differs from the defaults is
// said here and told in the report. Knows how to ask it whether it is ready and how much memory it takes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, freePort, startChild, waitFor } from '../../adapters/cli/stage/child.js';
import { pause, type Stage } from './stage.js';

/** Settings that differ from the defaults, as they are told in the report. */
export const engineSettings =
  'The engine runs with its defaults but `ballastOctets` 0 and `allowVolatileFolder`, as the place is named above, and logs from `warn`.';

const main = fileURLToPath(new URL('../../adapters/cli/main.js', import.meta.url));

/** Memory of a process in octets. */
export interface Memory {
  readonly rss: number;
  readonly anonymous: number;
  /** Mapped files, LevelDB's tables among them. */
  readonly mapped: number;
}

export interface EngineProcess {
  readonly pid: number;
  /** When it was started, on `performance.now()`. */
  readonly startedMs: number;
  /** Resolves when some partitions of users serve, then when all do; milliseconds since the start. */
  admitted(): Promise<{ readonly firstMs: number; readonly allMs: number }>;
  metric(name: string): Promise<number>;
  memory(): Memory;
  log(): string;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Starts the engine on a folder; `admitted` tells when it serves. */
async function startEngine(stage: Stage, folder: string, natsUrl: string): Promise<EngineProcess> {
  const port = await freePort();
  const args = [
    ...[main, 'serve', '--folder', join(folder, 'store'), '--host', 'store.example.org'],
    ...['--nats-servers', natsUrl, '--http-port', String(port)],
    ...['--allow-volatile-folder', 'true', '--ballast-octets', '0', '--log-level', 'warn'],
  ];
  const startedMs = performance.now();
  const child = startChild(process.execPath, args, join(folder, 'engine.log'));
  const url = `http://127.0.0.1:${port}`;
  return stage.track({
    pid: child.pid,
    startedMs,
    admitted: () => admitted(child, url, startedMs),
    metric: (name: string) => metric(url, name),
    memory: () => memoryOf(child.pid),
    log: () => child.tail(),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    stop: () => child.stop(),
  });
}

export interface Boot {
  readonly engine: EngineProcess;
  readonly times: { readonly firstMs: number; readonly allMs: number };
}

const bootTriesMax = 3;

/** Starts the engine and waits until it serves everything. */
export async function bootEngine(stage: Stage, folder: string, natsUrl: string): Promise<Boot> {
  for (let tries = 1; ; tries += 1) {
    const engine = await startEngine(stage, folder, natsUrl);
    try {
      return { engine, times: await engine.admitted() };
    } catch (cause) {
      // A port that was free a moment ago may be taken by now; anything else is no accident.
      if (tries === bootTriesMax || !engine.log().includes('EADDRINUSE')) throw cause;
    }
  }
}

/** The same, where the times do not matter. */
export const serveEngine = async (
  stage: Stage,
  folder: string,
  natsUrl: string,
): Promise<EngineProcess> => (await bootEngine(stage, folder, natsUrl)).engine;

const bootPatienceMs = 120_000;

async function admitted(child: Child, url: string, startedMs: number) {
  let firstMs: number | null = null;
  let allMs = 0;
  const look = async (): Promise<boolean> => {
    const seen = await readiness(url);
    const sinceMs = performance.now() - startedMs;
    if (firstMs === null && seen !== null && (seen.ready || seen.partitions > 1)) firstMs = sinceMs;
    allMs = sinceMs;
    return seen?.ready === true;
  };
  // Asked more often than waitFor does: the answer is the measurement.
  const until = performance.now() + bootPatienceMs;
  while (!(await look())) {
    if (!child.running() || performance.now() > until)
      throw new Error(`the engine does not serve\n${child.tail()}`);
    await pause(5);
  }
  return { firstMs: firstMs ?? allMs, allMs };
}

async function readiness(url: string): Promise<{ ready: boolean; partitions: number } | null> {
  try {
    const answer = await fetch(`${url}/readyz`);
    const text = await answer.text();
    // `not ready: checking the store: 12 of 65 partitions serve`
    const words = text.split(' ');
    const partitions = Number(words[words.indexOf('of') - 1] ?? 0);
    // Some benchmarks have no proxy: then all partitions serve, and this is all that is missing.
    const ready = answer.ok || text.includes('no proxy');
    return { ready, partitions: Number.isNaN(partitions) ? 0 : partitions };
  } catch {
    return null;
  }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`deferred_im_${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.split(' ')[1]);
}

/** Waits until a metric has this value; false after `patienceMs`. */
export async function metricBecomes(
  engine: EngineProcess,
  name: string,
  value: number,
  patienceMs: number,
): Promise<boolean> {
  const ready = async () => (await engine.metric(name)) === value;
  return waitFor(name, ready, patienceMs).then(
    () => true,
    () => false,
  );
}

/** What the kernel says about a process. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const octets = (name: string): number => {
    const line = status.split('\n').find((one) => one.startsWith(`${name}:`)) ?? '';
    return Number(line.replace(`${name}:`, '').replace('kB', '').trim()) * 1024;
  };
  return { rss: octets('VmRSS'), anonymous: octets('RssAnon'), mapped: octets('RssFile') };
}

/** CPU time a process's main thread has taken, in microseconds; the kernel counts it in steps of 10 ms. */
export function mainThreadUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  // The name of the process may hold anything; behind its bracket the fields are numbered from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

export const storeFolder = (folder: string): string => join(folder, 'store');
