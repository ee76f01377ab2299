// Events for charging and audit: one for each step, in the batch of the step, told in order until somebody has it, removed
// then and not before; what a crash, a silent listener and a full backlog make of them.
import t from 'tap';
import { type AuditPlace, AuditSender } from '../../runtime/audit-sender.js';
import type { AuditEvent, AuditPort } from '../../runtime/index.js';
import { EngineUnderTest, type TestOptions } from '../support/engine.js';
import {
  alice,
  bob,
  cpim,
  deleted,
  expiresAtMs,
  incoming,
  numbered,
  received,
  writtenAtMs,
} from '../support/messages.js';
import { SimulatedClock } from '../support/world.js';

/** Hears events, and takes them while it listens. */
class Listener implements AuditPort {
  readonly heard: AuditEvent[] = [];
  listens = true;
  away = false;

  ready(): boolean {
    return !this.away;
  }

  async publish(event: AuditEvent): Promise<boolean> {
    this.heard.push(event);
    return this.listens;
  }

  get numbers(): readonly number[] {
    return this.heard.map((one) => one.number);
  }
}

async function open(options: TestOptions = {}) {
  const listener = new Listener();
  const test = await EngineUnderTest.open({ audits: listener, ...options });
  return { test, listener, backlog: () => test.store.family('e').length };
}

t.test('one event for each step, in order, and its row goes when somebody has it', async (t) => {
  const { test, listener, backlog } = await open();
  const message = incoming({ chargingId: 'icid-4711' });
  const id = await test.accept(received(message));
  await test.register();
  await test.answer(test.effects.last, 480);
  await test.submit({ type: 'recipient.unregistered', aor: bob });
  await test.clock.advanceTo(expiresAtMs);
  await test.answer(test.effects.last, 200);
  const { trail } = test.life(id);
  t.same(
    listener.heard.map((one) => [one.reason, one.before, one.path.join(' → '), one.status]),
    trail.map((one) => [one.event, one.from, one.to, one.status ?? null]),
    'as the trail has them',
  );
  t.same(listener.numbers, [1, 2, 3, 4, 5]);
  t.equal(backlog(), 0);
  const local = id.slice(0, id.indexOf('@'));
  t.strictSame(listener.heard[0], {
    ...{ v: 1, eventId: `e-${local}-1`, number: 1, atMs: writtenAtMs, deferredId: id },
    ...{ kind: 'page', policy: { id: 'delete-and-report', hash: test.life(id).policyHash } },
    ...{ reason: 'message.received', status: null, by: null, before: null, after: 'stored' },
    ...{ path: ['stored'], live: true, outcome: null, sender: alice, recipient: bob },
    ...{ octets: message.octets.length - message.bodyOffset, requestOctets: message.octets.length },
    ...{ contentType: 'message/cpim', callId: message.callId, chargingId: 'icid-4711' },
    ...{ receivedAtMs: writtenAtMs, dateMs: writtenAtMs, expiresAtMs },
  });
  t.match(listener.heard[4], { after: 'reported', outcome: 'reported', live: false });
  t.match(test.engine.stats(), { audits: { written: 5, sent: 5, taken: 5 }, auditBacklog: 0 });
});

t.test('nobody asked for events: none is written', async (t) => {
  const test = await EngineUnderTest.open();
  await test.accept(received(incoming()));
  t.same(test.store.family('e'), []);
  t.same(test.engine.stats().audits, {});
});

t.test('an event never holds a body, nor a sender who asked for privacy', async (t) => {
  const { test, listener } = await open();
  const text = 'nobody but Bob shall read this';
  await test.accept(
    received(incoming({ text, anonymous: true, cpim: cpim({ dispositions: [] }) })),
  );
  t.equal(listener.heard[0]?.sender, null);
  const told = JSON.stringify(listener.heard);
  t.notMatch(told, 'shall read');
  t.notMatch(told, alice);
});

t.test('the operator who acts is named', async (t) => {
  const { test, listener } = await open();
  const deferredId = await test.accept(received(incoming()));
  await test.submit({ type: 'operator.acted', deferredId, act: 'delete', by: 'carol' });
  t.match(listener.heard[1], { reason: 'message.deleted', by: 'carol' });
});

t.test(
  'what nobody takes is told again, with more and more patience, and nothing overtakes it',
  async (t) => {
    const { test, listener, backlog } = await open();
    listener.listens = false;
    const id = await test.accept(received(incoming()));
    await test.submit(deleted([id]));
    t.same(listener.numbers, [1], 'the second waits for the first');
    await test.clock.advance(1000);
    t.same(listener.numbers, [1, 1]);
    await test.clock.advance(1999);
    t.same(listener.numbers, [1, 1]);
    await test.clock.advance(1);
    t.same(listener.numbers, [1, 1, 1]);
    t.equal(backlog(), 2);
    listener.listens = true;
    await test.clock.advance(5000);
    t.same(listener.numbers, [1, 1, 1, 1, 2]);
    t.equal(backlog(), 0);
    t.equal(
      new Set(listener.heard.map((one) => one.eventId)).size,
      2,
      'the same at every repetition',
    );
  },
);

