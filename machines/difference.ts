// What changes for a message when one policy takes another's place: the ends it may come to by what was asked of it, with
// or without a report; the longest life; the states, transitions and settings that differ. Ends are read off the gate's
// exploration, so they are all there are, each with the shortest history that leads to it. Pure.
import type { Policy } from './compile.js';
import { type Difference, firstDifference } from './gate/difference.js';
import type { Edge, Exploration } from './gate/explorer.js';
import type { Graph, GraphTransition } from './graph.js';

/** Whether a failure report goes out before an end is reached: on every way to it, on none, or on some. */
export type ReportOnTheWay = 'always' | 'never' | 'sometimes';

export interface PossibleEnd {
  readonly state: string;
  readonly outcome: string;
  readonly report: ReportOnTheWay;
  /** The shortest history that ends so. */
  readonly path: readonly string[];
}

/** A class of messages: what their senders asked for, and whether they expire. */
export interface MessageClass {
  readonly report: 'asked for' | 'not owed';
  readonly expires: boolean;
}

export interface ClassBehaviour extends MessageClass {
  readonly ends: readonly PossibleEnd[];
}

export interface ListDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface PolicyDifference {
  readonly same: boolean;
  /** The shortest history after which they do different things; null when nobody outside can tell them apart. */
  readonly parting: Difference | null;
  readonly longestLifeSeconds: readonly [before: number, after: number];
  /** By class of message, as far as anything differs. */
  readonly classes: readonly (MessageClass & {
    readonly added: readonly PossibleEnd[];
    readonly removed: readonly PossibleEnd[];
    /** Ends that stay, and whose reports do not. */
    readonly reports: readonly (readonly [before: PossibleEnd, after: PossibleEnd])[];
  })[];
  readonly states: ListDifference & {
    readonly changed: readonly (ListDifference & { readonly state: string })[];
  };
  /** Names of settings and delays, and what they were and are. */
  readonly settings: readonly (readonly [name: string, before: string, after: string])[];
}

/** A policy as the gate has explored it. */
export interface Explored {
  readonly policy: Policy;
  readonly exploration: Exploration;
  readonly longestLifeSeconds: number;
}

/** Compares two policies; the first is the one in place. */
export function differenceOf(before: Explored, after: Explored): PolicyDifference {
  const classes = classDifferences(endsByClass(before.exploration), endsByClass(after.exploration));
  const states = stateDifference(before.policy.graph, after.policy.graph);
  const settings = settingDifference(before.policy, after.policy);
  const lives = [before.longestLifeSeconds, after.longestLifeSeconds] as const;
  const parts = [classes, states.added, states.removed, states.changed, settings];
  const same = parts.every((list) => list.length === 0) && lives[0] === lives[1];
  const parting = firstDifference(before.exploration, after.exploration);
  return { same, parting, longestLifeSeconds: lives, classes, states, settings };
}

// ---- ends, by class ----

/** The ends a message of each class may come to. */
export function endsByClass(at: Exploration): readonly ClassBehaviour[] {
  return at.births.map((birth) => ({
    report: birth.asked ? 'asked for' : 'not owed',
    expires: birth.to.expires,
    ends: endsFrom(at, birth),
  }));
}

interface Reached {
  readonly edge: Edge;
  readonly reported: boolean;
  readonly before: Reached | null;
}

// Breadth first, so that each end is found by its shortest history; whether a report went out is part of where one is.
function endsFrom(at: Exploration, birth: Edge): readonly PossibleEnd[] {
  const found: Reached[] = [{ edge: birth, reported: reports(birth), before: null }];
  const seen = new Set([nameOf(found[0]!)]);
  for (const reached of found) {
    for (const edge of at.edges[reached.edge.to.id] ?? []) {
      const next = { edge, reported: reached.reported || reports(edge), before: reached };
      if (seen.has(nameOf(next))) continue;
      seen.add(nameOf(next));
      found.push(next);
    }
  }
  const ends = new Map<string, Reached[]>();
  for (const one of found.filter(({ edge }) => edge.to.final))
    ends.set(one.edge.to.value, [...(ends.get(one.edge.to.value) ?? []), one]);
  return [...ends].map(([state, ways]) => ({
    state,
    outcome: at.index.states.get(state)?.outcome ?? state,
    report: reportOf(ways),
    path: historyOf(ways[0]!),
  }));
}

const reports = ({ effects }: Edge): boolean => effects.some((one) => one.type === 'report');

