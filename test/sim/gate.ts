// The gate, asked once in a process about each file and each move. It is the real one, and explores policies as they are:
// that their steps may throw at run time it cannot know.
import {
  type Compiled,
  type MigrationJudgement,
  type Policy,
  shippedPolicy,
  shippedPolicyIds,
} from '../../machines/index.js';
import { type Judge, type JudgeMove, judgeMove } from '../../runtime/gate.js';
import { compiledOnce, judgeOnce } from './compiled.js';

export const judgeWhole: Judge = (source) => judgeOnce(source, compiledOnce);

const moves = new Map<string, MigrationJudgement>();

export const judgeMoveOnce: JudgeMove = (from, to, map) => {
  const name = `${from.hash} ${to.hash} ${JSON.stringify(map)}`;
  const judgement = moves.get(name) ?? judgeMove(whole(from), whole(to), map);
  moves.set(name, judgement);
  return judgement;
};

const shipped = new Map<string, Policy>();

function whole(policy: Policy): Policy {
  if (shipped.size === 0) {
    const built = (compiled: Compiled) => (compiled.ok ? [compiled.policy] : []);
    for (const id of shippedPolicyIds)
      for (const one of built(compiledOnce(shippedPolicy(id)))) shipped.set(one.hash, one);
  }
  return shipped.get(policy.hash) ?? policy;
}
