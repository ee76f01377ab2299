// Making room in a full mailbox (spec 2.8, drop-oldest) where more than one message wants it: several at once, and large
// ones, which are asked about before they come.
import t from 'tap';
import { EngineUnderTest } from '../../support/engine.js';
import { alice, bob, deleted, incoming, received, wants } from '../../support/messages.js';

const dropping = (mailboxMessagesMax: number) =>
  EngineUnderTest.open({ settings: { mailboxMessagesMax, atLimit: 'drop-oldest' } });

const numbered = (number: number, changes: object = {}) =>
  received(incoming({ callId: `call${number}@pc33.example.com`, cpim: null, ...changes }));

const summoned = { aor: bob, sender: alice, asserted: alice, anonymous: false };

t.test('C96 spec 2.8 messages that come at once each find room', async (t) => {
  const test = await dropping(3);
  const before: string[] = [];
  for (const number of [1, 2, 3]) before.push(await test.accept(numbered(number)));
  const replies = [4, 5, 6].map((number) => test.engine.submit(numbered(number)));
  await test.clock.settle();
  const kinds = (await Promise.all(replies)).map(({ kind }) => kind);
  t.same(kinds, ['accepted', 'accepted', 'accepted']);
  for (const id of before)
    t.match(test.life(id).trail.at(-1), { event: 'message.evicted' }, 'one for each of them');
  t.equal((await test.engine.list(bob, null, 10)).messages.length, 3);
});

t.test('C96 spec 2.8 room that was made is used, whoever else comes meanwhile', async (t) => {
  const test = await dropping(2);
  const [first, second] = [await test.accept(numbered(1)), await test.accept(numbered(2))];
  const third = test.engine.submit(numbered(3));
  const gone = test.engine.submit(deleted([second]));
  await test.clock.settle();
  await gone;
  t.equal((await third).kind, 'accepted');
  t.not(test.state(first), null);
  t.ok((await test.engine.list(bob, null, 10)).messages.length <= 2);
});

t.test(
  'C96 spec 2.8 a call for a full mailbox is taken where older messages make room',
  async (t) => {
    const test = await dropping(1);
    const first = await test.accept(numbered(1));
    t.equal(test.engine.refusal(summoned), null);
    const large = await test.accept(numbered(2, { kind: 'large' }));
    t.match(test.life(first).trail.at(-1), { event: 'message.evicted' });
    t.equal(test.state(large), 'stored');
    const refusing = await EngineUnderTest.open({ settings: { mailboxMessagesMax: 1 } });
    await refusing.accept(numbered(1));
    t.match(refusing.engine.refusal(summoned), { status: 480, code: 'mailbox-full' });
  },
);

t.test('spec 3.4 a call behind a backlog is none for somebody who is away', async (t) => {
  const test = await EngineUnderTest.open();
  await test.submit(wants({ deferral: 'off' }));
  t.match(test.engine.refusal(summoned), { status: 480, code: 'deferral-off' });
  t.equal(test.engine.refusal({ ...summoned, queued: true }), null);
});
