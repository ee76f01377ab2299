// Runs test files side by side, each as a process of its own, and reads what they say. Invariant: every file that was
// asked for is in the answer; one that dies, hangs or says nothing has no outcome for what it did not reach.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository.js';
import { outcomesOf } from './tap.js';

export interface RunWish {
  readonly files: readonly string[];
  /** Files that run at once. */
  readonly jobs: number;
  /** A file that takes longer is ended. */
  readonly fileMsMax: number;
  /** Hears each file when it is done. */
  readonly heard: (file: string, code: number | null, ms: number) => void;
}

export type FileOutcomes = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** Runs them all; test file → name of a subtest → whether it held. */
export async function runFiles(wish: RunWish): Promise<FileOutcomes> {
  const left = [...wish.files];
  const outcomes = new Map<string, Readonly<Record<string, boolean>>>();
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const begun = performance.now();
      const { code, said } = await runFile(file, wish.fileMsMax);
      outcomes.set(file, Object.fromEntries(outcomesOf(said)));
      wish.heard(file, code, performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: wish.jobs }, work));
  return Object.fromEntries(wish.files.map((file) => [file, outcomes.get(file) ?? {}]));
}

interface Ran {
  /** Null when it had to be ended. */
  readonly code: number | null;
  readonly said: string;
}

/** Runs one built test file. */
export function runFile(file: string, msMax: number): Promise<Ran> {
  const built = join(repositoryRoot, 'dist', file.replace(/\.ts$/, '.js'));
  return new Promise((resolve) => {
    // A test run alone has 30 s by itself; here its time is ours to tell.
    const env = { ...process.env, TAP_TIMEOUT: String(msMax / 1000) };
    const child = spawn(process.execPath, [built], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const end = setTimeout(() => child.kill('SIGTERM'), msMax);
    const pieces: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
    child.once('close', (code) => {
      clearTimeout(end);
      resolve({ code, said: pieces.join('') });
    });
  });
}
