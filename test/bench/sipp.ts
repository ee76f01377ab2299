// SIPp as a process: so many calls of message.xml with so many outstanding, and the counters it wrote at its end.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, startChild, waitFor } from '../../adapters/cli/stage/child.js';
import type { Stage } from './stage.js';
import { injectionFile } from './wire.js';

export interface SippOptions {
  /** UDP port of the proxy. */
  readonly port: number;
  readonly calls: number;
  readonly outstanding: number;
  readonly users: number;
}

export interface Sipped {
  /** Answered 202. */
  readonly accepted: number;
  /** Refused, or without an answer. */
  readonly failed: number;
  readonly retransmissions: number;
  readonly perSecond: number;
  /** What SIPp says about the calls that failed. */
  readonly errors: string;
}

const scenario = fileURLToPath(new URL('./message.xml', import.meta.url));
const patienceSeconds = 120;

/** Runs SIPp to its end. */
export async function runSipp(stage: Stage, options: SippOptions): Promise<Sipped> {
  const folder = stage.folder('sipp');
  const users = join(folder, 'users.csv');
  writeFileSync(users, injectionFile(options.users));
  const own = await freePort();
  const [statistics, errors] = [join(folder, 'statistics.csv'), join(folder, 'errors.log')];
  const args = [
    ...[`127.0.0.1:${options.port}`, '-sf', scenario, '-inf', users, '-i', '127.0.0.1'],
    ...['-p', String(own), '-m', String(options.calls), '-l', String(options.outstanding)],
    // Far above what can be reached: the number outstanding alone is what limits.
    ...['-r', '100000', '-nostdin', '-timeout', `${patienceSeconds}s`, '-recv_timeout', '20000'],
    ...['-trace_stat', '-stf', statistics, '-fd', '1', '-trace_err', '-error_file', errors],
  ];
  const child = stage.track(startChild('sipp', args, join(folder, 'sipp.log')));
  await waitFor('sipp', async () => !child.running(), (patienceSeconds + 10) * 1000);
  const counted = readStatistics(readFileSync(statistics, 'utf8'));
  return { ...counted, errors: counted.failed === 0 ? '' : tailOf(errors) };
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-1500);
  } catch {
    return '';
  }
}

/** The last row of SIPp's statistics file; its columns are named in the first one. */
export function readStatistics(text: string): Omit<Sipped, 'errors'> {
  const lines = text.split('\n').filter((line) => line !== '');
  const names = (lines[0] ?? '').split(';');
  const cells = (lines.at(-1) ?? '').split(';');
  const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
  // `date TAB time TAB seconds since the epoch`
  const instant = (name: string): number => Number(cell(name).split('\t')[2]);
  const accepted = Number(cell('SuccessfulCall(C)'));
  return {
    accepted,
    failed: Number(cell('TotalCallCreated')) - accepted,
    retransmissions: Number(cell('Retransmissions(C)')),
    perSecond: accepted / (instant('CurrentTime') - instant('StartTime')),
  };
}
