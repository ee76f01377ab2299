// Reads tables out of our own TypeScript sources: names, values as written, and the comments beside them, which a
// compiled module no longer has. It knows nothing of what the tables mean; the reference pages are made from it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from './repository.js';

/** One entry of a table in the source, with the comment above it; empty when it has none. */
export interface SourceEntry {
  readonly name: string;
  readonly value: string;
  readonly comment: string;
}

/** The syntax tree of one source file, by its path below the repository. */
export function parsedSource(path: string): ts.SourceFile {
  const text = readFileSync(join(repositoryRoot, path), 'utf8');
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
}

/** Members of the object literal `const <name> = { … }`, in the order of the file. */
export function objectEntries(path: string, name: string): readonly SourceEntry[] {
  const source = parsedSource(path);
  const object = withoutCasts(initializerOf(source, name));
  if (object === undefined || !ts.isObjectLiteralExpression(object))
    throw new TypeError(`${path} has no object "${name}"`);
  return object.properties.filter(ts.isPropertyAssignment).map((one) => ({
    name: one.name.getText(source).replaceAll("'", ''),
    value: one.initializer.getText(source),
    comment: commentAbove(source, one),
  }));
}

/** Exported constants of a file that are plain values, in the order of the file. */
export function constants(path: string): readonly SourceEntry[] {
  const source = parsedSource(path);
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.flatMap((one) => {
      const value = withoutCasts(one.initializer);
      if (value === undefined || !isPlain(value)) return [];
      const comment = commentAbove(source, statement);
      return [{ name: one.name.getText(source), value: value.getText(source), comment }];
    }),
  );
}

/** Members of `type <name> = | { type: '…' } | …`, by their `type`, with the fields beside it. */
export function unionMembers(path: string, name: string): readonly SourceEntry[] {
  const source = parsedSource(path);
  const alias = source.statements.find(
    (one): one is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(one) && one.name.text === name,
  );
  if (alias === undefined || !ts.isUnionTypeNode(alias.type))
    throw new TypeError(`${path} has no union "${name}"`);
  // The comment of a member stands before its bar, behind the member before.
  let end = alias.type.pos;
  return alias.type.types.filter(ts.isTypeLiteralNode).map((member) => {
    const comment = words(source.text.slice(end, member.getStart(source)));
    end = member.end;
    const fields = member.members.filter(ts.isPropertySignature);
    const type = fields.find((one) => one.name.getText(source) === 'type');
    const rest = fields
      .filter((one) => one !== type)
      .map((one) => `${one.name.getText(source)}: ${one.type?.getText(source)}`);
    const own = type?.type?.getText(source).replaceAll("'", '') ?? '';
    return { name: own, value: rest.join(', '), comment };
  });
}

/** A code and its sentence as they stand in the source; `status` when a number goes before them. */
export interface CodedSentence {
  readonly name: string;
  readonly value: string;
  readonly status: string;
}

/**
 * Every code given to one of these functions, its sentence so many arguments later, or written as
 * `{ code, message }`, in the order of the file.
 */
