// A monitor watches histories: a small automaton that goes along every edge and may object. The product of a policy and a
// monitor is searched breadth-first, so that what it objects to is shown by the shortest history there is.
import type { Piecemeal } from '../piecemeal.js';
import type { Edge, Exploration } from './explorer.js';
import type { Said } from './fault.js';
import type { Situation } from './situation.js';

/** What a monitor says to one edge. */
export interface Verdict<S> {
  /** States it may be in afterwards; none: this edge cannot be taken in the state it is in. */
  readonly next: readonly S[];
  readonly objections: readonly Objection[];
}

export interface Objection extends Said {
  /** Labels of what shows it from there on. */
  readonly labels?: readonly string[];
}

/** A monitor's state is a plain object of words and booleans. */
export interface Monitor<S extends object> {
  start(birth: Edge & { readonly asked: boolean }): S;
  watch(state: S, edge: Edge): Verdict<S>;
}

/** Where a history is, and what the monitor makes of it. */
export interface Visit<S> {
  readonly situation: Situation;
  readonly state: S;
  readonly edge: Edge;
  readonly before: Visit<S> | null;
}

type Told = (objection: Objection, path: readonly string[]) => void;

/**
 * Everything a monitor objects to, each once with its shortest history; a history ends where it is objected to. Returns
 * where the others come to.
 */
export function* watching<S extends object>(
  at: Exploration,
  monitor: Monitor<S>,
  report: Told,
): Piecemeal<readonly Visit<S>[]> {
  const watch = new Watch(at, monitor, report);
  for (const birth of at.births) watch.go(birth, monitor.start(birth), null);
  yield* watch.run();
  return watch.visits;
}

/** Visits that are gone through before somebody else may go first. */
const visitsPerPiece = 64;

/** Labels of the history that led to a visit. */
export function historyOf<S>(last: Visit<S> | null): readonly string[] {
  const labels: string[] = [];
  for (let at = last; at !== null; at = at.before) labels.push(at.edge.stimulus.label);
  return labels.reverse();
}

class Watch<S extends object> {
  readonly visits: Visit<S>[] = [];
  private readonly told = new Set<string>();
  private readonly seen = new Map<string, Set<number>>();

  constructor(
    private readonly at: Exploration,
    private readonly monitor: Monitor<S>,
    private readonly report: Told,
  ) {}

  *run(): Piecemeal<void> {
    for (let next = 0; next < this.visits.length; next += 1) {
      const visit = this.visits[next]!;
      if (next % visitsPerPiece === 0) yield;
      for (const edge of this.at.edges[visit.situation.id]!) this.go(edge, visit.state, visit);
    }
  }

  go(edge: Edge, state: S, before: Visit<S> | null): void {
    const { next, objections } = this.monitor.watch(state, edge);
    for (const one of objections) {
      const name = `${one.code} ${one.pointer} ${one.message}`;
      if (!this.told.has(name)) this.report(one, [...historyOf(before), edge.stimulus.label]);
      this.told.add(name);
    }
    if (objections.length > 0) return;
    for (const after of next) {
      const known = this.known(Object.values(after).join());
      if (known.has(edge.to.id)) continue;
      known.add(edge.to.id);
      this.visits.push({ situation: edge.to, state: after, edge, before });
    }
  }

  private known(state: string): Set<number> {
    const found = this.seen.get(state) ?? new Set<number>();
    this.seen.set(state, found);
    return found;
  }
}
