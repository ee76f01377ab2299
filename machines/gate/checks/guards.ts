// RC6: lists of guarded alternatives. What is written after a default, or after its own twin, is never taken; a list that
// tells values apart and leaves some out is told; the answer to a request that is out is heard whatever it is. Where
// two guards of a list may hold at once, the first wins: these overlaps are listed, as a reviewer wants to know.
import { findingOf, type PolicyFinding } from '../../findings.js';
import type { Graph, GraphTransition } from '../../graph.js';
import { guardVocabulary } from '../../vocabulary.js';
import type { Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { stateOf } from '../places.js';

/** Two alternatives of one list that may both hold; the first is taken. */
export interface Overlap {
  readonly pointer: string;
  readonly first: string;
  readonly second: string;
}

/** Alternatives by state and trigger, in their order. */
function listsOf(graph: Graph): readonly (readonly GraphTransition[])[] {
  const lists = new Map<string, GraphTransition[]>();
  for (const one of graph.transitions) {
    if (one.trigger === 'initial') continue;
    const key = `${one.from} ${one.trigger} ${one.name}`;
    lists.set(key, [...(lists.get(key) ?? []), one]);
  }
  return [...lists.values()];
}

export function hiddenTransitions({ policy }: Exploration): readonly PolicyFinding[] {
  return listsOf(policy.graph).flatMap((list) =>
    list
      .filter((one, at) =>
        list.slice(0, at).some(({ guard }) => guard === null || guard === one.guard),
      )
      .map(({ pointer, order, guard }) =>
        findingOf(
          'hidden-transition',
          pointer,
          `Alternative ${order + 1}${guard === null ? '' : `, ${guard},`} is never taken: an earlier one always is.`,
        ),
      ),
  );
}

export function openGuards({ policy }: Exploration): readonly PolicyFinding[] {
  return listsOf(policy.graph).flatMap((list) => {
    const missing = missingValues(list);
    if (missing.length === 0) return [];
    const message = `There is no default, and nothing for ${missing.join(', ')}: then nothing happens.`;
    return [findingOf('open-guards', list[0]!.pointer, message)];
  });
}

// A single guarded transition is a filter, several of one kind are a case distinction.
function missingValues(list: readonly GraphTransition[]): readonly string[] {
  const parts = list.map((one) => partsOf(one.guard));
  const type = parts[0]?.type;
  if (list.length < 2 || type === undefined || parts.some((one) => one?.type !== type)) return [];
  const values = domainOf(type);
  return values.filter((value) => !parts.some((one) => one?.value === value));
}

// `answered(class: success)` is type and value.
function partsOf(guard: string | null): { type: string; value: string } | undefined {
  const open = guard?.indexOf('(') ?? -1;
  if (guard === null || open === -1) return undefined;
  return { type: guard.slice(0, open), value: guard.slice(guard.indexOf(': ') + 2, -1) };
}

function domainOf(type: string): readonly string[] {
  const [only, ...others] = Object.values(guardVocabulary[type]?.params ?? {});
  return only?.kind === 'choice' && others.length === 0 ? only.values : [];
}

/** Pairs of guards in one list that do not exclude each other. */
export function overlapsIn(graph: Graph): readonly Overlap[] {
  return listsOf(graph).flatMap((list) =>
    list.flatMap((second, at) =>
      list
        .slice(0, at)
        .filter((first) => mayBoth(first.guard, second.guard))
        .map((first) => ({
          pointer: second.pointer,
          first: first.guard as string,
          second: second.guard as string,
        })),
    ),
  );
}

function mayBoth(first: string | null, second: string | null): boolean {
  if (first === null || second === null) return false;
  const [one, other] = [partsOf(first), partsOf(second)];
  const exclusive = one !== undefined && one.type === other?.type && domainOf(one.type).length > 0;
  return !exclusive;
}

/** RC6: a success may come when nobody waits for it any more; who is deaf to it sends again what has arrived. */
export function ignoredSuccesses(at: Exploration): readonly PolicyFinding[] {
  const told = new Set<string>();
  return at.situations.flatMap((one) =>
    at.edges[one.id]!.flatMap(({ stimulus, changed }) => {
      const isDelivery = stimulus.name === 'delivery.answered';
      const late = isDelivery ? one.live && !one.pushing : !one.live && !one.reporting;
      const isLate = stimulus.kind === 'answer' && !changed && late && !one.outlived;
      const message = `"${one.value}" is deaf to ${stimulus.label}, should it come late.`;
      if (!isLate || told.has(message)) return [];
      told.add(message);
      return [findingOf('late-success-ignored', stateOf(at, one), message)];
    }),
  );
}

/** RC6 as it shows: an answer that comes right after its request finds the chart deaf. */
export function ignoredAnswers(at: Exploration): readonly Fault[] {
  return at.situations.flatMap((one) =>
    at.edges[one.id]!.flatMap((edge) => {
      const { stimulus, changed, from } = edge;
      const waits = stimulus.name === 'delivery.answered' ? one.pushing : one.reporting;
      if (stimulus.kind !== 'answer' || changed || !waits || one.outlived) return [];
      const message = `"${one.value}" waits for an answer and is deaf to ${stimulus.label}.`;
      const say = () => ({ code: 'answer-ignored' as const, pointer: stateOf(at, one), message });
      return [{ name: message, situation: from, labels: [stimulus.label], say }];
    }),
  );
}
