// The names of tests as their sources give them, so that a page can be held to the tests it names.
import ts from 'typescript';
import { sources } from '../architecture/source-files.js';
import { treeOf } from '../architecture/source-tree.js';

/** True when there is such a test file. */
export const isTestFile = (path: string): boolean =>
  path.endsWith('.test.ts') && sources.includes(path);

/** A name out of a table of tests: it begins with its codes. */
const tabled = /^[A-Z]{1,2}\d+[:, ]/;

/** `A6 ${how}` says its code itself, `${name}: no loss` does not. */
const beginsWritten = (name: ts.Expression): boolean =>
  ts.isTemplateExpression(name) && name.head.text !== '';

/**
 * Names of the tests of a file: the first argument of every call of a `test` method, as it is written. Where that
 * does not begin as text, the names stand in a table of the file.
 */
export function testNames(path: string): readonly string[] {
  const names: string[] = [];
  const texts: string[] = [];
  let fromTable = false;
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) texts.push(node.text);
    if (ts.isCallExpression(node) && /(^|\.)test$/.test(node.expression.getText())) {
      const [first] = node.arguments;
      if (first === undefined) return;
      if (ts.isStringLiteralLike(first)) names.push(first.text);
      else if (ts.isTemplateExpression(first)) names.push(first.getText().slice(1, -1));
      fromTable ||= !ts.isLiteralExpression(first) && !beginsWritten(first);
    }
    ts.forEachChild(node, visit);
  };
  visit(treeOf(path));
  return fromTable ? [...names, ...texts.filter((text) => tabled.test(text))] : names;
}