const nameOf = ({ edge, reported }: Pick<Reached, 'edge' | 'reported'>): string =>
  `${edge.to.id} ${reported}`;

function reportOf(ways: readonly Reached[]): ReportOnTheWay {
  if (ways.every(({ reported }) => reported)) return 'always';
  return ways.some(({ reported }) => reported) ? 'sometimes' : 'never';
}

function historyOf(reached: Reached): readonly string[] {
  const labels: string[] = [];
  for (let at: Reached | null = reached; at !== null; at = at.before)
    labels.unshift(at.edge.stimulus.label);
  return labels;
}

function classDifferences(
  before: readonly ClassBehaviour[],
  after: readonly ClassBehaviour[],
): PolicyDifference['classes'] {
  const classes = [...after, ...before.filter((one) => !after.some((other) => alike(one, other)))];
  return classes.flatMap((kind) => {
    const [old, now] = [before, after].map(
      (all) => all.find((one) => alike(one, kind))?.ends ?? [],
    ) as [readonly PossibleEnd[], readonly PossibleEnd[]];
    const added = now.filter((one) => !old.some(({ state }) => state === one.state));
    const removed = old.filter((one) => !now.some(({ state }) => state === one.state));
    const reportsChanged = now.flatMap((one) => {
      const was = old.find(({ state }) => state === one.state);
      return was === undefined || was.report === one.report ? [] : [[was, one] as const];
    });
    if (added.length + removed.length + reportsChanged.length === 0) return [];
    const { report, expires } = kind;
    return [{ report, expires, added, removed, reports: reportsChanged }];
  });
}

const alike = (one: MessageClass, other: MessageClass): boolean =>
  one.report === other.report && one.expires === other.expires;

// ---- the charts ----

function stateDifference(before: Graph, after: Graph): PolicyDifference['states'] {
  const [old, now] = [before, after].map(
    (graph) => new Map(graph.states.map(({ path }) => [path, linesOf(graph, path)])),
  ) as [Map<string, readonly string[]>, Map<string, readonly string[]>];
  const changed = [...now].flatMap(([state, lines]) => {
    const was = old.get(state);
    const difference = was === undefined ? null : listDifference(was, lines);
    const differs = difference !== null && difference.added.length + difference.removed.length > 0;
    return differs ? [{ state: state === '' ? '(machine)' : state, ...difference }] : [];
  });
  return { ...listDifference([...old.keys()], [...now.keys()]), changed };
}

const listDifference = (before: readonly string[], after: readonly string[]): ListDifference => ({
  added: after.filter((one) => !before.includes(one)),
  removed: before.filter((one) => !after.includes(one)),
});

// Everything that is said about a state, a line for each.
function linesOf(graph: Graph, path: string): readonly string[] {
  const state = graph.states.find((one) => one.path === path)!;
  const facts = [
    ...(state.initial === null ? [] : [`begins in ${state.initial}`]),
    ...state.tags.map((tag) => `tag ${tag}`),
    ...state.entry.map((action) => `on entry ${action}`),
    ...state.exit.map((action) => `on exit ${action}`),
    ...(state.outcome === null ? [] : [`outcome ${state.outcome}`]),
  ];
  const ways = graph.transitions.filter((one) => one.from === path && one.trigger !== 'initial');
  return [...facts, ...ways.map(wayText)];
}

function wayText({ trigger, name, guard, actions, to }: GraphTransition): string {
  const cause = trigger === 'event' ? name : trigger === 'after' ? `after ${name}` : trigger;
  const condition = guard === null ? '' : ` [${guard}]`;
  const deeds = actions.length === 0 ? '' : ` / ${actions.join(', ')}`;
  return `${cause}${condition}${deeds} → ${to ?? 'stays'}`;
}

function settingDifference(before: Policy, after: Policy): PolicyDifference['settings'] {
  const [old, now] = [before, after].map(({ settings }) => {
    const { delays, ...rest } = settings;
    const named = Object.entries(delays).map(([name, delay]) => [`delays.${name}`, delay] as const);
    return new Map([...Object.entries(rest), ...named].map(([name, value]) => [name, text(value)]));
  }) as [Map<string, string>, Map<string, string>];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name) ?? 'none', now.get(name) ?? 'none'];
    return was === is ? [] : [[name, was, is] as const];
  });
}

const text = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
        .map(([unit, count]) => `${String(count)} ${unit}`)
        .join(' ')
    : Array.isArray(value)
      ? value.join(', ')
      : String(value);
