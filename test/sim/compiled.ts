// Policies built once for a process of the simulation, or of a test: a boot takes less than a millisecond, reading and
// building the shipped policies took most of it. The builder and the gate are the real ones; what they made is kept by the
// octets of the row, or by the very object that was handed in. Engines of tests ask the gate as the program does, in pieces.
import { type Compiled, compilePolicy, type Judgement } from '../../machines/index.js';
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

/** The gate, asked once for each file that was read. */
export const judgeOnce: Judge = (source, compile) => {
  const judgement = judged.get(source) ?? judge(source, compile);
  judged.set(source, judgement);
  return judgement;
};
