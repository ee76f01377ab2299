// Which stops a run makes: first every failpoint by list, with kill, then with throw and delay, then random ones and
// kills at random moments. The same seed makes the same plan.
import { type Failpoint, failpoints } from '../../runtime/index.js';
import type { Mode, Stop } from './failpoint.js';

/** When a process is killed without a failpoint. */
export type Moment = 'serving' | 'boot' | 'shutdown';

/** One thing that happens to the engine in a round. */
export type Blow =
  | { readonly kind: 'stop'; readonly stop: Stop }
  | { readonly kind: 'moment'; readonly moment: Moment; readonly afterMs: number }
  /** SIGTERM, and nothing else. */
  | { readonly kind: 'term'; readonly afterMs: number };

export interface Round {
  readonly number: number;
  /** Draws the round's traffic. */
  readonly seed: number;
  readonly blows: readonly Blow[];
  /** The proxy loses its memory of effects. */
  readonly forgets: boolean;
  /** Real Kamailio and SIP agents in place of the simulated proxy. */
  readonly kamailio: boolean;
}

/** Repeatable numbers: mulberry32. */
export class Dice {
  constructor(private state: number) {}

  /** From 0 to 1, without 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** An integer from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length - 1)]!;
  }
}

/** How often a point is passed in a round, at most, with certainty. */
const passesMax: Partial<Record<Failpoint, number>> = {
  'cmd.received': 12,
  'cmd.validated': 12,
  'commit.before': 6,
  'commit.after': 6,
  'ack.before': 8,
  'ack.after': 8,
  'effect.before-publish': 3,
  'effect.after-publish': 3,
  'outcome.received': 3,
  'outcome.before-commit': 3,
  'outcome.after-commit': 3,
  'timer.fired': 3,
  'report.after-commit': 3,
  'report.before-publish': 3,
  'report.after-publish': 3,
  'outbox.before-delete': 3,
  'outbox.after-delete': 3,
  'audit.before-publish': 6,
  'audit.after-publish': 6,
  'audit.acknowledged': 6,
  'audit.after-remove': 6,
  'policy.before-move': 20,
  'policy.after-move': 20,
  'boot.scanned': 65,
  'boot.rearmed': 65,
};

const stopAt = (point: Failpoint, mode: Mode, dice: Dice): Blow => ({
  kind: 'stop',
  stop: { point, pass: dice.between(1, passesMax[point] ?? 1), mode },
});

const moments: readonly Moment[] = ['serving', 'boot', 'shutdown'];

/** Longest wait before a kill at a random moment. */
const momentMsMax: Readonly<Record<Moment, number>> = { serving: 2000, boot: 900, shutdown: 150 };

function momentAt(moment: Moment, dice: Dice): Blow {
  return { kind: 'moment', moment, afterMs: dice.between(0, momentMsMax[moment]) };
}

type Draft = readonly Blow[];

// Every point with kill, every third time with a second kill; then throw and delay, three in a round.
function listed(dice: Dice): readonly Draft[] {
  const kills = failpoints.map((point, at): Draft => {
    const first = stopAt(point, 'kill', dice);
    if (at % 3 === 0) return [first, momentAt(moments[(at / 3) % 3]!, dice)];
    return point === 'commit.before' ? [first, stopAt(point, 'cut', dice)] : [first];
  });
  const third = Math.ceil(failpoints.length / 3);
  const threes = (mode: Mode): Draft[] =>
    failpoints
      .slice(0, third)
      .map(
        (_, at): Draft =>
          failpoints
            .filter((_point, index) => index % third === at)
            .map((point) => stopAt(point, mode, dice)),
      );
  return [...kills, ...threes('throw'), ...threes('delay')];
}

function random(dice: Dice): Draft {
  const blows = dice.between(1, 3);
  return Array.from({ length: blows }, (): Blow => {
    const kind = dice.next();
    if (kind < 0.45) return stopAt(dice.pick(failpoints), 'kill', dice);
    if (kind < 0.55) return stopAt(dice.pick(failpoints), 'cut', dice);
    if (kind < 0.65) return stopAt(dice.pick(failpoints), 'throw', dice);
    if (kind < 0.95) return momentAt(dice.pick(moments), dice);
    return { kind: 'term', afterMs: dice.between(0, 500) };
  });
}

/** Points that real phones and proxies pass for certain. */
const onTheWire: readonly Failpoint[] = [
  'commit.after',
  'ack.after',
  'effect.after-publish',
  'outcome.received',
  'report.after-publish',
  'commit.before',
];

/** One in ten rounds has a real Kamailio. */
const kamailioEvery = 10;

export function planRounds(count: number, seed: number, withKamailio = true): readonly Round[] {
  const dice = new Dice(seed);
  const drafts = listed(dice);
  const wire = withKamailio ? Math.floor(count / kamailioEvery) : 0;
  return Array.from({ length: count }, (_, at): Round => {
    const kamailio = at >= count - wire;
    const blows = kamailio
      ? [stopAt(onTheWire[at % onTheWire.length]!, 'kill', dice)]
      : (drafts[at] ?? random(dice));
    const shared = { number: at + 1, seed: dice.between(1, 2 ** 31), blows };
    return { ...shared, forgets: at % 5 === 4, kamailio };
  });
}

/** A round in one line. */
export const describeBlows = (blows: readonly Blow[]): string =>
  blows
    .map((blow) => {
      if (blow.kind === 'stop') return `${blow.stop.point}:${blow.stop.pass}:${blow.stop.mode}`;
      const what = blow.kind === 'term' ? 'SIGTERM' : `kill at ${blow.moment}`;
      return `${what} +${blow.afterMs} ms`;
    })
    .join(', ');
