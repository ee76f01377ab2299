// RC5: nothing repeats without end. A cycle must spend time or use up a counted attempt; answers may come at once, the
// expiry is over when it is over, and a delay of less than ten seconds is no time (reliability J6).
import { findingOf, type PolicyFinding } from '../../findings.js';
import type { Edge, Exploration } from '../explorer.js';
import { pathOver, stateOf, transitionOf } from '../places.js';
import { onCycles, once } from '../search.js';
import { delayMs } from './lifetime.js';

/** Shortest wait of a retry and of a hold: a sender's Expires has no lower bound, the policy's own delays have. */
export const holdMinMs = 10_000;

/** Cycles that take no time. */
export function hotLoops(at: Exploration): readonly PolicyFinding[] {
  const instant = at.edges.flat().filter((edge) => edge.changed && isInstant(at, edge));
  const cycling = onCycles(at, instant).filter(({ effects, stimulus }) => {
    return stimulus.kind === 'timer' || effects.some((one) => one.type !== 'notify');
  });
  return once(cycling, ({ from }) => from!.value).map((edge) =>
    findingOf(
      'hot-loop',
      transitionOf(at, edge),
      `From "${edge.from!.value}" ${edge.stimulus.label} comes round again without any wait.`,
      pathOver(at, edge),
    ),
  );
}

function isInstant(at: Exploration, { stimulus }: Edge): boolean {
  if (stimulus.kind === 'answer') return true;
  return stimulus.kind === 'timer' && delayMs(at, stimulus.name) < holdMinMs;
}

/** Delays under which a message is held or tried again too soon; the wait for an answer may be shorter. */
export function shortDelays(at: Exploration): readonly PolicyFinding[] {
  const short = at.situations.flatMap((one) =>
    one.pushing || one.reporting
      ? []
      : one.armed
          .filter(({ name }) => name !== 'expiry' && delayMs(at, name) < holdMinMs)
          .map(({ name }) => ({ name, one })),
  );
  return once(short, ({ name, one }) => `${name} ${one.value}`).map(({ name, one }) =>
    findingOf(
      'short-delay',
      `${stateOf(at, one)}/after/${name}`,
      `"${one.value}" waits only ${delayMs(at, name) / 1000} s; a hold or a retry takes at least ${holdMinMs / 1000} s.`,
      at.pathTo(one),
    ),
  );
}

/** Steps that fail. */
export function failures(at: Exploration): readonly PolicyFinding[] {
  return once([...at.failures], ({ error }) => error).map(({ from, stimulus, error }) =>
    findingOf(
      'step-fails',
      from === null ? '/machine' : stateOf(at, from),
      `The step fails: ${error}`,
      [...(from === null ? [] : at.pathTo(from)), stimulus.label],
    ),
  );
}
