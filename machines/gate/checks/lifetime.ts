// RC4: the maximum lifetime is told once, and from then on the message comes to its end though the world stays silent: by the
// delays of its chart, and by the answer 408 that the outbox gives where nobody answers. It leaves its mailbox within
// the patience with a push that is out; its report may be repeated for longer.
import { retentionMinMs } from '../../compile.js';
import { findingOf, type PolicyFinding } from '../../findings.js';
import { patienceMs } from '../../message.js';
import { durationMs } from '../../settings.js';
import type { Edge, Exploration } from '../explorer.js';
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

/** Milliseconds a message may live on after its maximum lifetime, with a finding for each place where that is wrong. */
export function lifetimeOf(at: Exploration): {
  readonly tailMs: number;
  readonly findings: readonly PolicyFinding[];
} {
  const tails = new Map<Situation, Tail>();
  const findings: PolicyFinding[] = [];
  const told = new Set<string>();
  for (const one of at.situations) {
    if (!one.outlived || one.final) continue;
    const stuck = tails.has(one) ? null : settle(at, one, tails);
    if (stuck === null || told.has(stuck.value)) continue;
    told.add(stuck.value);
    const message = `After its maximum lifetime the message stays as "${stuck.value}" for ever, if nobody says anything.`;
    findings.push(findingOf('never-ends', stateOf(at, stuck), message, at.pathTo(stuck)));
  }
  const ends = [...tails.values()].map((one) => one.endMs).filter(Number.isFinite);
  return { tailMs: Math.max(0, ...ends), findings: [...findings, ...late(at, tails)] };
}

function late(at: Exploration, tails: ReadonlyMap<Situation, Tail>): readonly PolicyFinding[] {
  const found = (['liveMs', 'endMs'] as const).map((part) => worstOf(tails, part));
  const [live, end] = found as [Worst, Worst];
  if (live.ms > tailMaxMs) return [tooLate(at, live, 'is in its mailbox', `${tailMaxMs / 1000} s`)];
  if (end.ms > reportTailMaxMs)
    return [tooLate(at, end, 'is reported', `${reportTailMaxMs / 86_400_000} days`)];
  return [];
}

interface Worst {
  readonly ms: number;
  readonly situation: Situation | null;
}

function worstOf(tails: ReadonlyMap<Situation, Tail>, part: keyof Tail): Worst {
  let worst: Worst = { ms: 0, situation: null };
  for (const [situation, tail] of tails)
    if (Number.isFinite(tail[part]) && tail[part] > worst.ms) worst = { ms: tail[part], situation };
  return worst;
}

function tooLate(at: Exploration, { ms, situation }: Worst, what: string, most: string) {
  const message = `${ms / 1000} s after its maximum lifetime the message still ${what}; ${most} at most.`;
  return findingOf('ends-late', stateOf(at, situation!), message, at.pathTo(situation!));
}

// Longest silent way to an end, depth first with its own stack. A situation met again on the same way, or one in which
// nothing is armed and nothing is out, is where the message stays: it is returned, and counts as endless.
function settle(at: Exploration, from: Situation, tails: Map<Situation, Tail>): Situation | null {
  const open = new Set<Situation>();
  const stack: Situation[] = [from];
  let stuck: Situation | null = null;
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
    if (!Number.isFinite(tail.endMs)) stuck ??= one;
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
  const after = silent.map(({ to }) => (to.final ? over : (tails.get(to) ?? endless)));
  const waitMs = Math.min(...silent.map(({ stimulus }) => delayMs(at, stimulus.name)));
  const endMs = waitMs + Math.max(...after.map((one) => one.endMs));
  const liveMs = live ? waitMs + Math.max(...after.map((one) => one.liveMs)) : 0;
  return silent.length === 0 ? endless : { endMs, liveMs };
}

const over: Tail = { endMs: 0, liveMs: 0 };
const endless: Tail = { endMs: Number.POSITIVE_INFINITY, liveMs: Number.POSITIVE_INFINITY };

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
