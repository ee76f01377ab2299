// Starts one outside program for the demo, tests and benchmarks and ends it again: by the id of the process group
// it leads, never by a name. Its output goes to a file, of which the tail is shown when something fails.
// Knows nothing about SIP or NATS.
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import type { Writable } from 'node:stream';

const stopMs = 4000;
const tailChars = 4000;

/** A running program. `stop` asks it to end and insists after 4 s; `kill` sends a signal to its whole group. */
export interface Child {
  readonly pid: number;
  readonly logFile: string;
  /** The end of what it wrote, for error texts. */
  tail(): string;
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Starts a program as leader of its own process group, so that its workers end with it. */
export function startChild(command: string, args: readonly string[], logFile: string): Child {
  const log = openSync(logFile, 'a');
  const spawned = spawn(command, args, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    spawned.once('exit', () => resolve());
    spawned.once('error', (error) => {
      appendFileSync(logFile, `${error.message}\n`);
      resolve();
    });
  });
  const child = childOf(spawned, logFile, ended);
  const guard = child.pid === 0 ? null : startGuard(child.pid);
  // The main process of Kamailio 5.6.3 ends by a segmentation fault at every stop; its workers may be left.
  void ended.then(() => {
    child.kill('SIGKILL');
    guard?.kill('SIGKILL');
  });
  return child;
}

// The program leads a group of its own and would outlive us. Its guard reads from a pipe that only we hold open: when
// we end, even by SIGKILL, the reading ends and the guard ends the group. It is gone before the group's id is free.
function startGuard(group: number): ChildProcess {
  const script = `cat >/dev/null; kill -s KILL -- -${group}`;
  const guard = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.unref();
  const pipe = guard.stdin as (Writable & { unref?: () => void }) | null;
  pipe?.on('error', () => undefined);
  pipe?.unref?.();
  return guard;
}

function childOf(spawned: ChildProcess, logFile: string, ended: Promise<void>): Child {
  const pid = spawned.pid ?? 0;
  let over = pid === 0;
  void ended.then(() => {
    over = true;
  });
  const kill = (signal: NodeJS.Signals): void => signalGroup(pid, signal);
  const stop = async (): Promise<void> => {
    if (over) return;
    kill('SIGTERM');
    const insist = setTimeout(() => kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(insist);
  };
  return { pid, logFile, tail: () => tailOf(logFile), running: () => !over, kill, stop };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-tailChars);
  } catch {
    return '';
  }
}

/** Asks again every 25 ms until `ready` says true; rejects after `timeoutMs` or when the program ended. */
export async function waitFor(
  what: string,
  ready: () => Promise<boolean>,
  timeoutMs: number,
  child?: Child,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (!(await ready())) {
    const ended = child !== undefined && !child.running();
    if (ended || performance.now() > until) {
      const why = ended ? 'the program ended' : `not within ${timeoutMs} ms`;
      throw new Error(`${what}: ${why}\n${child?.tail() ?? ''}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Starts again, twice at most, when somebody else took a port that had been free. */
export async function startAgain<T>(start: () => Promise<T>): Promise<T> {
  for (let left = 2; ; left--) {
    try {
      return await start();
    } catch (error) {
      if (left === 0 || !String(error).includes('ddress already in use')) throw error;
    }
  }
}

/** A loopback port that is free for UDP and TCP at this moment. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await freeUdpPort();
    if (await tcpFree(port)) return port;
  }
  throw new Error('no free loopback port');
}

function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function tcpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
