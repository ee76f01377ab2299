// Policies whose steps throw now and then, as by a bug of a chart or of XState.
import type { Compiled } from '../../machines/index.js';
import { compiledOnce } from './compiled.js';

/** Builds policies some of whose steps throw. */
export function failing(throws: () => boolean): typeof compiledOnce {
  const made = new Map<unknown, Compiled>();
  return (source) => {
    const known = made.get(source) ?? withFailures(compiledOnce(source), throws);
    made.set(source, known);
    return known;
  };
}

function withFailures(compiled: Compiled, throws: () => boolean): Compiled {
  if (!compiled.ok) return compiled;
  const { machine } = compiled.policy;
  const transition: typeof machine.transition = (...asked) => {
    if (throws()) throw new Error('out of order');
    return machine.transition(...asked);
  };
  const broken = Object.create(machine, { transition: { value: transition } }) as typeof machine;
  return { ...compiled, policy: { ...compiled.policy, machine: broken } };
}
