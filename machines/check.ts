// What a policy must satisfy beyond its schema before it may be built: names and parameters known, every target
// there, every state reachable, every state able to end, no endless `always`, and the events that no message may
// be deaf to. Findings are plain data with a JSON pointer; nothing here throws.
import { messageEventTypes } from './events.js';
import { type FindingCode, findingOf, type PolicyFinding } from './findings.js';
import { type Graph, type GraphTransition, graphOf, isWithin } from './graph.js';
import { closure, type GraphIndex, indexOf, lineage, memo } from './graph-index.js';
import {
  alternative,
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

/** The guards and actions a policy may name. */
export interface Words {
  readonly guards: Readonly<Record<string, VocabularyEntry>>;
  readonly actions: Readonly<Record<string, VocabularyEntry>>;
}

const builtInWords: Words = { guards: guardVocabulary, actions: actionVocabulary };

/** Every finding of a policy that has passed the schema, errors and warnings, in document order by check. */
export function checkPolicy(
  policy: PolicyFile,
  vocabulary: Words = builtInWords,
): readonly PolicyFinding[] {
  const names = checkNames(policy, vocabulary);
  const graph = graphOf(policy.machine);
  const targets = graph.transitions.flatMap(unresolvedTarget);
  if (targets.length > 0) return [...names, ...targets];
  return [...names, ...checkShape(policy, graph)];
}

const error = findingOf;

function unresolvedTarget(transition: GraphTransition): PolicyFinding[] {
  if (transition.unresolved === null) return [];
  return [
    error('unknown-target', transition.pointer, `There is no state "${transition.unresolved}".`),
  ];
}

// ---- names and parameters (RC1) ----

function checkNames(policy: PolicyFile, words: Words): PolicyFinding[] {
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
    ...checkStateNames(policy.machine, '/machine', settings.delays, words),
  ];
}

