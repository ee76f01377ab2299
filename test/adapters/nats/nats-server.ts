// A real nats-server for one test: on a free loopback port, with an optional configuration, ended
// by its own process handle. Not a test file.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** `kill -9`, and nothing cleaned up. */
  kill(): Promise<void>;
  /** Starts again on the same port, with another configuration if given. */
  start(config?: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Writes another configuration and has it read (SIGHUP). */
  reload(config: string): void;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export async function startServer(
  config = '',
  env: Readonly<Record<string, string>> = {},
  givenPort?: number,
): Promise<TestServer> {
  const port = givenPort ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-nats-'));
  const file = join(folder, 'server.conf');
  let child: ChildProcess | null = null;

  async function start(text: string): Promise<void> {
    writeFileSync(file, text);
    const started = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-c', file], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin`, ...env },
      stdio: 'ignore',
    });
    child = started;
    await listening(port, started);
  }

  async function end(name: NodeJS.Signals): Promise<void> {
    const ended = child;
    child = null;
    if (ended === null || ended.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      ended.once('exit', () => resolve());
      ended.kill(name);
    });
  }

  // A test that ends early leaves nothing behind.
  const clean = () => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', clean);
  await start(config);
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    kill: () => end('SIGKILL'),
    start: (text = config) => start(text),
    signal: (name) => child?.kill(name),
    reload: (text) => {
      writeFileSync(file, text);
      child?.kill('SIGHUP');
    },
    stop: async () => {
      await end('SIGKILL');
      process.off('exit', clean);
      clean();
    },
  };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
    if (await reachable(port)) return;
    await wait(25);
  }
  throw new Error('nats-server does not listen');
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `holds()`; throws after `withinMs`. */
export async function until(holds: () => boolean, withinMs = 5_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not come true in time');
    await wait(5);
  }
}

/** A bare client, the neighbour on the bus. */
export function client(url: string, options: ConnectionOptions = {}): Promise<NatsConnection> {
  return connect({ servers: url, noAsyncTraces: true, ...options });
}
