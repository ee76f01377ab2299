// A policy's machine as a graph: states with their paths, transitions with what triggers, guards and does them,
// always in document order. The checks walk it and the charts draw it; neither reads XState.
import {
  alternative,
  listOf,
  type MachineConfig,
  type Named,
  named,
  type StateConfig,
  type TransitionConfig,
  type Transitions,
  transitionsOf,
} from './policy.js';

export type GraphStateKind = 'atomic' | 'compound' | 'parallel' | 'final' | 'history';

export interface GraphState {
  /** Dotted path below the machine: `reporting.sending`. Empty for the root. */
  readonly path: string;
  /** Last part of the path. */
  readonly key: string;
  readonly parent: string | null;
  readonly kind: GraphStateKind;
  readonly initial: string | null;
  readonly tags: readonly string[];
  readonly outcome: string | null;
  readonly description: string | null;
  /** Entry actions as `name` or `name(param: value)`. */
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** JSON pointer into the policy file. */
  readonly pointer: string;
}

export type GraphTrigger = 'event' | 'after' | 'always' | 'done' | 'initial';

export interface GraphTransition {
  readonly from: string;
  /** Null for a transition that stays where it is. */
  readonly to: string | null;
  /** The target as written, when it could not be resolved; null otherwise. */
  readonly unresolved: string | null;
  readonly trigger: GraphTrigger;
  /** Event type or delay name; empty for `always`, `done` and `initial`. */
  readonly name: string;
  /** Position among the alternatives for the same trigger. */
  readonly order: number;
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly description: string | null;
  readonly pointer: string;
}

export interface Graph {
  readonly id: string;
  readonly states: readonly GraphState[];
  readonly transitions: readonly GraphTransition[];
}

/** The graph of a machine config that has passed the schema. */
export function graphOf(machine: MachineConfig): Graph {
  const states: GraphState[] = [];
  const found: [StateConfig, string, string][] = [];
  collectStates(machine, '', null, '/machine', states, found);
  const known = new Set(states.map((state) => state.path));
  const ids = new Map<string, string>([[machine.id, '']]);
  for (const [config, path] of found) if (config.id !== undefined) ids.set(config.id, path);
  const resolve = (target: string, from: string) => resolveTarget(target, from, known, ids);
  const transitions = found.flatMap(([config, path, pointer]) =>
    transitionsFrom(config, path, pointer, resolve),
  );
  return { id: machine.id, states, transitions };
}

/** Every state below and including `path`. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === '' || path === ancestor || path.startsWith(`${ancestor}.`);
}

/** A guard or action as it is written on a chart: `answered(class: success)`. */
export function label(value: Named): string {
  const { type, params } = named(value);
  const inner = Object.entries(params).map(([key, item]) => `${key}: ${String(item)}`);
  return inner.length === 0 ? type : `${type}(${inner.join(', ')})`;
}

function collectStates(
  config: StateConfig,
  path: string,
  parent: string | null,
  pointer: string,
  states: GraphState[],
  found: [StateConfig, string, string][],
): void {
  states.push({
    path,
    key: path.slice(path.lastIndexOf('.') + 1),
    parent,
    kind: kindOf(config),
    initial: config.initial === undefined ? null : join(path, config.initial),
    tags: config.tags ?? [],
    outcome: config.meta?.outcome ?? null,
    description: config.description ?? null,
    entry: listOf(config.entry).map(label),
    exit: listOf(config.exit).map(label),
    pointer,
  });
  found.push([config, path, pointer]);
  for (const [key, child] of Object.entries(config.states ?? {})) {
    collectStates(
      child,
      join(path, key),
      path,
      `${pointer}/states/${escapePointer(key)}`,
      states,
      found,
    );
  }
}

function kindOf(config: StateConfig): GraphStateKind {
  if (config.type !== undefined) return config.type;
  return config.states === undefined ? 'atomic' : 'compound';
}

type Resolve = (target: string, from: string) => string | null;

function transitionsFrom(
  config: StateConfig,
  path: string,
  pointer: string,
  resolve: Resolve,
): GraphTransition[] {
  const make = (trigger: GraphTrigger, name: string, at: string, value: Transitions | undefined) =>
    transitionsOf(value).map((one, order) => {
      const place = alternative(value, `${pointer}/${at}`, order);
      return graphTransition({ one, path, trigger, name, order, pointer: place, resolve });
    });
  const keyed = (trigger: 'event' | 'after', field: 'on' | 'after') =>
    Object.entries(config[field] ?? {}).flatMap(([name, value]) =>
      make(trigger, name, `${field}/${escapePointer(name)}`, value),
    );
  const initial = config.initial === undefined ? undefined : `.${config.initial}`;
  return [
    ...make('initial', '', 'initial', initial),
    ...make('always', '', 'always', config.always),
    ...keyed('event', 'on'),
    ...keyed('after', 'after'),
    ...make('done', '', 'onDone', config.onDone),
  ];
}

interface TransitionParts {
  readonly one: TransitionConfig;
  readonly path: string;
  readonly trigger: GraphTrigger;
  readonly name: string;
  readonly order: number;
  readonly pointer: string;
  readonly resolve: Resolve;
}

function graphTransition(parts: TransitionParts): GraphTransition {
  const { one, path } = parts;
  const to = one.target === undefined ? null : parts.resolve(one.target, path);
  return {
    from: path,
    to,
    unresolved: one.target !== undefined && to === null ? one.target : null,
    trigger: parts.trigger,
    name: parts.name,
    order: parts.order,
    guard: one.guard === undefined ? null : label(one.guard),
    actions: listOf(one.actions).map(label),
    description: one.description ?? null,
    pointer: parts.pointer,
  };
}

// XState's own rules: `#id.path` is absolute, `.child` is below, a bare name is a sibling.
function resolveTarget(
  target: string,
  from: string,
  known: ReadonlySet<string>,
  ids: ReadonlyMap<string, string>,
): string | null {
  const path = candidate(target, from, ids);
  return path !== null && known.has(path) ? path : null;
}

function candidate(target: string, from: string, ids: ReadonlyMap<string, string>): string | null {
  if (target.startsWith('.')) return join(from, target.slice(1));
  if (!target.startsWith('#')) return join(parentOf(from), target);
  const dot = target.indexOf('.');
  const id = dot === -1 ? target.slice(1) : target.slice(1, dot);
  const base = ids.get(id);
  if (base === undefined) return null;
  return dot === -1 ? base : join(base, target.slice(dot + 1));
}

function parentOf(path: string): string {
  const dot = path.lastIndexOf('.');
  return dot === -1 ? '' : path.slice(0, dot);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** A key as a JSON pointer has it (RFC 6901 section 3). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
