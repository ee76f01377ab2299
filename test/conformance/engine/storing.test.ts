// Conformance rows of spec chapter 14 and rows A of the failure table that are about accepting a
// message: what 202 promises, what is refused before anything is stored, and how a repetition is
// known.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import {
  bob,
  contact,
  cpim,
  daysMs,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  numbered,
  plain,
  received,
  registered,
  wants,
  writtenAtMs,
} from '../../support/messages.js';

const refusal = (reply: object) => {
  const { kind, status, code } = reply as { kind: string; status?: number; code?: string };
  return { kind, status, code };
};

t.test('C01 offline message is stored and answered 202', async (t) => {
  const test = await EngineUnderTest.open();
  const message = incoming();
  const reply = await test.submit(received(message));
  t.match(reply, { kind: 'accepted', duplicate: false });
  const [id] = await test.engine.ids(null, 10);
  t.equal((reply as { deferredId: string }).deferredId, id);
  const stored = test.engine.read(bob, id as string);
  t.same(stored?.octets, message.octets, 'octet for octet');
  t.equal(test.state(id as string), 'stored');
});

t.test('C03 failed write is not acknowledged', async (t) => {
  const test = await EngineUnderTest.open();
  test.store.failCommit('lost');
  let answered = false;
  void test.engine.submit(received(incoming())).then(() => {
    answered = true;
  });
  await test.clock.settle();
  t.equal(answered, false);
  t.equal(test.exits[0]?.code, 74);
  await test.clock.advance(hoursMs(2));
  t.equal(test.store.commitsAfterFailure, 0, 'no second try');
  t.same(test.effects.sent, []);
  const again = await test.crash();
  t.same(await again.engine.ids(null, 10), []);
  await again.clock.advance(hoursMs(2));
  t.same(again.effects.sent, [], 'no report later');
});

t.test('C04 retransmission stores once', async (t) => {
  const test = await EngineUnderTest.open();
  const first = await test.accept(received(plain()));
  const second = await test.submit(received(plain()));
  t.same(second, { kind: 'accepted', deferredId: first, duplicate: true });
  t.equal((await test.engine.ids(null, 10)).length, 1);
});

t.test('C05 client resend stores once', async (t) => {
  const test = await EngineUnderTest.open();
  const first = await test.accept(received(incoming()));
  const resent = incoming({ callId: 'another@pc33.example.com', cseq: 7, fromTag: 'other' });
  t.same(await test.submit(received(resent)), {
    kind: 'accepted',
    deferredId: first,
    duplicate: true,
  });
  t.equal((await test.engine.list(bob, null, 10)).messages.length, 1);
});

t.test('C06 deferred ids are unique and well formed', async (t) => {
  const test = await EngineUnderTest.open();
  const ids = [await test.accept(received(numbered(1))), await test.accept(received(numbered(2)))];
  const again = await test.crash();
  ids.push(await again.accept(received(numbered(3))));
  t.equal(new Set(ids).size, 3);
  for (const id of ids) t.match(id, /^[0-9a-f]{2}[a-z2-7]{26}@mailserver32\.example\.org$/);
});

t.test('C07 id is found with and without sip prefix', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  for (const form of [id, `sip:${id}`, id.replace('mailserver32', 'MailServer32')]) {
    t.ok(test.engine.read(bob, form), form);
  }
  t.equal(test.engine.read(bob, id.replace('mailserver32', 'elsewhere')), null);
  const reply = await test.submit(deleted([`sip:${id}`]));
  t.same(reply, { kind: 'results', results: [{ id: `sip:${id}`, status: 200 }] });
});

t.test('C16 dead on arrival is accepted and then reported once', async (t) => {
  const test = await EngineUnderTest.open({ startMs: expiresAtMs + 1 });
  const id = await test.accept(received(incoming()));
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
  t.same((await test.engine.list(bob, null, 10)).messages, []);
  await test.clock.advance(daysMs(1));
  t.equal(test.effects.reports.filter((one) => one.cseq === 1).length, 1);
});

