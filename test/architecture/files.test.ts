// The shape of the repository: what stands at its root, that no file is dead, that the package names only what it
// uses. Sizes are told, not judged.
import { readdirSync } from 'node:fs';
import t from 'tap';
import ts from 'typescript';
import { repositoryRoot } from '../support/repository.js';
import { imports, partOf } from './import-graph.js';
import { filesBelow, ignored, sources, textOf } from './source-files.js';
import { treeOf } from './source-tree.js';

const allowedAtRoot = [
  '.biome.json',
  '.ci',
  '.gitignore',
  '.npmrc',
  'LICENSE',
  'README.md',
  'adapters',
  'docs',
  'machines',
  'package-lock.json',
  'package.json',
  'runtime',
  'test',
  'tsconfig.json',
];

t.test('the root holds only what belongs there', async (t) => {
  const found = readdirSync(repositoryRoot).filter((name) => !ignored(name));
  t.strictSame(
    found.filter((name) => !allowedAtRoot.includes(name)),
    [],
  );
});

t.test('README.md has at most 150 lines', async (t) => {
  t.ok(textOf('README.md').split('\n').length - 1 <= 150);
});

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

const packageFile = JSON.parse(textOf('package.json')) as PackageFile;

// ---- dead files ----

/** Where running begins: the package, its command, the tests, and the programs of package.json. */
function entries(): readonly string[] {
  const programs = Object.values(packageFile.scripts)
    .flatMap((script) => script.split(' '))
    .filter((word) => word.startsWith('dist/') && word.endsWith('.js'))
    .map((word) => `${word.slice('dist/'.length, -'.js'.length)}.ts`);
  const bins = Object.values(packageFile.bin).map((path) => `${path.slice(5, -3)}.ts`);
  const tests = sources.filter((path) => path.endsWith('.test.ts'));
  return ['adapters/compose.ts', ...bins, ...programs, ...tests];
}

function reached(from: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    if (!sources.includes(path)) continue;
    seen.add(path);
    const at = path;
    queue.push(...imports.filter((one) => one.ours && one.from === at).map((one) => one.to));
    queue.push(...startedBy(at));
  }
  return seen;
}

/** Files another process or thread is started with: they are named as texts, in their built form. */
function startedBy(path: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isStringLiteralLike(node) && node.text.endsWith('.js')) {
      const own = node.text.split('/').filter((part) => !['.', '..', 'dist'].includes(part));
      const name = `/${own.join('/').slice(0, -3)}.ts`;
      found.push(...sources.filter((one) => `/${one}`.endsWith(name)));
    }
    ts.forEachChild(node, visit);
  };
  visit(treeOf(path));
  return found;
}

t.test('every entry of package.json exists', async (t) => {
  t.strictSame(
    entries().filter((path) => !sources.includes(path)),
    [],
  );
});

t.test('no source file is dead', async (t) => {
  const live = reached(entries());
  t.strictSame(
    sources.filter((path) => !live.has(path)),
    [],
  );
});

t.test('the program needs nothing of the tests to live', async (t) => {
  const live = reached(entries().filter((path) => partOf(path) !== 'test'));
  t.strictSame(
    sources.filter((path) => partOf(path) !== 'test' && !live.has(path)),
    [],
  );
});

t.test('no asset is dead', async (t) => {
  const assets = ['machines', 'runtime', 'adapters', 'test']
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => !path.endsWith('.ts') && !path.endsWith('README.md'))
    // Read as a folder, whole: test/support/corpus.ts holds that each has its partner.
    .filter((path) => !path.startsWith('test/fixtures/corpus/'))
    // Read as folders as well, by test/machines/gate/cases.ts.
    .filter((path) => !/^test\/machines\/gate\/(broken|sound)\//.test(path));
  const texts = [...sources, ...assets, 'docs/asyncapi.yaml'].map(
    (path) => [path, textOf(path)] as const,
  );
  const dead = assets.filter((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    // A schema, policy or fixture is named in code without its ending.
    const stem = name.split('.')[0] ?? name;
    return !texts.some(([other, text]) => other !== path && text.includes(stem));
  });
  t.strictSame(dead, []);
});

// ---- package ----

t.test('at most ten run-time dependencies, each with an ADR and one exact version', async (t) => {
  const { dependencies, devDependencies } = packageFile;
  const names = Object.keys(dependencies);
  t.ok(names.length <= 10, `${names.length} dependencies`);
  const records = filesBelow('docs/adr').map(textOf).join('\n');
  t.strictSame(
    names.filter((name) => !records.includes(`\`${name}\``)),
    [],
    'named in an ADR',
  );
  const exact = /^(npm:@?[a-z0-9-]+\/?[a-z0-9-]*@)?\d+\.\d+\.\d+$/;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    t.match(version, exact, name);
  const used = new Set(
    imports.filter((one) => !one.ours && partOf(one.from) !== 'test').map(({ to }) => to),
  );
  t.strictSame(
    names.filter((name) => !used.has(name)),
    [],
    'used',
  );
});

t.test('package-lock.json names no address and the version of the package', async (t) => {
  const lock = textOf('package-lock.json');
  t.notOk(lock.includes('"resolved"'));
  const { version, packages } = JSON.parse(lock) as {
    version: string;
    packages: Record<string, { dependencies?: object; devDependencies?: object }>;
  };
  t.equal(version, packageFile.version);
  t.strictSame(packages['']?.dependencies, packageFile.dependencies);
  t.strictSame(packages['']?.devDependencies, packageFile.devDependencies);
});

t.test('the changelog begins with the version of the package, or with the next one', async (t) => {
  const [newest = '', before] = textOf('docs/changelog.md')
    .split('\n')
    .filter((line) => line.startsWith('## '));
  const [major = 0, minor = 0] = packageFile.version.split('.').map(Number);
  const released = `## ${packageFile.version}`;
  if (newest !== released) t.strictSame([newest, before], [`## ${major}.${minor + 1}.0`, released]);
});

// ---- sizes: told, not judged ----

const fileLinesAim = 400;
const functionLinesAim = 70;

t.test('sizes', async (t) => {
  const lines = sources.map((path) => [path, textOf(path).split('\n').length - 1] as const);
  for (const [path, count] of lines)
    if (count > fileLinesAim) t.comment(`${path} has ${count} lines, the aim is ${fileLinesAim}`);
  const program = sources.filter((path) => partOf(path) !== 'test');
  for (const path of program) for (const one of longFunctions(path)) t.comment(one);
  t.ok(lines.length > 0);
});

function longFunctions(path: string): readonly string[] {
  const tree = treeOf(path);
  const found: string[] = [];
  const lineOf = (at: number) => tree.getLineAndCharacterOfPosition(at).line + 1;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const start = lineOf(node.getStart(tree));
      const count = lineOf(node.end) - start + 1;
      if (count > functionLinesAim)
        found.push(
          `${path}:${start} has a function of ${count} lines, the aim is ${functionLinesAim}`,
        );
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}
