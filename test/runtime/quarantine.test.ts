// Policies that come, go and fail: a message keeps the one it began with; a step that fails parks
// that message and no other, and an operator lets it go on.
import t from 'tap';
import { type Policy, type PolicyFile, shippedPolicy } from '../../machines/index.js';
import type { OutgoingReport } from '../../runtime/index.js';
import { Registry } from '../../runtime/registry.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  bob,
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  numbered,
  plain,
  received,
} from '../support/messages.js';
import { changed, type Loose, policyOf, unjudged } from '../support/policies.js';

/** Makes the step of every message fail until the returned function is called. */
function breakPolicies(test: EngineUnderTest, how: 'missing' | 'throws' = 'throws'): () => void {
  const { registry } = test.engine;
  const whole = registry.get.bind(registry);
  const fails = {
    transition: {
      value: () => {
        throw new Error('out of order');
      },
    },
  };
  registry.get = (hash) => {
    const policy = how === 'missing' ? null : whole(hash);
    if (policy === null) return null;
    return { ...policy, machine: Object.create(policy.machine, fails) } as Policy;
  };
  return () => {
    registry.get = whole;
  };
}

const act = (test: EngineUnderTest, deferredId: string, what: 'retry' | 'delete' | 'force') =>
  test.submit({ type: 'operator.acted', deferredId, act: what, by: 'operator' });

t.test('F6 a step that fails parks one message, the others flow on', async (t) => {
  const test = await EngineUnderTest.open();
  const bad = await test.accept(received(numbered(1)));
  const good = await test.accept(received(numbered(2)));
  const mend = breakPolicies(test);
  t.match(await test.submit(deleted([bad])), { results: [{ status: 409 }] }, 'not deleted');
  mend();
  t.match(test.life(bad), { parked: /out of order/, state: 'stored', final: false });
  t.equal(test.store.family('q').length, 1);
  t.equal(test.engine.stats().parked, 1);
  test.answerAll(200);
  await test.register();
  t.equal(test.state(good), 'delivered');
  t.equal(test.effects.deliveries.length, 1, 'the parked one is not pushed');
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.equal(test.state(bad), 'stored', 'it hears nothing, not even time');
  t.match(await test.submit(deleted([bad])), { results: [{ status: 409 }] });
  t.same(test.exits, []);
});

t.test('F6 an operator retries: the message hears again what it failed on', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const mend = breakPolicies(test);
  await test.submit(deleted([id]));
  t.match(await act(test, id, 'retry'), { results: [{ status: 200 }] });
  t.match(test.life(id).parked, /out of order/, 'it fails alike without a change');
  t.equal(test.engine.stats().parked, 1);
  mend();
  const again = await test.crash();
  t.equal(again.engine.stats().parked, 1, 'over a crash too');
  await act(again, id, 'retry');
  t.equal(again.life(id).parked, null);
  t.equal(again.state(id), 'reporting.sending');
  t.equal(again.effects.reports.length, 1);
  t.equal(again.engine.stats().parked, 0);
  t.same(again.store.family('q'), []);
  t.match(await act(again, id, 'retry'), { code: 'not-parked' });
});

t.test('F6 a push that was answered into a failing step', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  await test.register();
  const mend = breakPolicies(test);
  await test.answer(test.effects.last, 480);
  mend();
  t.ok(test.life(id).parked);
  await test.clock.advance(60_000);
  t.equal(test.effects.sent.length, 1, 'nothing is repeated for a parked message');
  await act(test, id, 'retry');
  t.equal(test.state(id), 'stored', 'the answer counts now');
  t.same(test.store.family('o'), [], 'no effect is left behind');
  await test.register();
  t.equal(test.effects.deliveries.length, 2);
});

t.test('F6 an effect still waiting when its message is freed goes out again', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  await test.register();
  const mend = breakPolicies(test);
  await test.submit(deleted([id]));
  mend();
  const sent = test.effects.sent.length;
  await act(test, id, 'retry');
  t.equal(test.state(id), 'delivering');
  t.equal(test.effects.sent.length, sent + 1, 'the same effect');
  t.equal(test.effects.deliveries.length, 1);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
});

t.test('F6 a message that is read while it is parked ends as read: I3', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  await test.register();
  const mend = breakPolicies(test);
  await test.submit(deleted([id]));
  mend();
  await test.answer(test.effects.last, 200);
  t.ok(test.life(id).parked, 'it waits for its operator all the same');
  const again = await test.crash();
  await act(again, id, 'force');
  t.equal(again.state(id), 'delivered');
  t.equal(again.effects.reports.length, 0, 'nobody hears that it failed');
});

t.test('F6 a timer that failed is due again after the retry', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const mend = breakPolicies(test);
  await test.clock.advanceTo(expiresAtMs);
  t.ok(test.life(id).parked);
  mend();
  await test.clock.advance(hoursMs(1));
  await act(test, id, 'retry');
  t.equal(test.state(id), 'reporting.sending');
});

