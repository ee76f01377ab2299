// What LevelDB said of data it dropped while it opened. It says so once, in a log of its own that is renamed at every
// opening and gone after two: a store that was refused would be taken the third time, and what was lost would be lost in
// silence. So the lines are kept beside the database until somebody accepts the loss (reliability R10, B9).
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from './sync-folder.js';

/** The marks before each line of the file. */
const raised = '! ';
const dismissed = '- ';

const pathOf = (folder: string): string => join(folder, 'alarms');

/** Alarms that nobody has dismissed, those of this opening included; these are durable when it returns. */
export function readAlarms(folder: string): readonly string[] {
  const known = readLines(pathOf(folder));
  const fresh = ['LOG', 'LOG.old']
    .flatMap((name) => readLines(join(folder, 'db', name)))
    .filter((line) => line.includes('(ignoring error)') || line.includes('dropping '))
    .filter((line) => !known.includes(raised + line) && !known.includes(dismissed + line));
  if (fresh.length > 0) append(folder, raised, fresh);
  return [...open(known), ...fresh];
}

/** Somebody accepts what was lost: no line known now is an alarm any more. */
export function dismissAlarms(folder: string): void {
  const lines = open(readLines(pathOf(folder)));
  if (lines.length > 0) append(folder, dismissed, lines);
}

const open = (known: readonly string[]): readonly string[] =>
  known
    .filter((line) => line.startsWith(raised))
    .map((line) => line.slice(raised.length))
    .filter((line) => !known.includes(dismissed + line));

const readLines = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];

function append(folder: string, mark: string, lines: readonly string[]): void {
  const file = openSync(pathOf(folder), 'a', 0o600);
  try {
    writeFileSync(file, lines.map((line) => `${mark}${line}\n`).join(''));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncFolder(folder);
}
