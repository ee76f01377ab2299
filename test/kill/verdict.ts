// A round's letters held against the rows of the store when all is calm, and what is to be told of it.
import type { Stop } from './failpoint.js';
import { accepted, type History, type Letter } from './history.js';
import { type Fault, isSettled, judge, pairOf, type Row } from './judge.js';
import { type Keeper, pause } from './keeper.js';
import type { Round } from './plan.js';

/** What a round came to. */
export interface Verdict {
  readonly round: Round;
  readonly accepted: number;
  readonly faults: readonly Fault[];
  /** Identical reports: published again, and heard again by their sender. */
  readonly repeated: { readonly published: number; readonly heard: number };
  readonly hits: readonly Stop[];
  /** Each fault with the history of its message. */
  readonly stories: readonly string[];
}

/** Longer than any repetition that can be under way: an effect is repeated after 2, 4, 8 and 16 s. */
const calmMs = 35_000;

/** Waits until every message has ended, or for the longest repetition. */
export async function calm(
  keeper: Keeper,
  letters: readonly Letter[],
): Promise<ReadonlyMap<string, Row>> {
  const until = performance.now() + calmMs;
  for (;;) {
    const rows = await keeper.rows();
    const settled = letters.every(({ from, to }) => isSettled(rows.get(pairOf(from, to))));
    if (settled || performance.now() > until) return rows;
    await pause(100);
  }
}

export interface Material {
  readonly round: Round;
  readonly letters: readonly Letter[];
  readonly rows: ReadonlyMap<string, Row>;
  readonly history: History;
  readonly keeper: Keeper;
  /** When the round began. */
  readonly sinceMs: number;
  /** What was found beside the messages. */
  readonly faults: readonly Fault[];
}

export function verdictOf(material: Material): Verdict {
  const { round, letters, rows, history, keeper, sinceMs } = material;
  const known = letters.filter(accepted).length;
  const about = (why: string): Fault => ({ kind: 'wrong', id: `round ${round.number}`, why });
  const faults = [
    ...material.faults,
    ...keeper.faults.splice(0),
    ...(known > 0 ? [] : [about('nothing was accepted, so nothing was shown')]),
    ...history.strange.splice(0).map(about),
    ...letters.flatMap((letter) => judge(letter, rows.get(pairOf(letter.from, letter.to)))),
  ];
  const again = (count: (letter: Letter) => number) =>
    letters.reduce((sum, letter) => sum + Math.max(0, count(letter) - 1), 0);
  return {
    round,
    faults,
    accepted: known,
    repeated: {
      published: again((letter) => letter.reports.length),
      heard: again((letter) => letter.told),
    },
    hits: keeper.hits.splice(0),
    stories: faults.map(({ kind, id, why }) =>
      [`${kind}: ${id}: ${why}`, ...history.story(id, sinceMs)].join('\n    '),
    ),
  };
}
