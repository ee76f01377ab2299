// What a policy must satisfy beyond its schema before it may be built: names and parameters known, every target
// there, every state reachable, every state able to end, no endless `always`, and the events that no message may
// be deaf to. Findings are plain data with a JSON pointer; nothing here throws.
import { messageEventTypes } from './events.js';
import { type Graph, type GraphTransition, graphOf, isWithin } from './graph.js';
import {
  listOf,
  type Named,
  named,
  type PolicyFile,
  type StateConfig,
  transitionsOf,
} from './policy.js';
import { withDefaults } from './settings.js';
import {
  actionVocabulary,
  builtInDelays,
  guardVocabulary,
  type ParameterType,
  stateTags,
  type VocabularyEntry,
} from './vocabulary.js';

/** One thing wrong with a policy. `code` is stable; the words are not. */
export interface PolicyFinding {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly pointer: string;
  readonly message: string;
}

/** Every finding of a policy that has passed the schema, errors and warnings, in document order by check. */
export function checkPolicy(policy: PolicyFile): readonly PolicyFinding[] {
  const names = checkNames(policy);
  const graph = graphOf(policy.machine);
  const targets = graph.transitions.flatMap(unresolvedTarget);
  if (targets.length > 0) return [...names, ...targets];
  return [...names, ...checkShape(policy, graph)];
}

const error = (code: string, pointer: string, message: string): PolicyFinding => ({
  code,
  severity: 'error',
  pointer,
  message,
});

function unresolvedTarget(transition: GraphTransition): PolicyFinding[] {
  if (transition.unresolved === null) return [];
  return [
    error('unknown-target', transition.pointer, `There is no state "${transition.unresolved}".`),
  ];
}

// ---- names and parameters (RC1) ----

function checkNames(policy: PolicyFile): PolicyFinding[] {
  const identity =
    policy.id === policy.machine.id
      ? []
      : [
          error(
            'id-mismatch',
            '/machine/id',
            `The machine's id must be "${policy.id}", as the policy's.`,
          ),
        ];
  const settings = withDefaults(policy.settings);
  const shadowing = Object.keys(settings.delays)
    .filter((name) => name in builtInDelays)
    .map((name) =>
      error('built-in-delay', `/settings/delays/${name}`, `The delay "${name}" is built in.`),
    );
  return [
    ...identity,
    ...shadowing,
    ...checkStateNames(policy.machine, '/machine', settings.delays),
  ];
}

function checkStateNames(state: StateConfig, pointer: string, delays: object): PolicyFinding[] {
  const actions = (value: Named | readonly Named[] | undefined, at: string) =>
    listOf(value).flatMap((one) => checkNamed('action', one, at));
  const transitions = (value: StateConfig['always'], at: string) =>
    transitionsOf(value).flatMap((one) => [
      ...(one.guard === undefined ? [] : checkNamed('guard', one.guard, `${at}/guard`)),
      ...actions(one.actions, `${at}/actions`),
    ]);
  return [
    ...actions(state.entry, `${pointer}/entry`),
    ...actions(state.exit, `${pointer}/exit`),
    ...(state.tags ?? [])
      .filter((tag) => !(tag in stateTags))
      .map((tag) => unknown('tag', tag, `${pointer}/tags`, stateTags)),
    ...Object.keys(state.on ?? {}).flatMap((event) => checkEvent(event, `${pointer}/on/${event}`)),
    ...Object.keys(state.after ?? {}).flatMap((delay) =>
      checkDelay(delay, `${pointer}/after/${delay}`, delays),
    ),
    ...Object.entries(state.on ?? {}).flatMap(([event, value]) =>
      transitions(value, `${pointer}/on/${event}`),
    ),
    ...Object.entries(state.after ?? {}).flatMap(([delay, value]) =>
      transitions(value, `${pointer}/after/${delay}`),
    ),
    ...transitions(state.always, `${pointer}/always`),
    ...transitions(state.onDone, `${pointer}/onDone`),
    ...Object.entries(state.states ?? {}).flatMap(([key, child]) =>
      checkStateNames(child, `${pointer}/states/${key}`, delays),
    ),
  ];
}

function checkEvent(event: string, pointer: string): PolicyFinding[] {
  if ((messageEventTypes as readonly string[]).includes(event)) return [];
  return [
    error(
      'unknown-event',
      pointer,
      `No message hears "${event}"; known: ${messageEventTypes.join(', ')}.`,
    ),
  ];
}

