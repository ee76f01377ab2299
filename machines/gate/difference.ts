// Where two policies part: the shortest history after which they do different things, found by walking both at once. State
// names mean nothing here: two charts are the same when nobody outside can tell them apart.
import type { Edge, Exploration } from './explorer.js';
import type { Situation } from './situation.js';

/** The first difference between two policies. */
export interface Difference {
  /** Labels of the events, in order. */
  readonly path: readonly string[];
  /** What each of them does then: `ends as reported`, `asks for deliver`, `waits for expiry`. */
  readonly first: string;
  readonly second: string;
}

interface Pair {
  readonly first: Situation;
  readonly second: Situation;
  readonly path: readonly string[];
}

/** The shortest history that tells two explored policies apart; null when they behave alike. */
export function firstDifference(first: Exploration, second: Exploration): Difference | null {
  const queue: Pair[] = [];
  const seen = new Set<string>();
  const meet = (a: Edge, b: Edge, path: readonly string[]): Difference | null => {
    const [said, other] = [told(first, a), told(second, b)];
    if (said !== other) return { path, first: said, second: other };
    const key = `${a.to.id} ${b.to.id}`;
    if (!seen.has(key)) queue.push({ first: a.to, second: b.to, path });
    seen.add(key);
    return null;
  };
  for (const [index, birth] of first.births.entries()) {
    const other = second.births[index];
    const found = other === undefined ? null : meet(birth, other, [birth.stimulus.label]);
    if (found !== null) return found;
  }
  for (const pair of queue) {
    const found = walkOn(first, second, pair, meet);
    if (found !== null) return found;
  }
  return null;
}

function walkOn(
  first: Exploration,
  second: Exploration,
  pair: Pair,
  meet: (a: Edge, b: Edge, path: readonly string[]) => Difference | null,
): Difference | null {
  const others = new Map(second.edges[pair.second.id]!.map((one) => [one.stimulus.label, one]));
  for (const edge of first.edges[pair.first.id]!) {
    const { label } = edge.stimulus;
    const other = others.get(label);
    // What only one of them can hear at all follows from what they did before, and was told there.
    const found = other === undefined ? null : meet(edge, other, [...pair.path, label]);
    if (found !== null) return found;
  }
  return null;
}

// Everything the world may notice of a step.
function told(at: Exploration, { to, effects }: Edge): string {
  const asks = effects.map((one) =>
    one.type === 'deliver' && one.late ? 'asks for deliver, late' : `asks for ${one.type}`,
  );
  const delays = to.armed.map(({ name }) => {
    const declared = at.policy.settings.delays[name];
    return declared === undefined ? name : `${name} of ${JSON.stringify(declared)}`;
  });
  const outcome = at.index.states.get(to.value)?.outcome ?? to.value;
  const place = to.final ? `ends as ${outcome}` : to.live ? 'stays in the mailbox' : 'goes on';
  const waits = delays.length === 0 ? [] : [`waits for ${delays.sort().join(' and ')}`];
  return [...asks, place, ...waits].join(', ');
}
