// The short form of `npm run kill`: one real process struck at the places the failure modes name, started again and
// judged. The long form strikes everywhere, in every mode.
import t from 'tap';
import { temporaryFolder } from '../adapters/cli/command.js';
import { servicePath } from './engine.js';
import { parseStop } from './failpoint.js';
import type { Blow, Round } from './plan.js';
import { run } from './run.js';
import type { Verdict } from './verdict.js';

const stop = (text: string): Blow => {
  const parsed = parseStop(text);
  if (parsed === null) throw new TypeError(text);
  return { kind: 'stop', stop: parsed };
};

/** Name of a failure mode, and what is done to the engine to bring it about. */
const rows: readonly (readonly [string, readonly Blow[]])[] = [
  ['A1: killed on receipt, before validation', [stop('cmd.received:6:kill')]],
  ['A2: killed before commit', [stop('cmd.validated:6:kill'), stop('commit.before:3:kill')]],
  ['A3: killed while the batch is in flight', [stop('commit.before:3:cut')]],
  ['A4: killed after commit, before acknowledgement', [stop('ack.before:4:kill')]],
  ['A5: killed after acknowledgement', [stop('ack.after:4:kill')]],
  ['C1: killed before publish', [stop('effect.before-publish:2:kill')]],
  ['C2: killed after publish', [stop('effect.after-publish:2:kill')]],
  ['C3: killed after an outcome arrived, before its commit', [stop('outcome.received:2:kill')]],
  ['C4: killed after outcome commit', [stop('outcome.after-commit:2:kill')]],
  ['C5: killed after report commit, before publish', [stop('report.after-commit:2:kill')]],
  ['C6: killed after report publish, before outbox delete', [stop('report.after-publish:2:kill')]],
  ['E7: an assertion fails after a commit', [stop('commit.after:3:throw')]],
  ['G1: SIGTERM under load', [{ kind: 'term', afterMs: 250 }]],
  ['G2: killed during shutdown', [stop('shutdown.before-close:1:kill')]],
  ['G2: killed during boot', [stop('boot.scanned:20:kill')]],
  ['J7: killed around the activation of a policy', [stop('policy.after-activate:1:kill')]],
];

t.setTimeout(120_000);

t.test('a real process is struck and starts again', { timeout: 120_000 }, async (t) => {
  const rounds = rows.map(
    ([, blows], at): Round => ({
      ...{ number: at + 1, seed: at + 1, blows },
      ...{ forgets: false, kamailio: false },
    }),
  );
  const verdicts: Verdict[] = [];
  const options = { root: temporaryFolder(t), program: servicePath, lanes: 4, say: () => {} };
  const totals = await run(rounds, { ...options, heard: (one) => verdicts.push(one) });
  for (const [at, [name, blows]] of rows.entries()) {
    const verdict = verdicts.find((one) => one.round.number === at + 1);
    t.test(name, async (t) => {
      t.strictSame(verdict?.stories, [], 'nothing lost, missing, doubled or else wrong');
      t.ok((verdict?.accepted ?? 0) >= 10, `${verdict?.accepted} accepted`);
      const stops = blows.flatMap((blow) => (blow.kind === 'stop' ? [blow.stop] : []));
      t.strictSame(verdict?.hits, stops, 'every stop was reached');
    });
  }
  t.strictSame(totals.faults, []);
});
