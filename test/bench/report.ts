// Findings as text for a terminal and as docs/benchmarks.md. Shows what it is given; measures and judges nothing.
import { type Figure, type Findings, shown } from './figures.js';
import type { Machine } from './machine.js';

export interface Report {
  readonly thoroughness: string;
  readonly machine: Machine;
  /** What holds for all benchmarks. */
  readonly settings: readonly string[];
  readonly findings: readonly Findings[];
}

/** Aims reached, of all. */
export function aims(report: Report): { readonly reached: number; readonly of: number } {
  const all = report.findings.flatMap(({ figures }) => figures.map(({ aim }) => aim));
  const set = all.filter((aim) => aim !== null);
  return { reached: set.filter(({ reached }) => reached).length, of: set.length };
}

const spread = ({ min, max }: Figure): string => `${shown(min)} - ${shown(max)}`;

const verdict = ({ aim }: Figure): string => (aim === null ? '' : aim.reached ? 'yes' : 'no');

/** Columns of equal width, for people. */
export function reportText(report: Report): string {
  const lines = report.findings.flatMap((one) => [
    '',
    one.title,
    ...one.figures.map(figureLine),
    ...one.notes.map((note) => `  . ${note}`),
    ...one.lost.map((line) => `  LOST ${line}`),
  ]);
  return `${[...lines, '', ...report.settings].join('\n')}\n`;
}

function figureLine(one: Figure): string {
  const value = `${shown(one.median)} ${one.unit}`;
  const judged =
    one.aim === null ? '' : `aim ${one.aim.text}: ${one.aim.reached ? 'reached' : 'MISSED'}`;
  return `  ${one.name.padEnd(46)}${value.padStart(16)}  ${`(${spread(one)})`.padEnd(24)}${judged}`.trimEnd();
}

/** The page docs/benchmarks.md. */
export function reportPage(report: Report): string {
  const { reached, of } = aims(report);
  return `${[
    '# Benchmarks',
    '',
    'Written by `npm run bench -- --write`; not edited by hand. Medians, with the least and the greatest run beside',
    'them. Sides that are compared ran in turn, each run on a fresh store with fresh processes, and ratios are taken pair',
    'by pair. All programs shared one machine. After every run the messages in the store were counted and held against',
    'the answers 202.',
    '',
    `${of === 0 ? 'No aims' : `${reached} of ${of} aims reached`} in a ${report.thoroughness} run.`,
    '',
    '## To repeat',
    '',
    '```',
    'npm run bench               # all, at full length',
    'npm run bench -- --quick    # under ten minutes',
    'npm run bench -- --only stores',
    '```',
    '',
    'On a machine without Kamailio, nats-server or SIPp the set-up installs the packages of Debian as root, or names them.',
    '',
    '## The machine',
    '',
    '| What | Value |',
    '|---|---|',
    ...report.machine.map(([what, value]) => `| ${what} | ${value} |`),
    '',
    ...report.settings,
    ...report.findings.flatMap(section),
  ].join('\n')}\n`;
}

function section(findings: Findings): string[] {
  return [
    '',
    `## ${findings.title}`,
    '',
    '| Figure | Median | Spread | Aim | Reached |',
    '|---|---|---|---|---|',
    ...findings.figures.map(
      (one) =>
        `| ${one.name} | ${shown(one.median)} ${one.unit} | ${spread(one)} | ${one.aim?.text ?? ''} | ${verdict(one)} |`,
    ),
    '',
    ...findings.notes.map((note) => `- ${note}`),
    ...findings.lost.map((line) => `- **Lost**: ${line}`),
  ];
}
