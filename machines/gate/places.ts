// Where in the file a fault lies: JSON pointers of states and transitions, from situations and edges.
import { type GraphTransition, isWithin } from '../graph.js';
import { lineage } from '../graph-index.js';
import type { Edge, Exploration } from './explorer.js';
import type { Situation } from './situation.js';
import type { Stimulus } from './stimuli.js';

/** The state a message stands in; with regions side by side the first of them. */
export const stateOf = (at: Exploration, situation: Situation): string =>
  at.index.states.get(situation.leaves[0] ?? '')?.pointer ?? '/machine';

/** What the active states say about an event or delay, from the inside out. */
export function heardBy(
  at: Exploration,
  situation: Situation,
  { kind, name }: Pick<Stimulus, 'kind' | 'name'>,
): readonly GraphTransition[] {
  const trigger = kind === 'timer' ? 'after' : 'event';
  return situation.leaves
    .flatMap(lineage)
    .flatMap((path) => at.index.from.get(path) ?? [])
    .filter((one) => one.trigger === trigger && one.name === name);
}

/** The transition an edge takes, or the state it starts from where there is none. */
export function transitionOf(at: Exploration, { from, to, stimulus, path }: Edge): string {
  if (from === null) return stateOf(at, to);
  const list = heardBy(at, from, stimulus);
  const taken = list.find((one) => one.to !== null && isWithin(path[0] ?? '', one.to));
  return (taken ?? list[0])?.pointer ?? stateOf(at, from);
}

/** The state on the way of an edge that asks for an effect; its transition where none does. */
export function effectOf(at: Exploration, edge: Edge, effect: string): string {
  for (const value of [...edge.path].reverse())
    for (const part of value.split(' & '))
      for (const path of lineage(part)) {
        const state = at.index.states.get(path);
        if (state?.entry.includes(effect)) return state.pointer;
      }
  return transitionOf(at, edge);
}

/** How a message gets to an edge and over it. */
export const pathOver = (at: Exploration, edge: Edge): readonly string[] => [
  ...(edge.from === null ? [] : at.pathTo(edge.from)),
  edge.stimulus.label,
];
