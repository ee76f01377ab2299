// Our own process lock beside LevelDB's, which any close of its LOCK file by the owner drops (reliability 1.1, R12):
// an abstract Unix socket named after device and inode of the data folder. The kernel holds it and lets it go with
// the process, and a symlink leads to the same name.
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { RuntimeFault } from './errors.js';

export interface ProcessLock {
  release(): Promise<void>;
}

/** Takes the lock of a folder. Rejects with DEFERRED_IM_STORE_LOCKED when another process, or this one, holds it. */
export async function lockFolder(folder: string): Promise<ProcessLock> {
  const { dev, ino } = statSync(folder);
  const server = createServer((socket) => socket.destroy());
  await listen(server, `\0deferred-im/${dev}/${ino}`, folder);
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, name: string, folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const what = taken
        ? `another process has ${folder} open`
        : `the lock of ${folder} failed: ${cause.message}`;
      reject(
        new RuntimeFault(taken ? 'DEFERRED_IM_STORE_LOCKED' : 'DEFERRED_IM_STORE_IO', what, [], {
          cause,
        }),
      );
    });
    server.listen(name, () => resolve());
  });
}
