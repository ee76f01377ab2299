// What each source imports, and which part of the program it belongs to. It judges nothing.
import { dirname, posix } from 'node:path';
import ts from 'typescript';
import { sources } from './source-files.js';
import { treeOf } from './source-tree.js';

/** One import or re-export: the file or package named, and whether types alone come from there. */
export interface Import {
  readonly from: string;
  /** Path below the repository for a source of ours, else the package, `node:…` or `file:…`. */
  readonly to: string;
  readonly ours: boolean;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** What a file imports or re-exports, dynamic imports and `require` included. */
function importsOf(path: string): readonly Import[] {
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
