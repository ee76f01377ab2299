// RC2 and RC3 over the situations a message really comes into: every state is entered by some message, if only for a
// moment, and from everywhere an end can be reached.
import { findingOf, type PolicyFinding } from '../../findings.js';
import { lineage } from '../../graph-index.js';
import type { Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { stateOf } from '../places.js';
import { reaching } from '../search.js';

/** RC2: states that no message ever enters, although transitions lead there. */
export function neverEntered(at: Exploration): readonly PolicyFinding[] {
  const values = new Set([...at.births, ...at.edges.flat()].flatMap(({ path }) => path));
  const entered = new Set([...values].flatMap(partsOf).flatMap(lineage));
  return at.policy.graph.states
    .filter(({ path, kind }) => kind !== 'history' && !entered.has(path))
    .map(({ path, pointer }) =>
      findingOf('never-entered', pointer, `No message ever comes into the state "${path}".`),
    );
}

// Regions side by side are told as `both.left.l1 & right.r1`: below a parallel state each part may lack what is above.
function partsOf(value: string): readonly string[] {
  const parts = value.split(' & ');
  const first = parts[0]!;
  return parts.flatMap((part, index) =>
    index === 0 ? [part] : [part, ...lineage(first).map((above) => join(above, part))],
  );
}

const join = (above: string, part: string): string => (above === '' ? part : `${above}.${part}`);

/** RC3: situations from which no end can be reached, whatever happens. */
export function noWayOut(at: Exploration): readonly Fault[] {
  const ends = at.situations.filter((one) => one.final).map((one) => one.id);
  const saved = reaching(at, ends);
  return at.situations
    .filter((one) => !saved.has(one.id))
    .map((one) => ({
      ...{ name: one.value, situation: one, labels: [] },
      say: () => ({
        code: 'no-way-out',
        pointer: stateOf(at, one),
        message: `From "${one.value}" the message can never end, whatever happens.`,
      }),
    }));
}
