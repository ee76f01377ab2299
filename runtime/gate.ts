// The gate with the engine's own step: what every door of a policy asks. Which checks there are is machines/gate's to say.
import { type Compiled, type Judgement, judgePolicy } from '../machines/index.js';
import { begin, step } from './step.js';

/** Judges a policy file, as parsed JSON, by all release checks; never throws on a policy. */
export const judge = (source: unknown, compile?: (source: unknown) => Compiled): Judgement =>
  judgePolicy(source, { begin, step }, compile);

/** Says of a policy file whether it may be used, and why not. */
export type Judge = typeof judge;
