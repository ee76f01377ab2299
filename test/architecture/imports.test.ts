// Who may import whom: decisions know nothing of the runtime, the runtime nothing of the adapters, adapters nothing
// of each other, and every library has one door. A fault names file and line.
import t from 'tap';
import ts from 'typescript';
import { type Import, imports, partOf, shown } from './import-graph.js';
import { sources } from './source-files.js';
import { treeOf } from './source-tree.js';

const program = imports.filter(({ from }) => partOf(from) !== 'test');
const inside = program.filter((one) => one.ours);
const outside = program.filter(({ ours, to }) => !ours && !to.startsWith('file:'));

const made = (from: string, to: string, typeOnly = true): Import => ({
  ...{ from, to, typeOnly, line: 1, ours: to.includes('/') },
});

const faults = (found: readonly Import[], wrong: (one: Import) => boolean): readonly string[] =>
  found.filter(wrong).map(shown);

t.test('the sources are found', async (t) => {
  t.ok(sources.length > 100);
  t.ok(inside.length > 100);
  for (const part of ['machines', 'runtime', 'adapters', 'adapters/nats', 'adapters/sip'])
    t.ok(
      inside.some(({ from }) => partOf(from) === part),
      part,
    );
});

t.test('machines imports nothing of ours, runtime only machines', async (t) => {
  const at = (part: string) => inside.filter(({ from }) => partOf(from) === part);
  t.strictSame(
    faults(at('machines'), ({ to }) => partOf(to) !== 'machines'),
    [],
  );
  t.strictSame(
    faults(at('runtime'), ({ to }) => !['machines', 'runtime'].includes(partOf(to))),
    [],
  );
});

t.test('an adapter imports no sibling; compose and cli put them together', async (t) => {
  const own = new Set(['machines', 'runtime']);
  const wrong = ({ from, to }: Import) => {
    const part = partOf(from);
    if (!part.startsWith('adapters/') || part === 'adapters/cli') return false;
    return partOf(to) !== part && !own.has(partOf(to));
  };
  t.strictSame(faults(inside, wrong), []);
  const noticed = made('adapters/nats/send.ts', 'adapters/sip/index.ts');
  t.strictSame(faults([noticed], wrong), [shown(noticed)]);
});

t.test('nothing imports a test', async (t) => {
  t.strictSame(
    faults(inside, ({ to }) => partOf(to) === 'test'),
    [],
  );
});

t.test('across folders only through index.ts, inside a folder never', async (t) => {
  // The files of adapters/ itself are the composition root and what it reads: each is its own face.
  const across = ({ from, to }: Import) =>
    partOf(from) !== partOf(to) && partOf(to) !== 'adapters' && !to.endsWith('/index.ts');
  const within = ({ from, to }: Import) =>
    partOf(from) === partOf(to) && to === `${partOf(to)}/index.ts`;
  t.strictSame(faults(inside, across), []);
  t.strictSame(faults(inside, within), []);
});

interface Door {
  readonly values: (path: string) => boolean;
  /** Where its types may be used as well. */
  readonly types?: (path: string) => boolean;
}

const files =
  (...paths: readonly string[]) =>
  (path: string) =>
    paths.includes(path);

const doors: Readonly<Record<string, Door>> = {
  ajv: { values: files('machines/validate.ts') },
  level: { values: files('runtime/store.ts') },
  nats: { values: (path) => partOf(path) === 'adapters/nats' },
  // Only the step runs machines; machines/ builds them; an embedding program sees the snapshots' type.
  xstate: {
    values: files('runtime/step.ts', 'machines/compile.ts', 'machines/implementations.ts'),
    types: (path) => partOf(path) === 'machines' || path === 'adapters/local/engine.ts',
  },
  elkjs: { values: (path) => partOf(path) === 'adapters/chart' },
};

t.test('every library has one door', async (t) => {
  const used = outside.filter(({ to }) => !to.startsWith('node:'));
  t.strictSame([...new Set(used.map(({ to }) => to))].sort(), Object.keys(doors).sort());
  const wrong = ({ from, to, typeOnly }: Import) => {
    const door = doors[to];
    return !(door?.values(from) || (typeOnly && door?.types?.(from)));
  };
  t.strictSame(faults(used, wrong), []);
  const beside = [made('runtime/writer.ts', 'level'), made('runtime/turn.ts', 'xstate', false)];
  t.strictSame(faults(beside, wrong), beside.map(shown));
  t.strictSame(faults([made('machines/graph.ts', 'xstate')], wrong), [], 'types');
});

// Names by which a program would read a clock, wait, or roll dice.
const timeAndChance = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'hrtime'],
  ...['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync', 'getRandomValues', 'webcrypto'],
  ...['uptime', 'nextTick'],
]);
const clocks = new Set(['node:timers', 'node:timers/promises', 'node:perf_hooks', 'node:os']);

t.test('only runtime/clock.ts reads time or randomness', async (t) => {
  const pure = sources.filter((path) => ['machines', 'runtime'].includes(partOf(path)));
  const found = pure
    .filter((path) => path !== 'runtime/clock.ts')
    .flatMap((path) => chanceIn(path));
  t.strictSame(found, []);
  t.ok(chanceIn('runtime/clock.ts').length >= 5, 'the search finds what clock.ts does');
  const modules = faults(
    outside,
    ({ from, to }) => pure.includes(from) && from !== 'runtime/clock.ts' && clocks.has(to),
  );
  t.strictSame(modules, []);
});

function chanceIn(path: string): readonly string[] {
  const tree = treeOf(path);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (readsTimeOrChance(node)) {
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
      found.push(`${path}:${line + 1} ${node.getText(tree)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function readsTimeOrChance(node: ts.Node): boolean {
  if (ts.isIdentifier(node)) return timeAndChance.has(node.text) && !isMemberName(node);
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    return text === 'Date.now' || text === 'Math.random' || timeAndChance.has(node.name.text);
  }
  const bare = ts.isNewExpression(node) && node.expression.getText() === 'Date';
  return bare && (node.arguments?.length ?? 0) === 0;
}

// `a.uptime` is seen as a whole; `{ uptime: 1 }` reads nothing.
const isMemberName = ({ parent }: ts.Identifier): boolean =>
  ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent);

t.test('no import cycles, types included', async (t) => {
  const all = imports.filter((one) => one.ours);
  t.strictSame(cycles(all), []);
  t.strictSame(cycles([made('a', 'b'), made('b', 'c'), made('c', 'a'), made('c', 'd')]), [
    'a → b → c → a',
  ]);
});

/** One way round for every file that can reach itself, each cycle once. */
function cycles(edges: readonly Import[]): readonly string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (at: string, path: readonly string[]): void => {
    const back = path.indexOf(at);
    if (back !== -1) found.push([...path.slice(back), at].join(' → '));
    if (back !== -1 || done.has(at)) return;
    for (const to of next.get(at) ?? []) walk(to, [...path, at]);
    done.add(at);
  };
  for (const from of next.keys()) walk(from, []);
  return found;
}
