// What is checked before a store is served, and what one damaged row does to an engine that runs:
// its own message suffers, the others do not.
import t from 'tap';
import { openRuntime } from '../../runtime/index.js';
import { sealRow } from '../../runtime/integrity.js';
import { EngineUnderTest, foundedStore } from '../support/engine.js';
import {
  alice,
  bob,
  deleted,
  expiresAtMs,
  hoursMs,
  numbered,
  received,
  wants,
  writtenAtMs,
} from '../support/messages.js';
import {
  ioError,
  type MemoryStore,
  RecordingEffects,
  SimulatedClock,
  seeded,
  seededEntropy,
} from '../support/world.js';

async function withMessages(count = 3) {
  const test = await EngineUnderTest.open();
  const ids: string[] = [];
  for (let number = 1; number <= count; number += 1)
    ids.push(await test.accept(received(numbered(number))));
  return { test, ids };
}

const open = (store: MemoryStore, options = {}) =>
  EngineUnderTest.on(store, new SimulatedClock(writtenAtMs), options);

const damaged = { code: 'DEFERRED_IM_STORE_DAMAGED', exitCode: 65 };

t.test('B10 one flipped bit in any row is found at boot', async (t) => {
  const { test } = await withMessages();
  const random = seeded(3);
  let missed = 0;
  for (const key of test.store.keys()) {
    const store = test.store.afterCrash();
    const length = store.get(key)?.length ?? 0;
    store.flip(key, Math.floor(random() * length * 8));
    const wrong = await open(store).then(
      () => null,
      (cause) => cause,
    );
    if (wrong === null) missed += 1;
    else t.match(wrong, damaged, key);
  }
  t.equal(missed, 0);
});

t.test('R8 a missing row and an extra one are found at boot', async (t) => {
  const { test } = await withMessages();
  for (const key of test.store.keys()) {
    const store = test.store.afterCrash();
    store.remove(key);
    await t.rejects(open(store), damaged, `without ${key}`);
  }
  for (const key of ['05!a!x', '40!P!x', '05!z!x']) {
    const store = test.store.afterCrash();
    store.insert(key, sealRow(key, Buffer.from('{}')).value);
    await t.rejects(open(store), damaged, `with ${key}`);
  }
});

t.test('R8 an old version of a row is found at boot', async (t) => {
  const { test, ids } = await withMessages();
  const old = test.store.afterCrash();
  await test.register();
  const key = test.store.family('a')[0] as string;
  const store = test.store.afterCrash();
  for (const one of test.store.family('a')) {
    const before = old.get(one) as Uint8Array;
    if (Buffer.compare(before, store.get(one) as Uint8Array) !== 0) store.insert(one, before);
  }
  t.ok(key);
  t.equal(ids.length, 3);
  await t.rejects(open(store), damaged);
});

t.test('B14 a rolled-back suffix is refused unless it is accepted', async (t) => {
  const { test, ids } = await withMessages(2);
  const old = test.store.afterCrash();
  await test.submit(deleted([ids[0] as string]));
  const identity = test.effects.last;
  await test.clock.advance(2000);
  old.mark = test.store.mark;
  const rolledBack = { code: 'DEFERRED_IM_STORE_ROLLED_BACK', exitCode: 65 };
  await t.rejects(open(old), rolledBack);
  const again = await open(old, { acceptRollback: true });
  await again.submit(deleted([ids[0] as string]));
  t.match(again.effects.last, {
    effectId: identity.effectId,
    token: identity.token,
    callId: identity.callId,
  });
  const next = await open(again.store.afterCrash());
  t.equal((await next.engine.ids(null, 10)).length, 2, 'accepted for good');
});

t.test('B21 a newer format is refused', async (t) => {
  const store = foundedStore();
  const key = '40!S!identity';
  const row = { version: 2, storeId: 'x', host: 'x', secret: 'x', createdAtMs: 0 };
  store.insert(key, sealRow(key, Buffer.from(JSON.stringify(row))).value);
  await t.rejects(open(store), { code: 'DEFERRED_IM_STORE_FORMAT', exitCode: 65 });
});

t.test('R10 an alarm of LevelDB is refused', async (t) => {
  const store = foundedStore();
  store.alarms = ['000003.log: dropping 1234 bytes; Corruption: checksum mismatch'];
  await t.rejects(open(store), damaged);
  await open(store, { acceptRollback: true });
});

