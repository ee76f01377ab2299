// Access rules and preferences (spec 2.1, 2.6, 7, 13): who is stored for whom, what a refused sender hears, and that no
// refused message is ever reported.
import t from 'tap';
import {
  defaultPreferenceRules,
  defaultReportRules,
  type Preferences,
  type ReportException,
} from '../../../machines/index.js';
import { type Command, refusals } from '../../../runtime/index.js';
import { EngineUnderTest, foundedStore, type TestOptions } from '../../support/engine.js';
import {
  alice,
  bob,
  daysMs,
  expiresAtMs,
  hoursMs,
  incoming,
  type MessageChanges,
  numbered,
  ordered,
  plain,
  received,
  wants,
  writtenAtMs,
} from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

const mallory = 'sip:mallory@example.net';
const from = (sender: string): MessageChanges => ({
  asserted: sender,
  fromUri: sender,
  fromAor: sender,
});
const told = (reply: object) => {
  const { kind, status, code } = reply as { kind: string; status?: number; code?: string };
  return { kind, status, code };
};
const refused = (status: number, code: string) => ({ kind: 'refused', status, code });

/** An engine in which Bob has said what he wants. */
async function openWith(change: object, options: TestOptions = {}): Promise<EngineUnderTest> {
  const test = await EngineUnderTest.open(options);
  const reply = await test.submit(wants(change));
  if (reply.kind !== 'preferences') throw new Error(JSON.stringify(reply));
  return test;
}

/** What was sent within eight days in which Bob is there. */
async function sentIn8Days(test: EngineUnderTest): Promise<readonly unknown[]> {
  await test.register(24 * 30);
  await test.clock.advance(daysMs(8));
  return test.effects.sent;
}

t.test('C69 sender without storage permission is refused', async (t) => {
  const rule = { from: alice, action: 'no-storage' } as const;
  const test = await openWith({ add: [rule] });
  t.same(told(await test.submit(received(incoming()))), refused(480, 'deferral-off'));
  t.same(await test.engine.ids(null, 10), [], 'nothing stored');
  t.match(await test.submit(received(numbered(1, from(mallory)))), { kind: 'accepted' });
  await test.submit(wants({ drop: [alice] }));
  t.match(await test.submit(received(incoming())), { kind: 'accepted' }, 'allowed again');
});

t.test('C69 what she hears is the operator’s to say', async (t) => {
  const test = await openWith({ deferral: 'off' }, { settings: { refusedStatus: 603 } });
  t.same(told(await test.submit(received(incoming()))), refused(603, 'deferral-off'));
  const summoned = { aor: bob, sender: alice, asserted: alice, anonymous: false };
  t.match(test.engine.refusal(summoned), { status: 603 }, 'a session too');
  await test.submit(wants({ deferral: 'on', add: [{ from: alice, action: 'block' }] }));
  t.same(told(await test.submit(received(incoming()))), refused(403, 'blocked'), 'and no other');
});

t.test('C69 allow-offline-storage has an order: the first rule that speaks of her', async (t) => {
  const rules = [
    { from: alice, action: 'store' },
    { from: '@example.com', action: 'no-storage' },
  ] as const;
  const test = await openWith({ deferral: 'off', rules });
  t.match(await test.submit(received(incoming())), { kind: 'accepted' });
  const carl = numbered(2, from('sip:carl@example.com'));
  t.same(told(await test.submit(received(carl))), refused(480, 'deferral-off'));
  t.same(
    told(await test.submit(received(numbered(3, from(mallory))))),
    refused(480, 'deferral-off'),
    'no rule: deferral is off',
  );
});

t.test('C70 polite block stays silent', async (t) => {
  const test = await openWith({ add: [{ from: alice, action: 'polite-block' }] });
  const commits = test.engine.committed;
  t.same(await test.submit(received(incoming())), { kind: 'swallowed' });
  t.ok(test.engine.committed > commits, 'as slow as storing');
  t.same(await test.engine.ids(null, 10), [], 'nothing stored');
  t.same((await test.engine.list(bob, null, 10)).messages, []);
  t.same(await test.submit(received(incoming())), { kind: 'swallowed' }, 'as a repetition');
  t.equal(test.engine.stats().events['polite-block'], 2, 'but counted');
  t.same(await sentIn8Days(test), [], 'nothing is ever sent');
});

const key = (sender = alice) => ({ sender, imdnMessageId: 'Xk7qJ2mB9vTz4RwL', aor: bob });

