// What verbs print: results to standard output, everything else to standard error. With --json a
// result is one JSON value on one line, and so is an error. Text that others wrote is made harmless
// before it reaches a terminal.
import { visible } from '../../machines/index.js';

export interface Output {
  readonly json: boolean;
  /** A result: the JSON value, or the text made only when it is wanted. */
  result(value: unknown, text: () => string): void;
  /** A remark for people; not printed with --json. */
  remark(text: string): void;
  /** An error with its details. */
  error(code: string, message: string, details?: readonly string[]): void;
}

/** Where text goes. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

export const processStreams: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

export function createOutput(json: boolean, { out, err }: Streams): Output {
  return {
    json,
    result: (value, text) => out(json ? `${JSON.stringify(value)}\n` : text()),
    remark: (text) => {
      if (!json) err(`${safe(text)}\n`);
    },
    error: (code, message, details = []) => {
      if (json) err(`${JSON.stringify({ error: { code, message, details } })}\n`);
      else
        err(
          ['deferred-im: ', safe(message), '\n', ...details.map((one) => `  ${safe(one)}\n`)].join(
            '',
          ),
        );
    },
  };
}

/** Text without anything that could move a cursor; line ends stay. */
export const safe = (text: string): string => text.split('\n').map(visible).join('\n');

/** Rows as aligned columns under their heads. */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows].map((row) => row.map(visible));
  const widths = heads.map((_, index) => Math.max(...all.map((row) => row[index]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** `name  value` lines, names padded to one column. */
export function pairs(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${visible(value)}\n`).join('');
}

/** An instant in ISO 8601, `-` for none. */
export const instant = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '-' : new Date(ms).toISOString();
