// A policy's graph as text: mermaid for pull requests, a transition table, and a chart for the
// terminal on which the way of one message can be shown. Pure, in document order, no colours but
// the terminal's own. Every name is escaped for where it goes: a policy is written by somebody
// else.
import {
  innerLines,
  innerText,
  isInner,
  isLeaf,
  orderStates,
  type Path,
  stopsOf,
  type Taken,
  takenOn,
  transitionParts,
  transitionText,
  visible,
} from './chart-parts.js';
import { type Graph, type GraphState, type GraphTransition, isWithin } from './graph.js';

// ---- mermaid ----

/**
 * The graph as a mermaid `stateDiagram-v2`. Identifiers are made up (mermaid allows no hyphen and
 * has reserved words).
 */
export function mermaid(graph: Graph): string {
  const ids = mermaidIds(graph);
  const lines = ['stateDiagram-v2'];
  const anywhere = graph.transitions.some((one) => one.from === '' && one.trigger !== 'initial');
  if (anywhere) {
    lines.push(`  state "any state" as ${ids.get('')}`);
    lines.push(...mermaidNote(graph, graph.states[0] as GraphState, `${ids.get('')}`, '  '));
  }
  lines.push(...mermaidLevel(graph, ids, '', '  '), ...mermaidEdges(graph, ids, '', '  '));
  const coloured = graph.states.filter(
    (state) => orderStates.has(state.path) && isLeaf(graph, state),
  );
  if (coloured.length > 0) {
    lines.push('  classDef order fill:#dbe9fb,stroke:#1f5fae,color:#123a6b');
    lines.push(`  class ${coloured.map((state) => ids.get(state.path)).join(',')} order`);
  }
  return `${lines.join('\n')}\n`;
}

// Mermaid makes its own ids for `[*]`, `<block>_start` and `<block>_end`: a state of that name gets
// a tail.
function mermaidIds(graph: Graph): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const used = new Set<string>();
  for (const { path } of graph.states) {
    const words = [...path].map((sign) => (isWordSign(sign) ? sign : '_')).join('');
    const base = /_(start|end)$/.test(`_${words}`) ? `s_${words}_` : `s_${words}`;
    let id = base;
    for (let count = 2; used.has(id); count += 1) id = `${base}_${count}`;
    used.add(id);
    ids.set(path, id);
  }
  return ids;
}

function mermaidLevel(
  graph: Graph,
  ids: ReadonlyMap<string, string>,
  parent: string,
  indent: string,
): readonly string[] {
  return graph.states
    .filter((state) => state.parent === parent)
    .flatMap((state) => {
      const id = ids.get(state.path);
      const named = `${indent}state "${mermaidText(state.key)}" as ${id}`;
      const inner = `${indent}  `;
      const block = isLeaf(graph, state)
        ? [named]
        : [
            `${named} {`,
            ...mermaidLevel(graph, ids, state.path, inner),
            ...mermaidEdges(graph, ids, state.path, inner),
            `${indent}}`,
          ];
      return [...block, ...mermaidNote(graph, state, `${id}`, indent)];
    });
}

function mermaidNote(
  graph: Graph,
  state: GraphState,
  id: string,
  indent: string,
): readonly string[] {
  const lines = innerLines(graph, state).map((line) => `${indent}  ${mermaidText(line)}`);
  return lines.length === 0 ? [] : [`${indent}note right of ${id}`, ...lines, `${indent}end note`];
}

// An edge stands in the innermost block that holds both ends: mermaid draws a state where it is
// first named.
function mermaidEdges(
  graph: Graph,
  ids: ReadonlyMap<string, string>,
  block: string,
  indent: string,
): readonly string[] {
  const initial = graph.states.find((state) => state.path === block)?.initial ?? null;
  const start = initial === null ? [] : [`${indent}[*] --> ${ids.get(initial)}`];
  const edges = graph.transitions
    .filter((one) => one.trigger !== 'initial' && one.to !== null && blockOf(one) === block)
    .map((one) => {
      const text = mermaidText(transitionText(one));
      const edge = `${indent}${ids.get(one.from)} --> ${ids.get(one.to as string)}`;
      return text === '' ? edge : `${edge} : ${text}`;
    });
  const ends = graph.states
    .filter((state) => state.parent === block && state.kind === 'final')
    .map((state) => `${indent}${ids.get(state.path)} --> [*]`);
  return [...start, ...edges, ...ends];
}

