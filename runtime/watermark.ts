// The commit number, kept in another folder than the store: it alone notices a cut log or a restored backup
// (reliability R9). Written and synced at most once a second, and at a clean stop.
import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface Mark {
  readonly storeId: string;
  readonly epoch: number;
  readonly seq: number;
}

const fileName = 'watermark.json';

/** The last mark, or null when there is none or it cannot be read. */
export function readMark(folder: string): Mark | null {
  try {
    const mark = JSON.parse(readFileSync(join(folder, fileName), 'utf8')) as Partial<Mark>;
    const { storeId, epoch, seq } = mark;
    if (typeof storeId !== 'string' || typeof epoch !== 'number' || typeof seq !== 'number')
      return null;
    return { storeId, epoch, seq };
  } catch {
    return null;
  }
}

/** Writes a mark so that either the old or the new one survives a power cut. Rejects on an I/O error. */
export async function writeMark(folder: string, mark: Mark): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await synced(dirname(made), 'r');
  const path = join(folder, fileName);
  await synced(`${path}.new`, 'w', JSON.stringify(mark));
  await rename(`${path}.new`, path);
  // Without this the new name may be gone after a power cut.
  await synced(folder, 'r');
}

/** Writes a file, or only opens a folder, and waits until it is on disk. */
async function synced(path: string, flags: 'r' | 'w', text = ''): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    if (flags === 'w') await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
