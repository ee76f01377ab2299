// What of docs/ is made from the code: the reference pages, the pages of the policies with their charts, and the page of
// conformance, with what the last kept run said. Run as a program it writes them all; tests make them again and compare.
// A page of docs/reference that is not listed here is refused by its test, so that none outlives its table.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { conformancePage } from '../conformance/page.js';
import { generatedCharts } from './generate-charts.js';
import {
  adapterErrors,
  adapterLimits,
  adminPage,
  configPage,
  subjectsPage,
} from './reference-adapters.js';
import { gatePage } from './reference-gate.js';
import {
  effectsPage,
  errorsPage,
  eventsPage,
  keysPage,
  limitsPage,
  reportExceptionsPage,
  vocabularyPage,
} from './reference-pages.js';
import { policyFilePage } from './reference-policy-file.js';
import { repositoryRoot } from './repository.js';
import { scenariosPage } from './scenarios-page.js';

/** Path below the repository → content, for every reference page. */
export async function generatedDocs(): Promise<Map<string, string>> {
  const pages: Readonly<Record<string, string>> = {
    admin: adminPage(),
    config: configPage(),
    effects: effectsPage(),
    errors: errorsPage(adapterErrors()),
    events: eventsPage(),
    gate: gatePage(),
    keys: keysPage(),
    limits: limitsPage(adapterLimits()),
    'policy-file': policyFilePage(),
    'report-exceptions': reportExceptionsPage(),
    scenarios: await scenariosPage(),
    subjects: subjectsPage(),
    vocabulary: vocabularyPage(),
  };
  return new Map(
    Object.entries(pages).map(([name, content]) => [`docs/reference/${name}.md`, content]),
  );
}

async function main(): Promise<void> {
  const conformance = ['docs/conformance.md', conformancePage()] as const;
  for (const [path, content] of [
    ...(await generatedDocs()),
    ...(await generatedCharts()),
    conformance,
  ]) {
    const file = join(repositoryRoot, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    process.stdout.write(`${path}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main();
}