t.test(
  'C16 A4 dead on arrival, stored after its sender heard 503, is never reported',
  async (t) => {
    const test = await EngineUnderTest.open({ startMs: expiresAtMs + 1 });
    const id = await test.accept(received(incoming()));
    t.same(
      test.effects.reports,
      [],
      'nothing goes out before its sender is known to have heard 202',
    );
    await test.submit({ type: 'message.unacknowledged', deferredId: id });
    await test.clock.advance(daysMs(1));
    t.same(test.effects.reports, []);
    t.equal(test.life(id).outcome, 'dropped');
  },
);

t.test('C16 Expires 0 expires at once', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: 0, dateMs: null })));
  await test.clock.advance(1);
  t.equal(test.state(id), 'reporting.sending');
});

t.test('C17 malformed Expires is treated as absent', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming({ expiresSeconds: null })));
  t.equal(test.life(id).message.expiresAtMs, writtenAtMs + daysMs(7), 'the default applies');
});

t.test('C55 refused message is never reported', async (t) => {
  const test = await EngineUnderTest.open({ settings: { pairMessagesMax: 1 } });
  await test.accept(received(numbered(1, { expiresSeconds: null })));
  t.same(refusal(await test.submit(received(numbered(2)))), {
    kind: 'refused',
    status: 480,
    code: 'pair-full',
  });
  await test.clock.advance(daysMs(1));
  t.same(test.effects.sent, []);
});

t.test('C63 lapsed registration counts as offline', async (t) => {
  const test = await EngineUnderTest.open();
  await test.submit(registered([contact(writtenAtMs + hoursMs(1))]));
  await test.clock.advance(hoursMs(1));
  t.same(test.engine.bindings(bob), []);
  const id = await test.accept(received(incoming({ dateMs: test.clock.now() })));
  await test.clock.advance(120_000);
  t.equal(test.state(id), 'stored');
  t.same(test.effects.sent, [], 'nothing is pushed to a contact that is gone');
});

t.test('C71 quota refusal is not reported', async (t) => {
  for (const settings of [{ mailboxMessagesMax: 2 }, { mailboxOctetsMax: 250 }]) {
    const test = await EngineUnderTest.open({ settings });
    await test.accept(received(numbered(1)));
    await test.accept(received(numbered(2)));
    const reply = await test.submit(received(numbered(3)));
    t.same(refusal(reply), { kind: 'refused', status: 480, code: 'mailbox-full' });
    t.equal((reply as { retryAfterSeconds: number }).retryAfterSeconds, 60);
    t.equal((await test.engine.ids(null, 10)).length, 2);
    test.answerAll(200);
    await test.clock.advance(hoursMs(2));
    t.equal(test.effects.reports.length, 2, 'none about the third');
  }
});

t.test('C71 the quota is free again when messages have gone', async (t) => {
  const test = await EngineUnderTest.open({ settings: { mailboxMessagesMax: 1 } });
  const id = await test.accept(received(numbered(1)));
  await test.submit(deleted([id]));
  t.match(await test.submit(received(numbered(2))), { kind: 'accepted' });
});

t.test('C96 spec 2.8 drop-oldest makes room and reports what it removes', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { mailboxMessagesMax: 2, atLimit: 'drop-oldest' },
  });
  const first = await test.accept(received(numbered(1)));
  await test.accept(received(numbered(2)));
  const third = await test.accept(received(numbered(3)));
  t.equal(test.state(first), 'reporting.sending');
  t.match(test.life(first).trail.at(-1), { event: 'message.evicted' });
  t.equal(test.state(third), 'stored');
  t.equal((await test.engine.list(bob, null, 10)).messages.length, 2);
});

t.test('C96 spec 2.8 drop-oldest evicts nothing in vain', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { mailboxOctetsMax: 2000, atLimit: 'drop-oldest' },
  });
  const first = await test.accept(received(numbered(1)));
  const second = await test.accept(received(numbered(2)));
  const huge = received(numbered(3, { text: 'x'.repeat(3000) }));
  t.match(await test.submit(huge), { kind: 'refused', code: 'mailbox-full' });
  t.same([test.state(first), test.state(second)], ['stored', 'stored'], 'it would not have fitted');
  const large = await test.accept(received(numbered(4, { text: 'x'.repeat(1850) })));
  t.equal(test.state(large), 'stored');
  t.same([test.state(first), test.state(second)], ['reporting.sending', 'reporting.sending']);
});