/** A running engine that has not read its rows yet; one row is damaged behind its back. */
async function damagedWhileRunning(letter: string, count = 3) {
  const { test, ids } = await withMessages(count);
  const again = await test.crash();
  const local = (ids[0] as string).slice(0, 28);
  const key = again.store
    .family(letter)
    .find((one) => one.endsWith(local) || letter === 'r') as string;
  again.store.flip(key, 200);
  return { test: again, ids };
}

t.test('B10 a damaged message is left alone, the others go on', async (t) => {
  const { test, ids } = await damagedWhileRunning('a');
  t.equal((await test.engine.list(bob, null, 10)).messages.length, 2);
  t.equal(test.engine.show(ids[0] as string), null);
  t.match(await test.submit(deleted(ids.slice(0, 2))), {
    results: [{ status: 404 }, { status: 200 }],
  });
  t.match(await test.submit(received(numbered(1))), { kind: 'refused', code: 'damaged-row' });
  test.answerAll(200);
  await test.register();
  t.equal(test.state(ids[2] as string), 'delivered');
  await test.clock.advanceTo(expiresAtMs + hoursMs(1));
  t.same(test.exits, []);
  t.ok((test.engine.stats().events['damaged-row'] ?? 0) > 0);
});

t.test('B10 a damaged mailbox row hides one message of the run', async (t) => {
  const { test } = await damagedWhileRunning('r');
  test.answerAll(200);
  await test.register();
  t.equal(test.effects.deliveries.length, 2);
  t.same(test.exits, []);
});

t.test('B10 a damaged body is never sent', async (t) => {
  const { test, ids } = await damagedWhileRunning('b');
  t.equal(test.engine.read(bob, ids[0] as string), null);
  await test.register();
  t.same(test.effects.sent, []);
  t.equal(test.state(ids[0] as string), 'stored', 'as after a temporary failure');
  t.same(test.exits, []);
});

t.test('B10 a damaged message does not block the reports of its sender', async (t) => {
  const { test, ids } = await withMessages(2);
  test.effects.up = false;
  await test.submit(deleted('all'));
  const again = await test.crash(false);
  again.effects.up = false;
  t.equal(ids.length, 2);
  // Both reports wait for Alice; the one in front is damaged before it is sent.
  const fresh = await again.crash();
  const first = fresh.effects.last;
  const local = first.effectId.split('-')[1] as string;
  fresh.store.flip(`${local.slice(0, 2)}!a!${local}`, 300);
  await fresh.clock.advance(60_000);
  t.equal(fresh.effects.reports.at(-1)?.message.fromUri, alice);
  t.not(fresh.effects.last.effectId, first.effectId);
  t.same(fresh.exits, []);
});

t.test('R5 a read that fails ends the process, whoever asked', async (t) => {
  for (const [code, exit] of [
    ['LEVEL_IO_ERROR', 74],
    ['LEVEL_CORRUPTION', 65],
  ] as const) {
    const { test } = await withMessages();
    const again = await test.crash();
    again.store.failReads(Object.assign(ioError(), { code }));
    if (code === 'LEVEL_IO_ERROR') await t.rejects(again.engine.list(bob, null, 10), { code });
    else void again.engine.submit(received(numbered(9)));
    await again.clock.settle();
    t.same(
      again.exits.map((one) => one.code),
      [exit],
      code,
    );
  }
});

t.test('a user the check has not come to is known to be unknown', async (t) => {
  const { test } = await withMessages(1);
  await test.submit(wants({ deferral: 'off' }));
  const opened = await openRuntime(test.store.afterCrash(), {
    ...{ clock: new SimulatedClock(writtenAtMs), effects: new RecordingEffects() },
    ...{ entropy: seededEntropy(5), exit: () => {} },
  });
  const summoned = { aor: bob, sender: alice, asserted: alice, anonymous: false };
  t.equal(opened.engine.knows(bob), false);
  t.match(opened.engine.refusal(summoned), { status: 503, code: 'not-ready' });
  await opened.ready;
  t.equal(opened.engine.knows(bob), true);
  t.match(opened.engine.refusal(summoned), { status: 480, code: 'deferral-off' });
  await opened.close();
});
