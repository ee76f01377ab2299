// Reads a JSON file for a verb: the value, or one sentence that says what is wrong and in which
// line and column.
import { readFileSync } from 'node:fs';

export type JsonFile =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

export function readJsonFile(path: string): JsonFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    return {
      ok: false,
      message: `cannot be read: ${(cause as Error).message}`,
    };
  }
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (cause) {
    return {
      ok: false,
      message: `is not JSON: ${placed((cause as Error).message, text)}`,
    };
  }
}

const positionMark = ' in JSON at position ';

// V8 names the position as an offset, or not at all where the text just ends.
function placed(message: string, text: string): string {
  const at = message.indexOf(positionMark);
  const offset =
    at === -1 ? text.length : Number.parseInt(message.slice(at + positionMark.length), 10);
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - before.lastIndexOf('\n');
  const what = at === -1 ? message : message.slice(0, at);
  return `${what}, line ${line}, column ${column}`;
}
