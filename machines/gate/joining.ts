// Histories that go on from another policy, in the product of a chart and a monitor. Where a message that was stored under
// the chart itself comes to as well, all is well: the gate let the policy in. Of all else it is asked, backwards from each
// objection, who can come to it: exactly those are shown, each by its shortest continuation. One pass, however many join.
import type { Piecemeal } from '../piecemeal.js';
import type { Edge, Exploration } from './explorer.js';
import type { Fault } from './fault.js';
import { type Monitor, type Objection, watching } from './monitor.js';
import type { Situation } from './situation.js';

/** A history that joins, and what the monitor made of it before. */
export interface Joining<S extends object> {
  /** Its first step here. */
  readonly edge: Edge;
  readonly state: S;
}

/** What is objected to, and the labels that lead there, from the first step on. */
export interface Shown {
  readonly objection: Objection;
  readonly labels: readonly string[];
}

/** For each history that joins: what the monitor comes to object to at the soonest, or null. */
export function* shownOf<S extends object>(
  at: Exploration,
  monitor: Monitor<S>,
  joining: readonly Joining<S>[],
): Piecemeal<readonly (Shown | null)[]> {
  const own = yield* watching(at, monitor, () => {});
  const product = new Product(at, monitor);
  for (const { situation, state } of own) product.known.set(nameOf(situation, state), null);
  const first = joining.map(({ edge, state }) => product.add(state, [edge]));
  yield* product.run();
  return first.map(shown);
}

/** Objects to whoever comes where a fault is. */
export function faultMonitor(faults: readonly Fault[]): Monitor<Record<string, never>> {
  const found = new Map<Situation | null, Fault>();
  for (const one of faults) if (!found.has(one.situation)) found.set(one.situation, one);
  return {
    start: () => ({}),
    watch: (state, { to }) => {
      const fault = found.get(to);
      const objections = fault === undefined ? [] : [{ ...fault.say(), labels: fault.labels }];
      return { next: [state], objections };
    },
  };
}

/** Steps that are gone through before somebody else may go first. */
const nodesPerPiece = 64;

interface Node<S> {
  readonly state: S;
  readonly edges: readonly Edge[];
  /** From where it is come to, and by what. */
  readonly before: { readonly node: Node<S>; readonly label: string }[];
  /** The next step towards an objection; null: none is known. */
  way: Way<S> | null;
}

interface Way<S> {
  readonly label: string;
  readonly towards: Node<S> | Objection;
}

class Product<S extends object> {
  /** Null: whoever is stored under the policy comes there too. */
  readonly known = new Map<string, Node<S> | null>();
  private readonly nodes: Node<S>[] = [];

  constructor(
    private readonly at: Exploration,
    private readonly monitor: Monitor<S>,
  ) {}

  add(state: S, edges: readonly Edge[]): Node<S> {
    const node = { state, edges, before: [], way: null };
    this.nodes.push(node);
    return node;
  }

  *run(): Piecemeal<void> {
    const faulty: Node<S>[] = [];
    for (let next = 0; next < this.nodes.length; next += 1) {
      if (next % nodesPerPiece === 0) yield;
      const node = this.nodes[next]!;
      this.goOn(node);
      if (node.way !== null) faulty.push(node);
    }
    // Breadth-first, so that each is shown by its shortest way.
    for (let next = 0; next < faulty.length; next += 1)
      for (const { node, label } of faulty[next]!.before) {
        if (node.way !== null) continue;
        node.way = { label, towards: faulty[next]! };
        faulty.push(node);
      }
  }

  private goOn(node: Node<S>): void {
    for (const edge of node.edges) {
      const { next, objections } = this.monitor.watch(node.state, edge);
      const { label } = edge.stimulus;
      if (objections.length > 0) {
        node.way = { label, towards: objections[0]! };
        return;
      }
      for (const state of next) this.nodeAt(edge.to, state)?.before.push({ node, label });
    }
  }

  private nodeAt(situation: Situation, state: S): Node<S> | null {
    const name = nameOf(situation, state);
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const node = this.add(state, this.at.edges[situation.id]!);
    this.known.set(name, node);
    return node;
  }
}

const nameOf = (situation: Situation, state: object): string =>
  `${situation.id} ${Object.values(state).join()}`;

function shown<S>(from: Node<S>): Shown | null {
  const labels: string[] = [];
  for (let at = from; at.way !== null; ) {
    const { label, towards } = at.way;
    labels.push(label);
    if ('code' in towards) {
      labels.push(...(towards.labels ?? []));
      return { objection: towards, labels };
    }
    at = towards;
  }
  return null;
}
