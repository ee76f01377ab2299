// Arguments of one verb, by its own table of flags. What is unknown is named together with the
// nearest known flag; nothing is guessed, no flag is silently ignored.
import { parseArgs } from 'node:util';
import { exitCodes } from '../../runtime/index.js';
import { hint } from './nearest.js';
import { type Flag, type Verb, VerbFailure } from './verb.js';

/** Flags every verb has. */
export const commonFlags: Readonly<Record<string, Flag>> = {
  json: { meaning: 'Print results and errors as JSON, one value a line.' },
  help: { short: 'h', meaning: 'Explain this verb.' },
};

export interface Parsed {
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
}

/** All flags of a verb, the common ones included. */
export const flagsOf = (verb: Verb): Readonly<Record<string, Flag>> => ({
  ...verb.flags,
  ...commonFlags,
});

const wrong = (message: string): VerbFailure => new VerbFailure(exitCodes.usage, 'usage', message);

/** Reads what follows the verb's words. Throws a VerbFailure (64) that names what is wrong. */
export function parseVerb(verb: Verb, argv: readonly string[]): Parsed {
  const known = flagsOf(verb);
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags: Record<string, string> = {};
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind === 'option') flags[token.name] = flagValue(verb, known, token);
  }
  if (flags['help'] === undefined) checkCount(verb, args);
  return { args, flags };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function flagValue(verb: Verb, known: Readonly<Record<string, Flag>>, token: OptionToken): string {
  const { name, rawName, value, inlineValue } = token;
  const flag = Object.hasOwn(known, name) ? known[name] : undefined;
  if (flag === undefined) {
    const near = hint(
      rawName,
      Object.keys(known).map((one) => `--${one}`),
    );
    throw wrong(`${verb.name}: unknown flag ${rawName}${near}`);
  }
  if (flag.value === undefined) {
    if (value !== undefined) throw wrong(`${verb.name}: ${rawName} takes no value`);
    return 'true';
  }
  // `--out --json` is a forgotten value, not a file called `--json`.
  if (value === undefined || (inlineValue !== true && value.startsWith('--')))
    throw wrong(`${verb.name}: ${rawName} needs a value (${flag.value})`);
  return value;
}

function checkCount(verb: Verb, args: readonly string[]): void {
  const declared = verb.arguments ?? [];
  const missing = declared.slice(args.length).find((one) => one.optional !== true);
  if (missing !== undefined) throw wrong(`${verb.name}: ${missing.name} is missing`);
  const most = declared.some((one) => one.many === true)
    ? Number.POSITIVE_INFINITY
    : declared.length;
  if (args.length > most)
    throw wrong(`${verb.name}: unexpected argument ${JSON.stringify(args[most])}`);
}

/** A flag that is a whole number from `min` to `max`. */
export function integerFlag(
  verb: string,
  flags: Readonly<Record<string, string>>,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const digits = text.length <= 15 && /^[0-9]+$/.test(text);
  if (!digits || Number(text) < min || Number(text) > max)
    throw wrong(`${verb}: --${name} must be a whole number from ${min} to ${max}`);
  return Number(text);
}
