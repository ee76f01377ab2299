// The memory of an engine that serves for as long as the soak lasts: its samples, and the slope of the line through
// them. The first part of the samples is left out: code is compiled and caches fill.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the engine under traffic says about itself, once a second. */
export interface Sample {
  readonly atMs: number;
  readonly rssOctets: number;
  /** Messages it has accepted so far. */
  readonly accepted: number;
}

/** A shorter time shows only how caches fill. */
const spanMsMin = 600_000;

/** Growth in MiB an hour by least squares over the last three quarters; null when these are below ten minutes. */
export function slope(samples: readonly Sample[]): number | null {
  const counted = samples.slice(Math.floor(samples.length / 4));
  const spanMs = (counted.at(-1)?.atMs ?? 0) - (counted[0]?.atMs ?? 0);
  if (spanMs < spanMsMin) return null;
  const mean = (pick: (one: Sample) => number) =>
    counted.reduce((sum, one) => sum + pick(one), 0) / counted.length;
  const at = mean((one) => one.atMs);
  const rss = mean((one) => one.rssOctets);
  let above = 0;
  let below = 0;
  for (const one of counted) {
    above += (one.atMs - at) * (one.rssOctets - rss);
    below += (one.atMs - at) ** 2;
  }
  return ((above / below) * 3_600_000) / 1_048_576;
}

export interface LongLived {
  readonly samples: readonly Sample[];
  /** Stops it; resolves with what went wrong, or null. */
  stop(): Promise<string | null>;
}

const program = fileURLToPath(new URL('./engine.js', import.meta.url));

/** Starts an engine under traffic in a process of its own. */
export function startLongLived(): LongLived {
  const child: ChildProcess = fork(program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const samples: Sample[] = [];
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  child.on('message', (sample) => void samples.push(sample as Sample));
  const ended = new Promise<string | null>((resolve) => {
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : `the engine ended with ${code ?? signal}: ${said}`),
    );
  });
  return {
    samples,
    stop: () => {
      if (child.connected) child.send('stop');
      return ended;
    },
  };
}