t.test('F6 an operator ends a parked message: reported if that is owed, and audited', async (t) => {
  const test = await EngineUnderTest.open();
  const owed = await test.accept(received(numbered(1)));
  const quiet = await test.accept(received(plain({ callId: 'quiet@x' })));
  const mend = breakPolicies(test);
  await test.submit(deleted([owed, quiet]));
  mend();
  const again = await test.crash();
  t.equal(again.engine.stats().parked, 2);
  for (const id of [owed, quiet])
    t.match(await act(again, id, 'force'), { results: [{ status: 200 }] });
  t.equal(again.state(owed), 'reporting.sending');
  t.equal(again.state(quiet), 'dropped');
  t.equal(again.effects.reports.length, 1);
  t.match(again.life(owed).trail.at(-1), {
    ...{ event: 'message.forced', by: 'operator', from: 'stored' },
    error: /out of order/,
  });
  t.equal(again.engine.stats().parked, 0);
  t.same((await again.engine.list(bob, null, 10)).messages, [], 'the mailbox is empty');
  t.same(again.store.family('q'), []);
  await again.answer(again.effects.last, 200);
  t.equal(again.state(owed), 'reported');
  t.match(await act(again, owed, 'force'), { code: 'not-parked' });
  t.match(await act(again, quiet, 'force'), { code: 'not-parked' });
  await again.clock.advance(daysMs(8));
  t.equal(again.engine.show(quiet), null, 'and forgotten like any other');
  t.same((await again.crash()).exits, [], 'the store is whole');
});

t.test('F6 a report that waited when its message was parked keeps its identity', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  await test.submit(deleted([id]));
  const [first] = test.effects.reports;
  const mend = breakPolicies(test);
  await test.answer(test.effects.last, 480);
  mend();
  t.ok(test.life(id).parked);
  await act(test, id, 'force');
  const second = test.effects.reports.at(-1);
  t.equal(test.effects.reports.length, 2);
  t.match(second, {
    ...{ callId: first?.callId, fromTag: first?.fromTag, cseq: 2 },
    ...{ imdnMessageId: (first as OutgoingReport | undefined)?.imdnMessageId },
  });
});

t.test('F6 nothing stays for ever: the maximum lifetime ends a parked message', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const mend = breakPolicies(test);
  await test.submit(deleted([id]));
  mend();
  const { outlivesAtMs } = test.life(id).message;
  const again = await test.crash();
  await again.clock.advanceTo(outlivesAtMs - 1000);
  t.ok(again.life(id).parked, 'until then it waits for an operator');
  await again.clock.advanceTo(outlivesAtMs + 1000);
  t.equal(again.state(id), 'reporting.sending');
  t.match(again.life(id).trail.at(-1), { event: 'message.forced', by: 'maximum lifetime' });
});

t.test('F6 a chart that fails on its own end is ended without it', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1, { expiresSeconds: null })));
  const whole = test.engine.registry.get(test.life(id).policyHash);
  const { outlivesAtMs } = test.life(id).message;
  const mend = breakPolicies(test);
  await test.clock.advanceTo(outlivesAtMs + 1000);
  t.ok(test.life(id).parked, 'here even the last chart fails: it waits for an operator');
  await test.clock.advance(daysMs(1));
  t.same(test.exits, [], 'and costs nothing');
  mend();
  t.ok(whole);
  await act(test, id, 'force');
  t.equal(test.life(id).parked, null);
});

/** A guard that holds in these tests. */
const always = { type: 'reportTriesBelow', params: { max: 100 } };

/** The default policy, with a chart that reports whether or not that is owed. */
const backscatter = changed((policy: Loose) => {
  const { states } = policy.machine;
  for (const name of ['expired', 'deleted-by-user', 'refused', 'evicted'])
    states[name].always = [{ guard: always, target: 'reporting' }, { target: 'dropped' }];
  for (const name of ['stored', 'delivering'])
    states[name].on['message.retrieved'] = { target: 'reporting' };
});

t.test('RC7 the gate refuses a chart that reports what is not owed', async (t) => {
  const test = await EngineUnderTest.open();
  const reply = await test.submit({ type: 'policy.installed', source: backscatter, by: 'x' });
  t.match(reply, {
    kind: 'refused',
    code: 'policy-refused',
    reason: /No message ever comes into the state/,
  });
});