t.test('while nobody can be reached events wait, and intake goes on', async (t) => {
  const { test, listener, backlog } = await open();
  listener.away = true;
  for (let number = 0; number < 5; number += 1) await test.accept(received(numbered(number)));
  t.same(listener.heard, []);
  t.equal(backlog(), 5);
  listener.away = false;
  test.engine.wakeAudits();
  await test.clock.settle();
  t.equal(listener.heard.length, 5);
  t.equal(backlog(), 0);
});

t.test(
  'killed between commit and acknowledgement: told again after the start, nothing missing',
  async (t) => {
    const { test, listener } = await open();
    listener.listens = false;
    const id = await test.accept(received(incoming()));
    await test.submit(deleted([id]));
    const later = new Listener();
    const again = await test.crash(false, { audits: later });
    t.same(later.numbers, [1, 2], 'in order');
    t.equal(later.heard[0]?.eventId, listener.heard[0]?.eventId);
    t.same(again.store.family('e'), []);
  },
);

t.test('killed before the row is gone: told again under the same id', async (t) => {
  const { test, listener } = await open();
  await test.accept(received(incoming()));
  listener.listens = false;
  await test.submit(deleted('all'));
  listener.listens = true;
  // The removal is on its way to the disk when the process dies, and does not arrive.
  test.store.failCommit('lost');
  await test.clock.advance(1000);
  t.same(listener.numbers, [1, 2, 2]);
  const later = new Listener();
  await test.crash(false, { audits: later });
  t.same(later.numbers, [2]);
  t.equal(later.heard[0]?.eventId, listener.heard[1]?.eventId);
});

t.test('at the bound steps go on untold: intake is not blocked, and the gap is seen', async (t) => {
  const { test, listener } = await open({ settings: { auditBacklogMax: 2 } });
  listener.listens = false;
  const ids: string[] = [];
  for (let number = 0; number < 4; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  t.match(test.engine.stats(), { audits: { written: 2, dropped: 2 }, auditBacklog: 2 });
  t.equal(test.notices.filter((one) => one.type === 'audit-dropped').length, 2);
  listener.listens = true;
  await test.clock.advance(1000);
  await test.submit(deleted([ids[3] as string]));
  t.same(
    listener.heard.filter((one) => one.deferredId === ids[3]).map((one) => one.number),
    [2],
    'its first step was not kept',
  );
});

t.test('switched off, what was kept is told when it is switched on again', async (t) => {
  const { test, listener } = await open();
  listener.away = true;
  const id = await test.accept(received(incoming()));
  const quiet = await EngineUnderTest.on(test.store.afterCrash(), new SimulatedClock(writtenAtMs));
  await quiet.submit(deleted([id]));
  t.equal(quiet.store.family('e').length, 1);
  const later = new Listener();
  await quiet.crash(false, { audits: later });
  t.same(later.numbers, [1]);
});

t.test('more than fits in memory waits in the store, in order', async (t) => {
  const clock = new SimulatedClock(writtenAtMs);
  const rows = new Map<string, AuditPlace>();
  const heard: string[] = [];
  let away = true;
  const nameOf = ({ local, number }: AuditPlace) => `${local}/${String(number).padStart(2, '0')}`;
  const event = (place: AuditPlace) => ({ eventId: nameOf(place) }) as AuditEvent;
  const port: AuditPort = {
    ready: () => !away,
    publish: async ({ eventId }) => {
      heard.push(eventId);
      return true;
    },
  };
  const sender = new AuditSender(clock, port, {
    load: (place) => (rows.has(nameOf(place)) ? event(place) : null),
    taken: (place) => {
      rows.delete(nameOf(place));
      sender.over(place);
    },
    sent: () => {},
    partitionOf: () => 0,
    scan: async function* () {
      // As it was when the reading began, like an iterator of the store.
      const then = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [, place] of then) yield place;
    },
    failed: (cause) => t.fail(String(cause)),
    failpoint: () => {},
  });
  for (let number = 1; number <= 3; number += 1) {
    for (let at = 0; at < 6000; at += 1) {
      const place = { local: `m${String(at).padStart(5, '0')}`, number };
      rows.set(nameOf(place), place);
      sender.add(place);
    }
  }
  away = false;
  sender.wake();
  await clock.settle();
  t.equal(rows.size, 0);
  t.equal(new Set(heard).size, 18_000);
  const last = new Map<string, number>();
  for (const name of new Set(heard)) {
    const [local = '', number = ''] = name.split('/');
    if ((last.get(local) ?? 0) >= Number(number)) t.fail(`${name} is out of order`);
    last.set(local, Number(number));
  }
});
