// RC9 and RC10: what people do with a waiting message. A deletion is always heard; a command that comes twice, as any
// network may bring it, does what it does once or is rejected.

import { messageEventTypes } from '../../events.js';
import { findingOf, type PolicyFinding } from '../../findings.js';
import type { Edge, Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { stateOf, transitionOf } from '../places.js';
import { once } from '../search.js';
import type { Situation } from '../situation.js';

export function ignoredDeletions(at: Exploration): readonly Fault[] {
  const deaf = at.situations.flatMap((one) =>
    at.edges[one.id]!.filter(
      ({ stimulus, changed }) => stimulus.name === 'message.deleted' && !changed,
    ),
  );
  return deaf.map((edge) => ({
    ...{ name: inPlace(edge), situation: edge.from, labels: [edge.stimulus.label] },
    say: () => ({
      code: 'delete-ignored',
      pointer: stateOf(at, edge.from!),
      message: `"${edge.from!.value}" is in the mailbox and deaf to message.deleted.`,
    }),
  }));
}

/** What a waiting message should hear beside its deletion, each with what comes of it otherwise. */
const advised: Readonly<Record<string, string>> = {
  'message.retrieved': 'who fetched it is given it once more, and its sender may hear of a failure',
  'message.withdrawn': 'its sender cannot take it back',
  'message.evicted': 'a full mailbox cannot make room',
};

export function deafStates(at: Exploration): readonly PolicyFinding[] {
  const deaf = at.situations.flatMap((one) =>
    one.outlived
      ? []
      : at.edges[one.id]!.filter(({ stimulus, changed }) => stimulus.name in advised && !changed),
  );
  return once(deaf, inPlace).map(({ from, stimulus }) =>
    findingOf(
      'deaf',
      stateOf(at, from!),
      `"${from!.value}" is deaf to ${stimulus.name}: ${advised[stimulus.name]}.`,
    ),
  );
}

export function doubledCommands(at: Exploration): readonly Fault[] {
  const doubled = at.edges.flat().filter((edge) => {
    if (!repeats(edge)) return false;
    return at.edges[edge.to.id]!.some(
      (again) => again.stimulus.label === edge.stimulus.label && doesMore(edge, again),
    );
  });
  return doubled.map((edge) => ({
    ...{ name: inPlace(edge), situation: edge.from },
    labels: [edge.stimulus.label, edge.stimulus.label],
    say: () => ({
      code: 'command-doubled',
      pointer: transitionOf(at, edge),
      message: `${edge.stimulus.label}, heard twice from "${edge.from!.value}", does more than heard once.`,
    }),
  }));
}

// The engine gives turns itself, one at a time; of answers only a success is heard when nobody waits for it any more.
function repeats({ stimulus, changed, from }: Edge): boolean {
  if (!changed || from === null) return false;
  const { kind } = stimulus;
  return (
    kind === 'command' || kind === 'turn' || (kind === 'answer' && stimulus.class === 'success')
  );
}

function doesMore({ stimulus, to }: Edge, again: Edge): boolean {
  if (again.effects.some((one) => one.type !== 'notify')) return true;
  return stimulus.kind === 'command' && again.to.value !== to.value;
}

// Each event in each place.
const inPlace = ({ from, stimulus }: Edge): string => `${from!.value} ${stimulus.label}`;

/** What a state makes of an event: always something, never anything, or it depends. */
export type Heard = 'handled' | 'ignored' | 'depends' | 'cannot come';

/** The matrix of RC9: for each place a message may stand in, what every event does there. */
export function matrixOf(
  at: Exploration,
): Readonly<Record<string, Readonly<Record<string, Heard>>>> {
  const places = new Map<string, Situation[]>();
  for (const one of at.situations)
    if (!one.final) places.set(one.value, [...(places.get(one.value) ?? []), one]);
  return Object.fromEntries(
    [...places].map(([value, all]) => {
      const edges = all.flatMap((one) => at.edges[one.id]!);
      return [
        value,
        Object.fromEntries(messageEventTypes.map((type) => [type, heard(edges, type)])),
      ];
    }),
  );
}

function heard(edges: readonly Edge[], type: string): Heard {
  const found = edges.filter(({ stimulus }) => stimulus.name === type).map((one) => one.changed);
  if (found.length === 0) return 'cannot come';
  if (found.every((one) => one)) return 'handled';
  return found.some((one) => one) ? 'depends' : 'ignored';
}
