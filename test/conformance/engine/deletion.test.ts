// Conformance rows of spec chapter 14 about deletion and about when a failure report is owed:
// exactly once where it is, never where it is not. What a report says is the codec's business and
// is tested there.
import t from 'tap';
import { defaultReportRules } from '../../../machines/index.js';
import type { OutgoingReport } from '../../../runtime/index.js';
import { EngineUnderTest, type TestOptions } from '../../support/engine.js';
import {
  bob,
  cpim,
  deleted,
  expiresAtMs,
  hoursMs,
  incoming,
  type MessageChanges,
  numbered,
  plain,
  received,
} from '../../support/messages.js';

const statuses = (reply: object) =>
  (reply as { results: { status: number }[] }).results.map((one) => one.status);

/** How many reports are sent about a message that expires, and one that is deleted unread. */
async function reportsAbout(changes: MessageChanges, options: TestOptions = {}): Promise<number[]> {
  const counts: number[] = [];
  for (const end of ['expiry', 'delete'] as const) {
    const test = await EngineUnderTest.open(options);
    test.answerAll(200);
    const id = await test.accept(received(incoming(changes)));
    if (end === 'delete') await test.submit(deleted([id]));
    else await test.clock.advanceTo(expiresAtMs);
    await test.clock.advance(hoursMs(1));
    counts.push(test.effects.sent.length);
  }
  return counts;
}

t.test('C25 unretrieved message deleted by user is reported', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  t.same(statuses(await test.submit(deleted([id]))), [200]);
  const report = test.effects.last as OutgoingReport;
  t.match(report, { type: 'report', status: 'failed', cseq: 1 });
  t.equal(report.message.cpim?.imdnMessageId, 'Xk7qJ2mB9vTz4RwL');
  t.not(report.imdnMessageId, 'Xk7qJ2mB9vTz4RwL', 'C45 its own Message-ID');
});

t.test('C26 positive-delivery alone asks for no failure report', async (t) => {
  t.same(await reportsAbout({ cpim: cpim({ dispositions: ['positive-delivery'] }) }), [0, 0]);
  t.same(await reportsAbout({ cpim: cpim({ dispositions: ['display', 'processing'] }) }), [0, 0]);
  t.same(await reportsAbout({}), [1, 1], 'the control');
});

t.test('C27 second delete sends no second report', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  t.same(statuses(await test.submit(deleted([id]))), [200]);
  t.same(statuses(await test.submit(deleted([id]))), [404]);
  t.same(statuses(await test.submit(deleted('all'))), []);
  t.equal(test.effects.sent.length, 1);
});

t.test('C28 broken retrieval is no retrieval', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  t.ok(test.engine.read(bob, id), 'the octets were read, and never confirmed');
  await test.submit(deleted([id]));
  t.equal(test.effects.reports.length, 1);
});

t.test('S1 a retrieved message is not reported when it goes', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  const retrieved = { type: 'messages.retrieved', aor: bob, ids: [id] } as const;
  t.same(statuses(await test.submit(retrieved)), [200]);
  t.equal(test.state(id), 'delivered');
  t.same(statuses(await test.submit(retrieved)), [404], 'it was retrieved and removed');
  t.same(statuses(await test.submit(deleted([id]))), [404]);
  await test.clock.advance(hoursMs(2));
  t.same(test.effects.sent, []);
});

t.test('C29 delete-all reports exactly what is owed', async (t) => {
  const test = await EngineUnderTest.open();
  test.answerAll(200);
  const quiet = (number: number) =>
    numbered(number, { cpim: cpim({ imdnMessageId: `quiet-${number}`, dispositions: [] }) });
  for (const number of [1, 2, 3]) await test.accept(received(numbered(number)));
  for (const number of [4, 5]) await test.accept(received(quiet(number)));
  const fetched = await test.accept(received(numbered(6)));
  await test.submit({ type: 'messages.retrieved', aor: bob, ids: [fetched] });
  t.same(statuses(await test.submit(deleted('all'))), [200, 200, 200, 200, 200]);
  await test.clock.advance(10_000);
  const asked = test.effects.reports.map((one) => one.message.cpim?.imdnMessageId);
  t.same(
    asked.sort(),
    [1, 2, 3].map((number) => `id-${number}-Xk7qJ2mB9vTz`),
  );
  t.equal(test.effects.sent.length, 3);
});

t.test('spec 4.3 one bad id does not undo the others', async (t) => {
  const test = await EngineUnderTest.open();
  const mine = await test.accept(received(numbered(1)));
  const other = 'sip:bob2@example.org';
  const his = await test.accept(received(numbered(2, { aor: other, toUri: other })));
  const ids = ['nonsense', his, mine, `-1${mine.slice(2)}`, ''];
  t.same(statuses(await test.submit(deleted(ids))), [404, 404, 200, 404, 404]);
});

