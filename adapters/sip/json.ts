// Looks at JSON before JSON.parse does (threats P4 and P5): depth, duplicate keys, keys that touch
// prototypes. One pass with a stack of bounded depth. Invariant: what passes here and JSON.parse
// has at most `jsonDepthMax` levels, so nothing that walks it can run out of stack.
import { type Failed, failed } from './finding.js';

export const jsonDepthMax = 32;

const refusedKeys = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses JSON text that is safe to walk; numbers stay numbers, keys of objects are each there once.
 */
export function parseJson(text: string): { readonly ok: true; readonly value: unknown } | Failed {
  const fault = checkJson(text);
  if (fault !== null) return fault;
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return failed('json', 'not well-formed JSON', 0);
  }
}

/**
 * Null when the text may be given to JSON.parse. It need not be well formed; JSON.parse decides
 * that.
 */
function checkJson(text: string): Failed | null {
  const keys: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      if (keys.length === jsonDepthMax) return failed('json-depth', 'JSON is nested too deep', at);
      keys.push(new Set());
    } else if (char === '}' || char === ']') keys.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      if (end < 0) return failed('json', 'a string has no end', at);
      const fault = isKey(text, end) ? checkKey(text.slice(at, end), keys.at(-1), at) : null;
      if (fault !== null) return fault;
      at = end - 1;
    }
  }
  return null;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}

/**
 * A string is a key when a colon follows. Each gap is looked at here once, so the pass stays
 * linear.
 */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  return text[at] === ':';
}

function checkKey(literal: string, seen: Set<string> | undefined, at: number): Failed | null {
  let key: unknown;
  try {
    key = JSON.parse(literal) as unknown;
  } catch {
    return failed('json', 'a malformed string', at);
  }
  if (typeof key !== 'string' || refusedKeys.has(key))
    return failed('json-key', 'a refused key', at);
  if (seen === undefined || seen.has(key)) return failed('json-key', 'a key stands twice', at);
  seen.add(key);
  return null;
}
