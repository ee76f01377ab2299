// Which shipped policy a content hash stands for.
import { compilePolicy, shippedPolicy, shippedPolicyIds } from '../../machines/index.js';

/** Content hashes of the shipped policies, by id. */
export const policyHashes: ReadonlyMap<string, string> = new Map(
  shippedPolicyIds.map((id) => {
    const compiled = compilePolicy(shippedPolicy(id));
    if (!compiled.ok) throw new TypeError(`shipped policy ${id} is refused`);
    return [id, compiled.policy.hash];
  }),
);
