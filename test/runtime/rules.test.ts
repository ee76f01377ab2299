// Selection rules: the first that fits holds, faults of a set are found, and taking one up is one commit that a crash
// cannot halve.
import t from 'tap';
import {
  checkRules,
  defaultPreferenceRules,
  type KnownPolicy,
  type SelectionRule,
} from '../../machines/index.js';
import { EngineUnderTest } from '../support/engine.js';
import { bob, numbered, received, wants } from '../support/messages.js';
import { changed, type Loose, shipped } from '../support/policies.js';

const knows = (name: string): KnownPolicy => {
  if (name === 'left') return { successor: 'held' };
  return name.startsWith('policy') || name === 'held' ? { successor: null } : null;
};

const activated = (rules: readonly SelectionRule[]) => ({
  ...({ type: 'rules.activated', source: { rules }, by: 'anna', reason: 'a test' } as const),
});

t.test('faults of a set of rules are found, each with its place', async (t) => {
  const cases: readonly (readonly [unknown, readonly string[]])[] = [
    [{ rules: [] }, []],
    [{}, ['schema ']],
    [{ rules: [{ policy: 'policy', kinds: ['huge'] }] }, ['schema /rules/0/kinds/0']],
    [{ rules: [{ policy: 'policy', servedUsers: ['BOB'] }] }, ['schema /rules/0/servedUsers/0']],
    [{ rules: [{ policy: 'nobody' }] }, ['unknown-policy /rules/0/policy']],
    [
      { rules: [{ policy: 'policy' }, { policy: 'held', kinds: ['large'] }] },
      ['unreachable-rule /rules/1'],
    ],
    [
      {
        rules: [
          { policy: 'policy', servedDomains: ['example.org'] },
          { policy: 'held', servedUsers: [bob] },
        ],
      },
      ['unreachable-rule /rules/1'],
    ],
    [
      {
        rules: [
          { policy: 'policy', contentTypes: ['text/*'] },
          { policy: 'held', contentTypes: ['text/plain'], kinds: ['page'] },
        ],
      },
      ['unreachable-rule /rules/1'],
    ],
    [
      {
        rules: [
          { policy: 'policy', servedUsers: [bob] },
          { policy: 'held', senderDomains: ['example.com'] },
        ],
      },
      ['overlapping-rules /rules/1'],
    ],
    [
      {
        rules: [
          { policy: 'policy', servedDomains: ['example.com'] },
          { policy: 'held', servedUsers: [bob] },
        ],
      },
      [],
    ],
    [
      { rules: [{ policy: 'policy', servedUsers: [bob], servedDomains: ['example.com'] }] },
      ['unreachable-rule /rules/0/servedUsers'],
    ],
    [
      {
        rules: [
          {
            ...{ policy: 'policy', servedUsers: [bob, 'sip:eve@example.net'] },
            servedDomains: ['example.org'],
          },
        ],
      },
      ['outside-domain /rules/0/servedUsers'],
    ],
    [{ rules: [{ policy: 'left' }] }, ['superseded-policy /rules/0/policy']],
  ];
  for (const [source, expected] of cases)
    t.strictSame(
      checkRules(source, knows).map(({ code, pointer }) => `${code} ${pointer}`),
      expected,
      JSON.stringify(source),
    );
});

