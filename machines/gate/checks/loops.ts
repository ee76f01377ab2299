// RC5: nothing repeats without end. A cycle must spend time or use up a counted attempt; answers may come at once, the
// expiry is over when it is over, and a delay of less than ten seconds is no time (reliability J6).
import type { Edge, Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { stateOf, transitionOf } from '../places.js';
import { onCycles } from '../search.js';
import { delayMs } from './lifetime.js';

/** Shortest wait of a retry and of a hold: a sender's Expires has no lower bound, the policy's own delays have. */
export const holdMinMs = 10_000;

/** Cycles that take no time. */
export function hotLoops(at: Exploration): readonly Fault[] {
  const instant = at.edges.flat().filter((edge) => edge.changed && isInstant(at, edge));
  const cycling = onCycles(at, instant).filter(({ effects, stimulus }) => {
    return stimulus.kind === 'timer' || effects.some((one) => one.type !== 'notify');
  });
  return cycling.map((edge) => ({
    ...{ name: edge.from!.value, situation: edge.from, labels: [edge.stimulus.label] },
    say: () => ({
      code: 'hot-loop',
      pointer: transitionOf(at, edge),
      message: `From "${edge.from!.value}" ${edge.stimulus.label} comes round again without any wait.`,
    }),
  }));
}

function isInstant(at: Exploration, { stimulus }: Edge): boolean {
  if (stimulus.kind === 'answer') return true;
  return stimulus.kind === 'timer' && delayMs(at, stimulus.name) < holdMinMs;
}

/** Delays under which a message is held or tried again too soon; the wait for an answer may be shorter. */
export function shortDelays(at: Exploration): readonly Fault[] {
  const short = at.situations.flatMap((one) =>
    one.pushing || one.reporting
      ? []
      : one.armed
          .filter(({ name }) => name !== 'expiry' && delayMs(at, name) < holdMinMs)
          .map(({ name }) => ({ name, one })),
  );
  return short.map(({ name, one }) => ({
    ...{ name: `${name} ${one.value}`, situation: one, labels: [] },
    say: () => ({
      code: 'short-delay',
      pointer: `${stateOf(at, one)}/after/${name}`,
      message: `"${one.value}" waits only ${delayMs(at, name) / 1000} s; a hold or a retry takes at least ${holdMinMs / 1000} s.`,
    }),
  }));
}

/** Steps that fail. */
export function failures(at: Exploration): readonly Fault[] {
  return at.failures.map(({ from, stimulus, error }) => ({
    ...{ name: error, situation: from, labels: [stimulus.label] },
    say: () => ({
      code: 'step-fails',
      pointer: from === null ? '/machine' : stateOf(at, from),
      message: `The step fails: ${error}`,
    }),
  }));
}
