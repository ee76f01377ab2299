// Sources as syntax trees, each parsed at its first asking and then kept for the process.
import ts from 'typescript';
import { textOf } from './source-files.js';

const trees = new Map<string, ts.SourceFile>();

/** The syntax tree of a source, parsed once. */
export function treeOf(path: string): ts.SourceFile {
  const known = trees.get(path);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.ESNext, true);
  trees.set(path, tree);
  return tree;
}
