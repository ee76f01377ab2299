// Conformance rows of spec chapter 14 about reports, on the simulated engine: what is told at once, to whom, and what
// is never told. What a report looks like is the codec's business.
import t from 'tap';
import { type Disposition, defaultReportRules, type ReportRules } from '../../../machines/index.js';
import type { OutgoingReport } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import {
  alice,
  bob,
  cpim,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  minutesMs,
  numbered,
  received,
} from '../../support/messages.js';

const both: readonly Disposition[] = ['negative-delivery', 'processing'];
const withRules = (rules: Partial<ReportRules>) => ({
  settings: { reportRules: { ...defaultReportRules, ...rules } },
});
const telling = withRules({ stored: true });
const asking = (dispositions: readonly Disposition[] = both) =>
  received(incoming({ cpim: cpim({ dispositions }) }));
const statuses = (test: EngineUnderTest) =>
  test.effects.reports.map((one) => (one as OutgoingReport).status);

t.test('C50 stored is reported once when processing is asked', async (t) => {
  const test = await EngineUnderTest.open(telling);
  const id = await test.accept(asking(['processing']));
  const [early] = test.effects.reports as OutgoingReport[];
  t.match(early, { type: 'report', status: 'stored', cseq: 1, effectId: /^p-[a-z0-9]{28}-1$/ });
  t.match(await test.submit(asking(['processing'])), { duplicate: true }, 'sent again by Alice');
  await test.clock.advance(minutesMs(1));
  t.same(statuses(test), ['stored'], 'and no second one');
  t.ok(test.effects.sent.length > 1, 'nobody answered: repeated on the bus');
  t.equal(new Set(test.effects.sent.map((one) => JSON.stringify(one))).size, 1, 'one identity');
  t.equal(test.engine.stats().outbox, 0, 'silence ends it');
  t.same(test.store.family('o'), []);
  t.equal(test.state(id), 'stored', 'and the message does not mind');
  const silent = await EngineUnderTest.open();
  await silent.accept(asking());
  t.same(silent.effects.sent, [], 'off by default');
});

t.test('C50 its refusal ends silently', async (t) => {
  for (const status of [200, 404, 488, 603]) {
    const test = await EngineUnderTest.open(telling);
    const id = await test.accept(asking(['processing']));
    await test.answer(test.effects.last, status);
    await test.clock.advance(minutesMs(30));
    t.equal(test.effects.sent.length, 1, `${status} is the end of it`);
    t.equal(test.state(id), 'stored');
    await test.answer(test.effects.last, 200);
    t.equal(test.state(id), 'stored', 'a second answer changes nothing');
  }
});

t.test('C50 a crash repeats the early report under its identity', async (t) => {
  const test = await EngineUnderTest.open(telling);
  await test.accept(asking());
  const before = test.effects.last;
  const again = await test.crash();
  t.same(again.effects.sent, [before]);
});

t.test('C51 stored and failed may both be sent', async (t) => {
  const test = await EngineUnderTest.open(telling);
  const id = await test.accept(asking());
  await test.answer(test.effects.last, 200);
  await test.clock.advanceTo(expiresAtMs);
  t.same(statuses(test), ['stored', 'failed']);
  const [first, second] = test.effects.reports as OutgoingReport[];
  t.not(first?.imdnMessageId, second?.imdnMessageId, 'two IMDNs');
  t.not(first?.callId, second?.callId);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'reported');
});

t.test('C51 the two wait for each other: one MESSAGE is pending for a target', async (t) => {
  const test = await EngineUnderTest.open(telling);
  const id = await test.accept(asking());
  await test.submit(deleted([id]));
  t.same(statuses(test), ['stored'], 'the failure waits for the answer');
  await test.answer(test.effects.last, 480);
  t.same(statuses(test), ['stored', 'failed']);
});

t.test(
  'C50 nothing is said about a message that was refused, delivered or dead on arrival',
  async (t) => {
    const full = await EngineUnderTest.open({
      settings: { ...telling.settings, mailboxMessagesMax: 1 },
    });
    await full.accept(received(numbered(1)));
    t.match(await full.submit(asking()), { kind: 'refused' });
    t.same(full.effects.sent, []);
    const dead = await EngineUnderTest.open(telling);
    await dead.accept(
      received(incoming({ expiresSeconds: 0, cpim: cpim({ dispositions: both }) })),
    );
    await dead.clock.advance(1);
    t.same(statuses(dead), ['failed']);
    const away = await EngineUnderTest.open(telling);
    away.effects.up = false;
    const id = await away.accept(asking());
    await away.submit({ type: 'messages.retrieved', aor: bob, ids: [id] });
    t.equal(away.engine.stats().outbox, 0, 'it has become pointless');
  },
);

