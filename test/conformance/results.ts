// The last run, kept beside the cases: what each test said. The page is made from it, so that making the page anew
// runs nothing and claims nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository.js';
import { edgeOf, type Shown } from './shown.js';
import type { Case } from './table.js';
import { outcomeOf } from './tap.js';

export interface Results {
  /** Day of the run, `2006-08-01`. */
  readonly day: string;
  /** Version of Node.js it ran on. */
  readonly node: string;
  /** Test file → name of a test as the run told it → whether it held. */
  readonly files: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
}

const path = join(repositoryRoot, 'test/conformance/results.json');

/** What the last run that was written down said. */
export const keptResults = (): Results =>
  existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Results)
    : { day: 'never', node: '–', files: {} };

export const keepResults = (results: Results): void =>
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);

export type Verdict = 'holds' | 'fails' | 'not run' | 'no test' | 'not on the wire';

/** What a run says of one test. */
export function verdictOf({ file, name }: Shown, results: Results): Verdict {
  const outcome = outcomeOf(name, new Map(Object.entries(results.files[file] ?? {})));
  return outcome === null ? 'not run' : outcome ? 'holds' : 'fails';
}

/** A case, its tests, and whether it holds: only when there is a test, at its edge if it has one, and all of them held. */
export interface Judged {
  readonly one: Case;
  readonly shown: readonly Shown[];
  readonly verdict: Verdict;
  /** Edges at which it is shown, outermost first. */
  readonly edges: readonly string[];
}

const outermostFirst = ['wire', 'face', 'bus', 'engine', 'codec'];
const rank = (edge: string): number => (outermostFirst.indexOf(edge) + 9) % 9;

export function judge(one: Case, shown: readonly Shown[], results: Results): Judged {
  const edges = [...new Set(shown.map(({ file }) => edgeOf(file)))];
  edges.sort((a, b) => rank(a) - rank(b));
  return { one, shown, verdict: verdictOn(one, shown, results), edges };
}

function verdictOn(one: Case, shown: readonly Shown[], results: Results): Verdict {
  if (shown.length === 0) return 'no test';
  const outer = shown.some(({ file }) => ['wire', 'face'].includes(edgeOf(file)));
  if (one.edge === 'wire' && !outer) return 'not on the wire';
  const verdicts = shown.map((test) => verdictOf(test, results));
  return (
    verdicts.find((each) => each === 'fails') ??
    verdicts.find((each) => each === 'not run') ??
    'holds'
  );
}

/** Every case judged, in order. */
export const judgeAll = (
  cases: readonly Case[],
  shown: ReadonlyMap<string, readonly Shown[]>,
  results: Results,
): readonly Judged[] => cases.map((one) => judge(one, shown.get(one.id) ?? [], results));

/** `N of M cases hold`. */
export const summary = (judged: readonly Judged[]): string =>
  `${judged.filter((each) => each.verdict === 'holds').length} of ${judged.length} cases hold`;
