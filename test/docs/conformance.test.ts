// docs/conformance.md is what the table, the sources and the last kept run give now; the table itself is whole, and no
// test claims a case that is not in it.
import t from 'tap';
import { textOf } from '../architecture/source-files.js';
import { conformancePage } from '../conformance/page.js';
import { type Shown, shownCases } from '../conformance/shown.js';
import { cases, requirements } from '../conformance/table.js';

const ids = cases.map((one) => one.id);
const shown = shownCases();

t.test('the page is what the code gives now', async (t) => {
  t.ok(textOf('docs/conformance.md') === conformancePage(), 'stale: npm run docs');
});

t.test('every case has one number, in order, and every cell says something', async (t) => {
  t.strictSame(
    ids,
    ids.map((_, at) => `C${String(at + 1).padStart(2, '0')}`),
  );
  for (const one of cases)
    for (const [cell, words] of Object.entries(one)) t.ok(words !== '', `${one.id} ${cell}`);
  t.equal(new Set(cases.map((one) => one.name)).size, cases.length, 'no name stands twice');
});

t.test('every requirement of the two documents names cases that exist', async (t) => {
  const word = (strength: string) => requirements.filter((one) => one.strength === strength).length;
  t.strictSame([word('SHALL'), word('SHOULD'), word('MAY')], [11, 2, 4]);
  for (const { id, strength, cases: named } of requirements) {
    t.ok(named.length > 0 || strength === 'shall', `${id} is shown by some case`);
    t.strictSame(
      named.filter((one) => !ids.includes(one)),
      [],
      id,
    );
  }
});

t.test('a test that carries a case carries one of the table', async (t) => {
  t.strictSame(
    [...shown.keys()].filter((code) => !ids.includes(code)),
    [],
  );
  t.ok(shown.size > 50);
});

t.test('a case is told from the failure row that shares its number', async (t) => {
  const files = (code: string) => (shown.get(code) ?? []).map((test: Shown) => test.file);
  t.ok(files('C10').includes('test/conformance/engine/expiry.test.ts'));
  t.notOk(files('C10').includes('test/conformance/engine/effects.test.ts'), 'the row is meant');
  t.notOk(files('C20').includes('test/faults/proxy-killed.test.ts'), 'the row is meant');
  t.ok(files('C46').includes('test/conformance/wire/report.test.ts'));
});
