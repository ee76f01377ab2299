// What a test build does at a failpoint: end as by `kill -9`, at once or when the turn is over, throw, or stand still
// for five seconds, at the n-th passage after it was armed. Production knows nothing of this: it hands in no hook.
import { type Failpoint, type FailpointHook, failpoints } from '../../runtime/index.js';

/** `cut` is a kill at the end of the turn: what was begun at the point, such as a commit, is under way. */
export const modes = ['kill', 'throw', 'delay', 'cut'] as const;
export type Mode = (typeof modes)[number];

/** Where to stop: at the `pass`-th passage of a point. */
export interface Stop {
  readonly point: Failpoint;
  readonly pass: number;
  readonly mode: Mode;
}

export const delayMs = 5000;

// What was published has left the process only when the client has written it, at the end of the turn: a kill right
// at these points would be the same as one before the publication.
const leftAtTurnsEnd: ReadonlySet<Failpoint> = new Set([
  'ack.after',
  'effect.after-publish',
  'report.after-publish',
]);

/** Reads `name:n` or `name:n:mode`; null when it is none of ours. */
export function parseStop(text: string): Stop | null {
  const [name, count = '', mode = 'kill', ...more] = text.split(':');
  const point = failpoints.find((one) => one === name);
  const known = modes.find((one) => one === mode);
  const pass = Number(count);
  if (point === undefined || known === undefined || more.length > 0) return null;
  return Number.isInteger(pass) && pass >= 1 ? { point, pass, mode: known } : null;
}

export const formatStop = ({ point, pass, mode }: Stop): string => `${point}:${pass}:${mode}`;

/** What a stop does to the process; tests of this file hand in another. */
export interface Deeds {
  readonly kill: () => void;
  readonly wait: (ms: number) => void;
}

const processDeeds: Deeds = {
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  wait: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};

/** Counts passages, and stops where it was told to; `tell` hears of it before it happens. */
export class Stops {
  private readonly armed: { readonly stop: Stop; left: number }[] = [];

  constructor(
    private readonly tell: (stop: Stop) => void,
    private readonly deeds: Deeds = processDeeds,
  ) {}

  arm(stop: Stop): void {
    this.armed.push({ stop, left: stop.pass });
  }

  readonly hook: FailpointHook = (name) => {
    for (const one of this.armed) {
      if (one.stop.point !== name) continue;
      one.left -= 1;
      if (one.left === 0) this.perform(one.stop);
    }
  };

  private perform(stop: Stop): void {
    this.tell(stop);
    switch (stop.mode) {
      case 'throw':
        throw new Error(`failpoint ${stop.point}`);
      case 'delay':
        this.deeds.wait(delayMs);
        return;
      case 'cut':
        setImmediate(this.deeds.kill);
        return;
      case 'kill':
        if (leftAtTurnsEnd.has(stop.point)) setImmediate(this.deeds.kill);
        else this.deeds.kill();
        return;
      default:
        stop.mode satisfies never;
    }
  }
}
