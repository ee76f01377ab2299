// What a politely blocked sender may see of limits (C70, ADR 0033): no more than anybody.
import t from 'tap';
import { EngineUnderTest, foundedStore, type TestOptions } from '../../support/engine.js';
import {
  alice,
  incoming,
  type MessageChanges,
  numbered,
  received,
  wants,
  writtenAtMs,
} from '../../support/messages.js';
import { SimulatedClock } from '../../support/world.js';

const carol = 'sip:carol@example.com';
const add = [{ from: alice, action: 'polite-block' }] as const;

t.test('C70 limits say to her what they say to anybody, and write no more', async (t) => {
  const cases: [string, TestOptions['settings'], MessageChanges][] = [
    ['too-large', { messageOctetsMax: 300 }, { text: 'x'.repeat(300) }],
    ['media-type', { mediaTypes: ['text/*'] }, {}],
    ['mailbox-full', { mailboxMessagesMax: 0 }, {}],
  ];
  for (const [code, settings, changes] of cases)
    for (const blocked of [true, false]) {
      const test = await EngineUnderTest.open({ settings: settings! });
      if (blocked) await test.submit(wants({ add }));
      t.match(await test.submit(received(incoming(changes))), { kind: 'refused', code }, code);
    }
  const store = Object.assign(foundedStore(), { freeOctets: () => 0 });
  const full = await EngineUnderTest.on(store, new SimulatedClock(writtenAtMs));
  await full.submit(wants({ add }));
  t.match(await full.submit(received(incoming())), { kind: 'refused', code: 'store-full' });
  t.equal(full.engine.stats().events['polite-block'], undefined);
});

t.test('C70 what was taken once is taken again, whatever the limits say by then', async (t) => {
  const settings = { mailboxMessagesMax: 1 };
  const test = await EngineUnderTest.open({ settings });
  await test.submit(wants({ add }));
  t.match(await test.submit(received(incoming())), { kind: 'swallowed' });
  await test.accept(received(numbered(2, { asserted: carol, fromAor: carol })));
  t.match(await test.submit(received(incoming())), { kind: 'swallowed' }, 'as one that was kept');
  t.match(await test.submit(received(numbered(3))), { kind: 'refused', code: 'mailbox-full' });
});
