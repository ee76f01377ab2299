// Names on disk: a sync of a file says nothing about the folder it stands in.
import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes the names in a folder durable. Throws what the system says. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
