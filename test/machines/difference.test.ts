// What changes for a message between two policies: ends by class, reports on the way to them, longest life, states and
// settings. The ends are the gate's, so a lost report is seen whatever way leads to it.
import t from 'tap';
import { differenceOf, type Explored, endsByClass, shippedPolicy } from '../../machines/index.js';
import { judge } from '../../runtime/gate.js';
import { run } from '../adapters/cli/command.js';
import { changed, type Loose } from '../support/policies.js';

function explored(source: unknown): Explored {
  const { policy, known } = judge(source);
  if (policy === null || known === null) throw new Error('it was not explored');
  const { exploration, behaviour } = known;
  return { policy, exploration, longestLifeSeconds: behaviour.longestLifeSeconds };
}

const base = explored(shippedPolicy('delete-and-report'));

t.test('a policy does not differ from itself', async (t) => {
  const none = differenceOf(base, base);
  t.equal(none.same, true);
  t.strictSame([none.classes, none.settings], [[], []]);
});

t.test('the ends of a class are all there are, each with its shortest history', async (t) => {
  const [asked, silent] = endsByClass(base.exploration);
  t.match(asked, { report: 'asked for', expires: true });
  const ends = Object.fromEntries((asked?.ends ?? []).map((one) => [one.state, one]));
  t.strictSame(Object.keys(ends).sort(), [
    ...['delivered', 'dropped', 'report-refused', 'reported', 'withdrawn'],
  ]);
  t.equal(ends['reported']?.report, 'always');
  t.equal(ends['delivered']?.report, 'never');
  t.strictSame(ends['withdrawn']?.path, ['message.received', 'message.withdrawn']);
  t.notOk(
    silent?.ends.some(({ state }) => state === 'reported'),
    'nobody is told who did not ask',
  );
});

t.test('a lost report, a longer life, another wait and another state are told', async (t) => {
  const other = explored(
    changed((policy: Loose) => {
      policy.machine.states.refused.always = [{ target: 'dropped' }];
      policy.settings.maxLifetimeSeconds = 8_640_000;
      policy.settings.delays.reportRetry = { minutes: 7 };
      policy.machine.states.evicted.tags = [];
      policy.machine.states.evicted.description = 'Words change nothing.';
    }),
  );
  const { classes, states, settings, longestLifeSeconds, same } = differenceOf(base, other);
  t.equal(same, false);
  t.ok(longestLifeSeconds[1] - longestLifeSeconds[0] >= 864_000);
  t.match(settings, [
    ['maxLifetimeSeconds', '7776000', '8640000'],
    ['delays.reportRetry', '5 minutes', '7 minutes'],
  ]);
  t.same(states, {
    ...{ added: [], removed: [] },
    changed: [{ state: 'refused', added: [], removed: ['always [reportOwed] → reporting'] }],
  });
  t.ok(Array.isArray(classes));
});

t.test('an end that is new or gone is told by class', async (t) => {
  const other = explored(
    changed((policy: Loose) => {
      policy.machine.states['gone'] = { type: 'final', meta: { outcome: 'gone' } };
      policy.machine.states['stored'].on['message.withdrawn'] = 'gone';
      policy.machine.states['delivering'].on['message.withdrawn'] = 'gone';
      policy.machine.states['settling'].always = policy.machine.states['settling'].always.filter(
        (one: Loose) => one.target !== 'withdrawn',
      );
      delete policy.machine.states['withdrawn'];
    }),
  );
  const { classes, states } = differenceOf(base, other);
  t.equal(classes.length, 2, 'both who asked and who did not');
  for (const one of classes) {
    t.match(one.added, [{ state: 'gone', report: 'never', path: [String, 'message.withdrawn'] }]);
    t.match(one.removed, [{ state: 'withdrawn' }]);
  }
  t.strictSame([states.added, states.removed], [['gone'], ['withdrawn']]);
});

t.test('policy diff', async (t) => {
  const same = await run('policy', 'diff', 'deliver-late', 'deliver-late');
  t.match(same, { code: 0, out: /nothing changes for a message\n$/ });
  const told = await run('policy', 'diff', 'delete-and-report', 'deliver-late');
  t.equal(told.code, 1, told.err);
  t.match(told.out, /deliverAfterExpiry: false → true/);
  t.match(
    told.out,
    /\nWhere they part first\n {2}after message.received, after expiry\n {2}- asks for report, goes on\n {2}\+ stays in the mailbox/,
  );
  t.match(told.out, /returns-after-expiry +late +was +reported .*\n +is +delivered/);
  const json = await run('policy', 'diff', 'delete-and-report', 'deliver-late', '--json');
  t.match(JSON.parse(json.out), { before: { id: 'delete-and-report' }, same: false });
});
