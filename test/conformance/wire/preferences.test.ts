// What a user wants, on the wire: asked for and changed by SIP MESSAGE to the service URI, by request and reply on the
// bus, taken over from an access-rules document; only ever the asserted owner's own.
import t from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { startChain } from '../../support/chain.js';
import { command, letter, messagesTo, reportsTo } from './letters.js';
import { commanded, store } from './steps.js';

const settings = {
  'preferences.blockedAtDelivery': 'hold',
  'preferences.expiredChoices': 'deliver-late',
  'preferences.deferral': 'on',
  'report.consent': 'send',
};
const chain = await startChain({ settings });
t.teardown(() => chain.stop());

const registered = async (): Promise<SipAgent> => {
  const bob = await chain.bob();
  await bob.register();
  return bob;
};

t.test('over SIP: asked for, changed, set back', async (t) => {
  const [alice, bob] = [await chain.alice(), await registered()];
  const [before] = await commanded(chain, bob, { op: 'preferences' });
  t.match(before, {
    v: 1,
    op: 'preferences',
    deferral: 'on',
    delivery: 'push',
    reports: 'send',
    set: [],
    permission: 'on',
    rules: [],
  });
  const set = {
    deferral: 'off',
    reports: 'never',
    expired: 'deliver-late',
    add: [{ from: alice.uri.replace('example.org', 'EXAMPLE.org'), action: 'block' }],
  };
  const [after] = await commanded(chain, bob, { op: 'preferences', set });
  t.match(after, {
    deferral: 'off',
    reports: 'never',
    expired: 'deliver-late',
    set: ['deferral', 'expired', 'reports'],
    rules: [{ from: alice.uri, action: 'block' }],
  });
  await bob.unregister();
  t.equal((await alice.message(letter(alice, bob))).status, 403);
  t.match(await chain.admin('preferences.show', { aor: bob.uri }), {
    deferral: 'off',
    by: 'owner',
  });
  await bob.register();
  const [reset] = await commanded(chain, bob, { op: 'preferences', set: { reset: true } });
  t.match(reset, { deferral: 'on', set: [], rules: [] });
});

t.test('over SIP: a long list of rules comes in pages, each small enough', async (t) => {
  const bob = await registered();
  const rules = Array.from({ length: 40 }, (_, at) => ({
    from: `sip:somebody-with-a-long-name-${at}@far-away.example.net`,
    action: 'no-storage',
  }));
  const pages = await commanded(chain, bob, { op: 'preferences', set: { rules } });
  t.ok(pages.length > 3);
  t.same(
    pages.flatMap((page) => page['rules'] as object[]),
    rules,
  );
  for (const one of bob.received)
    t.ok(one.octets.length <= 1300, `${one.octets.length} octets, body ${one.body.length}`);
});

t.test('X11 only the asserted owner, and only what is his to set', async (t) => {
  const [bob, carol] = [await registered(), await chain.agent('carol1')];
  const stolen = command({ op: 'preferences', aor: bob.uri, set: { deferral: 'off' } });
  t.equal((await carol.message({ ...stolen, from: `<${bob.uri}>` })).status, 403);
  t.equal((await carol.message(stolen)).status, 202, 'his own are changed, and nobody else’s');
  t.match(await chain.admin('preferences.show', { aor: carol.uri }), { deferral: 'off' });
  t.match(await chain.admin('preferences.show', { aor: bob.uri }), { deferral: 'on', by: null });
  const permission = command({ op: 'preferences', set: { permission: 'on' } });
  t.equal((await bob.message(permission)).status, 403);
  const fate = command({ op: 'preferences', set: { expired: 'hold-for-operator' } });
  t.equal((await bob.message(fate)).status, 403, 'not offered');
  const bad = await bob.message(command({ op: 'preferences', set: { deferral: 'perhaps' } }));
  t.equal(bad.status, 400);
  t.match(bad.header('Warning'), /^399 deferred-im "malformed set at \/deferral"$/);
});

interface Told {
  readonly ok: boolean;
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  readonly preferences?: object;
  readonly notes?: readonly object[];
  readonly discarded?: readonly object[];
}