function checkDelay(delay: string, pointer: string, delays: object): PolicyFinding[] {
  if (delay in builtInDelays || Object.hasOwn(delays, delay)) return [];
  return [
    error(
      'unknown-delay',
      pointer,
      `The delay "${delay}" is neither built in nor declared in settings.delays.`,
    ),
  ];
}

function unknown(what: string, name: string, pointer: string, table: object): PolicyFinding {
  return error(
    `unknown-${what}`,
    pointer,
    `There is no ${what} "${name}"; known: ${Object.keys(table).join(', ')}.`,
  );
}

function checkNamed(what: 'guard' | 'action', value: Named, pointer: string): PolicyFinding[] {
  const table = what === 'guard' ? guardVocabulary : actionVocabulary;
  const { type, params } = named(value);
  const entry = table[type];
  if (entry === undefined) return [unknown(what, type, pointer, table)];
  return checkParams(entry, params, `${pointer}/params`, `${what} "${type}"`);
}

function checkParams(
  entry: VocabularyEntry,
  params: Readonly<Record<string, unknown>>,
  pointer: string,
  whose: string,
): PolicyFinding[] {
  const missing = Object.keys(entry.params)
    .filter((name) => !Object.hasOwn(params, name))
    .map((name) =>
      error('missing-parameter', pointer, `The ${whose} needs the parameter "${name}".`),
    );
  const given = Object.entries(params).flatMap(([name, value]) => {
    const type = Object.hasOwn(entry.params, name) ? entry.params[name] : undefined;
    if (type === undefined)
      return [
        error(
          'unknown-parameter',
          `${pointer}/${name}`,
          `The ${whose} has no parameter "${name}".`,
        ),
      ];
    return parameterFits(type, value)
      ? []
      : [error('bad-parameter', `${pointer}/${name}`, describeParameter(type))];
  });
  return [...missing, ...given];
}

function parameterFits(type: ParameterType, value: unknown): boolean {
  if (type.kind === 'choice') return typeof value === 'string' && type.values.includes(value);
  return Number.isInteger(value) && (value as number) >= type.min && (value as number) <= type.max;
}

function describeParameter(type: ParameterType): string {
  if (type.kind === 'choice') return `Must be one of ${type.values.join(', ')}.`;
  return `Must be a whole number from ${type.min} to ${type.max}.`;
}

// ---- shape ----

function checkShape(policy: PolicyFile, graph: Graph): PolicyFinding[] {
  return [
    ...checkStates(graph),
    ...checkReachable(graph),
    ...checkEnds(graph),
    ...checkEndless(graph),
    ...checkDeaf(graph),
    ...checkEmptyTransitions(policy.machine, '/machine'),
  ];
}

function checkStates(graph: Graph): PolicyFinding[] {
  return graph.states.flatMap((state) => {
    if (state.kind === 'compound' && state.initial === null) {
      return [error('no-initial', state.pointer, 'A state with states inside needs an "initial".')];
    }
    if (state.kind === 'final' && state.parent === '' && state.outcome === null) {
      return [error('no-outcome', state.pointer, 'A final state needs meta.outcome.')];
    }
    return [];
  });
}

/** States entered when `path` is entered, itself included, by initial states and parallel regions. */
function entered(graph: Graph, path: string): string[] {
  const state = graph.states.find((one) => one.path === path);
  if (state === undefined) return [];
  const inner =
    state.kind === 'parallel'
      ? graph.states.filter((one) => one.parent === path).map((one) => one.path)
      : state.initial === null
        ? []
        : [state.initial];
  return [path, ...inner.flatMap((one) => entered(graph, one))];
}

function ancestors(path: string): string[] {
  if (path === '') return [];
  const dot = path.lastIndexOf('.');
  const parent = dot === -1 ? '' : path.slice(0, dot);
  return [parent, ...ancestors(parent)];
}

function reachable(graph: Graph): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = entered(graph, '');
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const from = next;
    const targets = graph.transitions.filter((one) => one.from === from && one.to !== null);
    queue.push(...targets.flatMap((one) => [...entered(graph, one.to!), ...ancestors(one.to!)]));
  }
  return seen;
}