t.test('the first rule that fits chooses; the active policy where none does', async (t) => {
  const test = await EngineUnderTest.open();
  const set = activated([
    { policy: 'hold-for-operator', servedUsers: [bob], contentTypes: ['image/*'] },
    { policy: 'deliver-late', senderDomains: ['example.com'] },
    { policy: 'grace-then-delete', kinds: ['page'], servedDomains: ['example.net'] },
  ]);
  const reply = await test.submit(set);
  t.match(reply, {
    kind: 'policy',
    warnings: [/^\/rules\/1: Some messages fit this and rule 0/, /^\/rules\/2: /],
  });
  const policyOf = async (number: number, changes: object): Promise<string> =>
    test.life(await test.accept(received(numbered(number, changes)))).policyId;
  t.equal(await policyOf(1, { contentType: 'image/png', cpim: null }), 'hold-for-operator');
  t.equal(await policyOf(2, {}), 'deliver-late');
  const stranger = { asserted: 'sip:carol@example.edu' };
  t.equal(await policyOf(3, stranger), 'delete-and-report');
  t.equal(await policyOf(4, { asserted: null }), 'delete-and-report', 'only who is vouched for');
  t.equal(await policyOf(5, { ...stranger, aor: 'sip:x@example.net' }), 'grace-then-delete');
  await test.close();
});

t.test(
  'a rule is bound to the version its policy has when it is taken up; a message to its own',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.submit(activated([{ policy: 'deliver-late' }]));
    const before = await test.accept(received(numbered(1)));
    const newer = changed((policy: Loose) => {
      policy.title = 'Newer';
    }, 'deliver-late');
    await test.clock.advance(1000);
    const installed = await test.submit({ type: 'policy.installed', source: newer, by: 'anna' });
    if (installed.kind !== 'policy') throw new Error(JSON.stringify(installed));
    const old = shipped('deliver-late').hash;
    t.equal(test.life(await test.accept(received(numbered(2)))).policyHash, old);
    await test.submit(activated([{ policy: 'deliver-late' }]));
    t.equal(test.life(await test.accept(received(numbered(3)))).policyHash, installed.hash);
    t.equal(test.life(before).policyHash, old);

    const again = await test.crash();
    t.equal(again.life(await again.accept(received(numbered(4)))).policyHash, installed.hash);
    t.match(
      again.engine.registry.course.history.map(({ act }) => act),
      ['rules-activated', 'installed', 'rules-activated'],
    );
    await again.close();
  },
);

t.test(
  'what fails its checks changes nothing; rules of before come back by their hash',
  async (t) => {
    const test = await EngineUnderTest.open();
    const first = await test.submit(activated([{ policy: 'deliver-late' }]));
    if (first.kind !== 'policy') throw new Error(JSON.stringify(first));
    const refused = await test.submit(activated([{ policy: 'deliver-lat' }]));
    t.match(refused, { code: 'rules-refused', reason: /\/rules\/0\/policy: .*"deliver-lat"/ });
    await test.submit(activated([]));
    t.equal(test.life(await test.accept(received(numbered(1)))).policyId, 'delete-and-report');
    const back = { type: 'rules.activated', hash: first.hash, by: 'anna', reason: 'back' } as const;
    t.match(await test.submit(back), { hash: first.hash });
    t.equal(test.life(await test.accept(received(numbered(2)))).policyId, 'deliver-late');
    const none = { ...back, hash: '0'.repeat(64) };
    t.match(await test.submit(none), { kind: 'refused', code: 'no-such-rules' });
    await test.close();
  },
);

t.test(
  'a crash before the commit leaves the rules of before, one after it the new ones',
  async (t) => {
    for (const landed of [false, true]) {
      const test = await EngineUnderTest.open();
      test.store.hold();
      void test.engine.submit(activated([{ policy: 'deliver-late' }]));
      await test.clock.settle();
      const again = await test.crash(landed);
      const id = await again.accept(received(numbered(1)));
      t.equal(again.life(id).policyId, landed ? 'deliver-late' : 'delete-and-report');
      await again.close();
    }
  },
);

t.test('a user’s own choice goes before the rules', async (t) => {
  const preferences = { ...defaultPreferenceRules, expiredChoices: ['grace-then-delete'] };
  const test = await EngineUnderTest.open({ settings: { preferences } });
  await test.submit(activated([{ policy: 'deliver-late' }]));
  await test.submit(wants({ expired: 'grace-then-delete' }));
  t.equal(test.life(await test.accept(received(numbered(1)))).policyId, 'grace-then-delete');
  await test.close();
});
