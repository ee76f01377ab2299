// What every rendering of a chart shares: which states the order names, how a transition is
// written, what a state lists inside itself, and which transitions a message took on its way. Pure,
// in document order; it knows nothing of mermaid, terminals or pictures.
import { type Graph, type GraphState, type GraphTransition, isWithin } from './graph.js';

/** States the order itself names; every chart draws them in the accent colour. */
export const orderStates: ReadonlySet<string> = new Set([
  'stored',
  'delivered',
  'deleted-by-user',
  'expired',
  'reported',
  'dropped',
]);

/**
 * One stop on the way of a message: a state, and the event or `after <delay>` that led there, if
 * known.
 */
export interface PathStop {
  readonly state: string;
  readonly event?: string;
}

/** The way of a message: its states in order, with or without what led to each. */
export type Path = readonly (string | PathStop)[];

/** The three parts of a transition as a chart writes them; null where there is none. */
export interface TransitionParts {
  readonly trigger: string | null;
  readonly guard: string | null;
  readonly actions: string | null;
}

/** What a transition says: `delivery.answered`, `answered(success)`, `deliver`. */
export function transitionParts(transition: GraphTransition): TransitionParts {
  const { guard, actions } = transition;
  return {
    trigger: triggerText(transition) || null,
    guard: guard === null ? elseOrNothing(transition) : shortLabel(guard),
    actions: actions.length === 0 ? null : actions.map(shortLabel).join(', '),
  };
}

/** A transition on one line: `delivery.answered [answered(success)] / deliver`. */
export function transitionText(transition: GraphTransition): string {
  const { trigger, guard, actions } = transitionParts(transition);
  const parts = [
    trigger,
    guard === null ? null : `[${guard}]`,
    actions === null ? null : `/ ${actions}`,
  ];
  return parts.filter((part) => part !== null).join(' ');
}

/** Transitions that leave a box: those without a target stay inside and are listed in it. */
export function isInner(transition: GraphTransition): boolean {
  return transition.to === null && transition.trigger !== 'initial';
}

/** What a state lists inside itself: entry and exit actions, then the transitions that stay. */
export function innerLines(graph: Graph, state: GraphState): readonly string[] {
  return [
    ...state.entry.map((action) => `entry / ${shortLabel(action)}`),
    ...state.exit.map((action) => `exit / ${shortLabel(action)}`),
    ...innerTransitions(graph, state.path).map(innerText),
  ];
}

/** Transitions of a state that stay where they are. */
export function innerTransitions(graph: Graph, path: string): readonly GraphTransition[] {
  return graph.transitions.filter((one) => one.from === path && isInner(one));
}

/** A transition that stays, with the target nobody could resolve, if that is why. */
export function innerText(transition: GraphTransition): string {
  const { unresolved } = transition;
  const text = transitionText(transition);
  return unresolved === null ? text : `${text} → ${unresolved}?`;
}

/** Parameter names are noise on a chart: `answered(class: success)` becomes `answered(success)`. */
export function shortLabel(label: string): string {
  const open = label.indexOf('(');
  if (open === -1 || !label.endsWith(')')) return label;
  const values = label
    .slice(open + 1, -1)
    .split(', ')
    .map((item) => item.slice(item.indexOf(': ') === -1 ? 0 : item.indexOf(': ') + 2));
  return `${label.slice(0, open)}(${values.join(', ')})`;
}

function triggerText(transition: GraphTransition): string {
  switch (transition.trigger) {
    case 'event':
      return transition.name;
    case 'after':
      return `after ${transition.name}`;
    case 'done':
      return 'done';
    case 'always':
    case 'initial':
      return '';
    default: {
      const never: never = transition.trigger;
      return never;
    }
  }
}

function elseOrNothing(transition: GraphTransition): string | null {
  return transition.order > 0 ? 'else' : null;
}

// ---- the way of a message ----

/** A transition a message took, and between which stops of its path (from 1). */
export interface Taken {
  readonly transition: GraphTransition;
  readonly step: number;
}

/** A path as stops, each with what led to it. */
export function stopsOf(path: Path): readonly PathStop[] {
  return path.map((stop) => (typeof stop === 'string' ? { state: stop } : stop));
}

/**
 * Transitions between neighbouring stops; where none fits, or the chart was another one, there is
 * none.
 */
