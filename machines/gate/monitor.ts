// A monitor watches histories: a small automaton that goes along every edge and may object. The product of a policy and a
// monitor is searched breadth-first, so that what it objects to is shown by the shortest history there is.
import type { PolicyFinding } from '../findings.js';
import type { Edge, Exploration } from './explorer.js';
import type { Situation } from './situation.js';

/** What a monitor says to one edge. */
export interface Verdict<S> {
  /** States it may be in afterwards; none: this edge cannot be taken in the state it is in. */
  readonly next: readonly S[];
  readonly objections: readonly Objection[];
}

export type Objection = Pick<PolicyFinding, 'code' | 'pointer' | 'message'>;

/** A monitor's state is a plain object of words and booleans. */
export interface Monitor<S> {
  start(birth: Edge & { readonly asked: boolean }): S;
  watch(state: S, edge: Edge): Verdict<S>;
}

interface Visit<S> {
  readonly situation: Situation;
  readonly state: S;
  readonly edge: Edge;
  readonly before: Visit<S> | null;
}

/** Everything a monitor objects to, each once with its shortest history; a history ends where it is objected to. */
export function watched<S>(
  at: Exploration,
  monitor: Monitor<S>,
  report: (objection: Objection, path: readonly string[]) => void,
): void {
  const told = new Set<string>();
  const seen = new Set<string>();
  const queue: Visit<S>[] = [];
  const go = (edge: Edge, state: S, before: Visit<S> | null) => {
    const { next, objections } = monitor.watch(state, edge);
    for (const one of objections) {
      const name = `${one.code} ${one.pointer} ${one.message}`;
      if (!told.has(name)) report(one, [...historyOf(before), edge.stimulus.label]);
      told.add(name);
    }
    if (objections.length > 0) return;
    for (const after of next) {
      const key = `${edge.to.id} ${JSON.stringify(after)}`;
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push({ situation: edge.to, state: after, edge, before });
    }
  };
  for (const birth of at.births) go(birth, monitor.start(birth), null);
  for (const visit of queue)
    for (const edge of at.edges[visit.situation.id]!) go(edge, visit.state, visit);
}

function historyOf<S>(last: Visit<S> | null): string[] {
  const labels: string[] = [];
  for (let at = last; at !== null; at = at.before) labels.unshift(at.edge.stimulus.label);
  return labels;
}
