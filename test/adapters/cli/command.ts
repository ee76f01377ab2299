// Helpers of these tests: command lines run in this process with their output caught, `serve` as a
// real process, and SIP messages as octets. Every process started here is ended by its id.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { runCommand } from '../../../adapters/cli/command.js';

export const mainFile = fileURLToPath(new URL('../../../adapters/cli/main.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command line, in this process. */
export async function run(...argv: string[]): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runCommand(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

/** A folder that is gone after the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Served {
  readonly pid: number;
  /** What it printed so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the first line of standard output; rejects when the process ends before. */
  readonly up: Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal: NodeJS.Signals): void;
}

/** `deferred-im` as a process of its own; killed at the end of the test if it still runs. */
export function start(
  t: Test,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Served {
  const child = spawn(process.execPath, [mainFile, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', ...environment },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const up = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    void ended.then(({ code }) => reject(new Error(`ended with ${code}: ${err}`)));
  });
  up.catch(() => {});
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    out: () => out,
    err: () => err,
    up,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

/** Alice's MESSAGE to Bob, asking for a report if it fails. */
export function aliceWrites(
  id: string,
  text: string,
  expiresSeconds = 3600,
  from = 'sip:alice@example.com',
): Buffer {
  const body = [
    `From: Alice <${from}>`,
    'To: Bob <sip:bob@example.org>',
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${id}`,
    `DateTime: ${new Date().toISOString()}`,
    'imdn.Disposition-Notification: negative-delivery',
    '',
    'Content-type: text/plain',
    '',
    text,
  ].join('\r\n');
  const head = [
    'MESSAGE sip:bob@example.org SIP/2.0',
    'Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776sgdkse',
    'Max-Forwards: 70',
    `From: <${from}>;tag=49583`,
    'To: <sip:bob@example.org>',
    `Call-ID: ${id}@pc33.example.com`,
    'CSeq: 1 MESSAGE',
    `Expires: ${expiresSeconds}`,
    'Content-Type: message/cpim',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    '',
  ].join('\r\n');
  return Buffer.from(head + body);
}
