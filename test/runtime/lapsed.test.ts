// Rows of users whose bindings have lapsed do not stay for ever: registrations of others sweep them, page by page.
import t from 'tap';
import { limits } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import { contact, hoursMs, numbered, received, registered } from '../support/messages.js';

async function rowsOf(test: EngineUnderTest): Promise<number> {
  await test.clock.settle();
  let rows = 0;
  for await (const [key] of test.store.scan('', '~')) rows += key[3] === 'u' ? 1 : 0;
  return rows;
}

t.test('a lapsed user with nothing waiting is forgotten, others are not', async (t) => {
  const test = await EngineUnderTest.open();
  const until = (hours: number) => contact(test.clock.now() + hoursMs(hours));
  for (let at = 0; at < 200; at += 1)
    await test.submit(registered([until(1)], `sip:gone${at}@example.org`));
  const waiting = 'sip:waiting@example.org';
  await test.submit(registered([until(1)], waiting));
  await test.submit(registered([until(48)], 'sip:there@example.org'));
  await test.clock.advance(hoursMs(2));
  await test.accept(received(numbered(1, { aor: waiting, dateMs: test.clock.now() })));
  t.equal(await rowsOf(test), 202, 'nobody touches them');
  const rounds = 65 * limits.registrationsPerSweep;
  for (let at = 0; at < rounds; at += 1)
    await test.submit(registered([until(1)], 'sip:busy@example.org'));
  t.equal(
    await rowsOf(test),
    3,
    'the one for whom something waits, the one who is there, the one who came',
  );
  t.equal(test.engine.bindings('sip:there@example.org').length, 1);
  t.equal((await test.engine.list(waiting, null, 10)).messages.length, 1);
  t.same(test.exits, []);
});
