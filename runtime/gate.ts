// The gate with the engine's own step: what every door of a policy asks. Which checks there are is machines/gate's to say.
import {
  atOnce,
  type Compiled,
  type Judgement,
  judgePolicy,
  judgingMigration,
  type MigrationJudgement,
  type MigrationMap,
  type Policy,
  type Stepper,
} from '../machines/index.js';
import { begin, placed, step } from './step.js';

/** The engine's own step, as the gate explores with it. */
export const stepper: Stepper = { begin, step, placed };

/** Judges a policy file, as parsed JSON, by all release checks; never throws on a policy. */
export const judge = (source: unknown, compile?: (source: unknown) => Compiled): Judgement =>
  judgePolicy(source, stepper, compile);

/** Judges a move between two policies, at once. */
export const judgeMove = (from: Policy, to: Policy, map: MigrationMap): MigrationJudgement =>
  atOnce(judgingMigration(from, to, map, stepper));

/** Says of a move who has a place to go. */
export type JudgeMove = typeof judgeMove;

/** Says of a policy file whether it may be used, and why not. */
export type Judge = typeof judge;
