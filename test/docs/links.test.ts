// The pages agree with the repository: links lead somewhere, paths exist, commands are there. Blocks marked `sh` are
// read line by line; what npm or our own command is asked to do must exist.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import t from 'tap';
import { verbs } from '../../adapters/cli/verbs.js';
import { filesBelow, textOf } from '../architecture/source-files.js';
import { repositoryRoot } from '../support/repository.js';

const pages = filesBelow().filter((path) => path.endsWith('.md'));

t.test('every page of the house is there', async (t) => {
  const wanted = [
    'architecture',
    'operating',
    'policies',
    'testing',
    'glossary',
    'changelog',
    'upgrading',
  ];
  t.strictSame(
    wanted.filter((name) => !pages.includes(`docs/${name}.md`)),
    [],
  );
});

const exists = (path: string): boolean => existsSync(join(repositoryRoot, path));

/** Targets of `[text](target)` and `![text](target)`, titles cut off. */
function targetsIn(text: string): readonly string[] {
  return text
    .split('](')
    .slice(1)
    .map((part) => (part.split(')')[0] ?? '').split(' ')[0] ?? '')
    .filter((target) => target !== '');
}

/** Anchors of a page as GitHub makes them from its headings. */
function anchorsOf(path: string): ReadonlySet<string> {
  const headings = textOf(path)
    .split('\n')
    .filter((line) => line.startsWith('#'));
  return new Set(headings.map((line) => anchorOf(line.replace(/^#+ /, ''))));
}

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

function brokenLink(page: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return false;
  const [file = '', anchor] = target.split('#', 2);
  const path = file === '' ? page : posix.join(dirname(page), file);
  if (!exists(path)) return true;
  return anchor !== undefined && path.endsWith('.md') && !anchorsOf(path).has(anchor);
}

const withoutBlocks = (text: string): string =>
  text
    .split('```')
    .filter((_, index) => index % 2 === 0)
    .join('\n');

t.test('every link leads somewhere', async (t) => {
  const broken = pages.flatMap((page) =>
    targetsIn(withoutBlocks(textOf(page)))
      .filter((target) => brokenLink(page, target))
      .map((target) => `${page} → ${target}`),
  );
  t.strictSame(broken, []);
  t.ok(brokenLink('docs/operating.md', 'nowhere.md'), 'a broken one is noticed');
});

t.test('every path of ours that a page names exists', async (t) => {
  const starts = ['machines/', 'runtime/', 'adapters/', 'test/', 'docs/', '.ci/'];
  const broken = pages.flatMap((page) => {
    const quoted = withoutBlocks(textOf(page))
      .split('`')
      .filter((_, index) => index % 2 === 1);
    return quoted
      .filter((one) => starts.some((start) => one.startsWith(start)) && !/[*<… ]/.test(one))
      .filter((one) => !exists(one))
      .map((one) => `${page} names ${one}`);
  });
  t.strictSame(broken, []);
});

/** Command lines of all blocks marked sh. */
function commands(): readonly (readonly [page: string, words: readonly string[]])[] {
  return pages.flatMap((page) =>
    textOf(page)
      .split('```sh\n')
      .slice(1)
      .flatMap((part) => (part.split('```')[0] ?? '').split('\n'))
      .map((line) => [page, line.replace(/^\$ /, '').split(' ').filter(Boolean)] as const),
  );
}

const scripts = Object.keys((JSON.parse(textOf('package.json')) as { scripts: object }).scripts);
const verbNames = verbs.map((verb) => verb.name);

function badCommand(words: readonly string[]): boolean {
  const own = words.findIndex(
    (one) => one === 'deferred-im' || one.endsWith('adapters/cli/main.js'),
  );
  if (own !== -1 && words[0] !== 'npm') return badVerb(words.slice(own + 1));
  if (words[0] !== 'npm') return false;
  if (words[1] === 'run') return !scripts.includes(words[2] ?? '');
  return words[1] === 'test' && !scripts.includes('test');
}

function badVerb(words: readonly string[]): boolean {
  const [first = '', second = ''] = words;
  if (first === 'help' || first.startsWith('-')) return false;
  const [, , third = ''] = words;
  return ![first, `${first} ${second}`, `${first} ${second} ${third}`].some((one) =>
    verbNames.includes(one),
  );
}

t.test('every command of a page exists', async (t) => {
  const found = commands();
  t.ok(found.length > 0);
  t.strictSame(
    found
      .filter(([, words]) => badCommand(words))
      .map(([page, words]) => `${page}: ${words.join(' ')}`),
    [],
  );
  t.ok(badCommand(['npm', 'run', 'nothing']), 'a wrong one is noticed');
  t.ok(badCommand(['deferred-im', 'nothing']), 'a wrong verb is noticed');
});

t.test('every test file a page names by its folder exists', async (t) => {
  const folders = readdirSync(join(repositoryRoot, 'test')).filter((name) =>
    statSync(join(repositoryRoot, 'test', name)).isDirectory(),
  );
  const page = textOf('docs/testing.md');
  t.strictSame(
    folders.filter((name) => !page.includes(`\`test/${name}/\``)),
    [],
  );
});

t.test('decision records are numbered without a gap and have all their parts', async (t) => {
  const records = filesBelow('docs/adr');
  t.strictSame(
    records.map((path) => path.slice('docs/adr/'.length, 'docs/adr/0000'.length)),
    records.map((_, index) => String(index + 1).padStart(4, '0')),
  );
  for (const path of records) {
    const text = textOf(path);
    for (const part of ['Context', 'Options', 'Decision', 'Consequences'])
      t.match(text, `\n## ${part}\n`, `${path}: ${part}`);
  }
});
