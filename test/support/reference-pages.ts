// The reference pages that tell of machines and runtime: each is made from the tables of the code and nothing else,
// so that no page can promise what the code does not hold. Words that stand in no table are kept here in records
// that TypeScript holds complete. Everything is sorted as the tables are; no page carries a date.

import { exitMeanings } from '../../adapters/cli/help.js';
import {
  actionVocabulary,
  answerClass,
  answerTimeoutMs,
  builtInDelays,
  defaultReportRules,
  effectTypes,
  guardVocabulary,
  messageEventTypes,
  type ParameterType,
  patienceMs,
  type ReportException,
  reportExceptions,
  retentionMinMs,
  shippedPolicyIds,
  stateTags,
  type VocabularyEntry,
} from '../../machines/index.js';
import {
  effectRepeatsMs,
  exitCodes,
  faults,
  keyFamilies,
  partitionCount,
  refusals,
} from '../../runtime/index.js';
import { keys, storeSumKey } from '../../runtime/keys.js';
import {
  type CodedSentence,
  constants,
  objectEntries,
  type SourceEntry,
  unionMembers,
} from './source-text.js';

/** A Markdown page: title, where it comes from, and its parts. */
export function page(title: string, source: string, parts: readonly string[]): string {
  const note = `Generated from ${source} by \`npm run docs\`; a test holds the two equal.`;
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`;
}

/** A Markdown table. Bars within cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

export const code = (text: string): string => `\`${text}\``;

// ---- errors ----

/** Errors of the runtime and of policies; the adapter's own follow in `rest`. */
export function errorsPage(rest: readonly string[]): string {
  return page('Errors', '`runtime/errors.ts` and `adapters/`', [
    'Three kinds never mix: a **refusal** is a value in a reply, a **fault** is thrown and has a stable code, a bug ends the process. Codes are stable, sentences are not.',
    '## Refusals',
    'The command was understood and nothing was stored. The status is what a SIP sender hears.',
    table(['Code', 'SIP status', 'Meaning'], Object.entries(refusals).map(refusalRow)),
    '## Faults',
    '`RuntimeFault` with `code`, `message`, `details` (what and where) and `exitCode`.',
    table(['Code', 'Exit code', 'Meaning'], Object.entries(faults).map(faultRow)),
    '## Exit codes',
    table(['Exit code', 'Meaning', 'Faults'], Object.entries(exitMeanings).map(exitRow)),
    'Seen from outside also: 137, ended by `kill -9` or for want of memory.',
    ...rest,
    '## Findings of a policy',
    'A policy file is refused with findings: code, severity, JSON pointer, sentence. They are listed in [The gate](gate.md).',
  ]);
}

const refusalRow = ([name, { status, meaning }]: [string, { status: number; meaning: string }]) => [
  code(name),
  String(status),
  meaning,
];

const faultRow = ([name, { exit, meaning }]: [
  string,
  { exit: keyof typeof exitCodes; meaning: string },
]) => [code(name), `${exitCodes[exit]} ${exit}`, meaning];

function exitRow([exit, meaning]: [string, string]): readonly string[] {
  const name = Object.entries(exitCodes).find(([, number]) => String(number) === exit)?.[0];
  const leading = Object.entries(faults).filter(([, fault]) => fault.exit === name);
  return [exit, meaning, leading.map(([fault]) => code(fault)).join(', ')];
}

/** Sentences of one code as one entry, by code. */
export function merged(found: readonly CodedSentence[]): readonly CodedSentence[] {
  const byName = new Map<string, CodedSentence>();
  for (const one of found) {
    const known = byName.get(one.name);
    if (known === undefined) byName.set(one.name, one);
    else if (!known.value.split('; ').includes(one.value))
      byName.set(one.name, { ...known, value: `${known.value}; ${one.value}` });
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

// ---- events and effects ----

export function eventsPage(): string {
  const members = unionMembers('machines/events.ts', 'MessageEvent');
  const rows = messageEventTypes.map((type) => {
    const member = members.find((one) => one.name === type);
    return [code(type), member?.value ? code(member.value) : '', member?.comment ?? ''];
  });
  return page('Events', '`machines/events.ts` and `machines/answer.ts`', [
    'What a deferred message can hear: facts, named in the past. Nothing else reaches a policy but its own delays.',
    table(['Event', 'Carries', 'Meaning'], rows),
    '## Classes of answers',
    'How a SIP final code is understood when it answers our own MESSAGE, a delivery or a report.',
    table(['Class', 'Codes'], answerRows()),
    '0 stands for a request that was never sent, 408 also for no answer at all.',
  ]);
}

function answerRows(): readonly (readonly string[])[] {
  const temporary = [0, ...range(200, 699)].filter((one) => answerClass(one) === 'temporary');
  const refused = range(200, 699).filter((one) => answerClass(one) === 'refused');
  const success = range(200, 699).filter((one) => answerClass(one) === 'success');
  return [
    [code('success'), `${success[0]} to ${success.at(-1)}`],
    [code('temporary'), temporary.join(', ')],
    [code('refused'), `${refused[0]} to ${refused.at(-1)}`],
    [code('unsuitable'), 'every other code from 300 to 599'],
  ];
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

export function effectsPage(): string {
  const members = unionMembers('machines/effects.ts', 'Effect');
  const rows = effectTypes.map((type) => {
    const member = members.find((one) => one.name === type);
    return [code(type), member?.value ? code(member.value) : '', member?.comment ?? ''];
  });
  const local = sampleLocal;
  return page('Effects', '`machines/effects.ts` and `runtime/identity.ts`', [
    'What a message may ask of the world: a closed list. A step returns effects as data; nothing happens before they are committed.',
    table(['Effect', 'Carries', 'Meaning'], rows),
    '## Identities',
    'All are derived from stored data and equal at every repetition, after every crash.',
    table(
      ['What', 'Form', 'Depends on'],
      [
        [
          'effect id',
          ['d', 'r', 'p', 'n'].map((letter) => code(`${letter}-${local}-1`)).join(', '),
          'message or notice, kind, attempt',
        ],
        ['token', '26 characters of base32', 'effect id, store secret'],
        [
          'Call-ID and From tag',
          'base32',
          'message, kind, store secret: the same at every attempt',
        ],
        ['CSeq', 'number', 'attempt'],
        [
          '`imdn.Message-ID` of a report',
          '26 characters of base32',
          'message, kind of report, store secret: the same at every attempt',
        ],
      ],
    ),
    `An effect is repeated on the bus after ${effectRepeatsMs.map((ms) => ms / 1000).join(', ')} seconds, same id and same octets, until its outcome is committed or its patience ends.`,
  ]);
}

// ---- vocabulary ----

export function vocabularyPage(): string {
  return page('Vocabulary of policies', '`machines/vocabulary.ts`', [
    `Every name a policy file may use; a name that is not here is refused. The shipped policies, ${shippedPolicyIds.map(code).join(' and ')}, show them in use.`,
    '## Guards',
    table(['Guard', 'Parameters', 'Meaning'], vocabularyRows(guardVocabulary)),
    '## Actions',
    table(['Action', 'Parameters', 'Meaning'], vocabularyRows(actionVocabulary)),
    '## Delays',
    'Names of an `after`. A policy declares others in `settings.delays`, each with its unit: `{"reportRetry": {"minutes": 5}}`.',
    table(['Delay', 'Meaning'], Object.entries(builtInDelays).map(meaningRow)),
    '## Tags of states',
    table(['Tag', 'Meaning'], Object.entries(stateTags).map(meaningRow)),
  ]);
}

const meaningRow = ([name, meaning]: [string, string]) => [code(name), meaning];

function vocabularyRows(
  entries: Readonly<Record<string, VocabularyEntry>>,
): readonly (readonly string[])[] {
  return Object.entries(entries).map(([name, { meaning, params }]) => {
    const parameters = Object.entries(params).map(
      ([key, type]) => `${code(key)}: ${typeText(type)}`,
    );
    return [code(name), parameters.join(', '), meaning];
  });
}

const typeText = (type: ParameterType): string =>
  type.kind === 'choice'
    ? `one of ${type.values.map(code).join(', ')}`
    : `whole number from ${type.min} to ${type.max}`;

// ---- keys ----

const sampleLocal = '2ebjz4qk7mtnv6x3cy5wahdf2glo';
const bob = 'sip:bob@example.org';

const keyForms: Readonly<Record<keyof typeof keyFamilies, string>> = {
  a: keys.actor(sampleLocal),
  b: keys.body(sampleLocal),
  d: keys.dedup(bob, '<digest>'),
  e: keys.audit(sampleLocal, 1),
  m: keys.meta(46),
  H: keys.history(1),
  M: keys.migration(),
  R: keys.rules('<hash>'),
  n: keys.notice(sampleLocal),
  o: keys.outbox(sampleLocal, `d-${sampleLocal}-1`),
  p: keys.preferences(bob),
  q: keys.quarantine(sampleLocal),
  r: keys.mailbox(bob, '<arrival>'),
  s: keys.subscriptions(bob),
  t: keys.timer(sampleLocal, 1_144_152_000_000),
  u: keys.user(bob),
  w: keys.pair(bob, 'sip:alice@example.org'),
  P: keys.policy('<hash>'),
  A: keys.active('<name>'),
  S: keys.store(),
};

export function keysPage(): string {
  const rows = Object.entries(keyFamilies).map(([letter, meaning]) => [
    code(letter),
    meaning,
    code(keyForms[letter as keyof typeof keyFamilies]),
  ]);
  return page('Keys of the store', '`runtime/keys.ts`', [
    `A key is ASCII: two hexadecimal digits of the partition, \`!\`, the family, \`!\`, and what names the row. Users are spread over ${partitionCount} partitions for the life of a store; partition ${partitionCount} belongs to no user. Text of users is escaped, so that it never meets a separator.`,
    table(['Family', 'Row', 'Example'], rows),
    `Beside them ${code(storeSumKey)}: the commit number of the whole store and the last instant it has seen. Every value begins with a format octet and eight octets of checksum over key and payload.`,
  ]);
}

// ---- report exceptions ----

const everyException = [
  'test/machines/exceptions.test.ts',
  'every exception holds for its message, and is the first that does',
] as const;
const access = 'test/conformance/engine/access.test.ts';
const deletion = 'test/conformance/engine/deletion.test.ts';

const reporting = 'test/conformance/engine/reports.test.ts';

/** The test that shows an exception at work: file and title. */
export const exceptionTests: Readonly<Record<ReportException, readonly [string, string]>> = {
  'not-asked': ['test/conformance/engine/expiry.test.ts', 'C22 deletion without request is silent'],
  'recipient-declines': [reporting, 'consent: reports in his name are sent, never sent, or denied'],
  'recipient-forbids': [reporting, 'consent: reports in his name are sent, never sent, or denied'],
  'is-imdn': [deletion, 'C35 no report about an IMDN'],
  encrypted: [deletion, 'C49 encrypted content gets no report'],
  'no-message-id': everyException,
  'message-id-too-long': everyException,
  'no-datetime': [deletion, 'C41 missing DateTime is replaced, or not, as the operator wants'],
  anonymous: [deletion, 'C48 anonymous sender gets no report'],
  'not-asserted': [deletion, 'X1 C88 no report to somebody who sent nothing'],
  'identity-mismatch': everyException,
  'too-many-routes': everyException,
  'untrusted-route': [
    'test/conformance/wire/report.test.ts',
    'C46 an untrusted route gets nothing',
  ],
  'recipient-blocks': [
    access,
    'spec 7.2 discarding what a blocked sender left is an act of its own',
  ],
};

export function reportExceptionsPage(): string {
  const rows = Object.entries(reportExceptions).map(([name, { meaning, source, setting }]) => [
    code(name),
    meaning,
    source,
    setting === null ? '' : `${code(setting)} (${JSON.stringify(defaultReportRules[setting])})`,
    testLink(exceptionTests[name as ReportException]),
  ]);
  return page('When no report is sent', '`machines/exceptions.ts`', [
    'Decided once, when the message is stored, in this order; the first that holds is kept with the message. A failure report is owed when none holds, the sender heard our 202, and none was decided before.',
    'The report that says `stored` goes by the same table where `report.stored` is on and the sender asked for `processing`; a message that is dead on arrival gets none.',
    'Settings are those of `ReportRules`; in the configuration they stand below `report`. A request that is not met for another reason than the first is logged as `no-report-` and the exception, and counted.',
    table(['Exception', 'Meaning', 'Source', 'Setting (default)', 'Test'], rows),
  ]);
}

const testLink = ([file, title]: readonly [string, string]): string => `[${title}](../../${file})`;

// ---- limits ----

/** Rows of limits: name, value, reason. An entry without a comment of its own shows none. */
export const limitRows = (entries: readonly SourceEntry[]): readonly (readonly string[])[] =>
  entries.map(({ name, value, comment }) => [code(name), valueText(value), comment]);

const valueText = (value: string): string => value.replaceAll('_', '').replaceAll('\n', ' ');

export function limitsPage(rest: readonly string[]): string {
  const compile = new Set(['answerTimeoutMs', 'retentionMinMs']);
  const own = constants('machines/compile.ts').filter(({ name }) => compile.has(name));
  return page('Limits', 'the tables of limits in the source, comments included,', [
    'The unit is the last word of the name. Where no reason stands, the source gives none; often the one above covers it.',
    '## Runtime',
    table(['Limit', 'Value', 'Reason'], limitRows(constants('runtime/limits.ts'))),
    table(['Limit', 'Value', 'Reason'], limitRows(objectEntries('runtime/limits.ts', 'limits'))),
    '## Policies',
    table(
      ['Limit', 'Value', 'Reason'],
      limitRows([
        ...objectEntries('machines/compile.ts', 'policyBounds'),
        ...objectEntries('machines/gate/explorer.ts', 'gateBounds'),
        ...own,
      ]),
    ),
    `\`answerTimeoutMs\` is ${answerTimeoutMs / 1000} s (a large message: ${patienceMs.large / 1000} s), \`retentionMinMs\` is ${retentionMinMs / 86_400_000} days.`,
    ...rest,
  ]);
}
