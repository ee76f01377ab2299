// A real process whose system calls fail: strace answers some of them with an error instead of the kernel. Only calls on
// the files of one store are touched.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Injection {
  /** Which files of LevelDB: its logs, its tables, or one by its name. */
  readonly files: 'log' | 'ldb' | 'LOCK';
  readonly call: 'write' | 'fdatasync' | 'openat';
  readonly error: 'ENOSPC' | 'EIO' | 'EROFS' | 'EMFILE';
  /** `6`: the sixth call; `6+`: that one and all after it. */
  readonly when: string;
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Calls that were answered with the error. */
  readonly injected: number;
  /** Writes to the store's files that succeeded, before the first error and after it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

// LevelDB numbers its files one after the other: these are more than a short life makes.
const numbersMax = 80;

/** Runs a Node.js program on the store in a folder, with calls failing. */
export function injected(
  folder: string,
  args: readonly string[],
  { files, call, error, when }: Injection,
  traceFile: string,
): Ended {
  const db = join(folder, 'db');
  const paths = pathsOf(db, files).flatMap((path) => ['-P', path]);
  const calls = [
    '-e',
    'trace=write,fdatasync,openat',
    '-e',
    `inject=${call}:error=${error}:when=${when}`,
  ];
  const strace = ['-f', '--seccomp-bpf', '-s', '0', '-o', traceFile, ...paths, ...calls];
  const { status, stdout, stderr } = spawnSync('strace', [...strace, process.execPath, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = readFileSync(traceFile, 'utf8').split('\n');
  const first = lines.findIndex((line) => line.includes('(INJECTED)'));
  const written = (part: readonly string[]) =>
    part.filter((line) => /\bwrite\b.* = \d+$/.test(line));
  const injectedLines = lines.filter((line) => line.includes('(INJECTED)'));
  const [before, after] = [written(lines.slice(0, first)), written(lines.slice(first + 1))];
  return { status, stdout, stderr, injected: injectedLines.length, before, after };
}

function pathsOf(db: string, files: Injection['files']): readonly string[] {
  if (files === 'LOCK') return [join(db, 'LOCK')];
  return Array.from({ length: numbersMax }, (_, number) =>
    join(db, `${String(number).padStart(6, '0')}.${files}`),
  );
}
