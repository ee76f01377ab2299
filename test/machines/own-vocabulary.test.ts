// Words of a program's own: what may be registered, how the gate holds a policy to what they declare, and what becomes of a
// message whose guard breaks its word.
import t from 'tap';
import { compilePolicy, type OwnVocabulary, vocabularyWith } from '../../machines/index.js';
import { judge } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import { numbered, received } from '../support/messages.js';
import { changed, type Loose } from '../support/policies.js';

const own: OwnVocabulary = {
  guards: {
    fromDomain: {
      meaning: 'The sender belongs to this tier.',
      params: { tier: { kind: 'choice', values: ['gold', 'plain'] } },
      reads: 'message',
      holds: ({ fromUri }, { tier }) => fromUri.includes('example.com') === (tier === 'gold'),
    },
    wasHeld: { meaning: 'It was held before.', reads: 'marks', holds: ({ held }) => held === true },
  },
  actions: {
    hold: { meaning: 'Remember that it was held.', sets: () => ({ marks: { held: true } }) },
  },
};
const judged = (source: unknown, words: OwnVocabulary = own) => {
  const vocabulary = vocabularyWith(words);
  return judge(source, (file) => compilePolicy(file, vocabulary));
};

/** At its first expiry a message is held for a day, at the second it ends; gold senders have no second day. */
const holding = changed((p: Loose) => {
  const { states } = p.machine;
  p.settings.delays.day = { days: 1 };
  const waits = structuredClone(states.stored);
  delete waits.on['recipient.registered'];
  states.held = { ...waits, entry: ['markExpired', 'hold'], after: { day: 'again' } };
  states.again = {
    always: [
      { guard: { type: 'fromDomain', params: { tier: 'gold' } }, target: 'expired' },
      { guard: 'wasHeld', target: 'expired' },
      { target: 'held' },
    ],
  };
  states.stored.after.expiry = 'held';
});

t.test('a policy of own words passes the gate, and is unknown without them', async (t) => {
  t.strictSame(judged(holding).findings, []);
  const codes = judge(holding).findings.map((one) => one.code);
  t.ok(codes.includes('unknown-guard') && codes.includes('unknown-action'));
});

t.test('parameters of own words are checked as those of the vocabulary', async (t) => {
  const silver = JSON.parse(JSON.stringify(holding).replace('"gold"', '"silver"'));
  t.match(judged(silver).findings, [{ code: 'bad-parameter', pointer: /again\/always\/0\/guard/ }]);
});

t.test('a guard over the message is answered both ways', async (t) => {
  const silent = structuredClone(holding) as Loose;
  silent.machine.states.again.always[0].target = 'dropped';
  const { ok, findings } = judged(silent);
  t.notOk(ok, 'whoever is gold is dropped without a report');
  t.match(findings, [
    { code: 'report-missing', path: ['message.received', 'after expiry', 'after day'] },
  ]);
});

t.test(
  'more guards in one step than are tried in every combination: nothing is known of it',
  async (t) => {
    for (const [count, isKnown] of [
      [6, true],
      [7, false],
    ] as const) {
      const names = Array.from({ length: count }, (_, at) => `asks${at}`);
      const asks = { meaning: 'Asks the message.', reads: 'message', holds: () => false } as const;
      const guards = Object.fromEntries(names.map((name) => [name, asks]));
      const many = structuredClone(holding) as Loose;
      many.machine.states.again.always = [
        ...names.map((guard) => ({ guard, target: 'expired' })),
        { target: 'held' },
      ];
      const codes = judged(many, { ...own, guards }).findings.map((one) => one.code);
      t.equal(codes.includes('too-many-situations'), !isKnown, `${count} guards: ${codes}`);
    }
  },
);

t.test('a guard over marks is asked, so that what an action declares counts', async (t) => {
  const forgetful = { ...own, actions: { hold: { meaning: 'Nothing.', sets: () => ({}) } } };
  const codes = judged(holding, forgetful).findings.map((one) => one.code);
  t.strictSame(codes, [], 'gold senders end it, and the maximum lifetime the others');
  const unmarked = structuredClone(holding) as Loose;
  unmarked.machine.states.again.always = [
    { guard: 'wasHeld', target: 'held' },
    { target: 'expired' },
  ];
  t.ok(judged(unmarked).ok);
  t.ok(judged(unmarked, forgetful).ok);
});

t.test('names that are taken, are no names, or wait are refused at once', async (t) => {
  const guard = (holds: Loose) => ({ meaning: 'x', reads: 'marks' as const, holds });
  const yes = guard(() => true);
  const cases: [OwnVocabulary, RegExp][] = [
    [{ guards: { reportOwed: yes } }, /"reportOwed" is a word of the vocabulary already/],
    [{ guards: { deliver: yes } }, /"deliver" is a word of the vocabulary already/],
    [{ guards: { constructor: yes } }, /"constructor" has a name that every object has/],
    [{ guards: { 'Not a name': yes } }, /is no name/],
    [{ guards: { later: guard(async () => true) } }, /"later" is async/],
    [{ actions: { nothing: { meaning: 'x', sets: undefined as Loose } } }, /has no code/],
  ];
  for (const [words, why] of cases) t.throws(() => vocabularyWith(words), why);
});

t.test(
  'F6 a guard that throws or says no boolean fails the gate where the gate asks it',
  async (t) => {
    const said = (holds: Loose) => {
      const wasHeld = { meaning: 'x', reads: 'marks' as const, holds };
      const { ok, findings } = judged(holding, {
        ...own,
        guards: { ...own.guards, wasHeld },
      });
      t.notOk(ok);
      return findings.filter((one) => one.code === 'step-fails').map((one) => one.message);
    };
    t.match(
      said(() => 1),
      [/said 1, neither true nor false/],
    );
    t.match(
      said(() => Promise.resolve(true)),
      [/said a promise/],
    );
    t.match(
      said(() => {
        throw new Error('no tiers today');
      }),
      [/no tiers today/],
    );
  },
);

t.test('F6 the engine runs own words, and parks the message of a guard that breaks', async (t) => {
  let tiers: () => boolean = () => true;
  const fromDomain = { ...own.guards!['fromDomain']!, holds: () => tiers() } as Loose;
  const vocabulary = vocabularyWith({ ...own, guards: { ...own.guards, fromDomain } });
  const test = await EngineUnderTest.open({ compile: (file) => compilePolicy(file, vocabulary) });
  const installed = await test.submit({ type: 'policy.installed', source: holding, by: 'x' });
  const { hash } = installed as { hash: string };
  await test.submit({ type: 'policy.activated', hash, mode: 'new', by: 'x', reason: '' });
  test.answerAll(200);
  /** Hours go by until something has come of a message. */
  const until = async <T>(found: () => T | null): Promise<T | null> => {
    for (let hours = 0; hours < 2000 && found() === null; hours += 6)
      await test.clock.advance(6 * 3_600_000);
    return found();
  };
  const ends = await test.accept(received(numbered(1)));
  t.equal(await until(() => test.life(ends).outcome), 'reported');
  tiers = () => {
    throw new Error('no tiers today');
  };
  const breaks = await test.accept(received(numbered(2)));
  t.match(await until(() => test.life(breaks).parked), /no tiers today/);
  t.same(test.exits, []);
});