t.test('C70 whatever she asks hears what it would hear of a message that waits', async (t) => {
  const [kept, test] = [
    await openWith({}),
    await openWith({ add: [{ from: alice, action: 'polite-block' }] }),
  ];
  for (const one of [kept, test]) await one.submit(received(incoming()));
  const both = (ask: (one: EngineUnderTest) => unknown) => t.same(ask(test), ask(kept));
  const also = async (ask: (one: EngineUnderTest) => Promise<unknown>) =>
    t.same(await ask(test), await ask(kept));
  both((one) => one.engine.sent(key()));
  both((one) => one.engine.sent(key(mallory)));
  await also(async (one) => told(await one.submit(received(incoming({ text: 'another' })))));
  await also(async (one) => (await one.crash()).engine.sent(key()));
  await also(async (one) => {
    const { kind, ended } = (await one.submit({ type: 'message.withdrawn', sent: key() })) as {
      kind: string;
      ended: boolean;
    };
    return { kind, ended };
  });
  both((one) => one.engine.sent(key()));
  await also(async (one) => {
    await one.clock.advance(hoursMs(2));
    return one.engine.sent(key());
  });
});

t.test('C70 it expires in her eyes, and is forgotten as a kept one would be', async (t) => {
  const test = await openWith({ add: [{ from: alice, action: 'polite-block' }] });
  await test.submit(received(incoming()));
  t.match(test.engine.sent(key()), { state: 'stored', endedAtMs: null });
  await test.clock.advance(hoursMs(1));
  t.match(test.engine.sent(key()), { state: 'expired', expiresAtMs, endedAtMs: expiresAtMs });
  t.match(await test.submit({ type: 'message.withdrawn', sent: key() }), { status: 410 });
  await test.clock.advance(daysMs(7));
  t.equal(test.engine.sent(key()), 'unknown');
  t.same(test.effects.sent, [], 'nothing is ever sent');
});

t.test('C70 what is sent again after the block is kept; memory of it is bounded', async (t) => {
  const settings = { pairMessagesMax: 2 };
  const add = [{ from: alice, action: 'polite-block' }];
  const test = await openWith({ add }, { settings });
  for (let number = 1; number <= 4; number += 1)
    t.same(await test.submit(received(numbered(number))), { kind: 'swallowed' });
  const sent = (number: number) =>
    test.engine.sent({ ...key(), imdnMessageId: `id-${number}-Xk7qJ2mB9vTz` });
  t.match([1, 2, 3].map(sent), [{ state: 'stored' }, { state: 'stored' }, 'unknown']);
  await test.submit(wants({ drop: [alice] }));
  t.match(await test.submit(received(numbered(1))), { kind: 'accepted', duplicate: false });
  t.match(sent(1), { state: 'stored' });
  await test.clock.advance(daysMs(40));
  t.same([1, 2].map(sent), ['unknown', 'unknown']);
});

t.test('open block hears 403, whatever else holds', async (t) => {
  const test = await openWith({ deferral: 'off', add: [{ from: alice, action: 'block' }] });
  t.same(told(await test.submit(received(incoming()))), refused(403, 'blocked'));
  t.same(await sentIn8Days(test), [], 'nothing is ever sent');
});

t.test('a rule about a name believes the asserted identity alone', async (t) => {
  const rules = [
    { from: alice, action: 'store' },
    { from: '*', action: 'no-storage' },
  ] as const;
  const test = await openWith({ rules });
  const forged = plain({ asserted: mallory });
  t.same(told(await test.submit(received(forged))), refused(480, 'deferral-off'));
  const unproved = plain({ asserted: null, callId: 'c2@x' });
  t.same(told(await test.submit(received(unproved))), refused(480, 'deferral-off'));
  const hidden = plain({ anonymous: true, callId: 'c3@x' });
  t.match(await test.submit(received(hidden)), { kind: 'accepted' }, 'privacy hides no name here');
});

t.test('C55 refused message is never reported', async (t) => {
  const closed = { mailboxMessagesMax: 0 };
  const operator = (changes: object) => ({ settings: { ...changes } }) as TestOptions;
  const cases: [keyof typeof refusals, object | null, TestOptions, MessageChanges][] = [
    ['not-served', null, operator({ servedDomains: ['example.net'] }), {}],
    ['blocked', { add: [{ from: alice, action: 'block' }] }, {}, {}],
    ['deferral-off', { deferral: 'off' }, {}, {}],
    ['deferral-off', { add: [{ from: '*', action: 'no-storage' }] }, {}, {}],
    ['media-type', null, operator({ mediaTypes: ['text/*'] }), {}],
    ['too-large', null, operator({ messageOctetsMax: 300 }), { text: 'x'.repeat(300) }],
    ['mailbox-full', null, operator(closed), {}],
    ['mailbox-full', null, operator({ mailboxOctetsMax: 10 }), {}],
    ['pair-full', null, operator({ pairMessagesMax: 0 }), {}],
    ['strangers-full', null, operator({ mailboxMessagesMax: 3, strangersPercent: 1 }), {}],
    ['mailbox-full', null, operator({ ...closed, atLimit: 'drop-oldest' }), {}],
  ];
  for (const [code, wish, options, changes] of cases) {
    const test =
      wish === null ? await EngineUnderTest.open(options) : await openWith(wish, options);
    const reply = await test.submit(received(incoming(changes)));
    t.same(told(reply), refused(refusals[code].status, code));
    t.same(await test.engine.ids(null, 10), [], `${code}: nothing stored`);
    t.same(await sentIn8Days(test), [], 'nothing is ever sent');
  }
});

