// The short form of `npm run kill`: one real process struck at the places the failure modes name, started again and
// judged. The long form strikes everywhere, in every mode.
import t, { type Test } from 'tap';
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

/** What brings each failure mode about; a round each. */
const blows: Readonly<Record<string, readonly Blow[]>> = {
  A1: [stop('cmd.received:6:kill')],
  A2: [stop('cmd.validated:6:kill'), stop('commit.before:3:kill')],
  A3: [stop('commit.before:3:cut')],
  A4: [stop('ack.before:4:kill')],
  A5: [stop('ack.after:4:kill')],
  C1: [stop('effect.before-publish:2:kill')],
  C2: [stop('effect.after-publish:2:kill')],
  C3: [stop('outcome.received:2:kill')],
  C4: [stop('outcome.after-commit:2:kill')],
  C5: [stop('report.after-commit:2:kill')],
  C6: [stop('report.after-publish:2:kill')],
  E7: [stop('commit.after:3:throw')],
  G1: [{ kind: 'term', afterMs: 250 }],
  G2: [stop('shutdown.before-close:1:kill')],
  R10: [stop('boot.scanned:20:kill')],
  J7: [stop('policy.after-activate:1:kill')],
  F5: [stop('policy.before-move:20:kill'), stop('policy.after-move:10:kill')],
  event: [stop('audit.before-publish:3:kill'), stop('audit.acknowledged:3:kill')],
  taken: [stop('audit.after-publish:4:kill'), stop('audit.after-remove:4:kill')],
};

const codes = Object.keys(blows);
const rounds = Object.values(blows).map(
  (own, at): Round => ({
    ...{ number: at + 1, seed: at + 1, blows: own },
    ...{ forgets: false, kamailio: false },
  }),
);

/** All rounds are played once, side by side; each test reads its own verdict. */
const verdicts: Verdict[] = [];
const played = run(rounds, {
  ...{ root: temporaryFolder(t), program: servicePath, lanes: 4, say: () => {} },
  heard: (one) => verdicts.push(one),
});

const isSound = (code: string) => async (t: Test) => {
  const { faults } = await played;
  const verdict = verdicts.find((one) => one.round.number === codes.indexOf(code) + 1);
  t.strictSame(verdict?.stories ?? faults, [], 'nothing lost, missing, doubled or else wrong');
  t.ok((verdict?.accepted ?? 0) >= 10, `${verdict?.accepted} accepted`);
  const stops = blows[code]?.flatMap((blow) => (blow.kind === 'stop' ? [blow.stop] : []));
  t.strictSame(verdict?.hits, stops, 'every stop was reached');
};

t.setTimeout(120_000);
const slow = { timeout: 120_000 };
t.test('A1: killed on receipt, before validation', slow, isSound('A1'));
t.test('A2: killed before commit', slow, isSound('A2'));
t.test('A3: killed while the batch is in flight', slow, isSound('A3'));
t.test('A4: killed after commit, before acknowledgement', slow, isSound('A4'));
t.test('A5: killed after acknowledgement', slow, isSound('A5'));
t.test('C1: killed before publish', slow, isSound('C1'));
t.test('C2: killed after publish', slow, isSound('C2'));
t.test('C3: killed after an outcome arrived, before its commit', slow, isSound('C3'));
t.test('C4: killed after outcome commit', slow, isSound('C4'));
t.test('C5: killed after report commit, before publish', slow, isSound('C5'));
t.test('C6: killed after report publish, before outbox delete', slow, isSound('C6'));
t.test('E7: an assertion fails after a commit', slow, isSound('E7'));
t.test('G1: SIGTERM under load', slow, isSound('G1'));
t.test('G2: killed during shutdown', slow, isSound('G2'));
t.test('R10: killed during boot', slow, isSound('R10'));
t.test('J7: killed around the activation of a policy', slow, isSound('J7'));
t.test('F5: killed while living messages are moved to another policy', slow, isSound('F5'));
t.test('killed between the commit and the acknowledgement of an event', slow, isSound('event'));
t.test('killed around the removal of an event', slow, isSound('taken'));
