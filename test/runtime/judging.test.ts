// Policies are judged before their turn, a piece at a time: what else there is to decide goes between.
import t from 'tap';
import { atOnce, compilePolicy, findingOf, inPieces, judgingPolicy } from '../../machines/index.js';
import { type Command, judge, limits, type Reply, stepper } from '../../runtime/index.js';
import { Judging } from '../../runtime/judging.js';
import { Registry } from '../../runtime/registry.js';
import { policyOfStates } from '../bench/gate.js';
import { EngineUnderTest } from '../support/engine.js';
import { numbered, received } from '../support/messages.js';
import { changed, type Loose, shipped } from '../support/policies.js';

const installed = (source: unknown): Command => ({
  ...{ type: 'policy.installed', source, by: 'anna' },
});

t.test('J5 messages are stored while a large policy is being judged', async (t) => {
  const test = await EngineUnderTest.open();
  const order: string[] = [];
  const large = test.engine.submit(installed(policyOfStates(200))).then((reply) => {
    order.push(`policy ${reply.kind}`);
    return reply;
  });
  for (let number = 1; number <= 3; number += 1) {
    const stored = test.engine.submit(received(numbered(number)));
    void stored.then((reply) => order.push(`message ${reply.kind}`));
  }
  await test.clock.settle();
  t.match(await large, { kind: 'policy' });
  t.strictSame(order, [
    ...['message accepted', 'message accepted', 'message accepted'],
    'policy policy',
  ]);
  await test.close();
});

t.test('policy matters keep their order, whatever each of them takes', async (t) => {
  const test = await EngineUnderTest.open();
  const { hash } = shipped('deliver-late');
  const mine = changed((policy) => {
    policy.title = 'Mine';
  });
  const own = judge(mine).policy!.hash;
  const activated = (to: string): Command => ({
    ...{ type: 'policy.activated', hash: to, mode: 'new', by: 'anna', reason: '' },
  });
  const replies = [
    test.engine.submit(installed(mine)),
    test.engine.submit(activated(own)),
    test.engine.submit(activated(hash)),
    test.engine.submit({ type: 'policy.deactivated', by: 'anna', reason: '' }),
  ];
  await test.clock.settle();
  for (const reply of replies) t.match(await reply, { kind: 'policy' });
  t.equal(test.engine.registry.active.hash, own);
  await test.close();
});

t.test('no more of them wait than the limit says; who closes decides none', async (t) => {
  const test = await EngineUnderTest.open();
  const source = changed(() => {});
  const all = Array.from({ length: limits.policyMattersMax + 1 }, () =>
    test.engine.submit(installed(source)),
  );
  t.match(await all.at(-1), { kind: 'refused', code: 'overloaded' });
  const others = Promise.allSettled(all.slice(0, -1));
  await test.close();
  const rejected = (await others).filter((one) => one.status === 'rejected');
  t.ok(rejected.length > 0);
  t.match(rejected[0], { reason: { code: 'DEFERRED_IM_CLOSED' } });
});

t.test('a piece at a time or at once, the gate says the same', async (t) => {
  const source = changed((policy) => {
    policy.machine.states.expired.always = { target: 'dropped' };
  });
  let pieces = 0;
  const pause = async (): Promise<void> => {
    pieces += 1;
  };
  const piecemeal = await inPieces(judgingPolicy(source, stepper), pause);
  t.ok(pieces > 20, `${pieces} pieces`);
  t.strictSame(piecemeal.findings, atOnce(judgingPolicy(source, stepper)).findings);
  t.notOk(piecemeal.ok);
});

t.test('what is installed is what came, whatever becomes of the object', async (t) => {
  const test = await EngineUnderTest.open({ compile: compilePolicy, judge });
  const source = changed(() => {}) as Loose;
  const titled = (title: string): Promise<Reply> => {
    source.title = title;
    return test.engine.submit(installed(source));
  };
  const first = titled('First');
  // It is being judged while it changes.
  const second = titled('Second');
  source.title = 'Nobody brought this';
  await test.clock.settle();
  const hashOf = (title: string): string => judge({ ...source, title }).policy!.hash;
  t.match(await first, { kind: 'policy', hash: hashOf('First') });
  t.match(await second, { kind: 'policy', hash: hashOf('Second') });
  t.strictSame(test.exits, []);
  t.equal(test.engine.registry.get(hashOf('Nobody brought this')), null);
  await test.close();
});

t.test('J7 rules of any shape are refused, and the engine goes on', async (t) => {
  const test = await EngineUnderTest.open();
  const deep = JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`) as unknown;
  for (const policy of [{ toString: 1 }, deep, 7, null, undefined]) {
    const source = { rules: [{ policy }, null] };
    const reply = test.engine.submit({ type: 'rules.activated', source, by: 'anna', reason: '' });
    await test.clock.settle();
    t.match(await reply, { kind: 'refused', code: 'rules-refused' });
  }
  const source = { rules: [{ policy: () => {} }] };
  const reply = await test.submit({ type: 'rules.activated', source, by: 'anna', reason: '' });
  t.match(reply, { kind: 'refused', code: 'rules-refused' });
  t.strictSame(test.exits, []);
  await test.close();
});

t.test('a deactivation asks the gate again, as an activation does', async (t) => {
  const test = await EngineUnderTest.open();
  const { hash } = shipped('deliver-late');
  const before = test.engine.registry.active.hash;
  await test.submit({
    ...{ type: 'policy.activated', hash, mode: 'new', by: 'anna', reason: '' },
  });
  // A later release finds something in what was let in once.
  const stricter: typeof judge = (source, compile) => {
    const { policy } = judge(source, compile);
    const findings = [findingOf('no-way-out', '/machine', 'It never ends.')];
    return { ok: policy?.hash !== before, findings, policy, known: null };
  };
  const later = await test.crash(false, { judge: stricter });
  const back = { type: 'policy.deactivated', by: 'anna', reason: '' } as const;
  t.match(await later.submit(back), {
    ...{ kind: 'refused', code: 'policy-refused', reason: /It never ends/ },
  });
  t.equal(later.engine.registry.active.hash, hash);
  await later.close();
});

t.test('forecasts are made one after another', async (t) => {
  const pause = async (): Promise<void> => {};
  const judging = new Judging({ registry: new Registry(), rulesOf: () => null, pause });
  const order: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`${name} is over`);
    if (name === 'first') throw new Error('it failed');
    return name;
  };
  const first = judging.inLine(work('first'));
  const second = judging.inLine(work('second'));
  await t.rejects(first, /it failed/);
  t.equal(await second, 'second');
  t.strictSame(order, ['first begins', 'first is over', 'second begins', 'second is over']);
});
