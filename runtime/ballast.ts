// The ballast: octets in the data folder that are given back when a full disk keeps the store from opening. Only the
// boot path touches it; a store without its ballast takes new messages later than one that has it, so that the room
// given back serves what ends messages, and is not filled by more of them (reliability R13, B4).
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const pathOf = (folder: string): string => join(folder, 'ballast');
/** Where it is written before it has its name. */
const apartOf = (folder: string): string => `${pathOf(folder)}.new`;

export const hasBallast = (folder: string): boolean => existsSync(pathOf(folder));

/** Writes the ballast, synced: a file the volume has only promised would give nothing back. Throws when it cannot. */
export function writeBallast(folder: string, octets: number): void {
  const apart = apartOf(folder);
  const file = openSync(apart, 'w', 0o600);
  try {
    const portion = Buffer.alloc(Math.min(octets, 1_048_576));
    for (let left = octets; left > 0; )
      left -= writeSync(file, portion, 0, Math.min(left, portion.length));
    fsyncSync(file);
  } catch (cause) {
    rmSync(apart, { force: true });
    throw cause;
  } finally {
    closeSync(file);
  }
  renameSync(apart, pathOf(folder));
}

/** Gives the ballast back, one that was never finished as well. True when there was any. */
export function dropBallast(folder: string): boolean {
  const found = [pathOf(folder), apartOf(folder)].filter((path) => existsSync(path));
  for (const path of found) rmSync(path);
  return found.length > 0;
}
