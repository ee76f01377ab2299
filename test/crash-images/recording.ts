// A story that was lived under strace: all calls of all its lives, and the facts told between them. It can be walked
// through once, from the first call to the last, stopping where the power is to go.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Disk } from './disk.js';
import { type Fact, Known } from './facts.js';
import { type Call, readTrace, traced } from './trace.js';

export interface Plan {
  readonly seed: number;
  /** Where the build lies that writes: the folder that holds `test/crash-images/writer.js`. */
  readonly build: string;
  readonly lives: number;
  readonly rounds: number;
  readonly writeBufferOctets: number;
  readonly bodyOctets: number;
}

export const ownBuild = fileURLToPath(new URL('../..', import.meta.url));

export interface Recording {
  readonly work: string;
  readonly calls: readonly Call[];
}

/** Lives a story in an empty folder; every life but the last is killed, the last closes its store. */
export function record(work: string, plan: Plan): Recording {
  mkdirSync(join(work, 'disk'), { recursive: true });
  const program = join(plan.build, 'test/crash-images/writer.js');
  const places = ['disk/store', 'disk/mark', 'facts'].map((name) => join(work, name));
  const calls: Call[] = [];
  for (let life = 0; life < plan.lives; life += 1) {
    const ending = life === plan.lives - 1 ? 'close' : 'kill';
    const { seed, rounds, writeBufferOctets, bodyOctets } = plan;
    const numbers = [life, seed, rounds, writeBufferOctets, bodyOctets].map(String);
    const traceFile = join(work, `trace-${life}`);
    const ended = traced([program, ...places, ...numbers, ending], traceFile);
    const wanted = ending === 'kill' ? ended.signal === 'SIGKILL' : ended.status === 0;
    if (!wanted) throw new Error(`a writer ended with ${ended.status}: ${ended.stderr}`);
    const trace = readTrace(traceFile, work);
    calls.push(...trace.calls);
    calls.push(...madeOf(work, calls, trace.cutOff));
  }
  return { work, calls };
}

// What the calls add up to must be what lies on the real disk, or one was overlooked. Of those that the kill cut off
// it tells which were made.
function madeOf(work: string, calls: readonly Call[], cutOff: readonly Call[]): readonly Call[] {
  let difference = '';
  for (let choice = 0; choice < 2 ** cutOff.length; choice += 1) {
    const made = cutOff.filter((_, index) => (choice >> index) % 2 === 1);
    difference = differenceOf(work, [...calls, ...made]) ?? '';
    if (difference === '') return made;
  }
  throw new Error(`the trace does not lead to what lies on the disk: ${difference}`);
}

function differenceOf(work: string, calls: readonly Call[]): string | null {
  const walk = new Walk({ work, calls });
  walk.to(calls.length);
  const present = walk.disk.present();
  const root = join(work, 'disk');
  const other = readdirSync(root, { recursive: true, encoding: 'utf8' }).find(
    (name) => !present.has(name),
  );
  if (other !== undefined) return other;
  for (const [name, content] of present) {
    const path = join(root, name);
    if (!existsSync(path)) return name;
    if (content !== null && !content.equals(readFileSync(path))) return name;
  }
  return null;
}

/** Walks through a recording: the disk, and what was known, after each call. */
export class Walk {
  readonly disk: Disk;
  readonly known = new Known();
  at = 0;
  private readonly factsFile: string;
  private readonly factsFds = new Set<number>();

  constructor(private readonly recording: Recording) {
    this.disk = new Disk(join(recording.work, 'disk'));
    this.factsFile = join(recording.work, 'facts');
    // What a store begins with is told only after it was made.
    const [first] = readFileSync(this.factsFile, 'utf8').split('\n', 1);
    this.known.take(JSON.parse(first as string) as Fact);
  }

  /** Goes on until so many calls were made. */
  to(count: number): void {
    for (; this.at < count; this.at += 1) {
      const call = this.recording.calls[this.at] as Call;
      this.hear(call);
      this.disk.apply(call);
    }
  }

  private hear(call: Call): void {
    if (call.name === 'begin') this.factsFds.clear();
    if (call.name === 'open' && call.path === this.factsFile) this.factsFds.add(call.fd);
    if (call.name !== 'write' || !this.factsFds.has(call.fd)) return;
    // One write is one line.
    this.known.take(JSON.parse(call.octets.toString()) as Fact);
  }
}

/** All facts of a story that is over. */
export function allFacts({ work }: Recording): Known {
  const known = new Known();
  const lines = readFileSync(join(work, 'facts'), 'utf8').trimEnd().split('\n');
  for (const line of lines) known.take(JSON.parse(line) as Fact);
  return known;
}
