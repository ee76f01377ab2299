// RC13: what a policy does, told in few words, so that two of them can be compared: the ends a message may come to by what
// was asked of it, where it may stand, and how long it lives at most.
import type { Exploration } from './explorer.js';

export interface Behaviour {
  readonly situations: number;
  readonly steps: number;
  /** Places a message may stand in, in the order in which they are found. */
  readonly places: readonly string[];
  /** Ends with their shortest histories. */
  readonly ends: readonly {
    readonly state: string;
    readonly outcome: string;
    readonly path: readonly string[];
  }[];
  /** Seconds from storage to the end in the worst case. */
  readonly longestLifeSeconds: number;
}

export function behaviourOf(at: Exploration, tailMs: number): Behaviour {
  const ends = new Map<string, Behaviour['ends'][number]>();
  for (const one of at.situations) {
    if (!one.final || ends.has(one.value)) continue;
    const outcome = at.index.states.get(one.value)?.outcome ?? one.value;
    ends.set(one.value, { state: one.value, outcome, path: at.pathTo(one) });
  }
  return {
    situations: at.situations.length,
    steps: at.edges.reduce((sum, all) => sum + all.length, 0),
    places: [...new Set(at.situations.filter((one) => !one.final).map((one) => one.value))],
    ends: [...ends.values()],
    longestLifeSeconds: at.policy.settings.maxLifetimeSeconds + tailMs / 1000,
  };
}
