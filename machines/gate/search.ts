// Searches over an explored policy: where something can be reached from, and which edges lie on a cycle. No recursion:
// a chart may be as long as the bounds allow.
import type { Edge, Exploration } from './explorer.js';

/** The first of all that have the same name. */
export function once<T>(all: readonly T[], nameOf: (one: T) => string): readonly T[] {
  const seen = new Set<string>();
  return all.filter((one) => {
    const name = nameOf(one);
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
}

/** Numbers of the situations from which one of `goals` can be reached, themselves included. */
export function reaching(at: Exploration, goals: readonly number[]): ReadonlySet<number> {
  const sources: number[][] = at.situations.map(() => []);
  for (const edge of at.edges.flat()) sources[edge.to.id]!.push(edge.from!.id);
  const seen = new Set(goals);
  for (const id of seen) for (const from of sources[id]!) seen.add(from);
  return seen;
}

/** Those of the edges that lie on a cycle of nothing but such edges. */
export function onCycles(at: Exploration, edges: readonly Edge[]): readonly Edge[] {
  const component = components(at.situations.length, edges);
  return edges.filter(({ from, to }) => {
    if (from === null) return false;
    return component[from.id] === component[to.id];
  });
}

// Strongly connected components by two passes (Kosaraju): the order of leaving forwards, then trees backwards.
function components(count: number, edges: readonly Edge[]): Int32Array {
  const forwards: number[][] = Array.from({ length: count }, () => []);
  const backwards: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of edges) {
    if (from === null) continue;
    forwards[from.id]!.push(to.id);
    backwards[to.id]!.push(from.id);
  }
  const component = new Int32Array(count).fill(-1);
  for (const root of leavingOrder(forwards).reverse()) {
    if (component[root] !== -1) continue;
    const tree = [root];
    component[root] = root;
    for (let id = tree.pop(); id !== undefined; id = tree.pop())
      for (const next of backwards[id]!)
        if (component[next] === -1) {
          component[next] = root;
          tree.push(next);
        }
  }
  return component;
}

function leavingOrder(next: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const entered = new Set<number>();
  for (const [root] of next.entries()) {
    const stack: [number, number][] = entered.has(root) ? [] : [[root, 0]];
    entered.add(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const below = next[top[0]]![top[1]];
      top[1] += 1;
      if (below === undefined) {
        order.push(top[0]);
        stack.pop();
      } else if (!entered.has(below)) {
        entered.add(below);
        stack.push([below, 0]);
      }
    }
  }
  return order;
}
