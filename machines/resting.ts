// Where a message may stand between two events: each combination of innermost states that a chart can rest in, named as
// the engine names it. Migration maps these, and a behaviour diff compares them.

import type { Policy } from './compile.js';
import type { GraphTransition } from './graph.js';
import { type GraphIndex, indexOf, lineage } from './graph-index.js';

/** XState's value of a resting place: a key, or keys with what is active below them. */
export type PlaceValue = string | { readonly [key: string]: PlaceValue };

export interface RestingPlace {
  /** `stored`, `reporting.sending`; regions side by side are joined by ` & `. */
  readonly name: string;
  readonly value: PlaceValue;
  /** The message is in its mailbox. */
  readonly live: boolean;
  /** Names of the delays that run there. */
  readonly delays: readonly string[];
}

/** A chart has no more of them than this; side by side they multiply. */
export const restingPlacesMax = 1024;

const known = new WeakMap<Policy, readonly RestingPlace[]>();

/** Every place a living message may rest in, in document order; at most `restingPlacesMax`. */
export function restingPlaces(policy: Policy): readonly RestingPlace[] {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const index = indexOf(policy.graph);
  const places = valuesOf(index, '')
    .filter((value) => !isFinal(index, value))
    .map((value) => placeOf(index, value))
    .flatMap((place) => place ?? []);
  known.set(policy, places);
  return places;
}

/** True when a chart has more of them than are counted: what is known of its places is not all. */
export const hasUncountedPlaces = (policy: Policy): boolean =>
  valuesOf(indexOf(policy.graph), '').length >= restingPlacesMax;

/** The name of a value, as the engine's rows have it. */
export function placeName(value: PlaceValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, inner]) => {
      const below = placeName(inner);
      return below === '' ? key : `${key}.${below}`;
    })
    .join(' & ');
}

const keyOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

const childrenOf = (index: GraphIndex, path: string): readonly string[] =>
  [...index.states.values()]
    .filter((state) => state.parent === path && path !== state.path)
    .map((state) => state.path);

// The values that may stand for what is active inside a state.
function valuesOf(index: GraphIndex, path: string): readonly PlaceValue[] {
  const children = childrenOf(index, path).filter(
    (one) => index.states.get(one)?.kind !== 'history',
  );
  if (index.states.get(path)?.kind === 'parallel') return sideBySide(index, children);
  return children.flatMap((child) => inside(index, child)).slice(0, restingPlacesMax);
}

// A child alone is its key; with more below it, its key and that.
function inside(index: GraphIndex, path: string): readonly PlaceValue[] {
  const { kind } = index.states.get(path)!;
  const key = keyOf(path);
  if (kind === 'atomic' || kind === 'final') return [key];
  return valuesOf(index, path).map((value) => ({ [key]: value }));
}

function sideBySide(index: GraphIndex, regions: readonly string[]): readonly PlaceValue[] {
  let combined: Record<string, PlaceValue>[] = [{}];
  for (const region of regions) {
    const { kind } = index.states.get(region)!;
    const inner = kind === 'atomic' || kind === 'final' ? [{}] : valuesOf(index, region);
    combined = combined
      .flatMap((one) => inner.map((value) => ({ ...one, [keyOf(region)]: value })))
      .slice(0, restingPlacesMax);
  }
  return combined;
}

const isFinal = (index: GraphIndex, value: PlaceValue): boolean =>
  typeof value === 'string' && index.states.get(value)?.kind === 'final';

/** The innermost active states of a value, as dotted paths. */
export function activePaths(value: PlaceValue, above = ''): readonly string[] {
  const at = (key: string): string => (above === '' ? key : `${above}.${key}`);
  if (typeof value === 'string') return [at(value)];
  const entries = Object.entries(value);
  if (entries.length === 0) return above === '' ? [] : [above];
  return entries.flatMap(([key, inner]) => activePaths(inner, at(key)));
}

function placeOf(index: GraphIndex, value: PlaceValue): RestingPlace | null {
  const active = [...new Set(activePaths(value).flatMap(lineage))];
  const out = active.flatMap((path) => index.from.get(path) ?? []);
  if (active.some((path) => passesOn(index.from.get(path) ?? []))) return null;
  const states = active.flatMap((path) => index.states.get(path) ?? []);
  const delays = out.filter((one) => one.trigger === 'after').map((one) => one.name);
  const live = states.some((state) => state.tags.includes('live'));
  return { name: placeName(value), value, live, delays: [...new Set(delays)] };
}

// Nothing rests where the last way out has no condition.
const passesOn = (out: readonly GraphTransition[]): boolean =>
  out.filter((one) => one.trigger === 'always').at(-1)?.guard === null;
