// Preferences as plain data: which rule speaks of whom, in which order settings are asked, how a change is read and
// applied.
import t from 'tap';
import { canonicalAor } from '../../adapters/sip/index.js';
import {
  admissionOf,
  applyChange,
  defaultPreferenceRules,
  noPreferences,
  type PreferenceRecord,
  type PreferenceRules,
  readPreferenceChange,
  ruleFor,
  type SenderAction,
  type SenderRule,
  senderRulesMax,
  wishesOf,
} from '../../machines/index.js';

const bob = 'sip:bob@example.org';
const named = (asserted: string) => ({ asserted, anonymous: false });
const record = (changes: Partial<PreferenceRecord>): PreferenceRecord => ({
  ...noPreferences,
  ...changes,
});
const operator = (changes: Partial<PreferenceRules> = {}): PreferenceRules => ({
  ...defaultPreferenceRules,
  ...changes,
});
const admission = (
  changes: Partial<PreferenceRecord>,
  sender = named('sip:alice@example.com'),
  rules = operator(),
) => admissionOf(wishesOf(record(changes), bob, rules, 'send'), sender);

t.test(
  'a rule speaks of a name, a domain, the anonymous, everybody, and of nobody else',
  async (t) => {
    const rows: [string, string | null, boolean, boolean][] = [
      ['sip:alice@example.com', 'sip:alice@example.com', false, true],
      ['sip:alice@example.com', 'sips:alice@example.com', false, true],
      ['sips:alice@example.com', 'sip:alice@example.com', false, true],
      ['sip:alice@example.com', 'sip:Alice@example.com', false, false],
      ['sip:alice@example.com', 'sip:alice@example.com.evil.net', false, false],
      ['sip:alice@example.com', 'sip:alice@example.com', true, true],
      ['sip:alice@example.com', null, true, false],
      ['@example.com', 'sip:alice@example.com', false, true],
      ['@example.com', 'sip:alice@example.com:5070', false, true],
      ['@[2001:db8::1]', 'sip:alice@[2001:db8::1]:5070', false, true],
      ['@example.com', 'sip:alice@sub.example.com', false, false],
      ['@example.com', 'sip:alice@badexample.com', false, false],
      ['@example.com', 'tel:+15550100', false, false],
      ['tel:+15550100', 'tel:+15550100', false, true],
      ['anonymous', 'sip:alice@example.com', true, true],
      ['anonymous', null, false, true],
      ['anonymous', 'sip:alice@example.com', false, false],
      ['authenticated', 'sip:alice@example.com', false, true],
      ['authenticated', 'sip:alice@example.com', true, false],
      ['authenticated', null, false, false],
      ['*', 'sip:alice@example.com', false, true],
      ['*', null, true, true],
    ];
    for (const [from, asserted, anonymous, expected] of rows) {
      const said = ruleFor([{ from, action: 'block' }], { asserted, anonymous });
      t.equal(said, expected ? 'block' : null, `${from} of ${asserted}`);
    }
  },
);

t.test('the first rule that speaks of a sender holds, its exceptions left out', async (t) => {
  const rules: SenderRule[] = [
    { from: '@example.com', except: ['sip:alice@example.com'], action: 'block' },
    { from: 'sip:bert@example.com', action: 'store' },
    { from: '*', except: ['@example.net'], action: 'no-storage' },
  ];
  const said = (asserted: string) => ruleFor(rules, named(asserted));
  t.equal(said('sip:bert@example.com'), 'block');
  t.equal(said('sip:alice@example.com'), 'no-storage');
  t.equal(said('sip:carl@example.net'), null);
  t.equal(ruleFor(rules, { asserted: null, anonymous: false }), 'no-storage');
});

t.test('spec 2.1 blocking is asked before deferral, deferral before permission', async (t) => {
  const all = (action: SenderAction) => ({ rules: [{ from: '*', action }] });
  const off = { own: { deferral: 'off' }, permission: 'off' } as const;
  t.equal(admission({}), 'stored');
  t.equal(admission({ ...all('block'), ...off }), 'blocked');
  t.equal(admission({ ...all('polite-block'), ...off }), 'swallowed');
  t.equal(admission({ ...all('no-storage'), ...off }), 'deferral-off');
  t.equal(admission({ ...all('store'), ...off }), 'not-permitted');
  t.equal(admission({ ...all('store'), own: { deferral: 'off' } }), 'stored');
  t.equal(admission({ own: { deferral: 'off' } }), 'deferral-off');
  t.equal(admission({ permission: 'off' }), 'not-permitted');
});

t.test('the operator permits by default, by domain, by user, and has the last word', async (t) => {
  const alice = named('sip:alice@example.com');
  const exceptFor = (...permittedExcept: string[]) => operator({ permittedExcept });
  t.equal(admission({}, alice, exceptFor('@example.org')), 'not-permitted');
  t.equal(admission({}, alice, exceptFor(bob)), 'not-permitted');
  t.equal(admission({}, alice, exceptFor('@example.net')), 'stored');
  const closed = { ...exceptFor('@example.org'), permitted: false };
  t.equal(admission({}, alice, closed), 'stored');
  t.equal(admission({ permission: 'off' }, alice, closed), 'not-permitted');
  t.equal(admission({}, alice, { ...closed, permittedExcept: [] }), 'not-permitted');
  t.equal(admission({ permission: 'on' }, alice, operator({ permitted: false })), 'stored');
});