function blockOf(transition: GraphTransition): string {
  let block = transition.from;
  const to = transition.to as string;
  do {
    const dot = block.lastIndexOf('.');
    block = dot === -1 ? '' : block.slice(0, dot);
  } while (!(isWithin(to, block) && to !== block));
  return block;
}

// Mermaid's entity codes are not decoded in every place, so signs with a meaning become their
// full-width twins. A note ends at the first `end note`, wherever it stands.
function mermaidText(text: string): string {
  const twins = [...visible(text)].map((sign) => (isPlainSign(sign) ? sign : fullWidth(sign)));
  return twins.join('').replaceAll(/end note/gi, 'end-note');
}

function isWordSign(sign: string): boolean {
  return /^[A-Za-z0-9_]$/.test(sign);
}

function isPlainSign(sign: string): boolean {
  return sign > '~' || /^[A-Za-z0-9 .,_()[\]/-]$/.test(sign);
}

function fullWidth(sign: string): string {
  return String.fromCodePoint((sign.codePointAt(0) as number) + 0xfee0);
}

// ---- the table ----

/** The transitions as a Markdown table, one row each, in document order. */
export function transitionTable(graph: Graph): string {
  const rows = graph.states.flatMap((state) => [
    ...doingRow(state, 'entry', state.entry),
    ...doingRow(state, 'exit', state.exit),
    ...graph.transitions.filter((one) => one.from === state.path).map(tableRow),
  ]);
  const head = ['| state | on | guard | do | go to |', '|---|---|---|---|---|'];
  const silent = graph.states.filter((state) => state.kind === 'final').map(finalRow);
  return `${[...head, ...rows, ...silent].join('\n')}\n`;
}

function doingRow(state: GraphState, when: string, actions: readonly string[]): readonly string[] {
  return actions.length === 0 ? [] : [row([code(state.path), when, '', codes(actions), ''])];
}

function finalRow(state: GraphState): string {
  return row([
    code(state.path),
    'final',
    '',
    '',
    state.outcome === null ? '' : `outcome ${code(state.outcome)}`,
  ]);
}

