// The short form of `npm run kill`: one real process struck at the places the failure modes name, started again and
// judged. All rounds of a file are played once, side by side; each of its tests reads its own verdict.
import t, { type Test } from 'tap';
import { temporaryFolder } from '../adapters/cli/command.js';
import { servicePath } from './engine.js';
import { parseStop } from './failpoint.js';
import type { Blow, Round } from './plan.js';
import { run } from './run.js';
import type { Verdict } from './verdict.js';

/** A stop in one word: `commit.before:3:cut` is the third time that place is reached. */
export const stop = (text: string): Blow => {
  const parsed = parseStop(text);
  if (parsed === null) throw new TypeError(text);
  return { kind: 'stop', stop: parsed };
};

/** What brings a failure mode about, and the name of its test. */
export type Strike = readonly [name: string, ...blows: readonly Blow[]];

/** A strike under way: its test judges what became of it. */
export interface Struck {
  readonly name: string;
  readonly judged: (t: Test) => Promise<void>;
}

/** Plays one round for each strike, four side by side. `from` is the seed of the first; the others follow. */
export function strikeAll(strikes: readonly Strike[], from: number): readonly Struck[] {
  const rounds = strikes.map(
    ([, ...blows], at): Round => ({
      ...{ number: at + 1, seed: from + at, blows },
      ...{ forgets: false, kamailio: false },
    }),
  );
  const verdicts: Verdict[] = [];
  const played = run(rounds, {
    ...{ root: temporaryFolder(t), program: servicePath, lanes: 4, say: () => {} },
    heard: (one) => verdicts.push(one),
  });
  return strikes.map(([name, ...blows], at) => ({
    name,
    judged: async (t) => {
      const { faults } = await played;
      const verdict = verdicts.find((one) => one.round.number === at + 1);
      t.strictSame(verdict?.stories ?? faults, [], 'nothing lost, missing, doubled or else wrong');
      t.ok((verdict?.accepted ?? 0) >= 10, `${verdict?.accepted} accepted`);
      const stops = blows.flatMap((blow) => (blow.kind === 'stop' ? [blow.stop] : []));
      t.strictSame(verdict?.hits, stops, 'every stop was reached');
    },
  }));
}
