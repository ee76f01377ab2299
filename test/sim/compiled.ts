// Policies built once for a process of the simulation: a boot takes less than a millisecond, reading and building the
// shipped policies took most of it. The reader is the real one; what it made is kept by the octets it was made from.
import {
  compilePolicy,
  type Judgement,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';
import { type Judge, judge } from '../../runtime/index.js';
import { type PolicyReader, type ReadPolicy, readPolicy } from '../../runtime/registry.js';

const known: { readonly octets: Buffer; readonly read: ReadPolicy }[] = [];

export const readOnce: PolicyReader = (payload) => {
  const found = known.find(({ octets }) => octets.equals(payload));
  if (found !== undefined) return found.read;
  const read = readPolicy(payload);
  known.push({ octets: Buffer.from(payload), read });
  return read;
};

const judged = new Map<unknown, Judgement>();

/** The gate, asked once for each file that was read. */
export const judgeOnce: Judge = (source, compile) => {
  const judgement = judged.get(source) ?? judge(source, compile);
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
