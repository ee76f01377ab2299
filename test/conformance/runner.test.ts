// The runner can say no: a case fails with any of its tests, without one, and when its test never spoke.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { repositoryRoot } from '../support/repository.js';
import { judge, type Results, summary } from './results.js';
import { runFiles } from './run.js';
import { codesOf, edgeOf } from './shown.js';
import type { Case } from './table.js';
import { outcomeOf, outcomesOf } from './tap.js';

const tap = `TAP version 14
# Subtest: C01 one
    ok 1 - C02 the text of an assertion
    # Subtest: C03 within
        not ok 1 - wrong
    not ok 2 - C03 within # time=1ms
ok 1 - C01 one # time=2.5ms
# Subtest: C04 set aside
ok 2 - C04 set aside # SKIP later
# Subtest: C05 each: 480
ok 3 - C05 each: 480 # time=1ms
# Subtest: C05 each: 503
not ok 4 - C05 each: 503 # time=1ms
# Subtest: C06 began and died
`;

t.test('TAP is read: subtests alone, at any depth', async (t) => {
  t.strictSame(Object.fromEntries(outcomesOf(tap)), {
    'C01 one': true,
    'C03 within': false,
    'C04 set aside': false,
    'C05 each: 480': true,
    'C05 each: 503': false,
  });
});

t.test('a name with a gap stands for all that fit', async (t) => {
  const outcomes = outcomesOf(tap);
  t.equal(outcomeOf('C01 one', outcomes), true);
  t.equal(outcomeOf('C01', outcomes), null, 'a part of a name is none');
  const each = 'C05 each: $' + '{status}';
  t.equal(outcomeOf(each, outcomes), false);
  t.equal(outcomeOf(each.replace('each', 'all'), outcomes), null);
  t.equal(outcomeOf('C06 began and died', outcomes), null);
});

const one: Case = { id: 'C01', name: 'one', given: '', when: '', expected: '', source: '' };
const file = 'test/conformance/engine/a.test.ts';
const results = (held: Readonly<Record<string, boolean>>): Results => ({
  ...{ day: '2006-08-01', node: '20' },
  files: { [file]: held },
});

t.test('a case holds when it has tests and all of them held', async (t) => {
  const shown = ['C01 one', 'C01 two'].map((name) => ({ file, name }));
  const verdict = (held: Readonly<Record<string, boolean>>, tests = shown) =>
    judge(one, tests, results(held)).verdict;
  t.equal(verdict({ 'C01 one': true, 'C01 two': true }), 'holds');
  t.equal(verdict({ 'C01 one': true, 'C01 two': false }), 'fails');
  t.equal(verdict({ 'C01 one': true }), 'not run');
  t.equal(verdict({}, []), 'no test');
  const outer: Case = { ...one, edge: 'wire' };
  const held = results({ 'C01 one': true });
  t.equal(judge(outer, shown.slice(0, 1), held).verdict, 'not on the wire');
  const wire = { file: 'test/conformance/wire/a.test.ts', name: 'C01 one' };
  const both = { ...held, files: { ...held.files, [wire.file]: { 'C01 one': true } } };
  t.match(judge(outer, [...shown.slice(0, 1), wire], both), {
    verdict: 'holds',
    edges: ['wire', 'engine'],
  });
  const judged = [
    judge(one, shown, results({})),
    judge(one, shown.slice(0, 1), results({ 'C01 one': true })),
  ];
  t.equal(summary(judged), '1 of 2 cases hold');
});

t.test('a code shared with a failure row counts where the case is meant', async (t) => {
  const rows = new Map([['C11', ['test/conformance/engine/effects.test.ts']]]);
  const codes = (file: string, name: string) => codesOf({ file, name }, rows);
  t.strictSame(codes('test/conformance/engine/expiry.test.ts', 'C11 C26 words'), ['C11', 'C26']);
  t.strictSame(codes('test/conformance/engine/effects.test.ts', 'C11 C26 words'), ['C26']);
  t.strictSame(codes('test/runtime/outbox.test.ts', 'C11 bus down'), []);
  t.strictSame(codes(file, 'C1 killed, C100 derived, XC12'), ['C100']);
  t.equal(edgeOf('test/conformance/wire/report.test.ts'), 'wire');
  t.equal(edgeOf('test/adapters/sip/cpim.test.ts'), 'codec');
});

t.test('a file that dies or hangs is told, and what it did not reach has no outcome', async (t) => {
  const folder = `dist/test/.runner-${process.pid}`;
  t.teardown(() => rmSync(join(repositoryRoot, folder), { recursive: true, force: true }));
  const write = (name: string, text: string) => {
    const path = join(repositoryRoot, folder, `${name}.test.js`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return `${folder.slice('dist/'.length)}/${name}.test.ts`;
  };
  const say = "console.log('# Subtest: C01 one\\nok 1 - C01 one # time=1ms\\n# Subtest: C02 two');";
  const died = write('died', `${say} process.exitCode = 3;`);
  const hung = write('hung', `${say} setInterval(() => {}, 1000);`);
  const codes = new Map<string, number | null>();
  const files = await runFiles({
    ...{ files: [died, hung], jobs: 2, fileMsMax: 4_000 },
    heard: (file, code) => codes.set(file, code),
  });
  t.strictSame(files, { [died]: { 'C01 one': true }, [hung]: { 'C01 one': true } });
  t.equal(codes.get(died), 3);
  t.equal(codes.get(hung), null);
});