export function codedSentences(
  path: string,
  functions: readonly string[],
  sentenceAt = 1,
): readonly CodedSentence[] {
  const source = parsedSource(path);
  const found: CodedSentence[] = [];
  const visit = (node: ts.Node): void => {
    const called = ts.isCallExpression(node) || ts.isNewExpression(node);
    if (called && functions.includes(node.expression.getText(source)))
      found.push(...codedCall(node.arguments ?? [], sentenceAt));
    if (ts.isObjectLiteralExpression(node)) found.push(...codedObject(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function codedCall(given: readonly ts.Expression[], sentenceAt: number): readonly CodedSentence[] {
  const at = given.findIndex(isText);
  const name = given[at];
  if (name === undefined || at > 1) return [];
  const status = at === 1 && given[0] !== undefined ? given[0].getText() : '';
  const sentence = given[at + sentenceAt];
  const value = sentence !== undefined && isText(sentence) ? plainText(sentence) : '…';
  return [{ name: plainText(name), value, status }];
}

function codedObject(node: ts.ObjectLiteralExpression): readonly CodedSentence[] {
  const value = (name: string) =>
    node.properties.filter(ts.isPropertyAssignment).find((one) => one.name.getText() === name)
      ?.initializer;
  const name = value('code');
  const message = value('message');
  if (name === undefined || !ts.isStringLiteral(name) || message === undefined) return [];
  return [{ name: name.text, value: isText(message) ? plainText(message) : '…', status: '' }];
}

/** Fields of `lineForm('<schema>', [kind('<key>', …), …])`: kind and key, by schema. */
export function lineForms(path: string): ReadonlyMap<string, readonly SourceEntry[]> {
  const source = parsedSource(path);
  const lists = new Map<string, ts.ArrayLiteralExpression>();
  const forms = new Map<string, readonly SourceEntry[]>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.initializer !== undefined) {
      const list = withoutCasts(node.initializer);
      if (list !== undefined && ts.isArrayLiteralExpression(list))
        lists.set(node.name.getText(source), list);
    }
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'lineForm') {
      const [schema, given] = node.arguments;
      if (schema !== undefined && given !== undefined && ts.isStringLiteral(schema)) {
        const list = ts.isArrayLiteralExpression(given) ? given : lists.get(given.getText(source));
        if (list !== undefined) forms.set(schema.text, list.elements.map(fieldOf));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return forms;
}

function fieldOf(element: ts.Expression): SourceEntry {
  if (!ts.isCallExpression(element)) throw new TypeError('a field of a line is not a call');
  const key = element.arguments[0];
  if (key === undefined || !ts.isStringLiteral(key)) throw new TypeError('a field has no name');
  return { name: key.text, value: element.expression.getText(), comment: '' };
}

function initializerOf(source: ts.SourceFile, name: string): ts.Expression | undefined {
  for (const statement of source.statements.filter(ts.isVariableStatement)) {
    const found = statement.declarationList.declarations.find(
      (one) => one.name.getText(source) === name,
    );
    if (found !== undefined) return found.initializer;
  }
  return undefined;
}

function withoutCasts(value: ts.Expression | undefined): ts.Expression | undefined {
  if (value !== undefined && (ts.isAsExpression(value) || ts.isSatisfiesExpression(value)))
    return withoutCasts(value.expression);
  return value;
}

const isPlain = (value: ts.Expression): boolean =>
  ts.isNumericLiteral(value) ||
  ts.isStringLiteral(value) ||
  ts.isArrayLiteralExpression(value) ||
  (ts.isBinaryExpression(value) && isPlain(value.left) && isPlain(value.right));

const isText = (value: ts.Expression): boolean =>
  ts.isStringLiteralLike(value) || ts.isTemplateExpression(value);

// A sentence as a reader should see it: what is filled in becomes an ellipsis.
function plainText(value: ts.Expression): string {
  if (ts.isStringLiteralLike(value)) return value.text;
  if (!ts.isTemplateExpression(value)) return '';
  return value.head.text + value.templateSpans.map((one) => `…${one.literal.text}`).join('');
}

function commentAbove(source: ts.SourceFile, node: ts.Node): string {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const last = ranges.at(-1);
  if (last === undefined || !source.text.startsWith('/**', last.pos)) return '';
  return words(source.text.slice(last.pos, last.end));
}

// The words of a comment without its marks.
function words(text: string): string {
  const lines = text.split('\n').map((line) => {
    let bare = line.trim();
    for (const mark of ['/**', '//', '*/', '*', '|']) {
      if (bare.startsWith(mark)) bare = bare.slice(mark.length).trim();
    }
    return bare.endsWith('*/') ? bare.slice(0, -2).trim() : bare;
  });
  return lines
    .join(' ')
    .split('|')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(' ');
}
