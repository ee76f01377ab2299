// What a verb of the command line is: its words for --help, its flags, its code. One table of flags
// feeds both the parser and the help, so that neither can know what the other does not. Knows no
// verb in particular.
import type { Output } from './output.js';

/** A flag; with `value` it takes one, named so in the help. */
export interface Flag {
  readonly value?: string;
  readonly short?: string;
  readonly meaning: string;
}

/** A positional argument. */
export interface Argument {
  readonly name: string;
  readonly meaning: string;
  readonly optional?: boolean;
  /** Takes all that follow. */
  readonly many?: boolean;
}

/** What a verb was called with. */
export interface Call {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
  readonly output: Output;
}

export interface Verb {
  /** Words on the command line: `messages list`. */
  readonly name: string;
  readonly purpose: string;
  /** Paragraphs for the verb's own help. */
  readonly text?: string;
  readonly arguments?: readonly Argument[];
  readonly flags?: Readonly<Record<string, Flag>>;
  readonly examples: readonly string[];
  /** Exit codes beside 0 that are worth knowing here. */
  readonly exits?: readonly number[];
  /** Parses its own arguments; only --help is looked for. */
  readonly raw?: boolean;
  readonly run: (call: Call) => Promise<number>;
}

/** Ends a verb with an exit code and one line that says what and where. */
export class VerbFailure extends Error {
  override readonly name = 'VerbFailure';
  constructor(
    readonly exitCode: number,
    readonly code: string,
    message: string,
    readonly details: readonly string[] = [],
  ) {
    super(message);
  }
}

/** Exit code of a request that was understood and could not be met. */
export const refusedExit = 1;