function tableRow(transition: GraphTransition): string {
  const { from, to, unresolved, trigger, guard, actions } = transition;
  const parts = transitionParts(transition);
  const on = trigger === 'always' || trigger === 'initial' ? trigger : code(parts.trigger ?? '');
  const stays = unresolved === null ? 'stays' : `${code(unresolved)} (unknown)`;
  return row([
    from === '' ? (trigger === 'initial' ? 'start' : 'any') : code(from),
    on,
    guard === null ? (parts.guard ?? '') : code(guard),
    codes(actions),
    to === null ? stays : code(to),
  ]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function codes(labels: readonly string[]): string {
  return labels.map(code).join(', ');
}

// Table cells split at `|` even inside code; a back quote would end the code: both become plain
// look-alikes.
function code(text: string): string {
  return `\`${visible(text).replaceAll('`', "'").replaceAll('|', '¦')}\``;
}

// ---- the terminal ----

export interface TextChartOptions {
  /** The way of one message: its stops are numbered, the transitions between them marked. */
  readonly path?: Path;
  /** Path of the state the message is in now. */
  readonly current?: string;
  /** ANSI colours and line-drawing signs; plain ASCII otherwise. */
  readonly color?: boolean;
  /** Columns of the terminal; 80 when not given. */
  readonly width?: number;
  /** Leave out what the message never touched. */
  readonly pathOnly?: boolean;
}

interface TextStyle {
  readonly paint: (code: string, text: string) => string;
  readonly arrow: string;
  readonly here: string;
  readonly state: string;
  readonly end: string;
  readonly taken: string;
}

const plain: TextStyle = {
  paint: (_code, text) => text,
  arrow: '->',
  here: '*',
  state: 'o',
  end: '#',
  taken: '>',
};

const coloured: TextStyle = {
  paint: (code, text) => `\u001B[${code}m${text}\u001B[0m`,
  arrow: '→',
  here: '◉',
  state: '○',
  end: '◎',
  taken: '▶',
};

interface TextView {
  readonly graph: Graph;
  readonly options: TextChartOptions;
  readonly style: TextStyle;
  readonly visits: ReadonlyMap<string, readonly number[]>;
  readonly taken: readonly Taken[];
  readonly column: number;
}

/** The chart for a terminal: states in document order, what each hears and where that leads. */
export function textChart(graph: Graph, options: TextChartOptions = {}): string {
  const path = options.path ?? [];
  const visits = new Map<string, number[]>();
  for (const [index, { state }] of stopsOf(path).entries()) {
    visits.set(state, [...(visits.get(state) ?? []), index + 1]);
  }
  const view: TextView = {
    graph,
    options,
    style: options.color === true ? coloured : plain,
    visits,
    taken: takenOn(graph, path),
    column: labelColumn(graph, options.width ?? 80),
  };
  return `${graph.states.flatMap((state) => textState(view, state)).join('\n')}\n`;
}

function textState(view: TextView, state: GraphState): readonly string[] {
  const { graph, visits, options } = view;
  const touched = [...visits.keys()].some((path) => isWithin(path, state.path));
  if (options.pathOnly === true && !touched && state.path !== '') return [];
  const own = graph.transitions.filter(
    (one) => one.from === state.path && one.trigger !== 'initial',
  );
  if (state.path === '' && own.length === 0) return [];
  const indent = '  '.repeat(state.path.split('.').length - 1);
  const doing = innerLines(graph, state)
    .slice(0, state.entry.length + state.exit.length)
    .map((line) => `${indent}      ${textSafe(view, line)}`);
  const shown = options.pathOnly === true ? own.filter((one) => stepsOf(view, one) !== '') : own;
  return [
    textTitle(view, state, indent, touched),
    ...doing,
    ...shown.flatMap((one) => textTransition(view, one, indent)),
  ];
}

function textTitle(view: TextView, state: GraphState, indent: string, touched: boolean): string {
  const { style, options, visits } = view;
  const here = options.current === state.path && options.current !== '';
  const sign = here ? style.here : state.kind === 'final' ? style.end : style.state;
  const name = state.path === '' ? 'any state' : textSafe(view, state.key);
  const numbers = (visits.get(state.path) ?? []).join(', ');
  const tone = orderStates.has(state.path) ? '34' : '39';
  const title = style.paint(touched ? `1;${tone}` : tone, `${sign} ${name}`);
  const notes = [
    numbers === '' ? '' : style.paint('1;33', `(${numbers})`),
    state.kind === 'final' ? style.paint('2', 'final') : '',
    here ? style.paint('1;33', 'now') : '',
  ];
  return [`${indent}  ${title}`, ...notes.filter((note) => note !== '')].join(' ');
}

function textTransition(view: TextView, one: GraphTransition, indent: string): readonly string[] {
  const { style, column } = view;
  const steps = stepsOf(view, one);
  const label = textSafe(view, isInner(one) ? innerText(one) : transitionText(one) || 'always');
  const lead = `${indent}    ${steps === '' ? ' ' : style.taken} `;
  const goal = one.to === null ? '' : ` ${style.arrow} ${textSafe(view, one.to)}`;
  const fits = lead.length + label.length <= column || goal === '';
  const first = goal === '' ? label : label.padEnd(Math.max(0, column - lead.length));
  const lines = fits
    ? [`${lead}${first}${goal}`]
    : [`${lead}${label}`, `${' '.repeat(column)}${goal}`];
  const last = lines.length - 1;
  const marked = lines.map((line, index) =>
    index === last && steps !== '' ? `${line}  (${steps})` : line,
  );
  return marked.map((line) => style.paint(steps === '' ? '2' : '1;33', line.trimEnd()));
}

function stepsOf(view: TextView, one: GraphTransition): string {
  const steps = view.taken.filter((taken) => taken.transition === one).map((taken) => taken.step);
  return steps.map((step) => `${step}-${step + 1}`).join(', ');
}

// One column for all arrows, as far right as the longest label needs and the goals leave room for.
function labelColumn(graph: Graph, width: number): number {
  const depth = (path: string) => path.split('.').length - 1;
  const labels = graph.transitions.map(
    (one) => 2 * depth(one.from) + 6 + transitionText(one).length,
  );
  const goals = graph.transitions.map((one) => (one.to ?? '').length + 12);
  return Math.max(24, Math.min(Math.max(0, ...labels), width - Math.max(0, ...goals)));
}

function textSafe(view: TextView, text: string): string {
  const safe = visible(text);
  return view.style === plain ? safe.replaceAll('→', '->').replaceAll('\uFFFD', '?') : safe;
}
