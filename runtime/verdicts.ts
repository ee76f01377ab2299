// What the gate says of policies, and of moves between them. A judgement takes as long as thousands of messages: whoever
// brings a policy has it judged first, a piece at a time between other work, and what was said is kept here for the turn
// that decides. A turn that finds nothing asks the gate at once: it decides the same either way.
import {
  atOnce,
  type Compiled,
  inPieces,
  type Judgement,
  judgingMigration,
  judgingPolicy,
  type MigrationJudgement,
  type MigrationMap,
  type Piecemeal,
  type Policy,
  type PolicyFinding,
} from '../machines/index.js';
import { type Judge, type JudgeMove, stepper } from './gate.js';

/** What the gate says of a policy file. */
export interface Verdict {
  readonly ok: boolean;
  readonly findings: readonly PolicyFinding[];
  /** Null when it could not be built. */
  readonly hash: string | null;
}

export class Verdicts {
  /** Hashes of what has passed since the start. */
  private readonly passed = new Set<string>();
  /** Of the files in hand: gone with them. */
  private readonly files = new WeakMap<object, Verdict>();
  /** The last move of each policy that was asked for. */
  private readonly moves = new WeakMap<Policy, KeptMove>();

  constructor(
    private readonly compile: (source: unknown) => Compiled,
    private readonly ask?: Judge,
    private readonly askMove?: JudgeMove,
  ) {}

  /** True when a policy has been let in since the start. */
  has(hash: string): boolean {
    return this.passed.has(hash);
  }

  file(source: unknown): Verdict {
    return this.kept(source) ?? atOnce(this.judging(source));
  }

  move(from: Policy, to: Policy, map: MigrationMap): MigrationJudgement {
    return this.keptMove(from, to, map) ?? atOnce(this.judgingMove(from, to, map));
  }

  /** Judges a file ahead of its turn. */
  async fileAhead(source: unknown, pause: () => Promise<void>): Promise<void> {
    if (this.kept(source) === undefined) await inPieces(this.judging(source), pause);
  }

  /** Judges a move ahead of its turn, or for a forecast. */
  async moveAhead(
    from: Policy,
    to: Policy,
    map: MigrationMap,
    pause: () => Promise<void>,
  ): Promise<MigrationJudgement> {
    return this.keptMove(from, to, map) ?? inPieces(this.judgingMove(from, to, map), pause);
  }

  private kept(source: unknown): Verdict | undefined {
    return isObject(source) ? this.files.get(source) : undefined;
  }

  private *judging(source: unknown): Piecemeal<Verdict> {
    const verdict = verdictOf(yield* this.asked(source));
    if (verdict.ok && verdict.hash !== null) this.passed.add(verdict.hash);
    if (isObject(source)) this.files.set(source, verdict);
    return verdict;
  }

  private *asked(source: unknown): Piecemeal<Judgement> {
    if (this.ask !== undefined) return this.ask(source, this.compile);
    return yield* judgingPolicy(source, stepper, this.compile);
  }

  private keptMove(from: Policy, to: Policy, map: MigrationMap): MigrationJudgement | undefined {
    const kept = this.moves.get(from);
    return kept?.name === nameOf(to, map) ? kept.judgement : undefined;
  }

  private *judgingMove(from: Policy, to: Policy, map: MigrationMap): Piecemeal<MigrationJudgement> {
    const judgement =
      this.askMove?.(from, to, map) ?? (yield* judgingMigration(from, to, map, stepper));
    this.moves.set(from, { name: nameOf(to, map), judgement });
    return judgement;
  }
}

interface KeptMove {
  readonly name: string;
  readonly judgement: MigrationJudgement;
}

const nameOf = (to: Policy, map: MigrationMap): string => `${to.hash} ${JSON.stringify(map)}`;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

// What was explored is let go: it is many times as large as the policy.
const verdictOf = ({ ok, findings, policy }: Judgement): Verdict => ({
  ...{ ok, findings, hash: policy?.hash ?? null },
});
