// `policy simulate`: a policy tried on a scenario, on the real runtime with a clock of its own. Needs no store and leaves
// nothing behind.
import { exitCodes } from '../../runtime/index.js';
import {
  playScenario,
  readScenario,
  type Scenario,
  type SimulatorCodec,
  type Story,
  shippedScenario,
  shippedScenarioIds,
  storyText,
  summaryRows,
} from '../simulator/index.js';
import { canonicalAor, readMessage } from '../sip/index.js';
import { storeExits, storeFlags } from './ask.js';
import { readJsonFile } from './json-file.js';
import { hint } from './nearest.js';
import { columns } from './output.js';
import { isFile, judgedNamed } from './policy.js';
import { type Verb, VerbFailure } from './verb.js';

const codec: SimulatorCodec = { readMessage, canonicalAor };

export const policySimulate: Verb = {
  name: 'policy simulate',
  purpose: 'Try a policy on a scenario: what becomes of each message, and when.',
  text:
    'Plays the scenario on the engine itself, on a clock that passes three days in ' +
    'milliseconds, with a store in memory, and prints the life of each message: what it heard, ' +
    'the states it went through, what was sent and what was answered. Without --scenario every ' +
    'shipped scenario is played, and the ends are printed as one table. ' +
    `Shipped scenarios: ${shippedScenarioIds.join(', ')}.`,
  arguments: [
    {
      name: 'FILE|ID|HASH',
      meaning: 'A policy file, or a policy by id or hash.',
    },
  ],
  flags: {
    scenario: {
      value: 'FILE|ID',
      meaning: 'A scenario, as JSON, or the id of a shipped one.',
    },
    ...storeFlags,
  },
  examples: [
    'deferred-im policy simulate my-policy.json --scenario expires-and-is-reported',
    'deferred-im policy simulate my-policy.json --scenario our-week.json --json',
    'deferred-im policy simulate deliver-late',
  ],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const { source } = await judgedNamed(call);
    const { scenario } = call.flags;
    if (scenario !== undefined) {
      const story = await playScenario(source, scenarioNamed(scenario), codec);
      call.output.result(story, () => storyText(story));
      return exitCodes.ok;
    }
    const stories: (readonly [string, Story])[] = [];
    for (const id of shippedScenarioIds)
      stories.push([id, await playScenario(source, shippedScenario(id), codec)]);
    call.output.result({ stories: Object.fromEntries(stories) }, () => summary(stories));
    return exitCodes.ok;
  },
};

const summary = (stories: readonly (readonly [string, Story])[]): string =>
  columns(
    ['SCENARIO', 'MESSAGE', 'END', 'AFTER', 'DELIVERIES', 'REPORTS'],
    stories.flatMap(([id, story]) => summaryRows(id, story)),
  );

function scenarioNamed(name: string): Scenario {
  if (shippedScenarioIds.includes(name)) return shippedScenario(name);
  if (!isFile(name))
    throw new VerbFailure(
      exitCodes.usage,
      'no-such-scenario',
      `no scenario ${JSON.stringify(name)}${hint(name, shippedScenarioIds)}: give a file, or one of ${shippedScenarioIds.join(', ')}`,
    );
  const file = readJsonFile(name);
  if (!file.ok) throw refused(name, [`${name}: ${file.message}`]);
  const read = readScenario(file.value);
  if (read.ok) return read.scenario;
  const lines = read.findings.map(({ pointer, message }) => `${name}#${pointer}: ${message}`);
  throw refused(name, lines);
}

const refused = (name: string, details: readonly string[]): VerbFailure =>
  new VerbFailure(exitCodes.usage, 'scenario-refused', `${name} is no scenario`, details);
