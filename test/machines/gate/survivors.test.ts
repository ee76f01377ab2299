// Random slips that the gate lets through, each pinned with the reason for which it is harmless: a new one fails here until
// somebody has given its reason. Beside the gate's own word each of them is played, and a court that knows nothing of
// charts and situations looks at what became of the messages.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  type Life,
  playScenario,
  type Scenario,
  shippedScenario,
} from '../../../adapters/simulator/index.js';
import { canonicalAor, readMessage } from '../../../adapters/sip/index.js';
import { type PolicyFile, shippedPolicyIds } from '../../../machines/index.js';
import { judge } from '../../../runtime/index.js';
import { shipped } from '../../support/policies.js';
import { fateOf, type Mutant, mutantOf } from './mutations.js';

interface Survivor {
  readonly base: string;
  readonly seed: number;
  readonly slip: string;
  /** Why nobody is the worse for it. */
  readonly harmless: string;
}

const file = fileURLToPath(
  new URL('../../../../test/machines/gate/survivors.json', import.meta.url),
);
const pinned = JSON.parse(readFileSync(file, 'utf8')) as readonly Survivor[];
const seeds = 12;
const scenarios = ['report-meets-trouble', 'expires-during-a-push', 'nobody-ever-answers'];

t.setTimeout(110_000);

const isRead = ({ event, status }: Life['steps'][number]): boolean =>
  event === 'message.retrieved' ||
  event === 'message.withdrawn' ||
  (event === 'delivery.answered' && status !== null && status >= 200 && status < 300);

const asksFor = (effect: string, steps: Life['steps']): boolean =>
  steps.some(({ effects }) => effects.some((one) => one.startsWith(effect)));

/** What is wrong with a life, by what was heard and sent alone. */
function faultsOf(life: Life, unheard: boolean): readonly string[] {
  const faults: string[] = [];
  const { steps } = life;
  const read = steps.findIndex(isRead);
  const over = steps.findIndex((one) => isRead(one) || one.event === 'message.deleted');
  const owed = life.reportException === null && !unheard && read === -1;
  if (life.parked !== null) faults.push('parked');
  if (life.outcome !== null && owed && !asksFor('report', steps)) faults.push('owed, never sent');
  if (life.reportException !== null && asksFor('report', steps)) faults.push('sent, not owed');
  if (read !== -1 && asksFor('report', steps.slice(read))) faults.push('reported, and was read');
  if (over !== -1 && asksFor('deliver', steps.slice(over))) faults.push('pushed after its end');
  return faults;
}

const isUnheard = ({ steps }: Scenario, message: string): boolean =>
  steps.some((one) => one.do === 'unheard' && one.message === message);

async function played(mutant: Mutant): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of scenarios) {
    const scenario = shippedScenario(id);
    const story = await playScenario(mutant.source as PolicyFile, scenario, {
      ...{ readMessage, canonicalAor },
    });
    for (const life of story.lives)
      for (const fault of faultsOf(life, isUnheard(scenario, life.message)))
        found.push(`${id}, ${life.message}: ${fault}`);
  }
  return found;
}

for (const base of shippedPolicyIds) {
  t.test(
    `slips in ${base}: caught, or pinned with a reason, and harmless when played`,
    async (t) => {
      const original = judge(shipped(base).file).known!.exploration;
      const survivors = Array.from({ length: seeds }, (_, at) => mutantOf(base, at + 1)).filter(
        (one) => fateOf(one, original)?.kind !== 'caught',
      );
      const expected = pinned.filter((one) => one.base === base);
      t.strictSame(
        survivors.map(({ seed, slip }) => ({ seed, slip })),
        expected.map(({ seed, slip }) => ({ seed, slip })),
      );
      for (const one of expected) t.ok(one.harmless.length > 30, one.slip);
      for (const one of survivors) t.strictSame(await played(one), [], one.slip);
    },
  );
}

t.test('the court sees what is wrong in a life', async (t) => {
  const scenario = shippedScenario('report-meets-trouble');
  const source = shipped('delete-and-report').file;
  const { lives } = await playScenario(source, scenario, { readMessage, canonicalAor });
  const reported = lives.find(({ steps }) => asksFor('report', steps))!;
  const silent = { ...reported, steps: reported.steps.map((one) => ({ ...one, effects: [] })) };
  t.strictSame(faultsOf(reported, false), []);
  t.strictSame(faultsOf(silent, false), ['owed, never sent']);
  t.strictSame(faultsOf(silent, true), []);
  t.strictSame(faultsOf({ ...reported, reportException: 'not-asked' }, false), ['sent, not owed']);
  const fetched = { ...reported.steps[0]!, event: 'message.retrieved', effects: [] };
  const pushed = { ...fetched, event: 'recipient.registered', effects: ['deliver 1'] };
  const steps = [fetched, pushed, ...reported.steps];
  t.strictSame(faultsOf({ ...reported, steps, parked: 'x' }, false), [
    ...['parked', 'reported, and was read', 'pushed after its end'],
  ]);
});
