// The table of failure modes in docs/testing.md cannot lie: every row is there, and says by which tests it is shown, why
// it cannot occur, or which part is not built yet. A test is found in the sources, by the code in its name.
import t from 'tap';
import { textOf } from '../architecture/source-files.js';
import { isTestFile, testNames } from './test-names.js';

const rowsOf = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

/** Rows E have their place elsewhere, later. */
const codes = [
  ...rowsOf('A', 12),
  ...rowsOf('B', 22),
  ...rowsOf('C', 22),
  ...rowsOf('D', 9),
  ...rowsOf('F', 13),
  ...rowsOf('G', 5),
  // Those of the threats that a policy file can bring.
  ...['J3', 'J5', 'J6', 'J7'],
];

interface Row {
  readonly code: string;
  readonly failure: string;
  readonly happens: string;
  readonly shownBy: string;
}

const tableRow = /^\| ([A-GJ]\d+) \| (.+) \| (.+) \| (.*?) ?\|$/;

const rowsIn = (page: string): readonly Row[] =>
  page.split('\n').flatMap((line) => {
    const [, code, failure, happens, shownBy] = tableRow.exec(line) ?? [];
    return code === undefined
      ? []
      : [{ code, failure: failure!, happens: happens!, shownBy: shownBy! }];
  });

/** What is wrong with the way a row is shown; null when nothing is. */
function complaint({ code, shownBy }: Pick<Row, 'code' | 'shownBy'>): string | null {
  const reason = /^(cannot occur|not built yet): (.+)$/.exec(shownBy);
  if (reason !== null) return (reason[2] ?? '').length > 10 ? null : `${code} gives no reason`;
  const files = shownBy.split(' ').filter((word) => word !== '');
  if (files.length === 0) return `${code} has neither a test nor a reason`;
  for (const word of files) {
    const path = /^`(test\/.+\.test\.ts)`$/.exec(word)?.[1];
    if (path === undefined) return `${code} names ${word}`;
    if (!isTestFile(path)) return `${code} names ${path}, which is not there`;
    const carries = new RegExp(`\\b${code}\\b`);
    if (!testNames(path).some((name) => carries.test(name)))
      return `${code} names ${path}, where no test carries it`;
  }
  return null;
}

const rows = rowsIn(textOf('docs/testing.md'));

t.test('every row of A, B, C, D, F, G and J is there once, in order', async (t) => {
  t.strictSame(
    rows.map((row) => row.code),
    codes,
  );
});

t.test('every row is shown by tests of its code, or says why there is none', async (t) => {
  t.strictSame(
    rows.map(complaint).filter((one) => one !== null),
    [],
  );
});

t.test('every row says what goes wrong, and what happens unless it cannot occur', async (t) => {
  for (const { code, failure, happens, shownBy } of rows) {
    t.ok(failure.length > 5, code);
    t.equal(happens === '–', shownBy.startsWith('cannot occur'), code);
  }
});

t.test('a row that lies is noticed', async (t) => {
  const file = '`test/runtime/upgrade.test.ts`';
  const shown = (code: string, shownBy: string) => complaint({ code, shownBy });
  t.equal(shown('G3', file), null);
  t.match(shown('G2', file), 'no test carries it');
  t.match(shown('G', file), 'no test carries it', 'a part of a code is none');
  t.match(shown('G3', '`test/runtime/nothing.test.ts`'), 'not there');
  t.match(shown('G3', ''), 'neither');
  t.match(shown('G3', `${file} or so`), 'names or');
  t.match(shown('G3', 'cannot occur: '), 'names cannot');
  t.equal(shown('C17', 'not built yet: the inbox of JetStream'), null);
  t.equal(rowsIn('| A1 | one | two | three |\n| A99 | x | y |  |').length, 2);
});