t.test('over the bus: the same, with what is wrong and where', async (t) => {
  const bob = await chain.bob();
  const ask = (request: object) =>
    chain.ask<Told>('preferences', { asserted: bob.uri, ...request });
  t.match(await ask({}), { ok: true, preferences: { aor: bob.uri, set: [], by: null } });
  const set = { delivery: 'notice', notices: 'off' };
  t.match(await ask({ set }), { ok: true, preferences: { ...set, set: ['delivery', 'notices'] } });
  t.match(await ask({ set: { rules: [{ from: 'nobody', action: 'block' }] } }), {
    ok: false,
    status: 400,
    code: 'preferences-malformed',
    message: /^\/set\/rules\/0\/from /,
  });
  t.match(await ask({ set: { permission: 'on' } }), { ok: false, status: 400, code: 'schema' });
  const unasserted = { asserted: '-', set };
  t.match(await chain.ask('preferences', unasserted), { ok: false, status: 403 });
});

const rulesOf = (sender: string): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy"',
    '    xmlns="urn:oma:xml:im:rules" xmlns:ocp="urn:oma:xml:xdm:common-policy">',
    '  <cp:rule id="not-her">',
    `    <cp:conditions><cp:identity><cp:one id="${sender}"/></cp:identity></cp:conditions>`,
    '    <cp:actions><allow-offline-storage>false</allow-offline-storage>',
    '      <allow-private-message>true</allow-private-message></cp:actions>',
    '  </cp:rule>',
    '  <cp:rule id="others">',
    '    <cp:conditions><ocp:other-identity/></cp:conditions>',
    '    <cp:actions><allow-offline-storage>true</allow-offline-storage></cp:actions>',
    '  </cp:rule>',
    '</cp:ruleset>',
  ].join('\n');

t.test('C69 allow-offline-storage from an access-rules document decides', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.agent('carol2')];
  const reply = await chain.ask<Told>('preferences', {
    asserted: bob.uri,
    document: rulesOf(alice.uri),
  });
  t.match(reply, {
    ok: true,
    notes: [{ path: 'ruleset/rule[1]/actions/allow-private-message' }],
    preferences: {
      rules: [
        { from: alice.uri, action: 'no-storage' },
        { from: 'authenticated', action: 'store' },
        { from: '*', action: 'no-storage' },
      ],
    },
  });
  t.equal((await alice.message(letter(alice, bob))).status, 480);
  t.equal((await carol.message(letter(carol, bob))).status, 202);
  const broken = { asserted: bob.uri, document: rulesOf('nobody') };
  t.match(await chain.ask<Told>('preferences', broken), {
    ok: false,
    code: 'document-malformed',
    message: /^ruleset\/rule\[1\]\/conditions\/identity/,
  });
});

t.test(
  'X5 what waits from a sender blocked since is held, and let go by an act of its own',
  async (t) => {
    const [alice, bob, carol] = [
      await chain.alice(),
      await chain.bob(),
      await chain.agent('carol3'),
    ];
    const first = await store(chain, alice, bob);
    const other = await store(chain, carol, bob);
    const block = (action: string) => ({ set: { add: [{ from: alice.uri, action }] } });
    await chain.ask('preferences', { asserted: bob.uri, ...block('block') });
    await bob.register();
    await chain.reaches(other, 'delivered');
    t.equal((await chain.life(first)).state, 'stored', 'held in its place');
    t.equal(messagesTo(bob).length, 1);
    await chain.ask('preferences', { asserted: bob.uri, set: { drop: [alice.uri] } });
    await bob.register();
    await chain.reaches(first, 'delivered');
    await bob.unregister();
    const last = await store(chain, alice, bob);
    const reply = await chain.ask<Told>('preferences', {
      asserted: bob.uri,
      ...block('polite-block'),
      discardBlocked: true,
    });
    t.match(reply.discarded, [{ id: last, status: 200 }]);
    t.equal((await chain.life(last)).state, 'dropped', 'no report: it would betray the block');
    t.equal(reportsTo(alice).length, 0);
  },
);
