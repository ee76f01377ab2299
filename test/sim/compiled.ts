// Policies built once for a process of the simulation: a boot takes less than a millisecond, building the two shipped
// policies four. The builder is the real one; what it made is kept by the text it was made from.
import {
  type Compiled,
  compilePolicy,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';

const built = new Map<string, Compiled>();

export function compiledOnce(source: unknown): Compiled {
  const text = JSON.stringify(source);
  let compiled = built.get(text);
  if (compiled === undefined) {
    compiled = compilePolicy(source);
    built.set(text, compiled);
  }
  return compiled;
}

// Nobody reads notices in this world: its phones take messages alone.
const simulated = shippedPolicyIds.filter((id) => id !== 'notify-and-pull');

/** Content hashes of the shipped policies that are simulated, by id. */
export const policyHashes: ReadonlyMap<string, string> = new Map(
  simulated.map((id) => {
    const compiled = compiledOnce(shippedPolicy(id));
    if (!compiled.ok) throw new TypeError(`shipped policy ${id} is refused`);
    return [id, compiled.policy.hash];
  }),
);