t.test('consent: reports in his name are sent, never sent, or denied', async (t) => {
  for (const [consent, expected] of [
    ['send', ['stored', 'failed']],
    ['never', []],
    ['forbidden', ['forbidden']],
  ] as const) {
    const test = await EngineUnderTest.open(withRules({ stored: true, consent }));
    test.answerAll(200);
    const id = await test.accept(asking());
    await test.submit(deleted([id]));
    await test.clock.advance(hoursMs(1));
    t.same(statuses(test), expected, consent);
    const quiet = await test.accept(
      received(numbered(2, { cpim: cpim({ imdnMessageId: 'q', dispositions: [] }) })),
    );
    await test.submit(deleted([quiet]));
    t.same(statuses(test), expected, 'and nothing to one who did not ask');
  }
});

t.test(
  'C48 an anonymous sender inside the trust domain, where the operator wants it',
  async (t) => {
    const nobody = 'sip:anonymous@anonymous.invalid';
    const f9 = incoming({
      anonymous: true,
      fromUri: nobody,
      fromAor: null,
      cpim: cpim({ from: `<${nobody}>`, dispositions: both }),
    });
    const test = await EngineUnderTest.open(
      withRules({ stored: true, anonymousDomains: ['example.com'] }),
    );
    test.answerAll(200);
    const id = await test.accept(received(f9));
    t.equal((await test.engine.list(bob, null, 10)).messages[0]?.from, null, 'not in the list');
    await test.submit(deleted([id]));
    t.same(statuses(test), ['stored', 'failed']);
    const targets = test.notices.flatMap((one) => (one.type === 'effect' ? [one.target] : []));
    t.same(targets, [alice, alice]);
  },
);

t.test(
  '7.4 privacy hides the sender from the list, whether or not he asked for a report',
  async (t) => {
    const test = await EngineUnderTest.open();
    await test.accept(received(incoming({ anonymous: true, cpim: cpim({ dispositions: [] }) })));
    t.equal((await test.engine.list(bob, null, 10)).messages[0]?.from, null);
  },
);

t.test('X1 C88 a thousand forged senders: not one report, and each is logged', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { ...telling.settings, mailboxMessagesMax: 2000 },
  });
  for (let number = 0; number < 1000; number += 1) {
    const victim = `sip:victim${number}@example.com`;
    // Half of them come from somebody the proxy vouches for, who writes another's name into From.
    const asserted = number % 2 === 0 ? null : `sip:mallory${number}@example.com`;
    const message = numbered(number, {
      ...{ asserted, fromUri: victim, fromAor: victim },
      cpim: cpim({ imdnMessageId: `forged-${number}`, dispositions: both }),
    });
    await test.accept(received(message));
  }
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.same(test.effects.sent, []);
  const { events } = test.engine.stats();
  t.match(events, { 'no-report-not-asserted': 500, 'no-report-identity-mismatch': 500 });
});

t.test('X3 two engines that face each other come to rest', async (t) => {
  const ours = await EngineUnderTest.open(telling);
  const theirs = await EngineUnderTest.open({ ...telling, seed: 7 });
  let passed = 0;
  // Each report goes to a user of the other engine who is offline there: it is stored like any message.
  const pass = (from: EngineUnderTest, to: EngineUnderTest) => {
    from.effects.heard = (effect) => {
      if (effect.type !== 'report') return;
      passed += 1;
      const imdn = cpim({ isImdn: true, imdnMessageId: effect.imdnMessageId, dispositions: both });
      const { aor } = effect.message;
      const report = incoming({
        aor: effect.message.fromUri,
        asserted: aor,
        fromUri: aor,
        fromAor: aor,
        callId: effect.callId,
        text: effect.imdnMessageId,
        cpim: imdn,
      });
      void to.engine.submit(received(report));
      const { effectId, token } = effect;
      void from.engine.submit({ type: 'effect.answered', effectId, token, status: 202 });
    };
  };
  pass(ours, theirs);
  pass(theirs, ours);
  await ours.accept(asking());
  for (let round = 0; round < 4; round += 1) {
    await ours.clock.advance(minutesMs(20));
    await theirs.clock.advance(hoursMs(1));
  }
  t.equal(passed, 2, 'stored and failed, and nothing about either');
  t.same(theirs.effects.sent, []);
  t.equal(theirs.engine.stats().waiting, 0, 'a report that nobody fetches vanishes');
});