t.test('spec 2.8 drop-oldest at the limit of one sender drops his own oldest', async (t) => {
  const test = await EngineUnderTest.open({
    settings: { pairMessagesMax: 2, atLimit: 'drop-oldest' },
  });
  const carol = { asserted: 'sip:carol@example.com', fromAor: 'sip:carol@example.com' };
  const other = await test.accept(received(numbered(1, carol)));
  const first = await test.accept(received(numbered(2)));
  const second = await test.accept(received(numbered(3)));
  const third = await test.accept(received(numbered(4)));
  t.same(
    [other, first, second, third].map((id) => test.state(id)),
    ['stored', 'reporting.sending', 'stored', 'stored'],
  );
  t.match(test.life(first).trail.at(-1), { event: 'message.evicted' });
});

t.test('spec 2.8 several limits at once: enough goes for all of them, or nothing', async (t) => {
  const settings = { pairMessagesMax: 1, mailboxOctetsMax: 1500, atLimit: 'drop-oldest' } as const;
  const test = await EngineUnderTest.open({ settings });
  const carol = { asserted: 'sip:carol@example.com', fromAor: 'sip:carol@example.com' };
  const other = await test.accept(received(numbered(1, { ...carol, text: 'x'.repeat(900) })));
  const own = await test.accept(received(numbered(2)));
  const huge = received(numbered(3, { text: 'x'.repeat(1800) }));
  t.match(await test.submit(huge), { kind: 'refused', code: 'pair-full' });
  t.same([test.state(other), test.state(own)], ['stored', 'stored'], 'it would not have fitted');
  await test.accept(received(numbered(4, { text: 'x'.repeat(1000) })));
  t.same([test.state(other), test.state(own)], ['reporting.sending', 'reporting.sending']);
});

t.test(
  'X6 strangers share a part of a mailbox, and cannot drive out whom its user has named',
  async (t) => {
    for (const atLimit of ['refuse', 'drop-oldest'] as const) {
      const settings = { mailboxMessagesMax: 4, strangersPercent: 50, atLimit };
      const test = await EngineUnderTest.open({ settings });
      await test.submit(wants({ add: [{ from: '@example.com', action: 'store' }] }));
      const stranger = (number: number) => {
        const sender = `sip:s${number}@far.example.net`;
        return received(numbered(number, { asserted: sender, fromAor: sender, fromUri: sender }));
      };
      const first = await test.accept(stranger(1));
      const known = await test.accept(received(numbered(2)));
      await test.accept(stranger(3));
      const reply = await test.submit(stranger(4));
      if (atLimit === 'refuse') {
        t.same(refusal(reply), { kind: 'refused', status: 480, code: 'strangers-full' });
        t.equal(test.state(first), 'stored');
      } else {
        t.equal(reply.kind, 'accepted');
        t.match(test.life(first).trail.at(-1), { event: 'message.evicted' });
      }
      t.equal(test.state(known), 'stored');
      await test.accept(received(numbered(5)));
      const again = await test.crash();
      await again.submit(deleted('all'));
      await again.accept(stranger(6));
      await again.accept(stranger(7));
      t.equal((await again.engine.list(bob, null, 10)).messages.length, 2, 'counted down as well');
    }
  },
);

t.test('X6 a stranger pushes out nobody whom its user has named', async (t) => {
  const settings = { mailboxMessagesMax: 2, strangersPercent: 50, atLimit: 'drop-oldest' } as const;
  const test = await EngineUnderTest.open({ settings });
  await test.submit(wants({ add: [{ from: '@example.com', action: 'store' }] }));
  const known = [
    await test.accept(received(numbered(1))),
    await test.accept(received(numbered(2))),
  ];
  const sender = 'sip:s3@far.example.net';
  const stranger = numbered(3, { asserted: sender, fromAor: sender, fromUri: sender });
  t.match(await test.submit(received(stranger)), { kind: 'refused', code: 'mailbox-full' });
  for (const id of known) t.equal(test.state(id), 'stored');
  await test.accept(received(numbered(4)));
  t.match(test.life(known[0]!).trail.at(-1), { event: 'message.evicted' }, 'a known sender does');
});

