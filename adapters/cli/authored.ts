// The graph of a policy file in the order its author wrote it. A compiled policy is built from the
// canonical form, with sorted keys; a chart reads best in the other order.
import { compilePolicy, type Graph, graphOf, type PolicyFile } from '../../machines/index.js';

/** The graph of a policy in its author's order; null when it does not pass its checks. */
export function authoredGraph(source: unknown): Graph | null {
  return compilePolicy(source).ok ? graphOf((source as PolicyFile).machine) : null;
}