t.test('RC7 a report that is not owed never leaves, whatever the chart says', async (t) => {
  // The gate refuses such a chart; a store of an older release may hold one.
  const test = await EngineUnderTest.open({ judge: unjudged });
  const installed = await test.submit({ type: 'policy.installed', source: backscatter, by: 'x' });
  t.match(installed, { kind: 'policy' });
  const { hash } = installed as { hash: string };
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'x', reason: '' });
  const notOwed = [
    await test.accept(received(plain({ callId: 'plain@x' }))),
    await test.accept(received(numbered(1, { asserted: 'sip:eve@example.com' }))),
    await test.accept(received(numbered(2, { anonymous: true }))),
  ];
  const fetched = await test.accept(received(numbered(3)));
  const owed = await test.accept(received(numbered(4)));
  await test.submit({ type: 'messages.retrieved', aor: bob, ids: [fetched] });
  await test.submit(deleted([...notOwed, owed]));
  for (const id of [...notOwed, fetched]) t.match(test.life(id).parked, /report that is not owed/);
  t.equal(test.effects.reports.length, 1);
  t.equal(test.state(owed), 'reporting.sending', 'the one that is owed leaves');
  for (const id of notOwed) {
    await act(test, id, 'force');
    t.equal(test.state(id), 'dropped');
  }
  await act(test, fetched, 'force');
  t.equal(test.state(fetched), 'delivered', 'it was read: no failure is owed');
  t.equal(test.effects.reports.length, 1);
  t.same(test.exits, []);
});

t.test('F5 a policy that is gone parks its messages', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  const mend = breakPolicies(test, 'missing');
  await test.submit(deleted([id]));
  t.match(test.life(id).parked, /not installed/);
  mend();
  await act(test, id, 'retry');
  t.equal(test.state(id), 'reporting.sending');
});

t.test('F5 J7 a changed policy is another one: messages stay on their hash', async (t) => {
  const test = await EngineUnderTest.open({ judge: unjudged });
  const old = await test.accept(received(numbered(1)));
  const source = changed((policy: Loose) => {
    policy.machine.states.stored.after.expiry.target = 'withdrawn';
    delete policy.machine.states.expired.always[0];
    policy.machine.states.expired.always = [{ target: 'dropped' }];
  });
  const installed = await test.submit({ type: 'policy.installed', source, by: 'operator' });
  t.match(installed, { kind: 'policy' });
  const { hash } = installed as { hash: string };
  const activated = { type: 'policy.activated', hash, mode: 'new', by: 'o', reason: 'r' } as const;
  t.match(await test.submit(activated), { kind: 'policy', hash });
  const fresh = await test.accept(received(numbered(2)));
  t.not(test.life(old).policyHash, test.life(fresh).policyHash);
  const again = await test.crash();
  await again.clock.advanceTo(expiresAtMs);
  t.equal(again.state(old), 'reporting.sending');
  t.equal(again.state(fresh), 'withdrawn');
  t.same(again.engine.policy(hash), source);
});

t.test('a policy that is refused, unknown or no policy changes nothing', async (t) => {
  const test = await EngineUnderTest.open();
  const commits = test.store.commits;
  const sources = [
    undefined,
    null,
    7,
    {},
    policyOf({ initial: 'a', states: { a: {} } }),
    { a: 1n },
  ];
  for (const source of sources) {
    const reply = await test.submit({ type: 'policy.installed', source, by: 'x' });
    t.match(reply, { kind: 'refused', status: 422, code: 'policy-refused' });
  }
  const unknown = {
    type: 'policy.activated',
    hash: '00',
    mode: 'new',
    by: 'x',
    reason: '',
  } as const;
  t.match(await test.submit(unknown), { kind: 'refused', status: 404 });
  const known = shippedPolicy('deliver-late');
  const twice = { type: 'policy.installed', source: known, by: 'x' } as const;
  t.match(await test.submit(twice), { kind: 'policy' });
  t.equal(test.store.commits, commits, 'nothing was written');
  t.same(test.exits, []);
});

t.test('registry: a stored policy must be what its hash says', async (t) => {
  const registry = new Registry();
  const source = shippedPolicy('delete-and-report') as PolicyFile;
  const row = { source, installedAtMs: 0, by: 'x' };
  t.throws(() => registry.active, TypeError);
  t.throws(() => registry.add('00', row), { code: 'DEFERRED_IM_POLICY_INVALID' });
  t.throws(() => registry.add('00', { ...row, source: {} }), {
    code: 'DEFERRED_IM_POLICY_INVALID',
  });
  t.equal(registry.get('00'), null);
});

t.test('many timers of one message at one instant all fire', async (t) => {
  // Twenty regions have more situations than the gate looks at.
  const test = await EngineUnderTest.open({ judge: unjudged });
  const regions = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [
      `r${n}`,
      { initial: 'w', states: { w: { after: { pause: 'd' } }, d: { type: 'final' } } },
    ]),
  );
  const source = policyOf(
    {
      initial: 'both',
      on: { 'message.outlived': '.over', 'message.deleted': '.over' },
      states: {
        both: { tags: ['live'], type: 'parallel', states: regions, onDone: 'over' },
        over: { type: 'final', meta: { outcome: 'done' } },
      },
    },
    { delays: { pause: { seconds: 30 } } },
  );
  const installed = await test.submit({ type: 'policy.installed', source, by: 'x' });
  const { hash } = installed as { hash: string };
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'x', reason: '' });
  const id = await test.accept(received(numbered(1)));
  await test.clock.advance(60_000);
  t.equal(test.state(id), 'over');
});
