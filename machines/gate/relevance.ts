// Which parts of the context still matter where a message stands: those that a guard or action ahead of it may read.
// Two situations that differ in nothing else behave alike, so the explorer takes them for one (live variables, as
// compilers call them). Read off the graph alone; too large an answer costs time, never truth.
import { type Graph, isWithin } from '../graph.js';
import { closure, type GraphIndex, lineage } from '../graph-index.js';
import { type Ending, endings } from '../message.js';

export interface Relevance {
  /** Whether a report is owed is asked. */
  readonly asked: boolean;
  readonly ending: boolean;
  readonly expired: boolean;
  /** From this number of attempts on no guard tells any difference. */
  readonly attemptsMax: number;
  readonly reportAttemptsMax: number;
}

/** What somebody else will ask for of who stands there, by innermost active states. */
export type Regard = (leaves: readonly string[]) => Relevance;

/** What matters in each set of active innermost states, and what `regard` adds to it. */
export function relevanceIn(
  graph: Graph,
  index: GraphIndex,
  regard: Regard = () => nothing,
): (leaves: readonly string[]) => Relevance {
  const known = new Map<string, Relevance>();
  return (leaves) => {
    const key = leaves.join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = both(relevanceOf(readsAhead(graph, index, leaves)), regard(leaves));
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

/** All that matters to one of several. */
export const together = (all: Iterable<Relevance>): Relevance => {
  let found = nothing;
  for (const one of all) found = both(found, one);
  return found;
};

/** States that may be active from now on, where some are. */
export const statesAhead = (index: GraphIndex, leaves: readonly string[]): ReadonlySet<string> =>
  closure(leaves, (path) => nextOf(index, path));

function nextOf(index: GraphIndex, path: string): readonly string[] {
  // A remembered state may be any of those around it.
  const entered = (to: string): readonly string[] => {
    const state = index.states.get(to);
    const within = state?.kind === 'history' ? index.inside(state.parent ?? '') : [];
    return [...index.entered(to), ...within];
  };
  return [
    ...lineage(path),
    ...(index.from.get(path) ?? []).flatMap((one) =>
      // Where a state begins is part of entering it.
      one.to === null || one.trigger === 'initial' ? [] : entered(one.to),
    ),
  ];
}

/** Endings that are asked for from where a message stands. */
export function askingIn(
  graph: Graph,
  index: GraphIndex,
): (leaves: readonly string[]) => ReadonlySet<Ending> {
  const before = new Map<string, string[]>();
  for (const path of new Set(['', ...index.states.keys()]))
    for (const next of nextOf(index, path)) {
      const known = before.get(next);
      if (known === undefined) before.set(next, [path]);
      else known.push(path);
    }
  const askers = endings.map((ending) => {
    const asking = graph.transitions.filter(({ guard }) => guard === `ending(cause: ${ending})`);
    const from = asking.map((one) => one.from);
    return [ending, closure(from, (path) => before.get(path) ?? [])] as const;
  });
  return (leaves) =>
    new Set(
      askers.flatMap(([ending, from]) => (leaves.some((one) => from.has(one)) ? [ending] : [])),
    );
}

/** Events, guards and actions, as they are written on a chart, that may be met from where a message stands. */
export function readsAhead(
  graph: Graph,
  index: GraphIndex,
  leaves: readonly string[],
): ReadonlySet<string> {
  const ahead = statesAhead(index, leaves);
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