t.test('C30 delete during a failed push is reported', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  t.same(statuses(await test.submit(deleted([id]))), [202], 'the answer decides');
  t.equal(test.effects.sent.length, 1);
  await test.answer(test.effects.last, 408);
  t.equal(test.state(id), 'reporting.sending');
  t.equal(test.effects.reports.length, 1);
});

t.test('C30 delete during a push that arrives is not reported', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.register();
  await test.submit(deleted([id]));
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'delivered');
  t.same(test.effects.reports, []);
});

t.test('C31 delete and expiry together report once', async (t) => {
  for (const deleteFirst of [true, false]) {
    const test = await EngineUnderTest.open();
    test.answerAll(200);
    const id = await test.accept(received(incoming()));
    await test.clock.advanceTo(expiresAtMs - 1);
    if (deleteFirst) {
      const reply = test.engine.submit(deleted([id]));
      await test.clock.advance(1);
      await reply;
    } else {
      await test.clock.advance(1);
      t.same(statuses(await test.submit(deleted([id]))), [404]);
    }
    await test.clock.advance(hoursMs(1));
    t.equal(test.effects.sent.length, 1);
  }
});

t.test('C32 concurrent deletes report once', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  const release = test.store.hold();
  const both = [test.engine.submit(deleted([id])), test.engine.submit(deleted([id]))];
  await test.clock.settle();
  both.push(test.engine.submit(deleted([id])));
  await release();
  await test.clock.settle();
  t.same((await Promise.all(both)).flatMap(statuses), [200, 404, 404]);
  t.equal(test.effects.reports.length, 1);
});

t.test('C35 no report about an IMDN', async (t) => {
  t.same(await reportsAbout({ cpim: cpim({ isImdn: true, dispositions: [] }) }), [0, 0]);
});

t.test('C36 request inside an IMDN is ignored', async (t) => {
  t.same(await reportsAbout({ cpim: cpim({ isImdn: true }) }), [0, 0]);
});

t.test('C37 plain text cannot ask for a report', async (t) => {
  t.same(await reportsAbout(plain()), [0, 0]);
});

t.test('C41 missing DateTime is replaced, or not, as the operator wants', async (t) => {
  const changes = { cpim: cpim({ dateTime: null }) };
  t.same(await reportsAbout(changes), [1, 1]);
  const reportRules = { ...defaultReportRules, withoutDateTime: false };
  t.same(await reportsAbout(changes, { settings: { reportRules } }), [0, 0]);
});

t.test('C46 report follows the recorded route', async (t) => {
  const recordRoutes = ['sip:r2.example.net', 'sip:r1.example.com'];
  const trusting = { ...defaultReportRules, trustedRoutes: ['example.net'] };
  const changes = { cpim: cpim({ recordRoutes }) };
  t.same(await reportsAbout(changes), [0, 0], 'untrusted by default');
  t.same(await reportsAbout(changes, { settings: { reportRules: trusting } }), [1, 1]);
  const test = await EngineUnderTest.open({ settings: { reportRules: trusting } });
  const id = await test.accept(received(incoming(changes)));
  await test.submit(deleted([id]));
  t.match(
    test.notices.filter((notice) => notice.type === 'effect'),
    [{ target: 'sip:r2.example.net' }],
  );
});

t.test('C47 request target is the bare From URI', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(incoming()));
  await test.submit(deleted([id]));
  t.match(
    test.notices.filter((notice) => notice.type === 'effect'),
    [{ target: 'sip:alice@example.com' }],
  );
  t.not(test.effects.last.fromTag, '49583', 'a new tag');
});

t.test('C48 anonymous sender gets no report', async (t) => {
  t.same(await reportsAbout({ anonymous: true }), [0, 0]);
});

t.test('C49 encrypted content gets no report', async (t) => {
  t.same(await reportsAbout({ cpim: cpim({ encrypted: true }) }), [0, 0]);
});

t.test('X1 C88 no report to somebody who sent nothing', async (t) => {
  t.same(await reportsAbout({ asserted: null }), [0, 0]);
  t.same(await reportsAbout({ asserted: 'sip:bob3@example.com' }), [0, 0]);
});

t.test('an operator deletes and expires, and may not touch what is gone', async (t) => {
  const test = await EngineUnderTest.open();
  const ids = [
    await test.accept(received(numbered(1))),
    await test.accept(received(numbered(2))),
  ] as const;
  const act = (deferredId: string, what: 'delete' | 'expire' | 'retry') =>
    test.submit({ type: 'operator.acted', deferredId, act: what, by: 'operator' });
  t.same(statuses(await act(ids[0], 'expire')), [200]);
  t.match(test.life(ids[0]).trail.at(-1), { event: 'after expiry' });
  t.same(statuses(await act(ids[1], 'delete')), [200]);
  t.match(await act(ids[1], 'delete'), { kind: 'refused', code: 'no-such-message' });
  t.match(await act(ids[1], 'retry'), { kind: 'refused', code: 'not-parked' });
  t.match(await act('nonsense', 'delete'), { kind: 'refused', code: 'no-such-message' });
});
