// RC4: the maximum lifetime is told once, and from then on the message comes to its end though the world stays silent: by the
// delays of its chart, and by the answer 408 that the outbox gives where nobody answers. It leaves its mailbox within
// the patience with a push that is out; its report may be repeated for longer.
import { retentionMinMs } from '../../compile.js';
import { patienceMs } from '../../message.js';
import { durationMs } from '../../settings.js';
import type { Edge, Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { stateOf } from '../places.js';
import type { Situation } from '../situation.js';

/** How long a message may still be in its mailbox after its maximum lifetime: two pushes and their patience. */
export const tailMaxMs = 600_000;

/** How long its report may be repeated after that: as long as any ended message is remembered. */
export const reportTailMaxMs = retentionMinMs;

/** The time a silent world leaves, by situation: until the end, and until the mailbox is left. */
interface Tail {
  readonly endMs: number;
  readonly liveMs: number;
}

/** Milliseconds a message may live on after its maximum lifetime, with a fault for each situation where that is wrong. */
export function lifetimeOf(at: Exploration): {
  readonly tailMs: number;
  readonly faults: readonly Fault[];
} {
  const tails = new Map<Situation, Tail>();
  const stuck: Fault[] = [];
  for (const one of at.situations) {
    if (!one.outlived || one.final || tails.has(one)) continue;
    const found = settle(at, one, tails);
    // What one way ends in is told once.
    for (const where of found) stuck.push(endless(at, where, found[0]!.value));
  }
  let tailMs = 0;
  for (const { endMs } of tails.values())
    if (Number.isFinite(endMs)) tailMs = Math.max(tailMs, endMs);
  return { tailMs, faults: [...stuck, ...late(at, tails)] };
}

const endless = (at: Exploration, one: Situation, name: string): Fault => ({
  ...{ name, situation: one, labels: [] },
  say: () => ({
    code: 'never-ends',
    pointer: stateOf(at, one),
    message: `After its maximum lifetime the message stays as "${one.value}" for ever, if nobody says anything.`,
  }),
});

// The worst first.
function late(at: Exploration, tails: ReadonlyMap<Situation, Tail>): readonly Fault[] {
  const beyond = (part: keyof Tail, maxMs: number, what: string, most: string): readonly Fault[] =>
    [...tails]
      .filter(([, tail]) => Number.isFinite(tail[part]) && tail[part] > maxMs)
      .sort(([, one], [, other]) => other[part] - one[part])
      .map(([situation, tail]) => tooLate(at, situation, tail[part], what, most));
  const live = beyond('liveMs', tailMaxMs, 'is in its mailbox', `${tailMaxMs / 1000} s`);
  const days = `${reportTailMaxMs / 86_400_000} days`;
  return live.length > 0 ? live : beyond('endMs', reportTailMaxMs, 'is reported', days);
}

const tooLate = (
  at: Exploration,
  situation: Situation,
  ms: number,
  what: string,
  most: string,
): Fault => ({
  ...{ name: 'ends-late', situation, labels: [] },
  say: () => ({
    code: 'ends-late',
    pointer: stateOf(at, situation),
    message: `${ms / 1000} s after its maximum lifetime the message still ${what}; ${most} at most.`,
  }),
});

// Longest silent way to an end, depth first with its own stack. A situation met again on the same way, or one in which
// nothing is armed and nothing is out, is where the message stays: these are returned, and count as endless.
function settle(
  at: Exploration,
  from: Situation,
  tails: Map<Situation, Tail>,
): readonly Situation[] {
  const open = new Set<Situation>();
  const stack: Situation[] = [from];
  const stuck: Situation[] = [];
  for (let one = stack.at(-1); one !== undefined; one = stack.at(-1)) {
    const silent = at.edges[one.id]!.filter(isSilent);
    const unknown = silent.filter(({ to }) => !to.final && !tails.has(to) && !open.has(to));
    if (!open.has(one) && unknown.length > 0) {
      open.add(one);
      stack.push(...unknown.map(({ to }) => to));
      continue;
    }
    stack.pop();
    open.delete(one);
    if (tails.has(one)) continue;
    const tail = tailOf(at, one, silent, tails);
    const ends = (to: Situation): boolean => Number.isFinite(tails.get(to)?.endMs ?? 0);
    // The first is told; of the others those that do not merely lead to one.
    const isItself = stuck.length === 0 || silent.every(({ to }) => ends(to));
    if (!Number.isFinite(tail.endMs) && isItself) stuck.push(one);
    tails.set(one, tail);
  }
  return stuck;
}

// Whatever fires first, it fires when the shortest of the waits is over at the latest.
function tailOf(
  at: Exploration,
  { live }: Situation,
  silent: readonly Edge[],
  tails: ReadonlyMap<Situation, Tail>,
): Tail {
  const after = silent.map(({ to }) => (to.final ? over : (tails.get(to) ?? never)));
  const waitMs = Math.min(...silent.map(({ stimulus }) => delayMs(at, stimulus.name)));
  const endMs = waitMs + Math.max(...after.map((one) => one.endMs));
  const liveMs = live ? waitMs + Math.max(...after.map((one) => one.liveMs)) : 0;
  return silent.length === 0 ? never : { endMs, liveMs };
}

const over: Tail = { endMs: 0, liveMs: 0 };
const never: Tail = { endMs: Number.POSITIVE_INFINITY, liveMs: Number.POSITIVE_INFINITY };

// What waits in the outbox is answered by 408 at last (runtime/outbox.ts), which is a temporary answer.
function isSilent({ stimulus, from }: Edge): boolean {
  if (stimulus.kind === 'timer') return true;
  if (stimulus.class !== 'temporary') return false;
  return stimulus.name === 'delivery.answered' ? from!.pushing : from!.reporting;
}

/** Milliseconds of a delay, or of an answer, in the worst case; `expiry` is an instant that has passed. */
export function delayMs(at: Exploration, name: string): number {
  if (name === 'expiry') return 0;
  const declared = at.policy.settings.delays[name];
  return declared === undefined ? patienceMs.large : durationMs(declared);
}
