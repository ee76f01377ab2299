// The names of tests as their sources give them, so that a page can be held to the tests it names.
import ts from 'typescript';
import { sources, treeOf } from '../architecture/source-tree.js';

/** True when there is such a test file. */
export const isTestFile = (path: string): boolean =>
  path.endsWith('.test.ts') && sources.includes(path);

/** Names of the tests of a file: the first argument of every call of a `test` method, as it is written. */
export function testNames(path: string): readonly string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /(^|\.)test$/.test(node.expression.getText())) {
      const [first] = node.arguments;
      if (first !== undefined && ts.isStringLiteralLike(first)) names.push(first.text);
      if (first !== undefined && ts.isTemplateExpression(first))
        names.push(first.getText().slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(treeOf(path));
  return names;
}
