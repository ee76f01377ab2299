// A graph made ready for searching: what is entered with a state, what lies around and inside it,
// what leaves it and what leads to it. Built once for each policy, so that the checks of a hostile
// file stay linear in its transitions.
import { type Graph, type GraphState, type GraphTransition, isWithin } from './graph.js';

export interface GraphIndex {
  readonly states: ReadonlyMap<string, GraphState>;
  /** Transitions written at a state itself, in document order. */
  readonly from: ReadonlyMap<string, readonly GraphTransition[]>;
  /**
   * Transitions a message takes that enter a state, directly or by initial states and parallel
   * regions.
   */
  readonly entering: ReadonlyMap<string, readonly GraphTransition[]>;
  /** States entered when `path` is entered, itself included. */
  readonly entered: (path: string) => readonly string[];
  /** A state and all that lie inside it. */
  readonly inside: (path: string) => readonly string[];
}

const indices = new WeakMap<Graph, GraphIndex>();

/** The same for the same graph. */
export function indexOf(graph: Graph): GraphIndex {
  const known = indices.get(graph) ?? built(graph);
  indices.set(graph, known);
  return known;
}

function built(graph: Graph): GraphIndex {
  const states = new Map(graph.states.map((state) => [state.path, state]));
  const children = group(graph.states, (state) => state.parent);
  const entered: (path: string) => readonly string[] = memo((path) => {
    const state = states.get(path);
    if (state === undefined) return [];
    const initial = state.initial === null ? [] : [state.initial];
    const regions = (children.get(path) ?? []).map((child) => child.path);
    const inner = state.kind === 'parallel' ? regions : initial;
    return [path, ...inner.flatMap((one) => entered(one))];
  });
  const targeted = graph.transitions.flatMap((one) =>
    // Where a state begins is no way out of the states inside it.
    one.to === null || one.trigger === 'initial'
      ? []
      : entered(one.to).map((path) => ({ path, one })),
  );
  return {
    states,
    from: group(graph.transitions, (one) => one.from),
    entering: new Map(
      [...group(targeted, ({ path }) => path)].map(([path, all]) => [
        path,
        all.map(({ one }) => one),
      ]),
    ),
    entered,
    inside: memo((path) =>
      graph.states.filter((state) => isWithin(state.path, path)).map((state) => state.path),
    ),
  };
}

/** A state and all around it, from the inside out; the root is empty. */
export function lineage(path: string): string[] {
  if (path === '') return [''];
  const dot = path.lastIndexOf('.');
  return [path, ...lineage(dot === -1 ? '' : path.slice(0, dot))];
}

/** Everything that can be reached from some states by following `next`, themselves included. */
export function closure(
  from: readonly string[],
  next: (path: string) => readonly string[],
): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const one of next(path)) if (!seen.has(one)) queue.push(one);
  }
  return seen;
}

/** Remembers what a function of a path said. */
export function memo<T>(of: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const value = of(path);
    known.set(path, value);
    return value;
  };
}

function group<K, T>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const at = key(item);
    const found = groups.get(at);
    if (found === undefined) groups.set(at, [item]);
    else found.push(item);
  }
  return groups;
}
