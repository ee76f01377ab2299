// `policy diff`: what changes for a message when one policy takes another's place, in words or as JSON. The ends are the
// gate's; the shipped scenarios show some lives that come out differently.
import {
  differenceOf,
  type Explored,
  type PolicyDifference,
  type PossibleEnd,
} from '../../machines/index.js';
import { exitCodes } from '../../runtime/index.js';
import {
  playScenario,
  type SimulatorCodec,
  shippedScenario,
  shippedScenarioIds,
  summaryRows,
} from '../simulator/index.js';
import { canonicalAor, readMessage } from '../sip/index.js';
import { storeExits, storeFlags } from './ask.js';
import { columns } from './output.js';
import { judgedNamed } from './policy.js';
import type { Call, Verb } from './verb.js';

const codec: SimulatorCodec = { readMessage, canonicalAor };

/** A message of a scenario whose life comes out differently: end, time to it, deliveries, reports. */
interface LifeDifference {
  readonly scenario: string;
  readonly message: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export const policyDiff: Verb = {
  name: 'policy diff',
  purpose: 'Say what changes for a message when one policy takes the place of another.',
  text:
    'Compared are the ends a message may come to, by whether a failure report was asked for and ' +
    'whether it expires, each with the shortest history that leads there and whether a report ' +
    'goes out on the way; the longest life; the states and settings; and what becomes of the ' +
    'messages of the shipped scenarios. The first policy is the one in place. Exit code 1 when ' +
    'they differ.',
  arguments: [
    { name: 'FILE|ID|HASH', meaning: 'The policy in place.' },
    { name: 'FILE|ID|HASH', meaning: 'The one that is to take its place.' },
  ],
  flags: storeFlags,
  examples: [
    'deferred-im policy diff delete-and-report my-policy.json',
    'deferred-im policy diff old.json new.json --json',
  ],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const [before, after] = [await explored(call, 0), await explored(call, 1)];
    const difference = differenceOf(before, after);
    const lives = await lifeDifferences(before, after);
    const value = { before: named(before), after: named(after), ...difference, lives };
    call.output.result(value, () => differenceText(before, after, difference, lives));
    return difference.same ? exitCodes.ok : 1;
  },
};

const named = ({ policy }: Explored) => ({ id: policy.file.id, hash: policy.hash });

async function explored(call: Call, at: 0 | 1): Promise<Explored> {
  const { policy, known } = await judgedNamed(call, at);
  const { exploration, behaviour } = known;
  return { policy, exploration, longestLifeSeconds: behaviour.longestLifeSeconds };
}

async function lifeDifferences(before: Explored, after: Explored): Promise<LifeDifference[]> {
  const found: LifeDifference[] = [];
  for (const scenario of shippedScenarioIds) {
    const [old, now] = [
      summaryRows('', await playScenario(before.policy.file, shippedScenario(scenario), codec)),
      summaryRows('', await playScenario(after.policy.file, shippedScenario(scenario), codec)),
    ];
    for (const [index, [, message = '', ...is]] of now.entries()) {
      const was = (old[index] ?? []).slice(2);
      if (was.join() !== is.join()) found.push({ scenario, message, before: was, after: is });
    }
  }
  return found;
}

function differenceText(
  before: Explored,
  after: Explored,
  difference: PolicyDifference,
  lives: readonly LifeDifference[],
): string {
  const names = [before, after].map(
    (one) => `${one.policy.file.id} ${one.policy.hash.slice(0, 12)}`,
  );
  const head = `from ${names[0]} to ${names[1]}\n`;
  if (difference.same) return `${head}nothing changes for a message\n`;
  return [
    head,
    section('Ends', difference.classes.flatMap(classLines)),
    section('Longest life', lifeLines(difference.longestLifeSeconds)),
    section('States', stateLines(difference.states)),
    section(
      'Settings',
      difference.settings.map(([name, was, is]) => `${name}: ${was} → ${is}`),
    ),
    section('Where they part first', partingLines(difference.parting)),
    lives.length === 0 ? '' : `\nLives in the shipped scenarios\n${livesText(lives)}`,
  ].join('');
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;

function classLines(one: PolicyDifference['classes'][number]): readonly string[] {
  const kind = `${one.report === 'asked for' ? 'report asked for' : 'no report owed'}${one.expires ? '' : ', never expires'}`;
  return [
    ...one.added.map((end) => `+ ${kind}: may end ${endText(end)}`),
    ...one.removed.map((end) => `- ${kind}: ends ${end.outcome} no more`),
    ...one.reports.map(
      ([was, is]) => `~ ${kind}: ${is.outcome} with a report ${was.report}, now ${is.report}`,
    ),
  ];
}

const endText = ({ outcome, state, report, path }: PossibleEnd): string =>
  `${outcome === state ? outcome : `${outcome} (${state})`}, a report ${report}: ${path.join(', ')}`;

const partingLines = (parting: PolicyDifference['parting']): readonly string[] =>
  parting === null
    ? ['nobody outside can tell them apart']
    : [`after ${parting.path.join(', ')}`, `- ${parting.first}`, `+ ${parting.second}`];

const lifeLines = ([was, is]: readonly [number, number]): readonly string[] =>
  was === is ? [] : [`${daysText(was)} → ${daysText(is)}`];

const daysText = (seconds: number): string => `${Math.round((seconds / 86_400) * 100) / 100} days`;

function stateLines({ added, removed, changed }: PolicyDifference['states']): readonly string[] {
  return [
    ...added.map((state) => `+ ${state}`),
    ...removed.map((state) => `- ${state}`),
    ...changed.flatMap((one) => [
      `~ ${one.state}`,
      ...one.removed.map((line) => `    - ${line}`),
      ...one.added.map((line) => `    + ${line}`),
    ]),
  ];
}

const livesText = (lives: readonly LifeDifference[]): string =>
  columns(
    ['SCENARIO', 'MESSAGE', '', 'END', 'AFTER', 'DELIVERIES', 'REPORTS'],
    lives.flatMap(({ scenario, message, before, after }) => [
      [scenario, message, 'was', ...before],
      ['', '', 'is', ...after],
    ]),
  );
