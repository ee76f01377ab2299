// Starts a real nats-server on loopback for the demo, tests and benchmarks, and asks its monitoring port who
// subscribed. Invariant: what it started it can end. Knows nothing about deferred-im's subjects.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, freePort, startAgain, startChild, waitFor } from './child.js';

export interface NatsOptions {
  /** Client port; a free one by default. Give the old one to restart a server that was killed. */
  readonly port?: number;
  /** A nats-server configuration file, for instance with permissions. */
  readonly config?: string;
}

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when a subscription to exactly this subject (and queue group) exists. */
  subscribed(subject: string, queue?: string, timeoutMs?: number): Promise<void>;
  log(): string;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Starts nats-server and resolves when it answers. */
export function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  return startAgain(() => startOnce(options));
}

async function startOnce(options: NatsOptions): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-nats-'));
  try {
    return await startIn(folder, options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: string, options: NatsOptions): Promise<NatsServer> {
  const port = options.port ?? (await freePort());
  const monitor = await freePort();
  const args = ['-a', '127.0.0.1', '-p', String(port), '-m', String(monitor)];
  if (options.config !== undefined) args.push('-c', options.config);
  const child = startChild('nats-server', args, join(folder, 'nats-server.log'));
  await waitFor('nats-server', () => answers(monitor), 8000, child).catch(async (error) => {
    await child.stop();
    throw error;
  });
  return serverOf(child, port, monitor, folder);
}

function serverOf(child: Child, port: number, monitor: number, folder: string): NatsServer {
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    subscribed: (subject, queue, timeoutMs = 8000) =>
      waitFor(`subscription ${subject}`, () => hasSubscription(monitor, subject, queue), timeoutMs),
    log: () => child.tail(),
    kill: (signal) => child.kill(signal),
    stop: async () => {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(monitor: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok;
  } catch {
    return false;
  }
}

interface Subscriptions {
  readonly subscriptions_list?: readonly { readonly subject: string; readonly qgroup?: string }[];
}

async function hasSubscription(
  monitor: number,
  subject: string,
  queue: string | undefined,
): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${monitor}/subsz?subs=1&limit=4096`);
    const { subscriptions_list: list = [] } = (await answer.json()) as Subscriptions;
    return list.some((one) => one.subject === subject && (queue ?? one.qgroup) === one.qgroup);
  } catch {
    return false;
  }
}