function checkReachable(graph: Graph): PolicyFinding[] {
  const seen = reachable(graph);
  return graph.states
    .filter((state) => !seen.has(state.path))
    .map((state) =>
      error('unreachable', state.pointer, `Nothing leads to the state "${state.path}".`),
    );
}

// A dead end is a state from which no final state of the machine can be reached, however the guards fall.
function checkEnds(graph: Graph): PolicyFinding[] {
  const ending = new Set(
    graph.states.filter((one) => one.kind === 'final' && one.parent === '').map((one) => one.path),
  );
  for (let grew = true; grew; ) {
    grew = false;
    for (const one of graph.transitions) {
      if (one.to === null || !entered(graph, one.to).some((path) => ending.has(path))) continue;
      // A transition of a state serves every state inside it.
      for (const state of graph.states) {
        if (!isWithin(state.path, one.from) || ending.has(state.path) || state.kind === 'final')
          continue;
        ending.add(state.path);
        grew = true;
      }
    }
  }
  return graph.states
    .filter((state) => state.kind === 'atomic' && !ending.has(state.path))
    .map((state) =>
      error('dead-end', state.pointer, `From "${state.path}" no final state can be reached.`),
    );
}

// Following `always` alone must come to rest: any cycle is refused, guarded or not, since guards do not change
// between two microsteps of one event unless an action does.
function checkEndless(graph: Graph): PolicyFinding[] {
  const always = graph.transitions.filter((one) => one.trigger === 'always');
  const next = (path: string) =>
    always
      .filter((one) => isWithin(path, one.from) && one.to !== null)
      .flatMap((one) => entered(graph, one.to!));
  return always
    .filter((one) => one.to === null || returns(entered(graph, one.to), one.from, next))
    .map((one) =>
      error(
        'endless-always',
        one.pointer,
        `"always" leads from "${one.from}" back to itself without waiting.`,
      ),
    );
}

function returns(from: readonly string[], goal: string, next: (path: string) => string[]): boolean {
  const seen = new Set<string>();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (isWithin(path, goal)) return true;
    if (seen.has(path)) continue;
    seen.add(path);
    queue.push(...next(path));
  }
  return false;
}

// The maximum lifetime ends every message, and a user may delete whatever is in his mailbox (RC4, RC9).
function checkDeaf(graph: Graph): PolicyFinding[] {
  return graph.states.flatMap((state) => {
    if (state.kind !== 'atomic' || isTransient(graph, state.path)) return [];
    const deaf = ['message.outlived', ...(isLive(graph, state.path) ? ['message.deleted'] : [])];
    return deaf
      .filter((event) => !hears(graph, state.path, event))
      .map((event) => error('unhandled', state.pointer, `"${state.path}" must handle ${event}.`));
  });
}

const lineage = (path: string) => [path, ...ancestors(path)];

function isTransient(graph: Graph, path: string): boolean {
  return graph.transitions.some(
    (one) => one.from === path && one.trigger === 'always' && one.guard === null,
  );
}

function isLive(graph: Graph, path: string): boolean {
  return lineage(path).some((one) =>
    graph.states.find((state) => state.path === one)?.tags.includes('live'),
  );
}

function hears(graph: Graph, path: string, event: string): boolean {
  return lineage(path).some((one) =>
    graph.transitions.some(
      (transition) =>
        transition.from === one && transition.trigger === 'event' && transition.name === event,
    ),
  );
}

// A transition that goes nowhere and does nothing is a slip of the pen: it only hides the ones after it.
function checkEmptyTransitions(state: StateConfig, pointer: string): PolicyFinding[] {
  const own = [
    ...Object.entries(state.on ?? {}).map(([name, value]) => [`on/${name}`, value] as const),
    ...Object.entries(state.after ?? {}).map(([name, value]) => [`after/${name}`, value] as const),
    ['always', state.always] as const,
  ].flatMap(([at, value]) =>
    transitionsOf(value)
      .filter((one) => one.target === undefined && one.actions === undefined)
      .map(() =>
        error(
          'empty-transition',
          `${pointer}/${at}`,
          'This transition goes nowhere and does nothing.',
        ),
      ),
  );
  const inner = Object.entries(state.states ?? {}).flatMap(([key, child]) =>
    checkEmptyTransitions(child, `${pointer}/states/${key}`),
  );
  return [...own, ...inner];
}
