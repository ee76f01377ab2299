// One call of the command line: finds the verb, parses its arguments, runs it, and turns what went
// wrong into one clear line and an exit code. Knows the table of verbs and nothing of what they do;
// writes only through `Streams`.
import { createRequire } from 'node:module';
import { exitCodes, RuntimeFault } from '../../runtime/index.js';
import { generalHelp, verbHelp } from './help.js';
import { hint } from './nearest.js';
import { createOutput, processStreams, type Streams } from './output.js';
import { parseVerb } from './parse.js';
import { type Verb, VerbFailure } from './verb.js';
import { verbs } from './verbs.js';

const usageOf = (message: string): VerbFailure =>
  new VerbFailure(exitCodes.usage, 'usage', message);

/** The verb at the head of the arguments: as many words as there are verbs of, three at most. */
function findVerb(argv: readonly string[]): {
  verb: Verb;
  rest: readonly string[];
} {
  const [first = '', second = '', third = ''] = argv;
  const three = verbs.find((verb) => verb.name === `${first} ${second} ${third}`);
  if (three !== undefined) return { verb: three, rest: argv.slice(3) };
  const two = verbs.find((verb) => verb.name === `${first} ${second}`);
  if (two !== undefined) return { verb: two, rest: argv.slice(2) };
  const one = verbs.find((verb) => verb.name === first);
  if (one !== undefined) return { verb: one, rest: argv.slice(1) };
  throw unknownVerb(first, second);
}

function unknownVerb(first: string, second: string): VerbFailure {
  const group = verbs.filter((verb) => verb.name.startsWith(`${first} `));
  if (group.length === 0) {
    const words = [...new Set(verbs.map((verb) => verb.name.split(' ')[0] ?? ''))];
    return usageOf(
      `unknown verb ${JSON.stringify(first)}${hint(first, words)}; see deferred-im help`,
    );
  }
  const inner = group.map((verb) => verb.name.slice(first.length + 1));
  if (second === '' || second.startsWith('-'))
    return usageOf(`${first} needs one of: ${inner.join(', ')}`);
  const asked = JSON.stringify(`${first} ${second}`);
  const known = `${first} knows: ${inner.join(', ')}`;
  return usageOf(`unknown verb ${asked}${hint(second, inner)}; ${known}`);
}

/** Everything a group of verbs has, when only its first word is given with a wish for help. */
function helpText(words: readonly string[]): string {
  if (words.length === 0) return generalHelp(verbs);
  const group = verbs.filter((verb) => verb.name.startsWith(`${words.join(' ')} `));
  return group.length > 0 ? generalHelp(group) : verbHelp(findVerb(words).verb);
}

function version(): string {
  const require = createRequire(import.meta.url);
  // Beside dist/ in a package and in a checkout alike.
  return (require('../../../package.json') as { version: string }).version;
}

/** Runs one command line and returns its exit code. Never throws. */
export async function runCommand(
  argv: readonly string[],
  streams: Streams = processStreams,
): Promise<number> {
  try {
    return await run(argv, streams);
  } catch (cause) {
    return report(cause, argv.includes('--json'), streams);
  }
}

async function run(argv: readonly string[], { out, err }: Streams): Promise<number> {
  const [first] = argv;
  const words = argv.filter((one) => !one.startsWith('-'));
  if (first === undefined) {
    out(generalHelp(verbs));
    return exitCodes.usage;
  }
  if (first === '--version') {
    out(`deferred-im ${version()}\n`);
    return exitCodes.ok;
  }
  if (first === 'help' || (asksHelp(argv) && (first.startsWith('-') || isGroup(words)))) {
    out(helpText(first === 'help' ? words.slice(1) : words));
    return exitCodes.ok;
  }
  if (first.startsWith('-'))
    throw usageOf(`a verb comes first, not ${first}; see deferred-im help`);
  return runVerb(argv, { out, err });
}

const asksHelp = (argv: readonly string[]): boolean =>
  argv.includes('--help') || argv.includes('-h');

const isGroup = (words: readonly string[]): boolean =>
  verbs.some((verb) => verb.name.startsWith(`${words.join(' ')} `));

async function runVerb(argv: readonly string[], streams: Streams): Promise<number> {
  const { verb, rest } = findVerb(argv);
  if (verb.raw === true && !asksHelp(rest))
    return verb.run({ args: rest, flags: {}, output: createOutput(false, streams) });
  const { args, flags } =
    verb.raw === true ? { args: [], flags: { help: 'true' } } : parseVerb(verb, rest);
  if ('help' in flags) {
    streams.out(verbHelp(verb));
    return exitCodes.ok;
  }
  return verb.run({ args, flags, output: createOutput('json' in flags, streams) });
}

function report(cause: unknown, json: boolean, streams: Streams): number {
  const output = createOutput(json, streams);
  if (cause instanceof VerbFailure) {
    output.error(cause.code, cause.message, cause.details);
    return cause.exitCode;
  }
  if (cause instanceof RuntimeFault) {
    output.error(cause.code, cause.message, cause.details);
    return cause.exitCode;
  }
  output.error('internal', cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  return exitCodes.internal;
}
