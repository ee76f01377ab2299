// What a chart shows, measured but not yet placed: a box per state, an arrow per pair of states
// that carries the lines of all transitions between them. One arrow for several triggers keeps the
// picture readable; no line is lost. Knows no layout engine and no SVG.

import type { Graph, GraphState, GraphTransition } from '../../machines/index.js';
import {
  innerLines,
  innerText,
  innerTransitions,
  isInner,
  isLeaf,
  orderStates,
  transitionParts,
  transitionText,
  visible,
} from '../../machines/index.js';
import { textWidth } from './text-width.js';

export const titlePx = 15;
export const rowPx = 12.5;
export const labelPx = 12.5;
export const lineHeight = 17;
export const titleHeight = 34;

export type Role = 'trigger' | 'guard' | 'action';

/** A line of text in parts of different meaning. */
export interface TextLine {
  readonly runs: readonly { readonly role: Role; readonly text: string }[];
  readonly width: number;
}

export interface Box {
  readonly id: string;
  /** Path of the state; the dot at an initial state has the path of that state. */
  readonly path: string;
  readonly kind: GraphState['kind'] | 'dot' | 'anywhere';
  readonly title: string;
  readonly hint: string;
  readonly accent: boolean;
  readonly rows: readonly TextLine[];
  readonly width: number;
  readonly height: number;
  readonly children: readonly Box[];
}

export interface Arrow {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly lines: readonly TextLine[];
  readonly transitions: readonly GraphTransition[];
  readonly width: number;
  readonly height: number;
}

export interface ChartModel {
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

/** Where something lies, in whole pixels of the placed chart. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedChart {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Place>;
  readonly routes: ReadonlyMap<string, readonly Point[]>;
  readonly labels: ReadonlyMap<string, Place>;
}

export const dotSize = 12;
const labelPadding = 6;

/** Boxes and arrows of a graph, in document order. */
export function chartModel(graph: Graph): ChartModel {
  const ids = new Map(graph.states.map((state, index) => [state.path, `s${index}`]));
  const anywhere = graph.transitions.some((one) => one.from === '' && one.trigger !== 'initial');
  return {
    boxes: [...(anywhere ? [anywhereBox(graph, ids)] : []), ...boxesIn(graph, '', ids)],
    arrows: [...dotArrows(graph, ids), ...arrowsOf(graph, ids)],
  };
}

function boxesIn(graph: Graph, parent: string, ids: ReadonlyMap<string, string>): readonly Box[] {
  const inside = graph.states.filter((state) => state.parent === parent);
  const initial = graph.states.find((state) => state.path === parent)?.initial ?? null;
  const boxes = inside.map((state) => boxOf(graph, state, ids));
  return initial === null ? boxes : [dotBox(initial, ids), ...boxes];
}

function boxOf(graph: Graph, state: GraphState, ids: ReadonlyMap<string, string>): Box {
  const rows = rowsOf(graph, state);
  const title = visible(state.key);
  const widest = Math.max(textWidth(title, titlePx, true), ...rows.map((row) => row.width));
  return {
    id: ids.get(state.path) as string,
    path: state.path,
    kind: state.kind,
    title,
    hint: visible(state.description ?? ''),
    accent: orderStates.has(state.path),
    rows,
    width: Math.max(104, widest + 32),
    height: boxHeight(rows.length),
    children: isLeaf(graph, state) ? [] : boxesIn(graph, state.path, ids),
  };
}

/** Height of a box, or of a container's head, with so many rows below its title. */
export function boxHeight(rows: number): number {
  return titleHeight + (rows === 0 ? 0 : rows * lineHeight + 12);
}

function rowsOf(graph: Graph, state: GraphState): readonly TextLine[] {
  const doing = innerLines(graph, state)
    .slice(0, state.entry.length + state.exit.length)
    .map((text) => measured([{ role: 'action', text: visible(text) }], rowPx));
  return [...doing, ...innerTransitions(graph, state.path).map((one) => innerRow(one))];
}

function innerRow(transition: GraphTransition): TextLine {
  if (transition.unresolved === null) return lineOf(transition, rowPx);
  return measured([{ role: 'trigger', text: visible(innerText(transition)) }], rowPx);
}

function dotBox(initial: string, ids: ReadonlyMap<string, string>): Box {
  const bare = { title: '', hint: '', accent: false, rows: [], children: [] };
  return {
    ...bare,
    id: `dot-${ids.get(initial)}`,
    path: initial,
    kind: 'dot',
    width: dotSize,
    height: dotSize,
  };
}

function anywhereBox(graph: Graph, ids: ReadonlyMap<string, string>): Box {
  const rows = innerTransitions(graph, '').map(innerRow);
  const title = 'any state';
  const widest = Math.max(textWidth(title, titlePx, true), ...rows.map((row) => row.width));
  return {
    id: ids.get('') as string,
    path: '',
    kind: 'anywhere',
    title,
    hint: 'Holds in every state that does not hear the same event itself.',
    accent: false,
    rows,
    width: widest + 32,
    height: boxHeight(rows.length),
    children: [],
  };
}

function dotArrows(graph: Graph, ids: ReadonlyMap<string, string>): readonly Arrow[] {
  return graph.states.flatMap((state) => {
    const to = state.initial === null ? undefined : ids.get(state.initial);
    if (to === undefined) return [];
    return [
      { id: `e-dot-${to}`, from: `dot-${to}`, to, lines: [], transitions: [], width: 0, height: 0 },
    ];
  });
}

function arrowsOf(graph: Graph, ids: ReadonlyMap<string, string>): readonly Arrow[] {
  const groups = new Map<string, GraphTransition[]>();
  for (const one of graph.transitions) {
    if (one.trigger === 'initial' || isInner(one)) continue;
    const key = `${ids.get(one.from)}-${ids.get(one.to as string)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups].map(([key, group]) => arrowOf(key, group, ids));
}

function arrowOf(
  key: string,
  group: readonly GraphTransition[],
  ids: ReadonlyMap<string, string>,
): Arrow {
  const first = group[0] as GraphTransition;
  const lines = group
    .filter((one) => transitionText(one) !== '')
    .map((one) => lineOf(one, labelPx));
  return {
    id: `e-${key}`,
    from: ids.get(first.from) as string,
    to: ids.get(first.to as string) as string,
    lines,
    transitions: group,
    width: lines.length === 0 ? 0 : Math.max(...lines.map((line) => line.width)) + 2 * labelPadding,
    height: lines.length === 0 ? 0 : lines.length * lineHeight + 4,
  };
}

function lineOf(transition: GraphTransition, fontPx: number): TextLine {
  const { trigger, guard, actions } = transitionParts(transition);
  const runs: { role: Role; text: string }[] = [];
  const add = (role: Role, text: string) =>
    runs.push({ role, text: runs.length === 0 ? visible(text) : ` ${visible(text)}` });
  if (trigger !== null) add('trigger', trigger);
  if (guard !== null) add('guard', `[${guard}]`);
  if (actions !== null) add('action', `/ ${actions}`);
  return measured(runs, fontPx);
}

function measured(runs: TextLine['runs'], fontPx: number): TextLine {
  return { runs, width: textWidth(runs.map((run) => run.text).join(''), fontPx) };
}
