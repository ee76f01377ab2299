// docs/guarantees.md promises nothing without a test: every promise names tests that exist, by file and name, and the
// table of exit codes is that of the code.
import t from 'tap';
import { exitCodes } from '../../runtime/index.js';
import { textOf } from '../architecture/source-files.js';
import { isTestFile, testNames } from './test-names.js';

const page = textOf('docs/guarantees.md');

interface Shown {
  readonly file: string;
  readonly name: string;
}

/** Lines of the form "- `file`: *name of a test*". */
const shownIn = (text: string): readonly Shown[] =>
  text.split('\n').flatMap((line) => {
    const [, file, name] = /^- `(test\/[^`]+)`: \*(.+)\*$/.exec(line) ?? [];
    return file === undefined || name === undefined ? [] : [{ file, name }];
  });

const isThere = ({ file, name }: Shown): boolean =>
  isTestFile(file) && testNames(file).includes(name);

const sections = page.split('\n## ').slice(1);

t.test('every promise is numbered, and shown by tests', async (t) => {
  const promises = sections.filter((section) => /^\d+\. /.test(section));
  t.strictSame(
    promises.map((section) => Number.parseInt(section, 10)),
    promises.map((_, index) => index + 1),
  );
  t.ok(promises.length >= 8);
  for (const section of [
    ...promises,
    sections.find((one) => one.startsWith('What a sender')) ?? '',
  ])
    t.ok(shownIn(section).length > 1, section.slice(0, 40));
});

t.test('every test it names exists', async (t) => {
  const all = shownIn(page);
  t.equal(all.length, page.split('\n- `test/').length - 1, 'no line is written otherwise');
  t.strictSame(
    all.filter((one) => !isThere(one)),
    [],
  );
  const file = 'test/docs/guarantees.test.ts';
  t.ok(isThere({ file, name: 'every test it names exists' }));
  t.notOk(isThere({ file, name: 'every test' }), 'a part of a name is none');
  t.notOk(isThere({ file: 'test/docs/test-names.ts', name: 'every test it names exists' }));
});

t.test('the table of exit codes is that of the code', async (t) => {
  const table = sections.find((section) => section.startsWith('Exit codes')) ?? '';
  const written = [...table.matchAll(/^\| (\d+) \|/gm)].map((row) => Number(row[1]));
  t.strictSame(
    written,
    Object.values(exitCodes).sort((a, b) => a - b),
  );
});

t.test('the answers a sender may hear are all told of', async (t) => {
  const answers = sections.find((section) => section.startsWith('What a sender')) ?? '';
  for (const word of ['202', '4xx', '408', '5xx', 'nothing']) t.match(answers, word);
  for (const part of ['Not promised', 'Keys']) t.match(page, `\n## ${part}\n`);
});