export function takenOn(graph: Graph, path: Path): readonly Taken[] {
  const stops = stopsOf(path);
  return stops.slice(1).flatMap((to, index) => {
    const from = stops[index] as PathStop;
    return stepBetween(graph, from.state, to).map((transition) => ({
      transition,
      step: index + 1,
    }));
  });
}

function stepBetween(graph: Graph, from: string, to: PathStop): readonly GraphTransition[] {
  const fits = graph.transitions.filter(
    (one) =>
      one.trigger !== 'initial' && isWithin(from, one.from) && arrives(graph, one, from, to.state),
  );
  const heard = fits.filter((one) => one.trigger !== 'always' && triggerText(one) === to.event);
  if (heard.length > 0) return heard;
  const silent = fits.filter((one) => one.trigger === 'always' || one.trigger === 'done');
  return to.event === undefined ? fits : silent;
}

// A compound target stands for the initial state inside it.
function arrives(graph: Graph, one: GraphTransition, from: string, to: string): boolean {
  if (one.to === null) return one.unresolved === null && from === to;
  return one.to === to || settled(graph, one.to) === to;
}

function settled(graph: Graph, path: string): string {
  const seen = new Set<string>();
  let at = path;
  for (;;) {
    const initial = graph.states.find((state) => state.path === at)?.initial ?? null;
    if (initial === null || seen.has(at)) return at;
    seen.add(at);
    at = initial;
  }
}

/**
 * A step of a message's trail, as far as a chart needs it. `to` may name the states passed through as well:
 * `expired → reporting`.
 */
export interface TrailEntry {
  readonly event: string;
  readonly from: string | null;
  readonly to: string;
}

/**
 * The stops of a trail, with the states a message merely passed through (`expired` on its way to
 * `reporting`) put in where only one way leads there. Where several do, nothing is invented: the
 * chart shows both ends alone.
 */
export function pathOfTrail(graph: Graph, trail: readonly TrailEntry[]): readonly PathStop[] {
  const stops: PathStop[] = [];
  for (const { event, from, to } of trail) {
    const [first = to, ...others] = to.split(' → ');
    if (from === null) stops.push({ state: first });
    else {
      if (stops.length === 0) stops.push({ state: from });
      stops.push(
        ...(others.length === 0 ? passage(graph, from, event, first) : [{ state: first, event }]),
      );
    }
    stops.push(...others.map((state) => ({ state })));
  }
  return stops;
}

function passage(graph: Graph, from: string, event: string, to: string): readonly PathStop[] {
  const direct: PathStop = { state: to, event };
  if (stepBetween(graph, from, direct).length > 0) return [direct];
  const firsts = graph.transitions.filter(
    (one) => isWithin(from, one.from) && one.to !== null && triggerText(one) === event,
  );
  const starts = [...new Set(firsts.map((one) => settled(graph, one.to as string)))];
  const ways = starts.flatMap((start) => silentWays(graph, start, to, [start]));
  const only = ways.length === 1 ? ways[0] : undefined;
  if (only === undefined) return [direct];
  return only.map((state, index) => (index === 0 ? { state, event } : { state }));
}

const waysMax = 8;

function silentWays(
  graph: Graph,
  at: string,
  to: string,
  way: readonly string[],
): readonly string[][] {
  if (at === to) return [[...way]];
  if (way.length > waysMax) return [];
  const next = graph.transitions.filter(
    (one) => one.trigger === 'always' && one.to !== null && isWithin(at, one.from),
  );
  const places = [...new Set(next.map((one) => settled(graph, one.to as string)))];
  return places
    .filter((place) => !way.includes(place))
    .flatMap((place) => silentWays(graph, place, to, [...way, place]));
}

/** True when a state has no states inside. */
export function isLeaf(graph: Graph, state: GraphState): boolean {
  return !graph.states.some((other) => other.parent === state.path);
}

/** Text with nothing in it that could move a cursor, break a line or be illegal in XML. */
export function visible(text: string): string {
  return [...text]
    .map((sign) => (isVisible(sign.codePointAt(0) as number) ? sign : '\uFFFD'))
    .join('');
}

// Controls, line and paragraph separators, marks that turn the direction of writing, lone
// surrogates, non-characters.
function isVisible(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  if (code >= 0x200b && code <= 0x200f) return false;
  if (code >= 0x2028 && code <= 0x202e) return false;
  if (code >= 0x2066 && code <= 0x2069) return false;
  return !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfeff && (code & 0xfffe) !== 0xfffe;
}