function checkStateNames(
  state: StateConfig,
  pointer: string,
  delays: object,
  words: Words,
): PolicyFinding[] {
  const actions = (value: Named | readonly Named[] | undefined, at: string) =>
    listOf(value).flatMap((one, order) =>
      checkNamed(words, 'action', one, alternative(value, at, order)),
    );
  const transitions = (value: StateConfig['always'], at: string) =>
    transitionsOf(value).flatMap((one, order) => [
      ...(one.guard === undefined
        ? []
        : checkNamed(words, 'guard', one.guard, `${alternative(value, at, order)}/guard`)),
      ...actions(one.actions, `${alternative(value, at, order)}/actions`),
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
      checkStateNames(child, `${pointer}/states/${key}`, delays, words),
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

function unknown(
  what: 'tag' | 'guard' | 'action',
  name: string,
  pointer: string,
  table: object,
): PolicyFinding {
  return error(
    `unknown-${what}`,
    pointer,
    `There is no ${what} "${name}"; known: ${Object.keys(table).join(', ')}.`,
  );
}

function checkNamed(
  words: Words,
  what: 'guard' | 'action',
  value: Named,
  pointer: string,
): PolicyFinding[] {
  const table = what === 'guard' ? words.guards : words.actions;
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
  const index = indexOf(graph);
  return [
    ...checkStates(graph),
    ...checkReachable(graph, index),
    ...checkEnds(graph, index),
    ...checkEndless(graph, index),
    ...checkDeaf(graph, index),
    ...checkBodies(graph, index),
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

function checkReachable(graph: Graph, index: GraphIndex): PolicyFinding[] {
  const next = (path: string) =>
    (index.from.get(path) ?? []).flatMap((one) =>
      one.to === null ? [] : [...index.entered(one.to), ...lineage(one.to)],
    );
  const seen = closure(index.entered(''), next);
  return graph.states
    .filter((state) => !seen.has(state.path))
    .map((state) =>
      error('unreachable', state.pointer, `Nothing leads to the state "${state.path}".`),
    );
}

// A dead end is a state from which no final state of the machine can be reached, however the guards fall. Searched
// backwards from the final states; a transition of a state serves every state inside it.
function checkEnds(graph: Graph, index: GraphIndex): PolicyFinding[] {
  const finals = graph.states.filter((one) => one.kind === 'final' && one.parent === '');
  const sources = memo((path) => {
    const from = new Set((index.entering.get(path) ?? []).map((one) => one.from));
    return [...from].flatMap((one) => index.inside(one)).filter((one) => !isFinal(index, one));
  });
  const ending = closure(
    finals.map((one) => one.path),
    sources,
  );
  return graph.states
    .filter((state) => state.kind === 'atomic' && !ending.has(state.path))
    .map((state) =>
      error('dead-end', state.pointer, `From "${state.path}" no final state can be reached.`),
    );
}

const isFinal = (index: GraphIndex, path: string): boolean =>
  index.states.get(path)?.kind === 'final';

// Following `always` alone must come to rest: any cycle is refused, guarded or not, since guards do not change
// between two microsteps of one event unless an action does.
function checkEndless(graph: Graph, index: GraphIndex): PolicyFinding[] {
  const next = memo((path) => {
    const targets = lineage(path)
      .flatMap((one) => index.from.get(one) ?? [])
      .flatMap((one) => (one.trigger === 'always' && one.to !== null ? [one.to] : []));
    return [...new Set(targets)].flatMap((one) => index.entered(one));
  });
  const reached = memo((path) => [...closure(index.entered(path), next)]);
  const returns = memo((pair) => {
    const [from, to] = pair.split(' ') as [string, string];
    return reached(to).some((path) => isWithin(path, from));
  });
  return graph.transitions
    .filter((one) => one.trigger === 'always')
    .filter((one) => one.to === null || returns(`${one.from} ${one.to}`))
    .map((one) =>
      error(
        'endless-always',
        one.pointer,
        `"always" leads from "${one.from}" back to itself without waiting.`,
      ),
    );
}

// The maximum lifetime ends every message, and a user may delete whatever is in his mailbox (RC4, RC9).
function checkDeaf(graph: Graph, index: GraphIndex): PolicyFinding[] {
  return graph.states.flatMap((state) => {
    if (state.kind !== 'atomic' || isTransient(index, state.path)) return [];
    const must: [FindingCode, string][] = [['deaf-to-its-end', 'message.outlived']];
    if (isLive(index, state.path)) must.push(['unhandled', 'message.deleted']);
    return must
      .filter(([, event]) => !hears(index, state.path, event))
      .map(([code, event]) => error(code, state.pointer, `"${state.path}" must handle ${event}.`));
  });
}

// A message that leaves its mailbox loses its body: it is pushed only from within, and never comes back.
function checkBodies(graph: Graph, index: GraphIndex): PolicyFinding[] {
  const pushing = graph.states
    .filter((state) => state.entry.includes('deliver') && !isLive(index, state.path))
    .map((state) =>
      error('body-lost', state.pointer, `"${state.path}" delivers, so it must be live.`),
    );
  const gone = graph.states.filter(
    (state) =>
      state.kind === 'atomic' && !isLive(index, state.path) && !isTransient(index, state.path),
  );
  const revived = graph.transitions
    .filter((one) => one.to !== null && one.trigger !== 'initial' && isLive(index, one.to))
    .filter((one) => gone.some((state) => isWithin(state.path, one.from)))
    .map((one) =>
      error(
        'body-lost',
        one.pointer,
        `"${one.from}" is not live: its body is gone, so nothing leads back to "${one.to}".`,
      ),
    );
  return [...pushing, ...revived];
}

const isTransient = (index: GraphIndex, path: string): boolean =>
  (index.from.get(path) ?? []).some((one) => one.trigger === 'always' && one.guard === null);

const isLive = (index: GraphIndex, path: string): boolean =>
  lineage(path).some((one) => index.states.get(one)?.tags.includes('live'));

const hears = (index: GraphIndex, path: string, event: string): boolean =>
  lineage(path)
    .flatMap((one) => index.from.get(one) ?? [])
    .some((one) => one.trigger === 'event' && one.name === event);

// A transition that goes nowhere and does nothing is a slip of the pen: it only hides the ones after it.
function checkEmptyTransitions(state: StateConfig, pointer: string): PolicyFinding[] {
  const own = [
    ...Object.entries(state.on ?? {}).map(([name, value]) => [`on/${name}`, value] as const),
    ...Object.entries(state.after ?? {}).map(([name, value]) => [`after/${name}`, value] as const),
    ['always', state.always] as const,
  ].flatMap(([at, value]) =>
    transitionsOf(value).flatMap((one, order) =>
      one.target !== undefined || one.actions !== undefined
        ? []
        : [
            error(
              'empty-transition',
              `${pointer}/${alternative(value, at, order)}`,
              'This transition goes nowhere and does nothing.',
            ),
          ],
    ),
  );
  const inner = Object.entries(state.states ?? {}).flatMap(([key, child]) =>
    checkEmptyTransitions(child, `${pointer}/states/${key}`),
  );
  return [...own, ...inner];
}
