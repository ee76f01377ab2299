// The repository as the tests of this folder see it: its files, what each TypeScript file imports, and which part of
// the program it belongs to. It judges nothing. Files are found by walking, so that work not yet committed counts.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from '../support/generate-charts.js';

/** What git ignores here, and git itself. */
const ignoredNames = new Set(['node_modules', 'dist', '.tap', 'coverage', '.git']);
const ignoredEnds = ['.log', '.tgz'];

/** One import or re-export: the file or package named, and whether types alone come from there. */
export interface Import {
  readonly from: string;
  /** Path below the repository for a source of ours, else the package, `node:…` or `file:…`. */
  readonly to: string;
  readonly ours: boolean;
  readonly typeOnly: boolean;
  readonly line: number;
}

export const ignored = (name: string): boolean =>
  ignoredNames.has(name) || ignoredEnds.some((end) => name.endsWith(end));

/** Paths of all files below the repository, sorted; `below` limits them to one folder. */
export function filesBelow(below = ''): readonly string[] {
  const names = readdirSync(join(repositoryRoot, below)).filter((name) => !ignored(name));
  return names.sort().flatMap((name) => {
    const path = posix.join(below, name);
    return statSync(join(repositoryRoot, path)).isDirectory() ? filesBelow(path) : [path];
  });
}

export const textOf = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

/** Every TypeScript file of the program and its tests. */
export const sources: readonly string[] = ['machines', 'runtime', 'adapters', 'test']
  .flatMap((folder) => filesBelow(folder))
  .filter((path) => path.endsWith('.ts'));

const trees = new Map<string, ts.SourceFile>();

/** The syntax tree of a source, parsed once. */
export function treeOf(path: string): ts.SourceFile {
  const known = trees.get(path);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.ESNext, true);
  trees.set(path, tree);
  return tree;
}

/** What a file imports or re-exports, dynamic imports and `require` included. */
export function importsOf(path: string): readonly Import[] {
  const tree = treeOf(path);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = tree.getLineAndCharacterOfPosition(specifier.getStart(tree)).line + 1;
    found.push({ from: path, ...resolved(path, specifier.text), typeOnly, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, onlyTypes(node.importClause));
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    if (ts.isCallExpression(node) && loads(node)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const { namedBindings } = clause;
  const all = namedBindings !== undefined && ts.isNamedImports(namedBindings);
  return all && clause.name === undefined && namedBindings.elements.every((one) => one.isTypeOnly);
}

const loads = (node: ts.CallExpression): boolean =>
  node.expression.kind === ts.SyntaxKind.ImportKeyword ||
  (ts.isIdentifier(node.expression) && node.expression.text === 'require');

// Only sources are ours to judge here; a JSON file that is loaded is an asset.
function resolved(path: string, specifier: string): Pick<Import, 'to' | 'ours'> {
  if (!specifier.startsWith('.')) return { to: packageOf(specifier), ours: false };
  const target = posix.join(dirname(path), specifier);
  const source = target.endsWith('.js');
  return { to: source ? `${target.slice(0, -3)}.ts` : `file:${target}`, ours: source };
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

/** All imports of all sources. */
export const imports: readonly Import[] = sources.flatMap((path) => importsOf(path));

/** The part of the program a file belongs to: `machines`, `runtime`, `adapters/nats`, `adapters`, `test`. */
export function partOf(path: string): string {
  const [first = '', second = '', ...rest] = path.split('/');
  return first === 'adapters' && rest.length > 0 ? `${first}/${second}` : first;
}

/** How an import reads in a failure. */
export const shown = ({ from, line, to }: Import): string => `${from}:${line} imports ${to}`;
