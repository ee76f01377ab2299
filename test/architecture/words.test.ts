// Words that stand nowhere in the repository: unfinished work, places on somebody's machine, registries, and
// promises nobody can keep. They are put together here, so that this file does not name them either.
import t from 'tap';
import { filesBelow, sources, textOf } from './source-files.js';
import { treeOf } from './source-tree.js';

const word = (...parts: readonly string[]) => parts.join('');

/** Found as they are written here. */
const exact: readonly string[] = [
  word('TO', 'DO'),
  word('FIX', 'ME'),
  word('XX', 'X:'),
  // A SIP reason phrase is written with capitals and stays allowed.
  word('not impl', 'emented'),
  word('/wo', 'rk/'),
  word('/ho', 'me/'),
  word('/ro', 'ot/'),
];

/** Found in any mixture of capitals. */
const anyCase: readonly string[] = [
  word('registry.', 'npmjs'),
  word('npmjs', '.org'),
  word('npmjs', '.com'),
  word('npm.pkg', '.github'),
  word('exactly-once', ' delivery'),
  word('exactly once', ' delivery'),
  word('guaranteed', ' delivery'),
  word('zero', ' loss'),
  word('zero', '-loss'),
];

function bannedIn(line: string): string | undefined {
  const lower = line.toLowerCase();
  return exact.find((one) => line.includes(one)) ?? anyCase.find((one) => lower.includes(one));
}

const files = filesBelow().filter((path) => !/\.(png|jpg|ico|woff2?|bin)$/.test(path));

t.test('the files are found', async (t) => {
  t.ok(files.includes('package.json'));
  t.ok(files.includes('machines/index.ts'));
  t.notOk(files.some((path) => path.startsWith('node_modules')));
});

t.test('no banned word stands anywhere', async (t) => {
  const found = files.flatMap((path) =>
    textOf(path)
      .split('\n')
      .map((line, at) => [at + 1, bannedIn(line)] as const)
      .filter(([, hit]) => hit !== undefined)
      .map(([line, hit]) => `${path}:${line} says "${hit}"`),
  );
  t.strictSame(found, []);
  t.equal(bannedIn(word('// TO', 'DO later')), word('TO', 'DO'), 'one is noticed');
  t.equal(bannedIn(word('Zero', ' Loss')), word('zero', ' loss'));
});

t.test('no test is left out or alone', async (t) => {
  const marks = [
    word('.sk', 'ip('),
    word('.on', 'ly('),
    word('sk', 'ip: true'),
    word('.to', 'do('),
  ];
  const found = sources
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) =>
      marks.filter((mark) => textOf(path).includes(`t${mark}`)).map((mark) => `${path} ${mark}`),
    );
  t.strictSame(found, []);
});

t.test('every source begins with a comment of at most ten lines', async (t) => {
  const wrong = sources.filter((path) => {
    const lines = treeOf(path).text.split('\n');
    const first = lines[0]?.startsWith('#!') ? 1 : 0;
    const header = lines.slice(first).findIndex((line) => !line.startsWith('//'));
    return header < 1 || header > 10;
  });
  t.strictSame(wrong, []);
});