t.test(
  'C55 neither is one the operator does not permit, nor one for which the disk is too full',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.submit(ordered({ permission: 'off' }));
    t.same(told(await test.submit(received(incoming()))), refused(480, 'not-permitted'));
    t.same(await sentIn8Days(test), [], 'nothing is ever sent');
    const preferences = { ...defaultPreferenceRules, permittedExcept: ['@example.org'] };
    const other = await EngineUnderTest.open({ settings: { preferences } });
    t.same(told(await other.submit(received(incoming()))), refused(480, 'not-permitted'));
    t.same(await sentIn8Days(other), [], 'nothing is ever sent');
    const store = Object.assign(foundedStore(), { freeOctets: () => 0 });
    const full = await EngineUnderTest.on(store, new SimulatedClock(writtenAtMs));
    t.same(told(await full.submit(received(incoming()))), refused(503, 'store-full'));
    t.same(await sentIn8Days(full), [], 'nothing is ever sent');
  },
);

t.test(
  'C55 a refused repetition of an accepted message harms the first copy by nothing',
  async (t) => {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    const other = incoming({ text: 'something else' });
    t.same(told(await test.submit(received(other))), refused(400, 'duplicate-conflict'));
    await test.clock.advanceTo(expiresAtMs);
    t.equal(test.effects.reports.length, 1, 'the report of the first copy, and no other');
    t.equal(test.state(id), 'reporting.sending');
  },
);

t.test(
  'a live message behind a backlog is taken where none would be kept, unless it is blocked',
  async (t) => {
    const test = await openWith({ deferral: 'off' });
    const behind = (number: number): Command => ({
      type: 'message.received',
      message: numbered(number),
      node: 'node1',
      queued: true,
    });
    t.match(await test.submit(behind(1)), { kind: 'accepted' });
    await test.submit(wants({ add: [{ from: alice, action: 'block' }] }));
    t.same(told(await test.submit(behind(2))), refused(403, 'blocked'));
  },
);

t.test('415 says what is taken', async (t) => {
  const mediaTypes = ['text/*', 'message/cpim'];
  const test = await EngineUnderTest.open({ settings: { mediaTypes } });
  const image = plain({ contentType: 'image/png' });
  t.match(await test.submit(received(image)), { status: 415, accept: mediaTypes });
  t.match(await test.submit(received(plain())), { kind: 'accepted' });
  t.match(await test.submit(received(incoming())), { kind: 'accepted' });
});

t.test('spec 7.2 a new setting is for new messages', async (t) => {
  const test = await EngineUnderTest.open();
  const kept = await test.accept(received(incoming({ expiresSeconds: null })));
  await test.submit(wants({ deferral: 'off', add: [{ from: alice, action: 'block' }] }));
  t.equal(test.state(kept), 'stored', 'switching off deletes nothing, blocking hides nothing');
  t.equal((await test.engine.list(bob, null, 10)).messages.length, 1);
  t.same(told(await test.submit(received(numbered(2)))), refused(403, 'blocked'));
  await test.register();
  t.equal(test.effects.deliveries.length, 1, 'and what was stored is delivered');
});

t.test('spec 7.2 discarding what a blocked sender left is an act of its own', async (t) => {
  for (const action of ['block', 'polite-block'] as const) {
    const test = await EngineUnderTest.open();
    const blocked = await test.accept(received(numbered(1, { expiresSeconds: null })));
    const other = await test.accept(received(numbered(2, from(mallory))));
    await test.submit(wants({ add: [{ from: alice, action }] }));
    const reply = await test.submit({ type: 'messages.discarded', aor: bob });
    t.same(reply, { kind: 'results', results: [{ id: blocked, status: 200 }] });
    const silent = action === 'polite-block';
    t.equal(test.state(blocked), silent ? 'dropped' : 'reporting.sending');
    t.equal(test.life(blocked).message.reportException, silent ? 'recipient-blocks' : null);
    t.equal(test.effects.reports.length, silent ? 0 : 1);
    t.equal(test.state(other), 'stored');
    t.same(await test.submit({ type: 'messages.discarded', aor: bob }), {
      kind: 'results',
      results: [],
    });
  }
});

