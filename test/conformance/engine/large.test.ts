// Conformance rows of spec chapter 14 about the life of large messages, on the simulated engine: INVITE and SEND as
// octets, read by the codec, and days that pass at once.
import t from 'tap';
import { readLarge } from '../../../adapters/sip/index.js';
import type { IncomingMessage } from '../../../machines/index.js';
import type { OutgoingDelivery, OutgoingEffect } from '../../../runtime/index.js';
import { EngineUnderTest } from '../../support/engine.js';
import {
  alice,
  bob,
  contact,
  daysMs,
  hoursMs,
  received,
  registered,
  writtenAtMs,
} from '../../support/messages.js';

interface Large {
  /** Header lines of the INVITE beside those every one has. */
  readonly invite?: readonly string[];
  readonly expiresSeconds?: number | null;
  readonly imdnMessageId?: string;
  readonly octets?: number;
  readonly msrpMessageId?: string;
}

const date = 'Date: Tue, 01 Aug 2006 10:00:00 GMT';

/** What the session door hands over when the last octet has come. */
function large(given: Large = {}): IncomingMessage {
  const { invite = [date], expiresSeconds = null, imdnMessageId = 'Xk7qJ2mB9vTz4RwL' } = given;
  const octets = Buffer.from(
    [
      `INVITE ${bob} SIP/2.0`,
      'Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK77',
      `From: Alice <${alice}>;tag=49583`,
      `To: <${bob}>`,
      'Call-ID: session@pc33.example.com',
      'CSeq: 1 INVITE',
      'Subject: Plans',
      ...invite,
      'Content-Type: application/sdp',
      'Content-Length: 3',
      '',
      'v=0',
    ].join('\r\n'),
  );
  const content = Buffer.from(
    [
      `From: Alice <${alice}>`,
      `To: Bob <${bob}>`,
      'NS: imdn <urn:ietf:params:imdn>',
      `imdn.Message-ID: ${imdnMessageId}`,
      'DateTime: 2006-08-01T10:00:00Z',
      'imdn.Disposition-Notification: negative-delivery',
      '',
      'Content-Type: text/plain',
      '',
      'x'.repeat(given.octets ?? 100_000),
    ].join('\r\n'),
  );
  const session = { msrpMessageId: given.msrpMessageId ?? 'msrp1234', send: [], ok: [] };
  const read = readLarge(octets, alice, {
    ...{ content, contentType: 'message/cpim', expiresSeconds },
    ...session,
  });
  if (!read.ok) throw new Error(read.reason);
  return read.message;
}

const reports = (test: EngineUnderTest): readonly OutgoingEffect[] =>
  test.effects.sent.filter((one) => one.type === 'report');
const pushes = (test: EngineUnderTest): readonly OutgoingDelivery[] =>
  test.effects.sent.filter((one): one is OutgoingDelivery => one.type === 'deliver');

t.test("C19 INVITE Expires is not the message's", async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large({ invite: [date, 'Expires: 60'] })));
  await test.clock.advance(61_000);
  t.equal(test.state(id), 'stored');
  t.equal(test.life(id).message.expiresSeconds, null);
});

t.test('C20 SEND Expires limits the message', async (t) => {
  const test = await EngineUnderTest.open({ startMs: writtenAtMs + 1_200_000 });
  const id = await test.accept(received(large({ expiresSeconds: 3600 })));
  t.equal(
    test.life(id).message.expiresAtMs,
    writtenAtMs + hoursMs(1),
    'from the Date of the INVITE',
  );
  await test.clock.advanceTo(writtenAtMs + hoursMs(1) - 1);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(1);
  t.equal(reports(test).length, 1, 'S1 covers every deferred message');
});

t.test('C20 without Date the life of a SEND counts from complete receipt', async (t) => {
  const startMs = writtenAtMs + 1_200_000;
  const test = await EngineUnderTest.open({ startMs });
  const id = await test.accept(received(large({ invite: [], expiresSeconds: 3600 })));
  t.equal(test.life(id).message.expiresAtMs, startMs + hoursMs(1));
});

