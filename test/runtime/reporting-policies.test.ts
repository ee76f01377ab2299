// Policies that keep silent about what they lose, or report what nobody asked to hear of: the gate refuses both, and what
// comes by another way cannot make the engine send a report that is not owed.
import t from 'tap';
import { judge } from '../../runtime/gate.js';
import { EngineUnderTest } from '../support/engine.js';
import { numbered, plain, received } from '../support/messages.js';
import { changed, type Loose, unjudged } from '../support/policies.js';

const silent = changed((policy: Loose) => {
  for (const name of ['expired', 'deleted-by-user', 'refused', 'evicted'])
    policy.machine.states[name].always = [{ target: 'dropped' }];
  delete policy.machine.states.reporting;
  delete policy.machine.states.reported;
  delete policy.machine.states['report-refused'];
  delete policy.settings.delays;
});

const atOnce = changed((policy: Loose) => {
  for (const name of ['expired', 'deleted-by-user', 'refused', 'evicted'])
    policy.machine.states[name].always = [{ target: 'reporting' }];
  delete policy.machine.states.dropped;
});

const codesOf = (source: unknown): readonly string[] =>
  judge(source).findings.map(({ check }) => check);

t.test(
  'J6 a policy that never reports, and one that reports unasked, are refused with a history',
  async (t) => {
    for (const source of [silent, atOnce]) {
      t.equal(judge(source).ok, false);
      t.ok(codesOf(source).includes('RC7'), codesOf(source).join());
      const [first] = judge(source).findings.filter(({ check }) => check === 'RC7');
      t.ok((first?.path?.length ?? 0) >= 2, 'the shortest way there');
      const test = await EngineUnderTest.open();
      const reply = await test.submit({ type: 'policy.installed', source, by: 'mallory' });
      t.match(reply, { kind: 'refused', code: 'policy-refused' });
      await test.close();
    }
  },
);

t.test('J6 one that came past the gate sends nothing that is not owed', async (t) => {
  const test = await EngineUnderTest.open({ judge: unjudged });
  const installed = await test.submit({ type: 'policy.installed', source: atOnce, by: 'mallory' });
  if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
  const { hash } = installed;
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'mallory', reason: '' });
  const unasked = await test.accept(received(plain({ expiresSeconds: 0 })));
  const asked = await test.accept(received(numbered(2, { expiresSeconds: 0 })));
  await test.clock.advance(1);
  t.match(test.life(unasked), { parked: /not owed/ });
  t.match(test.life(asked), { parked: null, state: 'reporting.sending' });
  t.equal(test.effects.reports.length, 1);
  await test.close();
});
