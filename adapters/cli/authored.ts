// The store keeps a policy in its canonical form, with sorted keys; a chart reads best in the order
// its author chose. Where a stored policy is a shipped one, this gives back the shipped file.
import {
  compilePolicy,
  type Graph,
  graphOf,
  type PolicyFile,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';

/** The same policy in its author's order, where that is known. */
export function authored(source: unknown): PolicyFile {
  const file = source as PolicyFile;
  if (!shippedPolicyIds.includes(file.id)) return file;
  const shipped = shippedPolicy(file.id);
  return hashOf(shipped) === hashOf(source) ? (shipped as PolicyFile) : file;
}

function hashOf(source: unknown): string | null {
  const compiled = compilePolicy(source);
  return compiled.ok ? compiled.policy.hash : null;
}

/** The graph of a policy that has passed its checks, in its author's order; null when it has not. */
export function authoredGraph(source: unknown): Graph | null {
  return hashOf(source) === null ? null : graphOf(authored(source).machine);
}
