// The pages of docs/machines: for every file in machines/policies/ its picture, and a page with
// mermaid text, transition table and settings. Run as a program it writes them; a test regenerates
// and compares, so that a page never tells of a policy that is no more.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { drawSvg } from '../../adapters/chart/draw.js';
import {
  type Duration,
  type Graph,
  graphOf,
  mermaid,
  type PolicyFile,
  type PolicySettings,
  transitionTable,
  visible,
  withDefaults,
} from '../../machines/index.js';
import { repositoryRoot } from './repository.js';

const folder = 'docs/machines';

/** Path below the repository → content, for every policy file; who has a machine's graph already hands it in. */
export async function generatedCharts(
  graphFor: (machine: PolicyFile['machine']) => Graph = graphOf,
): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  for (const policy of policiesIn(join(repositoryRoot, 'machines', 'policies'))) {
    const graph = graphFor(policy.machine);
    const { title, description } = policy;
    pages.set(`${folder}/${policy.id}.md`, page(policy));
    pages.set(`${folder}/${policy.id}.svg`, await drawSvg(graph, { title, description }));
  }
  return pages;
}

/** The Markdown page of a policy. */
export function page(policy: PolicyFile): string {
  const graph = graphOf(policy.machine);
  return [
    `# ${prose(policy.title)}`,
    '',
    prose(policy.description),
    '',
    `Policy \`${policy.id}\`, generated from its file by \`npm run docs\`.`,
    '',
    `![Statechart of ${prose(policy.id)}](${policy.id}.svg)`,
    '',
    '## Transitions',
    '',
    transitionTable(graph),
    '## Settings',
    '',
    settingsTable(withDefaults(policy.settings)),
    '## As mermaid text',
    '',
    '```mermaid',
    `${mermaid(graph)}\`\`\``,
    '',
  ].join('\n');
}

const settingMeanings: Readonly<Record<keyof PolicySettings, string>> = {
  defaultExpirySeconds: 'life of a message whose sender named none',
  maxExpirySeconds: 'longest life a sender may ask for',
  maxLifetimeSeconds: 'after this a message ends whatever happens',
  dateSkewSeconds: 'how far a SIP Date may lie ahead of receipt',
  retryStepsSeconds: 'waits between pushes while the user stays registered; the last one repeats',
  deliverAfterExpiry: 'messages past their expiry are delivered, marked as such',
  delays: '',
};

function settingsTable(settings: PolicySettings): string {
  const { delays, ...rest } = settings;
  const plain = Object.entries(rest).map(
    ([name, value]) => `| \`${name}\` | ${shown(name, value)} | ${meaningOf(name)} |`,
  );
  const named = Object.entries(delays).map(
    ([name, duration]) => `| \`delays.${name}\` | ${durationText(duration)} | delay of the chart |`,
  );
  return `${['| setting | value | meaning |', '|---|---|---|', ...plain, ...named].join('\n')}\n`;
}

function meaningOf(name: string): string {
  return settingMeanings[name as keyof PolicySettings] ?? '';
}

function shown(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => shown(name, item)).join(', ');
  if (typeof value === 'number' && name.endsWith('Seconds')) return secondsText(value);
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

const units: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
];

function secondsText(seconds: number): string {
  const unit = units.find(([size]) => seconds >= size && seconds % size === 0);
  return unit === undefined ? `${seconds} s` : `${seconds / unit[0]} ${unit[1]}`;
}

function durationText(duration: Duration): string {
  const [unit, count] = Object.entries(duration)[0] as [string, number];
  return `${count} ${count === 1 ? unit.slice(0, -1) : unit}`;
}

// Words of a policy in running Markdown: no markup, no HTML.
function prose(text: string): string {
  const escaped = (sign: string) => ('\\`*_{}[]<>#|&!'.includes(sign) ? `\\${sign}` : sign);
  return [...visible(text)].map(escaped).join('');
}

function policiesIn(path: string): readonly PolicyFile[] {
  const names = readdirSync(path).filter((name) => name.endsWith('.json'));
  return names
    .sort()
    .map((name) => JSON.parse(readFileSync(join(path, name), 'utf8')) as PolicyFile);
}

async function main(): Promise<void> {
  mkdirSync(join(repositoryRoot, folder), { recursive: true });
  for (const [path, content] of await generatedCharts()) {
    writeFileSync(join(repositoryRoot, path), content);
    process.stdout.write(`${path}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main();
}
