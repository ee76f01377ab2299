// The help texts, made from the tables of the verbs. Pure: table in, text out.
import { exitCodes } from '../../runtime/index.js';
import { flagsOf } from './parse.js';
import { type Argument, type Flag, refusedExit, type Verb } from './verb.js';

const width = 96;

/** What each exit code means (reliability 6.3). */
export const exitMeanings: Readonly<Record<number, string>> = {
  [exitCodes.ok]: 'done',
  [refusedExit]: 'understood, but it cannot be done: no such message, not in this state',
  [exitCodes.usage]: 'wrong usage or configuration; no store where one was named',
  [exitCodes.damaged]: 'the store is damaged or older than its watermark',
  [exitCodes['bus-unusable']]: 'no engine is running here, or the bus cannot be used',
  [exitCodes.internal]: 'a bug, or the process was stuck for more than 10 s',
  [exitCodes.io]: 'reading or writing failed: disk full, read-only, broken',
  [exitCodes.locked]: 'another process has the store open',
  [exitCodes.permissions]: 'the data folder can be read by others, or not by us',
  [exitCodes['policy-invalid']]: 'a policy did not pass its checks',
};

/** Help for the whole program. */
export function generalHelp(verbs: readonly Verb[]): string {
  const rows = verbs.map((verb) => [usage(verb), verb.purpose] as const);
  return [
    'deferred-im keeps SIP messages for people who are offline: stored, delivered on return,\n',
    'or reported as failed to the sender.\n\n',
    'Usage: deferred-im VERB [ARGUMENTS] [--json]\n\n',
    table(rows),
    '\nMore about one verb: deferred-im help VERB, or deferred-im VERB --help\n',
    'Version:             deferred-im --version\n\n',
    'The store of a verb is --folder, else DEFERRED_IM_FOLDER, else `folder` in the\n',
    'configuration file (--config or DEFERRED_IM_CONFIG).\n\n',
    'Exit codes:\n',
    table(Object.entries(exitMeanings).map(([code, meaning]) => [code, meaning] as const)),
  ].join('');
}

/** Help for one verb. */
export function verbHelp(verb: Verb): string {
  const flags = Object.entries(flagsOf(verb)).map(
    ([name, flag]) => [flagText(name, flag), flag.meaning] as const,
  );
  const args = (verb.arguments ?? []).map((one) => [one.name, one.meaning] as const);
  const exits = [exitCodes.ok, ...(verb.exits ?? []), exitCodes.usage]
    .filter((code, index, all) => all.indexOf(code) === index)
    .sort((a, b) => a - b)
    .map((code) => [String(code), exitMeanings[code] ?? ''] as const);
  return [
    `${wrap(`deferred-im ${verb.name}: ${verb.purpose}`, width)}\n\n`,
    `Usage: deferred-im ${usage(verb)} [flags]\n`,
    verb.text === undefined ? '' : `\n${wrap(verb.text, width)}\n`,
    args.length === 0 ? '' : `\nArguments:\n${table(args)}`,
    `\nFlags:\n${table(flags)}`,
    `\nExamples:\n${verb.examples.map((one) => `  ${one}\n`).join('')}`,
    `\nExit codes:\n${table(exits)}`,
  ].join('');
}

const usage = (verb: Verb): string =>
  [verb.name, ...(verb.arguments ?? []).map(argumentText)].join(' ');

function argumentText({ name, optional, many }: Argument): string {
  const text = many === true ? `${name}...` : name;
  return optional === true ? `[${text}]` : text;
}

const flagText = (name: string, { value, short }: Flag): string =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;

function table(rows: readonly (readonly [string, string])[]): string {
  const column = Math.min(38, Math.max(...rows.map(([left]) => left.length)));
  const indent = ' '.repeat(column + 4);
  return rows
    .map(([left, right]) => {
      const text = wrap(right, width - column - 4).replaceAll('\n', `\n${indent}`);
      const fits = left.length <= column;
      return fits ? `  ${left.padEnd(column)}  ${text}\n` : `  ${left}\n${indent}${text}\n`;
    })
    .join('');
}

function wrap(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, columns))
    .join('\n');
}

function wrapLine(text: string, columns: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
