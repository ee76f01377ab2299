// docs/reference/scenarios.md: the scenarios that come with the package, what the shipped policies make of them, and each
// story in full under the default policy. The test that holds the page to the code is the golden test of the simulator.

import {
  playScenario,
  scenarioSchema,
  shippedScenario,
  shippedScenarioIds,
  storyText,
  summaryRows,
} from '../../adapters/simulator/index.js';
import { canonicalAor, readMessage } from '../../adapters/sip/index.js';
import { type PolicyFile, shippedPolicy, shippedPolicyIds } from '../../machines/index.js';
import { code, page, table } from './reference-pages.js';

const codec = { readMessage, canonicalAor };

/** A shipped policy on a shipped scenario. */
export const storyOf = (policyId: string, scenarioId: string) =>
  playScenario(shippedPolicy(policyId) as PolicyFile, shippedScenario(scenarioId), codec);

export async function scenariosPage(): Promise<string> {
  const parts: string[] = [];
  for (const id of shippedScenarioIds) parts.push(...(await scenarioPart(id)));
  return page('Scenarios', '`adapters/simulator/`', [
    '`deferred-im policy simulate FILE --scenario ID` tries a policy on one of these, or on a file of your own. Phones answer after a second, 200 unless a step says otherwise. Times are counted from the beginning of the scenario.',
    '## Steps',
    'A scenario is JSON: `title`, `description`, `begins`, `lasts`, and `steps` in order of time, each with `at` and `do`. Its schema is `adapters/simulator/scenario.schema.json`.',
    table(['`do`', 'Members', 'Meaning'], stepRows()),
    ...parts,
  ]);
}

interface StepSchema {
  readonly description: string;
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, { readonly const?: string }>>;
}

function stepRows(): readonly (readonly string[])[] {
  const { properties } = scenarioSchema as {
    properties: { steps: { items: { oneOf: readonly StepSchema[] } } };
  };
  return properties.steps.items.oneOf.map(({ description, required = [], properties: members }) => [
    code(members['do']?.const ?? ''),
    Object.keys(members)
      .filter((name) => name !== 'do' && name !== 'at')
      .map((name) => (required.includes(name) ? code(name) : `${code(name)}?`))
      .join(', '),
    description,
  ]);
}

async function scenarioPart(id: string): Promise<readonly string[]> {
  const { title, description = '' } = shippedScenario(id);
  const rows: (readonly string[])[] = [];
  for (const policyId of shippedPolicyIds)
    rows.push(...summaryRows(policyId, await storyOf(policyId, id)));
  const story = storyText(await storyOf(shippedPolicyIds[0]!, id));
  return [
    `## ${title}`,
    `${code(id)}. ${description}`,
    table(['Policy', 'Message', 'End', 'After', 'Deliveries', 'Reports'], rows),
    `\`\`\`text\n${story}\`\`\``,
  ];
}