t.test('C76 operator default applies to SEND without Expires', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large()));
  await test.clock.advanceTo(writtenAtMs + daysMs(7) - 1);
  t.equal(test.state(id), 'stored');
  await test.clock.advance(1);
  t.equal(reports(test).length, 1);
});

t.test('C05 client resend stores once, in a session of its own', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large()));
  const again = await test.submit(received(large({ msrpMessageId: 'other123' })));
  t.match(again, { kind: 'accepted', deferredId: id, duplicate: true });
  const other = await test.submit(received(large({ octets: 5 })));
  t.match(other, { kind: 'refused', status: 400 }, 'the same id with other content');
});

t.test('C65 large message waits for a capable device', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large()));
  await test.register();
  t.equal(test.state(id), 'stored');
  t.equal(pushes(test).length, 0);
  const uri = 'sip:bob@192.0.2.7';
  const features = ['+g.oma.sip-im', '+g.oma.sip-im.large-message'];
  await test.submit(registered([{ ...contact(test.clock.now() + hoursMs(1), uri), features }]));
  t.equal(test.state(id), 'delivering');
  t.same(pushes(test)[0]?.contacts, [uri], 'and only that one is called');
});

t.test('spec 3.3 a push of a large message has more patience than one of a small', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large()));
  const features = ['+g.oma.sip-im.large-message'];
  await test.submit(registered([{ ...contact(test.clock.now() + hoursMs(1)), features }]));
  await test.clock.advance(179_000);
  t.equal(test.state(id), 'delivering');
  await test.clock.advance(2_000);
  t.equal(test.state(id), 'stored', 'then it waits for the next try');
  const push = pushes(test)[0]!;
  await test.answer(push, 200);
  t.equal(test.state(id), 'delivered', 'late success counts');
});

t.test('S2 9.3.2.4 the BYE is kept with the message, once, and survives a crash', async (t) => {
  const test = await EngineUnderTest.open();
  const id = await test.accept(received(large()));
  const bye = [['Reason', 'SIP;cause=200']] as const;
  await test.submit({ type: 'session.ended', deferredId: id, bye });
  await test.submit({ type: 'session.ended', deferredId: id, bye: [] });
  const after = await test.crash(true);
  t.same(after.life(id).bye, bye);
  t.match(after.life(id).message, { kind: 'large', session: { msrpMessageId: 'msrp1234' } });
});

t.test('bodies of a MiB share groups with small messages', async (t) => {
  const test = await EngineUnderTest.open();
  const replies = Array.from({ length: 12 }, (_, at) =>
    test.engine.submit(
      received(large({ octets: 1_048_000, imdnMessageId: `id${at}aaaaaaaaaaaa` })),
    ),
  );
  await test.clock.settle();
  const all = await Promise.all(replies);
  t.ok(all.every((one) => one.kind === 'accepted'));
  const after = await test.crash(false);
  for (const one of all)
    if (one.kind === 'accepted')
      t.equal(
        after.engine.read(bob, one.deferredId)?.octets.length ?? 0,
        after.life(one.deferredId).message.octets,
      );
});

t.test('C61 C65 notify-and-pull tells of a large message though no device takes it', async (t) => {
  const test = await EngineUnderTest.open({ policyId: 'notify-and-pull' });
  const id = await test.accept(received(large()));
  await test.submit(registered([contact(test.clock.now() + hoursMs(1))]));
  t.match(test.effects.notices, [{ waiting: 1 }]);
  await test.answer(test.effects.last, 200);
  t.equal(test.state(id), 'stored');
  await test.submit({ type: 'messages.requested', aor: bob, ids: [id] });
  t.same(pushes(test), [], 'what he asks for waits for a device');
});
