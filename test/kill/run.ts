// A run: rounds dealt out to lanes, their verdicts added up, and the lines that tell it.
import { join } from 'node:path';
import { type Failpoint, failpoints } from '../../runtime/index.js';
import type { Mode, Stop } from './failpoint.js';
import type { Fault, FaultKind } from './judge.js';
import { Lane, type Stage } from './lane.js';
import { describeBlows, type Round } from './plan.js';
import type { Verdict } from './verdict.js';
import { WireLane } from './wire-lane.js';

export interface RunOptions {
  /** Folder for the lanes. */
  readonly root: string;
  /** The built service to run. */
  readonly program: string;
  readonly lanes: number;
  readonly say: (line: string) => void;
  /** Hears every verdict. */
  readonly heard?: (verdict: Verdict) => void;
  /** Ends the run early. */
  readonly enough?: (totals: Totals) => boolean;
}

export interface Totals {
  readonly planned: readonly Round[];
  rounds: number;
  accepted: number;
  published: number;
  heard: number;
  readonly faults: Fault[];
  readonly hits: Stop[];
}

/** Plays the rounds: several lanes side by side, and one with Kamailio. */
export async function run(rounds: readonly Round[], options: RunOptions): Promise<Totals> {
  const totals: Totals = {
    ...{ planned: rounds, rounds: 0, accepted: 0, published: 0, heard: 0 },
    ...{ faults: [], hits: [] },
  };
  const wire = rounds.filter((round) => round.kamailio);
  const bus = rounds.filter((round) => !round.kamailio);
  const lanes = Array.from({ length: Math.min(options.lanes, bus.length) }, (_, at) => at + 1);
  const optionsOf = (name: string) => {
    return { name, root: join(options.root, `lane-${name}`), program: options.program };
  };
  const work = lanes.map((at) => playAll(new Lane(optionsOf(String(at))), bus, totals, options));
  if (wire.length > 0) work.push(playAll(new WireLane(optionsOf('wire')), wire, totals, options));
  await Promise.all(work);
  return totals;
}

async function playAll(
  stage: Stage,
  left: Round[],
  totals: Totals,
  options: RunOptions,
): Promise<void> {
  let sound = false;
  try {
    await stage.open();
    sound = true;
    for (let round = left.shift(); round !== undefined; round = left.shift()) {
      const verdict = await stage.play(round);
      sound &&= verdict.faults.length === 0;
      addUp(totals, verdict, options);
      options.heard?.(verdict);
      if (options.enough?.(totals) === true) left.length = 0;
    }
  } catch (error) {
    sound = false;
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    totals.faults.push({ kind: 'wrong', id: 'lane', why });
    options.say(`kill: a lane broke, folders are kept in ${options.root}: ${why}`);
  } finally {
    await stage.close(!sound);
  }
}

function addUp(totals: Totals, verdict: Verdict, options: RunOptions): void {
  const { round, faults, repeated, hits, stories } = verdict;
  totals.rounds += 1;
  totals.accepted += verdict.accepted;
  totals.published += repeated.published;
  totals.heard += repeated.heard;
  totals.faults.push(...faults);
  totals.hits.push(...hits);
  const fine =
    faults.length === 0
      ? 'nothing wrong'
      : `${faults.length} FAULTS, the folder is kept in ${options.root}`;
  options.say(
    `round ${round.number}, seed ${round.seed}: ${describeBlows(round.blows)}: ${verdict.accepted} accepted, ${fine}`,
  );
  for (const story of stories) options.say(`  ${story}`);
}

export const countOf = (totals: Totals, kind: FaultKind): number =>
  totals.faults.filter((one) => one.kind === kind).length;

/** Hits of each point in each mode. */
function hitsOf(totals: Totals, point: Failpoint): Record<Mode, number> {
  const hits: Record<Mode, number> = { kill: 0, throw: 0, delay: 0, cut: 0 };
  for (const stop of totals.hits) if (stop.point === point) hits[stop.mode] += 1;
  return hits;
}

/** Stops that were planned and never reached, as `point:mode`, and points of the code that no stop of the run reached. */
export function missed(totals: Totals): readonly string[] {
  const nameOf = ({ point, mode }: Stop): string => `${point}:${mode}`;
  const reached = new Set(totals.hits.map(nameOf));
  const planned = totals.planned.flatMap(({ blows }) =>
    blows.flatMap((blow) => (blow.kind === 'stop' ? [nameOf(blow.stop)] : [])),
  );
  const passed = new Set(totals.hits.map(({ point }) => point));
  return [
    ...[...new Set(planned)].filter((name) => !reached.has(name)),
    ...failpoints.filter((point) => !passed.has(point)),
  ];
}

/** The closing lines; the last one is the result. */
export function summary(totals: Totals): readonly string[] {
  const points = failpoints.map((point) => {
    const { kill, throw: thrown, delay, cut } = hitsOf(totals, point);
    return `  ${point.padEnd(24)} kill ${kill + cut}, throw ${thrown}, delay ${delay}`;
  });
  const not = missed(totals);
  const wrong = countOf(totals, 'wrong');
  const { rounds, accepted } = totals;
  const [lost, missing, doubled] = (['lost', 'missing', 'doubled'] as const).map((kind) =>
    countOf(totals, kind),
  );
  return [
    'hits of each failpoint:',
    ...points,
    ...(not.length === 0 ? [] : [`kill: never hit: ${not.join(', ')}`]),
    ...(wrong === 0 ? [] : [`kill: ${wrong} other faults`]),
    `kill: identical reports repeated: ${totals.published} on the bus, ${totals.heard} to their senders`,
    `kill: ${rounds} rounds, ${accepted} accepted, ${lost} lost, ${missing} reports missing, ${doubled} reports doubled`,
  ];
}

export const exitCodeOf = (totals: Totals): number =>
  totals.faults.length === 0 && missed(totals).length === 0 && totals.rounds > 0 ? 0 : 1;
