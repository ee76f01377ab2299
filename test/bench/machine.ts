// The machine the figures belong to: processor, memory, kernel, versions of all that took part, and how long one synced
// write takes on the disk that was used. Figures without it say nothing.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { volumeKind } from '../../runtime/index.js';
import { percentile } from './figures.js';

/** Name and value, in the order they are shown. */
export type Machine = readonly (readonly [string, string])[];

/** Describes this machine; `folder` is where the stores are put. */
export function describeMachine(folder: string): Machine {
  const processors = cpus();
  const volatile = volumeKind(folder);
  return [
    ['Processor', processors[0]?.model.trim() ?? 'unknown'],
    ['Cores', String(processors.length)],
    ['Memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['Kernel', release()],
    ['Node.js', process.version],
    ['Kamailio', versionOf('kamailio', ['-v'], 'version: ')],
    ['nats-server', versionOf('nats-server', ['-v'], 'nats-server: ')],
    ['SIPp', versionOf('sipp', ['-v'], 'SIPp ')],
    ['fdatasync after 4 KiB', syncText(folder)],
    ['Volume', volatile === null ? 'a disk' : `${volatile}: does not keep what it confirms`],
  ];
}

const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** The word after `before` in what a program says about itself; its exit code means nothing. */
function versionOf(command: string, args: readonly string[], before: string): string {
  const env = { ...process.env, PATH: searchPath };
  let text = '';
  try {
    text = execFileSync(command, args, { encoding: 'utf8', env, stdio: 'pipe' });
  } catch (cause) {
    text = String((cause as { stdout?: unknown }).stdout ?? '');
  }
  const at = text.indexOf(before);
  if (at < 0) return 'unknown';
  const line = text.slice(at + before.length).split('\n')[0] ?? '';
  return (
    line
      .replace('kamailio', '')
      .trim()
      .split(/[ .]?[-\s]|\.$/)[0] ?? 'unknown'
  );
}

const syncs = 200;

function syncText(folder: string): string {
  const path = join(folder, `sync-${process.pid}`);
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times: number[] = [];
  try {
    for (let count = 0; count < syncs; count += 1) {
      const begun = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      times.push(performance.now() - begun);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  times.sort((a, b) => a - b);
  const ms = (share: number) => percentile(times, share).toFixed(2);
  return `median ${ms(0.5)} ms, p99 ${ms(0.99)} ms`;
}
