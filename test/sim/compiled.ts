// Policies built once for a process of the simulation: a boot takes less than a millisecond, reading and building the
// shipped policies took most of it. The builder is the real one; what it made is kept by the octets it was made from.
import {
  type Compiled,
  compilePolicy,
  type Judgement,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';
import { type Judge, judge } from '../../runtime/index.js';
import type { PolicyRow } from '../../runtime/rows.js';

const parsed: { readonly octets: Buffer; readonly row: PolicyRow }[] = [];
const built = new Map<unknown, Compiled>();

/** A row that was read before is the very same again. */
export const parsedOnce = (payload: Uint8Array): PolicyRow => {
  const found = parsed.find(({ octets }) => octets.equals(payload));
  if (found !== undefined) return found.row;
  const octets = Buffer.from(payload);
  const row = JSON.parse(octets.toString()) as PolicyRow;
  parsed.push({ octets, row });
  return row;
};

export const compiledOnce = (source: unknown): Compiled => {
  const compiled = built.get(source) ?? compilePolicy(source);
  built.set(source, compiled);
  return compiled;
};

const judged = new Map<unknown, Judgement>();

/** The same policies, whose steps throw now and then: a bug of a chart, or of XState. */
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

/** The gate, asked once for each file that was read; what fails at run time it cannot know. */
export const judgeOnce: Judge = (source) => {
  const judgement = judged.get(source) ?? judge(source, compiledOnce);
  judged.set(source, judgement);
  return judgement;
};

/** Content hashes of the shipped policies, by id. */
export const policyHashes: ReadonlyMap<string, string> = new Map(
  shippedPolicyIds.map((id) => {
    const compiled = compilePolicy(shippedPolicy(id));
    if (!compiled.ok) throw new TypeError(`shipped policy ${id} is refused`);
    return [id, compiled.policy.hash];
  }),
);
