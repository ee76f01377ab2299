// What the gate sees of a policy: every situation with its shortest history, over the engine's own step.
import t from 'tap';
import { explore, type Situation, shippedPolicyIds } from '../../../machines/index.js';
import { judge, step, stepper } from '../../../runtime/index.js';
import {
  changed,
  type Loose,
  nested,
  parallel,
  policyOf,
  shipped,
} from '../../support/policies.js';

t.test('the shipped policies pass, without a warning', async (t) => {
  for (const id of shippedPolicyIds) {
    const { ok, findings } = judge(shipped(id).file);
    t.ok(ok, id);
    t.strictSame(findings, [], id);
  }
});

t.test('situations are found by their shortest histories', async (t) => {
  const found = explore(shipped('delete-and-report'), stepper);
  t.ok(found.complete);
  const pathTo = (value: string, fits: (one: Situation) => boolean = () => true) =>
    found.pathTo(found.situations.find((one) => one.value === value && fits(one)) as Situation);
  t.strictSame(pathTo('stored'), ['message.received']);
  t.strictSame(pathTo('delivered'), ['message.received', 'message.retrieved']);
  t.strictSame(
    pathTo('reporting.backing-off', (one) => one.context.reportAttempts === 2),
    [
      ...['message.received', 'message.deleted', 'report.answered (temporary)'],
      ...['after reportRetry', 'report.answered (temporary)'],
    ],
  );
});

t.test('every situation is told apart, every edge leads to one of them', async (t) => {
  for (const id of shippedPolicyIds) {
    const { situations, edges, births, failures } = explore(shipped(id), stepper);
    t.strictSame(failures, []);
    t.equal(births.length, 2, 'owed and not owed');
    const told = situations.map(({ id: _number, ...one }) => JSON.stringify(one));
    t.equal(new Set(told).size, situations.length, 'no two are the same');
    t.ok(situations.every((one, index) => one.id === index && edges[index] !== undefined));
    for (const edge of edges.flat())
      t.ok(situations[edge.to.id] === edge.to && edge.from !== null, edge.stimulus.label);
    t.ok(situations.filter((one) => one.final).every((one) => edges[one.id]!.length === 0));
  }
});

t.test('an event that no state names is passed by as the step would', async (t) => {
  for (const id of shippedPolicyIds) {
    const policy = shipped(id);
    for (const { from, stimulus, changed } of explore(policy, stepper).edges.flat()) {
      if (changed || stimulus.event === null || stimulus.kind === 'timer') continue;
      const after = step(policy, from!.actor, stimulus.event, 0);
      t.notOk(after.changed, `${id}: ${from!.value} ${stimulus.label}`);
    }
  }
});

t.test('regions side by side and states within states are explored', async (t) => {
  for (const source of [nested, parallel]) {
    const { known, findings } = judge(source);
    t.ok((known?.behaviour.situations ?? 0) > 5);
    t.ok(
      findings.some((one) => one.check === 'RC7'),
      'they never report',
    );
  }
});

t.test('more situations than the bound are a finding, not a wait', async (t) => {
  const tries = (max: number) => ({ type: 'deliveryTriesBelow', params: { max } });
  const source = changed((policy: Loose) => {
    const { states } = policy.machine;
    states.stored.on['message.evicted'] = { guard: tries(100), target: 'evicted' };
    states.reporting.states.sending.on['report.answered'][3].guard.params.max = 100;
    states.reporting.on['message.outlived'] = { guard: tries(99), target: 'report-refused' };
  });
  const { ok, findings, known } = judge(source);
  t.notOk(ok);
  t.strictSame(
    findings.map((one) => one.code),
    ['too-many-situations'],
  );
  t.equal(known, null);
});

t.test('what never expires is looked at where the settings let it', async (t) => {
  const forever = { defaultExpirySeconds: 'none', maxExpirySeconds: 'none' };
  const machine = {
    initial: 'stored',
    states: {
      stored: {
        tags: ['live'],
        on: { 'message.deleted': 'over', 'message.retrieved': 'over' },
        after: { expiry: 'over' },
      },
      over: { type: 'final', meta: { outcome: 'over' } },
    },
  };
  const codes = (settings: object) =>
    judge(policyOf(machine, settings)).findings.map((one) => one.code);
  t.ok(codes(forever).includes('deaf-to-its-end'), 'a message without expiry never ends');
});
