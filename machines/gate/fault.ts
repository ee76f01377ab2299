// What is wrong in single situations. The gate tells each fault once, with the shortest history that shows it; who judges
// messages that come from another policy asks for all situations that have one, and who gets there. A fault knows nothing
// of how a message came to it: it is one for whoever stands there.
import { findingOf, type PolicyFinding } from '../findings.js';
import type { Exploration } from './explorer.js';
import { once } from './search.js';
import type { Situation } from './situation.js';

/** What a check says of a place in the file. */
export type Said = Pick<PolicyFinding, 'code' | 'pointer' | 'message'>;

export interface Fault {
  /** Faults of one check that have the same name are told once. */
  readonly name: string;
  /** Where it shows; null: at the first step. */
  readonly situation: Situation | null;
  /** Labels of what shows it from there on. */
  readonly labels: readonly string[];
  say(): Said;
}

/** Faults as the gate tells them. */
export const findingsOf = (at: Exploration, faults: readonly Fault[]): readonly PolicyFinding[] =>
  once(faults, (one) => one.name).map(({ situation, labels, say }) => {
    const { code, pointer, message } = say();
    const path = situation === null ? labels : [...at.pathTo(situation), ...labels];
    return findingOf(code, pointer, message, path);
  });