t.test('spec 13 reports in the name of a user: as asked, none, forbidden', async (t) => {
  const deny = { settings: { reportRules: { ...defaultReportRules, consent: 'never' } } } as const;
  const cases: [Preferences['reports'] | null, TestOptions, string[], ReportException | null][] = [
    ['send', {}, ['failed'], null],
    ['never', {}, [], 'recipient-declines'],
    ['forbidden', {}, ['forbidden'], 'recipient-forbids'],
    [null, deny, [], 'recipient-declines'],
    ['send', deny, ['failed'], null],
  ];
  for (const [reports, options, said, exception] of cases) {
    const test = await openWith({ reports }, options);
    test.answerAll(200);
    const id = await test.accept(received(incoming()));
    t.equal(test.life(id).message.reportException, exception, `${reports}`);
    await test.submit(wants({ reports: exception === null ? 'never' : 'send' }));
    await test.clock.advanceTo(expiresAtMs);
    t.same(
      test.effects.reports.map((one) => one.type === 'report' && one.status),
      said,
      `${reports}, as it was set at storage`,
    );
  }
});

t.test(
  'spec 13 the fate of expired messages is the choice of the user, where it is offered',
  async (t) => {
    const preferences = { ...defaultPreferenceRules, expiredChoices: ['deliver-late'] };
    const test = await openWith({ expired: 'deliver-late' }, { settings: { preferences } });
    const id = await test.accept(received(incoming()));
    t.equal(test.life(id).policyId, 'deliver-late');
    await test.submit(wants({ expired: null }));
    const next = await test.accept(received(numbered(2)));
    t.equal(test.life(next).policyId, 'delete-and-report');
    const strict = await EngineUnderTest.open();
    const reply = await strict.submit(wants({ expired: 'deliver-late' }));
    t.same(told(reply), refused(403, 'not-yours-to-set'));
  },
);

t.test('preferences survive a crash, are told, and can be set back', async (t) => {
  const rule = { from: mallory, action: 'block' } as const;
  const test = await openWith({ delivery: 'notice', notices: 'off', add: [rule] });
  const again = await test.crash();
  t.match(again.engine.preferences(bob), {
    delivery: 'notice',
    notices: 'off',
    deferral: 'on',
    rules: [rule],
    set: ['delivery', 'notices'],
    permission: 'on',
    permissionFrom: 'configuration',
    changedAtMs: writtenAtMs,
    by: 'owner',
  });
  t.same(told(await again.submit(received(numbered(1, from(mallory))))), refused(403, 'blocked'));
  await again.submit(ordered({ permission: 'on' }));
  t.match(again.engine.preferences(bob), { permissionFrom: 'operator', by: 'anna' });
  await again.submit(ordered({ reset: true, permission: null }));
  const bare = again.engine.preferences(bob);
  t.match(bare, { delivery: 'push', rules: [], set: [], changedAtMs: null, by: null });
  t.match(again.engine.preferences('sip:nobody@example.org'), { deferral: 'on', set: [] });
});

t.test('X11 the permission is not the owner’s to set', async (t) => {
  const test = await EngineUnderTest.open();
  await test.submit(ordered({ permission: 'off' }));
  const reply = await test.submit(wants({ permission: 'on', deferral: 'on' }));
  t.same(told(reply), refused(403, 'not-yours-to-set'));
  await test.submit(wants({ reset: true }));
  t.match(test.engine.preferences(bob), { permission: 'off' }, 'nor to reset');
});

t.test('more rules than allowed are refused whole', async (t) => {
  const test = await EngineUnderTest.open();
  const rules = Array.from({ length: 256 }, (_, at) => ({
    from: `@d${at}.example`,
    action: 'block' as const,
  }));
  await test.submit(wants({ rules }));
  const more = { add: [{ from: alice, action: 'block' as const }] };
  t.same(told(await test.submit(wants(more))), refused(413, 'too-many-rules'));
  t.equal(test.engine.preferences(bob)?.rules.length, 256);
});

t.test('C81 an unknown domain hears 404, nothing is stored anywhere', async (t) => {
  const test = await EngineUnderTest.open({ settings: { servedDomains: ['example.org'] } });
  const stray = numbered(1, { aor: 'sip:bob@example.net', toUri: 'sip:bob@example.net' });
  t.same(told(await test.submit(received(stray))), refused(404, 'not-served'));
  t.same(await test.engine.ids(null, 10), []);
  await test.accept(received(numbered(2)));
  await test.clock.advanceTo(expiresAtMs);
  const about = test.effects.reports.map((one) => one.message.cpim?.imdnMessageId);
  t.same(about, ['id-2-Xk7qJ2mB9vTz']);
});
