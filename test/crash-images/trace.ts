// What a program did to its files, in order: it runs under strace, and the lines of the trace become calls. A sync
// counts twice, when it began and when it was over: what was written in between is not covered by it. It knows system
// calls and nothing of stores.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One system call that matters to files; `begin` is a new process, without descriptors. */
export type Call =
  | { readonly name: 'begin' }
  | { readonly name: 'open'; readonly path: string; readonly flags: string; readonly fd: number }
  | { readonly name: 'write'; readonly fd: number; readonly octets: Buffer }
  | { readonly name: 'sync-begin' | 'sync'; readonly thread: number; readonly fd: number }
  | { readonly name: 'close'; readonly fd: number }
  | { readonly name: 'mkdir' | 'unlink' | 'rmdir'; readonly path: string }
  | { readonly name: 'rename'; readonly path: string; readonly to: string };

// Whatever else can change a file is traced too, so that it is refused instead of overlooked.
const changing = [
  ...['openat', 'open', 'creat', 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'close'],
  ...['fsync', 'fdatasync', 'sync_file_range', 'ftruncate', 'truncate', 'fallocate', 'mmap'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir'],
  ...['link', 'linkat', 'symlink', 'symlinkat', 'sendfile', 'copy_file_range', 'splice'],
];

/** Runs a Node.js program under strace; how it ended, and what it said. */
export function traced(
  args: readonly string[],
  traceFile: string,
  timeoutMs = 120_000,
): { readonly status: number | null; readonly signal: string | null; readonly stderr: string } {
  const strace = ['-f', '--seccomp-bpf', '-xx', '-s', '100000000', '-o', traceFile];
  const command = [...strace, '-e', `trace=${changing.join(',')}`, process.execPath, ...args];
  // Calls made through io_uring would not be seen.
  const env = { ...process.env, UV_USE_IO_URING: '0' };
  const ended = spawnSync('strace', command, { encoding: 'utf8', env, timeout: timeoutMs });
  if (ended.error !== undefined) throw ended.error;
  const { status, signal, stderr } = ended;
  return { status, signal, stderr };
}

/** What a trace says. */
export interface Trace {
  /** Calls that concern files below the folder, in the order of their end. */
  readonly calls: readonly Call[];
  /** Calls whose end was not seen, because the process was killed: each was made, or was not. */
  readonly cutOff: readonly Call[];
}

export function readTrace(traceFile: string, below: string): Trace {
  const reader = new Reader(below);
  for (const line of readFileSync(traceFile, 'latin1').split('\n')) reader.read(line);
  const calls = [...reader.calls];
  return { calls, cutOff: reader.cutOff(calls.length) };
}

class Reader {
  // Only one process is traced at a time: its threads share their descriptors.
  readonly calls: Call[] = [{ name: 'begin' }];
  private readonly begun = new Map<number, string>();
  private readonly open = new Set<number>();

  constructor(private readonly below: string) {}

  read(line: string): void {
    const space = line.indexOf(' ');
    const thread = Number(line.slice(0, space));
    const text = line.slice(space).trimStart();
    if (text.endsWith('<unfinished ...>')) {
      const begin = text.slice(0, -'<unfinished ...>'.length).trimEnd();
      this.begun.set(thread, begin);
      this.begins(thread, begin);
      return;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
    if (resumed !== null) {
      const begin = this.begun.get(thread) ?? '';
      this.begun.delete(thread);
      this.whole(thread, begin + text.slice(resumed[0].length));
    } else if (/^\w+\(/.test(text)) {
      this.begins(thread, text);
      this.whole(thread, text);
    }
  }

  /** What calls would have come of those whose end is missing; they are added behind the others. */
  cutOff(from: number): readonly Call[] {
    for (const [thread, begin] of this.begun) {
      const [, name = '', args = ''] = /^(\w+)\((.*)$/.exec(begin) ?? [];
      if (name === 'fsync' || name === 'fdatasync' || name === 'close') continue;
      // As if all was written; a new descriptor gets a number that nobody has.
      const result = name.endsWith('write')
        ? octetsOf(args.split(', ')[1] ?? '').length
        : unknownFd;
      this.take(name, thread, args.split(', '), result);
    }
    return this.calls.slice(from);
  }

  // A descriptor is free as soon as its closing begins: another thread may get the same number before it is over.
  private begins(thread: number, text: string): void {
    const [, name, number] = /^(fsync|fdatasync|close)\((\d+)/.exec(text) ?? [];
    const fd = Number(number);
    if (name === undefined || !this.open.has(fd)) return;
    if (name !== 'close') this.calls.push({ name: 'sync-begin', thread, fd });
    else if (this.open.delete(fd)) this.calls.push({ name: 'close', fd });
  }

  private whole(thread: number, text: string): void {
    // Every string is printed in hexadecimal, so that this cannot be mistaken.
    const [, name, args, end] = /^(\w+)\((.*)\)\s+= (-?\d+|\?)/.exec(text) ?? [];
    // The process was killed within it.
    if (end === '?') this.begun.set(thread, `${name}(${args}`);
    const result = Number(end);
    // A call that failed changed nothing.
    if (name === undefined || args === undefined || !(result >= 0)) return;
    this.take(name, thread, args.split(', '), result);
  }

  private take(name: string, thread: number, args: readonly string[], result: number): void {
    const fd = Number(args[0]);
    const known = this.open.has(fd);
    switch (name) {
      case 'open':
      case 'openat': {
        const [path = '', flags = ''] = name === 'open' ? args : args.slice(1);
        if (!this.ours(path)) {
          this.open.delete(result);
          return;
        }
        this.open.add(result);
        this.calls.push({ name: 'open', path: textOf(path), flags, fd: result });
        return;
      }
      case 'write': {
        if (!known) return;
        const octets = octetsOf(args[1] ?? '').subarray(0, result);
        this.calls.push({ name: 'write', fd, octets });
        return;
      }
      case 'fsync':
      case 'fdatasync':
        if (known) this.calls.push({ name: 'sync', thread, fd });
        return;
      case 'close':
        return;
      default:
        this.takeName(name, args, fd);
    }
  }

  // Calls about names, and those the model of the disk does not know.
  private takeName(name: string, args: readonly string[], fd: number): void {
    const at = name.endsWith('at') || name.endsWith('at2');
    const paths = args.filter((one) => one.startsWith('"'));
    const [path = '', to = ''] = paths;
    const change = at ? name.replace(/at2?$/, '') : name;
    if (change === 'mmap') {
      const shared = args[3]?.includes('MAP_SHARED') && args[2]?.includes('PROT_WRITE');
      if (shared && this.open.has(Number(args[4]))) throw new Error('a file is written by mmap');
      return;
    }
    if (!paths.some((one) => this.ours(one))) {
      if (paths.length === 0 && this.open.has(fd)) throw new Error(`${name} changes a file`);
      return;
    }
    if (change === 'mkdir' || change === 'rmdir')
      this.calls.push({ name: change, path: textOf(path) });
    else if (change === 'unlink') {
      const folder = args.some((one) => one.includes('AT_REMOVEDIR'));
      this.calls.push({ name: folder ? 'rmdir' : 'unlink', path: textOf(path) });
    } else if (change === 'rename') {
      this.calls.push({ name: change, path: textOf(path), to: textOf(to) });
    } else throw new Error(`${name} changes a name`);
  }

  private ours(quoted: string): boolean {
    return quoted.startsWith('"') && textOf(quoted).startsWith(`${this.below}/`);
  }
}

const unknownFd = 1_000_000;

const octetsOf = (quoted: string): Buffer =>
  Buffer.from(quoted.slice(1, -1).replaceAll('\\x', ''), 'hex');

const textOf = (quoted: string): string => octetsOf(quoted).toString();
