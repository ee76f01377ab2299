// Which tests show which case: found in the sources by the code a test's name carries, so that a test counts from the
// day it lands. Invariant: a code that a failure row of docs/testing.md shares (C10 to C22) counts for the case only
// among the conformance tests and codecs, and not in the files which that row names.
import { sources, textOf } from '../architecture/source-files.js';
import { testNames } from '../docs/test-names.js';

/** A test that shows a case. */
export interface Shown {
  readonly file: string;
  /** As the source writes it: `${…}` stands for what is known only when it runs. */
  readonly name: string;
}

const codePattern = /\bC\d{2,3}\b/g;

/** Codes of two digits that are rows of the table of failures, too. */
const isShared = (code: string): boolean => code >= 'C10' && code <= 'C22' && code.length === 3;

const rowFiles = (page: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    page.split('\n').flatMap((line) => {
      const [, code, shownBy] = /^\| (C\d+) \| .* \| (.*) \|$/.exec(line) ?? [];
      const files = (shownBy ?? '').split('`').filter((word) => word.startsWith('test/'));
      return code === undefined ? [] : [[code, files] as const];
    }),
  );

const homes = ['test/conformance/', 'test/adapters/sip/', 'test/adapters/msrp/', 'test/machines/'];

/** Codes of cases that a test of a file carries. */
export function codesOf(
  { file, name }: Shown,
  rows: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const codes = [...name.matchAll(codePattern)].map((match) => match[0]);
  return codes.filter((code) => {
    if (!isShared(code)) return true;
    return homes.some((home) => file.startsWith(home)) && !rows.get(code)?.includes(file);
  });
}

/** Every case that some test carries, with its tests in the order of files. */
export function shownCases(): ReadonlyMap<string, readonly Shown[]> {
  const rows = rowFiles(textOf('docs/testing.md'));
  const found = new Map<string, Shown[]>();
  for (const file of sources.filter((path) => path.endsWith('.test.ts'))) {
    for (const name of new Set(testNames(file)))
      for (const code of new Set(codesOf({ file, name }, rows)))
        found.set(code, [...(found.get(code) ?? []), { file, name }]);
  }
  return found;
}

/** How far out a test stands: `wire` is real SIP through Kamailio, `face` a socket or the library as a client has it. */
export function edgeOf(file: string): string {
  const [, first = '', second = ''] = file.split('/');
  if (first === 'conformance') return second === 'wire' ? 'wire' : 'engine';
  if (first === 'stacks' || first === 'faults') return 'wire';
  if (first !== 'adapters') return first === 'runtime' ? 'engine' : first;
  return edgesOfAdapters.get(second) ?? 'face';
}

const edgesOfAdapters: ReadonlyMap<string, string> = new Map([
  ['kamailio', 'wire'],
  ['nats', 'bus'],
  ['sip', 'codec'],
  ['msrp', 'codec'],
]);
