// RC11: the delays that are armed follow from the state. XState arms a delay when its state is entered and never again: one
// that fires while its guard does not hold is gone, and two messages in the same state then have different futures.
import { findingOf, type PolicyFinding } from '../../findings.js';
import type { Edge, Exploration } from '../explorer.js';
import type { Fault } from '../fault.js';
import { heardBy, pathOver, stateOf } from '../places.js';

export function lostDelays(at: Exploration): readonly Fault[] {
  return at.edges.flat().flatMap((edge) => {
    if (!isLost(at, edge)) return [];
    const { from, stimulus } = edge;
    const pointer = heardBy(at, from!, stimulus)[0]?.pointer ?? stateOf(at, from!);
    const message = `The delay "${stimulus.name}" fires in "${from!.value}" while no guard of it holds, and is gone.`;
    const say = () => ({ code: 'delay-lost' as const, pointer, message });
    return [{ name: pointer, situation: from, labels: [stimulus.label], say }];
  });
}

// It fired, everything but the armed delays is as before, and no alternative of it is without a guard.
function isLost(at: Exploration, edge: Edge): boolean {
  const { from, to, stimulus, effects, path } = edge;
  if (stimulus.kind !== 'timer' || from === null || effects.length > 0) return false;
  const same = from.value === to.value && path.length === 1;
  const unmoved = JSON.stringify(from.context) === JSON.stringify(to.context);
  const list = heardBy(at, from, stimulus);
  return same && unmoved && list.length > 0 && list.every((one) => one.guard !== null);
}

/** A push whose state does not wait for its answer by itself. */
export function impatientPushes(at: Exploration): readonly PolicyFinding[] {
  const told = new Set<string>();
  return [...at.births, ...at.edges.flat()].flatMap((edge) => {
    const { to, effects } = edge;
    const pushes = effects.some((one) => one.type === 'deliver');
    if (!pushes || to.final || to.armed.some(({ name }) => name === 'answerTimeout')) return [];
    if (told.has(to.value)) return [];
    told.add(to.value);
    const message = `"${to.value}" pushes and has no "answerTimeout".`;
    return [findingOf('no-patience', stateOf(at, to), message, pathOver(at, edge))];
  });
}

export function unusedDelays({ policy }: Exploration): readonly PolicyFinding[] {
  const used = new Set(
    policy.graph.transitions.filter((one) => one.trigger === 'after').map((one) => one.name),
  );
  return Object.keys(policy.settings.delays)
    .filter((name) => !used.has(name))
    .map((name) =>
      findingOf('unused-delay', `/settings/delays/${name}`, `No state waits for "${name}".`),
    );
}

/** RC8: the setting means something or is not there. */
export function idleSetting(at: Exploration): readonly PolicyFinding[] {
  if (!at.policy.settings.deliverAfterExpiry) return [];
  const late = at.edges
    .flat()
    .some(({ effects }) => effects.some((one) => one.type === 'deliver' && one.late));
  const message = 'deliverAfterExpiry is true, and nothing is ever delivered after its expiry.';
  return late ? [] : [findingOf('idle-setting', '/settings/deliverAfterExpiry', message)];
}