t.test('C81 one account holds each message', async (t) => {
  const test = await EngineUnderTest.open();
  const carol = 'sip:bob2@example.org';
  const one = await test.accept(received(numbered(1)));
  const other = await test.accept(received(numbered(2, { aor: carol, toUri: carol })));
  const listed = async (aor: string) =>
    (await test.engine.list(aor, null, 10)).messages.map((message) => message.deferredId);
  t.same(await listed(bob), [one]);
  t.same(await listed(carol), [other]);
  t.equal(test.engine.read(carol, one), null);
  t.same(await test.submit(deleted([one], carol)), {
    kind: 'results',
    results: [{ id: one, status: 404 }],
  });
  t.equal(test.state(one), 'stored');
});

t.test('A8 same key, other body', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  const reply = await test.submit(received(incoming({ text: 'something else' })));
  t.same(refusal(reply), { kind: 'refused', status: 400, code: 'duplicate-conflict' });
  t.equal(test.engine.stats().events['duplicate-conflict'], 1);
  t.match(Buffer.from(test.engine.read(bob, id)?.octets ?? []).toString(), /Hello Bob/);
});

t.test('X12 nobody can squat on the Message-ID of another sender', async (t) => {
  const test = await EngineUnderTest.open();
  const mallory = 'sip:bob3@example.com';
  await test.accept(received(incoming({ asserted: mallory, fromAor: mallory, text: 'mine' })));
  t.match(await test.submit(received(incoming())), { kind: 'accepted', duplicate: false });
});

t.test('A10 free-space gate closed: nothing is stored, nothing reported', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(numbered(1)));
  test.store.freeOctetsNow = 1000;
  await test.clock.advance(1000);
  const reply = await test.submit(received(numbered(2)));
  t.same(refusal(reply), { kind: 'refused', status: 503, code: 'store-full' });
  t.equal((await test.engine.ids(null, 10)).length, 1);
  const commits = test.store.commits;
  await test.submit(deleted([id]));
  t.ok(test.store.commits > commits, 'what makes progress still passes');
  test.store.freeOctetsNow = Number.MAX_SAFE_INTEGER;
  await test.clock.advance(1000);
  t.match(await test.submit(received(numbered(2))), { kind: 'accepted' });
});

t.test('C93 list pages go through a mailbox oldest first', async (t) => {
  const test = await EngineUnderTest.open();
  const ids: string[] = [];
  for (let number = 0; number < 5; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  const pages: string[][] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof test.engine.list>> = await test.engine.list(
      bob,
      after,
      2,
    );
    pages.push(page.messages.map((one) => one.deferredId));
    after = page.next;
  } while (after !== null);
  t.same(pages, [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
  const [first] = (await test.engine.list(bob, null, 1)).messages;
  t.match(first, { state: 'stored', from: 'sip:alice@example.com', subject: 'Lunch' });
});

t.test('C48 the list does not tell who an anonymous sender is', async (t) => {
  const test = await EngineUnderTest.open();
  const senders = [
    'sip:anonymous@anonymous.invalid',
    'sip:anonymous@example.org',
    'sip:x@b.invalid',
  ];
  for (const [number, fromUri] of senders.entries()) {
    const asking = cpim({ from: fromUri, imdnMessageId: `asks-${number}` });
    const facts = { anonymous: true, fromUri, fromAor: fromUri, callId: `call-${number}@x` };
    await test.accept(received(incoming({ ...facts, cpim: asking })));
    await test.accept(received(plain(facts)));
  }
  const listing = await test.engine.list(bob, null, 10);
  t.same(
    listing.messages.map((one) => one.from),
    [null, null, null, null, null, null],
    'with a request for a report and without',
  );
  t.notMatch(JSON.stringify(listing), /alice/);
});
