// Recorded histories lived again: under its own policy a life comes out as it was; under another one it differs where that
// policy differs.
import t from 'tap';
import { shadowOf } from '../../runtime/index.js';
import { EngineUnderTest } from '../support/engine.js';
import {
  daysMs,
  deleted,
  hoursMs,
  minutesMs,
  numbered,
  plain,
  received,
} from '../support/messages.js';
import { shipped } from '../support/policies.js';

/** A store with lives of many kinds, and the ids by what happened. */
async function lived(): Promise<{ test: EngineUnderTest; ids: Readonly<Record<string, string>> }> {
  const test = await EngineUnderTest.open();
  const ids: Record<string, string> = {};
  const send = async (name: string, number: number, changes: object = {}): Promise<void> => {
    const message = numbered(number, { dateMs: null, aor: `sip:${name}@example.org`, ...changes });
    ids[name] = await test.accept(received(message));
  };
  await send('expires', 1);
  await send('deleted', 2);
  await test.submit(deleted([ids['deleted']!], 'sip:deleted@example.org'));
  await send('delivered', 3);
  await send('tried', 4);
  ids['silent'] = await test.accept(received(plain({ dateMs: null, callId: 'silent' })));
  await test.clock.advance(minutesMs(5));
  test.answerAll((effect) =>
    effect.type === 'deliver' && effect.message.aor.startsWith('sip:tried') ? 480 : 200,
  );
  await test.register(1, undefined, 'sip:delivered@example.org');
  await test.register(1, undefined, 'sip:tried@example.org');
  await test.clock.advance(hoursMs(3));
  await send('waits', 5, { expiresSeconds: 864_000 });
  await test.clock.advance(daysMs(1));
  return { test, ids };
}

t.test('under its own policy every life comes out as it was', async (t) => {
  const { test, ids } = await lived();
  const own = shipped('delete-and-report');
  for (const [name, id] of Object.entries(ids)) {
    const shadow = shadowOf(own, test.engine.actor(id)!, test.clock.now());
    t.same(shadow?.would, shadow?.lived, name);
    t.equal(shadow?.differs, false, name);
  }
  await test.close();
});

t.test('under another policy those differ that it would have kept, and no others', async (t) => {
  const { test, ids } = await lived();
  const late = shipped('deliver-late');
  const shadowed = (name: string) =>
    shadowOf(late, test.engine.actor(ids[name]!)!, test.clock.now());
  t.match(shadowed('expires'), {
    differs: true,
    lived: { end: 'reported', reports: 1 },
    would: { end: 'expired', ended: false, reports: 0 },
  });
  t.match(shadowed('silent'), {
    differs: true,
    lived: { end: 'dropped' },
    would: { end: 'expired' },
  });
  for (const name of ['deleted', 'delivered', 'waits'])
    t.equal(shadowed(name)?.differs, false, name);
  await test.close();
});

t.test('a history with gaps, and a message in quarantine, are not judged', async (t) => {
  const { test, ids } = await lived();
  const row = test.engine.actor(ids['deleted']!)!;
  const own = shipped('delete-and-report');
  t.equal(shadowOf(own, { ...row, trail: row.trail.slice(1) }, test.clock.now()), null);
  const parked = { atMs: 0, error: 'x', event: 'x', replay: '{}' };
  t.equal(shadowOf(own, { ...row, parked }, test.clock.now()), null);
  await test.close();
});