t.test('C74 report lost at the sender side vanishes', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ cpim: cpim({ isImdn: true }) })));
  await test.clock.advanceTo(expiresAtMs);
  t.equal(test.state(id), 'dropped');
  t.same(test.effects.sent, []);
});

t.test('C72 list message gives one report per recipient', async (t) => {
  const list = 'sip:friends@example.org';
  const members = ['bob', 'carol', 'dave'].map((name) => `sip:${name}@example.org`);
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  for (const aor of members) {
    const facts = cpim({ to: `<${aor}>`, originalTo: list });
    // One request of Alice's: the list server changed the recipient, and nothing else.
    await test.accept(received(incoming({ aor, toUri: list, cpim: facts })));
  }
  await test.clock.advanceTo(expiresAtMs);
  await test.clock.advance(minutesMs(1));
  const reports = test.effects.reports as OutgoingReport[];
  t.same(reports.map((one) => one.message.aor).sort(), members);
  t.same(
    reports.map((one) => one.message.cpim?.originalTo),
    [list, list, list],
  );
  t.equal(new Set(reports.map((one) => one.imdnMessageId)).size, 3);
});

t.test('6.8 Retry-After puts the next attempt of a report off, within a bound', async (t) => {
  for (const [retryAfterSeconds, waitMs] of [
    [null, minutesMs(5)],
    [10, minutesMs(5)],
    [1200, minutesMs(20)],
    [4_294_967_295, hoursMs(1)],
  ] as const) {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    await test.submit(deleted([id]));
    const { effectId, token } = test.effects.last;
    const answer = { type: 'effect.answered', effectId, token, status: 503 } as const;
    await test.submit({ ...answer, retryAfterSeconds });
    t.equal(test.state(id), 'reporting.backing-off');
    const again = await test.crash();
    await again.clock.advance(waitMs - 1);
    t.same(again.effects.sent, [], `${retryAfterSeconds}: not before`);
    await again.clock.advance(1);
    t.match(again.effects.last, { type: 'report', cseq: 2 });
    await again.answer(again.effects.last, 200);
    t.equal(again.state(id), 'reported');
  }
});

t.test('C56 undeliverable report is dropped, whatever Retry-After says', async (t) => {
  for (const status of [404, 403, 488, 603]) {
    const test = await EngineUnderTest.open();
    const id = await test.accept(received(incoming()));
    await test.submit(deleted([id]));
    const { effectId, token } = test.effects.last;
    await test.submit({ type: 'effect.answered', effectId, token, status, retryAfterSeconds: 60 });
    t.equal(test.state(id), 'report-refused', `${status}`);
    await test.clock.advance(hoursMs(2));
    t.equal(test.effects.sent.length, 1);
  }
});

t.test('X4 reports to one sender are put off and never dropped', async (t) => {
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  const many = 150;
  for (let number = 0; number < many; number += 1) await test.accept(received(numbered(number)));
  await test.submit(deleted('all'));
  t.equal(test.effects.reports.length, 60, 'a burst at once');
  await test.clock.advance(10_000);
  t.equal(test.effects.reports.length, 70, 'then one a second');
  const again = await test.crash();
  again.answerAll(200);
  await again.clock.advance(minutesMs(3));
  t.equal(again.engine.stats().outbox, 0);
  const told = [...test.effects.reports, ...again.effects.reports].map((one) => one.effectId);
  t.equal(new Set(told).size, many, 'each of them, also after a crash');
});

t.test('6.2 the recipient told it himself, through us: no report of ours follows', async (t) => {
  const sent = { sender: alice, imdnMessageId: 'Xk7qJ2mB9vTz4RwL', aor: bob };
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  await test.answer(test.effects.last, 408);
  t.equal(test.state(id), 'stored', 'his phone took it, its answer was lost');
  t.same(await test.submit({ type: 'disposition.passed', sent }), { kind: 'done' });
  const again = await test.crash();
  await again.clock.advanceTo(expiresAtMs);
  t.equal(again.state(id), 'dropped');
  t.same(again.effects.reports, []);
  for (const foreign of [
    { ...sent, aor: 'sip:carol@example.org' },
    { ...sent, sender: 'sip:mallory@example.com' },
  ]) {
    const other = await EngineUnderTest.open();
    const waiting = await other.accept(received(incoming()));
    await other.submit({ type: 'disposition.passed', sent: foreign });
    await other.submit(deleted([waiting]));
    t.equal(other.effects.reports.length, 1, 'nobody else can settle it');
  }
});