t.test('what a user set stands over the defaults, as long as it is offered', async (t) => {
  const defaults = {
    ...defaultPreferenceRules.defaults,
    deferral: 'off',
  } as const;
  const wishes = (own: PreferenceRecord['own'], changes: Partial<PreferenceRules> = {}) =>
    wishesOf(record({ own }), bob, operator({ defaults, ...changes }), 'never');
  t.match(wishes({}), { deferral: 'off', reports: 'never', delivery: 'push', expired: null });
  t.match(wishes({ deferral: 'on', delivery: 'notice' }), { deferral: 'on', delivery: 'notice' });
  t.equal(wishes({ expired: 'deliver-late' }).expired, null, 'not offered');
  const expiredChoices = ['deliver-late'];
  t.equal(wishes({ expired: 'deliver-late' }, { expiredChoices }).expired, 'deliver-late');
});

const read = (value: unknown) => readPreferenceChange(value, canonicalAor);
const changeOf = (value: unknown) => {
  const result = read(value);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.change;
};

t.test('a change is read with its addresses made canonical', async (t) => {
  const change = changeOf({
    deferral: 'off',
    reports: null,
    rules: [{ from: 'SIP:Alice@EXAMPLE.com;x=1', except: ['@Example.NET'], action: 'block' }],
    add: [{ from: '@EXAMPLE.net', action: 'store' }],
    drop: ['*', 'anonymous', 'sip:carl@example.com:5060'],
  });
  t.same(change, {
    deferral: 'off',
    reports: null,
    rules: [{ from: 'sip:Alice@example.com', except: ['@example.net'], action: 'block' }],
    add: [{ from: '@example.net', action: 'store' }],
    drop: ['*', 'anonymous', 'sip:carl@example.com'],
  });
});

t.test('what is wrong with a change is named with its place', async (t) => {
  const rows: [unknown, string][] = [
    [null, ''],
    [[], ''],
    [{}, ''],
    ['off', ''],
    [{ deferral: 'maybe' }, '/deferral'],
    [{ volume: 'on' }, ''],
    [{ reset: false }, '/reset'],
    [{ expired: 'No Such' }, '/expired'],
    [{ rules: [{ from: 'alice', action: 'block' }] }, '/rules/0/from'],
    [{ rules: [{ from: '@', action: 'block' }] }, '/rules/0/from'],
    [{ rules: [{ from: '@a b', action: 'block' }] }, '/rules/0/from'],
    [{ rules: [{ from: '*', action: 'forbid' }] }, '/rules/0/action'],
    [{ rules: [{ from: '*' }] }, '/rules/0'],
    [{ add: [{ from: '*', except: ['x'], action: 'store' }] }, '/add/0/except/0'],
    [{ drop: [] }, '/drop'],
    [{ drop: ['nobody'] }, '/drop/0'],
    [{ permission: 'yes' }, '/permission'],
  ];
  for (const [value, pointer] of rows) {
    const result = read(value);
    t.equal(result.ok, false, JSON.stringify(value));
    if (!result.ok) t.equal(result.findings[0]?.pointer, pointer, JSON.stringify(value));
  }
});

t.test('a change is applied to what was set before', async (t) => {
  const rule = (from: string, action: SenderAction = 'block'): SenderRule => ({ from, action });
  const before = record({
    own: { deferral: 'off', reports: 'never' },
    rules: [rule('@a.example'), rule('@b.example')],
    permission: 'off',
  });
  const after = (value: unknown) => applyChange(before, changeOf(value));
  t.same(after({ deferral: null, delivery: 'notice' })?.own, {
    reports: 'never',
    delivery: 'notice',
  });
  t.same(after({ rules: [] })?.rules, []);
  t.same(after({ add: [rule('@c.example')] })?.rules, [rule('@c.example'), ...before.rules]);
  t.same(after({ add: [rule('@b.example', 'store')] })?.rules, [
    rule('@b.example', 'store'),
    rule('@a.example'),
  ]);
  t.same(after({ drop: ['@a.example', '@z.example'] })?.rules, [rule('@b.example')]);
  t.same(after({ reset: true }), { own: {}, rules: [], permission: 'off' });
  t.same(after({ reset: true, deferral: 'on' })?.own, { deferral: 'on' });
  t.equal(after({ permission: null })?.permission, null);
  const many = Array.from({ length: senderRulesMax }, (_, at) => rule(`@d${at}.example`));
  t.equal(after({ rules: many })?.rules.length, senderRulesMax);
  const long = many.map((one) => ({
    ...one,
    from: `@${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'w'.repeat(45)}.${one.from.slice(1)}`,
  }));
  t.equal(after({ rules: long }), null, 'longer than a user may have');
  t.equal(after({ rules: many, add: [rule('@e.example')] }), null, 'too many');
  t.ok(after({ rules: many, add: [rule('@d7.example', 'store')] }), 'one in its place');
});
