// A monitor watches histories: a small automaton that goes along every edge and may object. The product of a policy and a
// monitor is searched breadth-first, so that what it objects to is shown by the shortest history there is.
import type { PolicyFinding } from '../findings.js';
import type { Piecemeal } from '../piecemeal.js';
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

/** A history that goes on from another policy, and what the monitor made of it there. */
export interface Joining<S> {
  readonly edge: Edge;
  readonly state: S;
  /** Labels of what went before. */
  readonly before: readonly string[];
}

type Told = (objection: Objection, path: readonly string[]) => void;

/**
 * Everything a monitor objects to, each once with its shortest history; a history ends where it is objected to. Returns
 * where the others come to. Histories that join come the shortest first.
 */
export function* watching<S extends object>(
  at: Exploration,
  monitor: Monitor<S>,
  report: Told,
  joining: readonly Joining<S>[] = [],
): Piecemeal<readonly Visit<S>[]> {
  const watch = new Watch(at, monitor, report);
  for (const birth of at.births) watch.go(birth, monitor.start(birth), null);
  yield* watch.run(joining);
  return watch.visits;
}

/** Visits that are gone through before somebody else may go first. */
const visitsPerPiece = 64;

/** Labels of the history that led to a visit. */
export function historyOf<S>(last: Visit<S> | null): readonly string[] {
  const labels: string[] = [];
  for (let at = last; at !== null; at = at.before)
    labels.unshift(...(at.edge.before ?? []), at.edge.stimulus.label);
  return labels;
}

class Watch<S extends object> {
  readonly visits: Visit<S>[] = [];
  private readonly depths: number[] = [];
  private readonly told = new Set<string>();
  private readonly seen = new Map<string, Set<number>>();

  constructor(
    private readonly at: Exploration,
    private readonly monitor: Monitor<S>,
    private readonly report: Told,
  ) {}

  *run(joining: readonly Joining<S>[]): Piecemeal<void> {
    let [next, joined] = [0, 0];
    while (next < this.visits.length || joined < joining.length) {
      const depth = this.depths[next] ?? joining[joined]!.before.length + 1;
      for (; (joining[joined]?.before.length ?? depth) < depth; joined += 1) {
        const { edge, state, before } = joining[joined]!;
        this.go({ ...edge, before }, state, null);
      }
      const visit = this.visits[next];
      if (visit === undefined) continue;
      next += 1;
      if (next % visitsPerPiece === 0) yield;
      for (const edge of this.at.edges[visit.situation.id]!)
        this.go(edge, visit.state, visit, depth);
    }
  }

  go(edge: Edge, state: S, before: Visit<S> | null, depth = edge.before?.length ?? 0): void {
    const { next, objections } = this.monitor.watch(state, edge);
    for (const one of objections) {
      const name = `${one.code} ${one.pointer} ${one.message}`;
      if (!this.told.has(name))
        this.report(one, [...historyOf(before), ...(edge.before ?? []), edge.stimulus.label]);
      this.told.add(name);
    }
    if (objections.length > 0) return;
    for (const after of next) {
      const known = this.known(Object.values(after).join());
      if (known.has(edge.to.id)) continue;
      known.add(edge.to.id);
      this.visits.push({ situation: edge.to, state: after, edge, before });
      this.depths.push(depth + 1);
    }
  }

  private known(state: string): Set<number> {
    const found = this.seen.get(state) ?? new Set<number>();
    this.seen.set(state, found);
    return found;
  }
}
