// Which parts of the context still matter where a message stands: those that a guard or action ahead of it may read.
// Two situations that differ in nothing else behave alike, so the explorer takes them for one (live variables, as
// compilers call them). Read off the graph alone; too large an answer costs time, never truth.
import { type Graph, isWithin } from '../graph.js';
import { closure, type GraphIndex, indexOf, lineage } from '../graph-index.js';

export interface Relevance {
  /** Whether a report is owed is asked. */
  readonly asked: boolean;
  readonly ending: boolean;
  readonly expired: boolean;
  /** From this number of attempts on no guard tells any difference. */
  readonly attemptsMax: number;
  readonly reportAttemptsMax: number;
}

/** What matters in each set of active innermost states; `regard` matters everywhere. */
export function relevanceIn(
  graph: Graph,
  index: GraphIndex,
  regard: Relevance = nothing,
): (leaves: readonly string[]) => Relevance {
  const known = new Map<string, Relevance>();
  return (leaves) => {
    const key = leaves.join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = both(relevanceOf(readsAhead(graph, index, leaves)), regard);
    known.set(key, found);
    return found;
  };
}

const nothing: Relevance = {
  ...{ asked: false, ending: false, expired: false, attemptsMax: 0, reportAttemptsMax: 0 },
};

const both = (one: Relevance, other: Relevance): Relevance => ({
  asked: one.asked || other.asked,
  ending: one.ending || other.ending,
  expired: one.expired || other.expired,
  attemptsMax: Math.max(one.attemptsMax, other.attemptsMax),
  reportAttemptsMax: Math.max(one.reportAttemptsMax, other.reportAttemptsMax),
});

/** What matters anywhere in a chart; an ending that was noted always does, to who takes messages over from another. */
export function relevanceAnywhere(graph: Graph): Relevance {
  const leaves = graph.states.map(({ path }) => path);
  return { ...relevanceOf(readsAhead(graph, indexOf(graph), leaves)), ending: true };
}

/** Events, guards and actions, as they are written on a chart, that may be met from where a message stands. */
export function readsAhead(
  graph: Graph,
  index: GraphIndex,
  leaves: readonly string[],
): ReadonlySet<string> {
  const next = (path: string): readonly string[] => [
    ...lineage(path),
    ...(index.from.get(path) ?? []).flatMap((one) =>
      // Where a state begins is part of entering it.
      one.to === null || one.trigger === 'initial' ? [] : entered(one.to),
    ),
  ];
  // A remembered state may be any of those around it.
  const entered = (path: string): readonly string[] => {
    const state = index.states.get(path);
    const within = state?.kind === 'history' ? index.inside(state.parent ?? '') : [];
    return [...index.entered(path), ...within];
  };
  const ahead = closure(leaves, next);
  const reads = new Set<string>();
  for (const { from, guard, actions, trigger, name } of graph.transitions) {
    if (!ahead.has(from)) continue;
    if (trigger === 'event') reads.add(name);
    if (guard !== null) reads.add(guard);
    for (const action of actions) reads.add(action);
  }
  for (const state of graph.states)
    if (ahead.has(state.path))
      for (const action of [...state.entry, ...state.exit]) reads.add(action);
  return reads;
}

function relevanceOf(reads: ReadonlySet<string>): Relevance {
  const some = (...begins: readonly string[]) =>
    [...reads].some((one) => begins.some((begin) => one === begin || one.startsWith(`${begin}(`)));
  const asked = some('reportOwed');
  return {
    asked,
    ending: asked || some('ending'),
    expired: some('expired', 'deliver'),
    attemptsMax: limitIn(reads, 'deliveryTriesBelow', 'delivery.answered'),
    reportAttemptsMax: limitIn(reads, 'reportTriesBelow', 'report.answered'),
  };
}

// Without an attempt no late answer can come, so that one and none are told apart where an answer is heard.
function limitIn(reads: ReadonlySet<string>, guard: string, answer: string): number {
  let limit = reads.has(answer) ? 1 : 0;
  for (const one of reads)
    if (one.startsWith(`${guard}(`)) limit = Math.max(limit, Number(/\d+/.exec(one)?.[0] ?? 1));
  return limit;
}

/** True when `path` is one of the active states or around one of them. */
export const isActive = (leaves: readonly string[], path: string): boolean =>
  leaves.some((leaf) => isWithin(leaf, path));
