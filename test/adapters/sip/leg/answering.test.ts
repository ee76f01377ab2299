// Calls for somebody who is offline, over a real socket with a scripted caller: accepted, given up, left without an ACK,
// ended by either side. Time is moved by hand.
import t, { type Test } from 'tap';
import type { CallEnd, WaitingCall } from '../../../../runtime/index.js';
import { type HeardText, legUnderTest, requestLines } from '../../../support/scripted-sip.js';

const contact = 'Contact: <sip:alice@127.0.0.1:5070>';
const recorded = ['Record-Route: <sip:p1.example.org;lr>, <sip:p2.example.org;lr>'];

/** A leg that has heard an INVITE; the call waits for its answer. */
async function ringing(t: Test, more: readonly string[] = [contact]) {
  const calls: WaitingCall[] = [];
  const ends: CallEnd[] = [];
  const under = await legUnderTest(t, {
    onInvite: (call) => {
      call.onEnd((end) => ends.push(end));
      calls.push(call);
    },
  });
  const { leg, peer } = under;
  const headers = [`X-IM-Leg: ${leg.token} c2lwOmFsaWNlQGV4YW1wbGUub3Jn`, ...more];
  const invite = requestLines(peer, 'INVITE', { headers });
  peer.say(invite, 'v=0');
  t.match((await peer.next()).first, ' 100 ');
  return { ...under, call: calls[0]!, ends, invite };
}

/** The same with the call accepted, and acknowledged if that is wanted. */
async function inSession(t: Test, acknowledge: boolean) {
  const under = await ringing(t, [contact, ...recorded]);
  const { call, peer } = under;
  const kept = call.accept('v=1', [['Date', 'Sat, 01 Aug 2026 10:00:00 GMT']]);
  const ok = await peer.next();
  const ask = (method: string, cseq: number) =>
    peer.say(
      requestLines(peer, method, {
        to: ok.headers['to']!,
        cseq,
        branch: `z9hG4bK${method}${cseq}`,
      }),
    );
  if (acknowledge) ask('ACK', 1);
  await peer.rest();
  return { ...under, ok, kept, ask };
}

const firsts = (heard: readonly HeardText[]) => heard.map(({ first }) => first);
const byeLine = 'BYE sip:alice@127.0.0.1:5070 SIP/2.0';

t.test(
  'a call is answered by 200 with description, routes and Contact, and its ACK ends the repeating',
  async (t) => {
    const { call, leg, ok, kept, peer, clock, ask } = await inSession(t, false);
    t.equal(call.asserted, 'c2lwOmFsaWNlQGV4YW1wbGUub3Jn');
    t.equal(Buffer.from(call.body).toString(), 'v=0');
    t.match(ok.first, 'SIP/2.0 200 OK');
    t.equal(ok.body, 'v=1');
    t.equal(ok.headers['record-route'], '<sip:p1.example.org;lr>, <sip:p2.example.org;lr>');
    t.equal(ok.headers['contact'], `<sip:deferred@127.0.0.1:${leg.place.port}>`);
    t.match(ok.headers['to'], /^<sip:bob@example.org>;tag=[0-9a-f]{24}$/);
    t.strictSame(
      kept?.map(([name]) => name),
      ['From', 'To', 'Date'],
    );
    await clock.advance(1600);
    t.strictSame(firsts(await peer.rest()), [ok.first, ok.first], 'repeated while there is no ACK');
    ask('ACK', 1);
    await peer.rest();
    await clock.advance(31_000);
    t.strictSame(await peer.rest(), []);
    t.equal(leg.busy, 1);
  },
);

t.test('RFC 3261 9.2 CANCEL before the answer: 200 to it, 487 to the INVITE', async (t) => {
  const { call, peer, ends, leg } = await ringing(t);
  peer.say(requestLines(peer, 'CANCEL', { branch: 'z9hG4bK-INVITE-call-1' }));
  t.strictSame(firsts([await peer.next(), await peer.next()]).sort(), [
    'SIP/2.0 200 OK',
    'SIP/2.0 487 Request Terminated',
  ]);
  t.strictSame(ends, [{ bye: [] }]);
  t.equal(call.accept('v=1', []), null, 'nobody is there any more');
  call.hangUp();
  call.refuse(480);
  t.strictSame(await peer.rest(), []);
  t.equal(leg.busy, 0);
});

t.test('CANCEL after the answer changes nothing', async (t) => {
  const { peer, ends, leg } = await inSession(t, true);
  peer.say(requestLines(peer, 'CANCEL', { branch: 'z9hG4bK-INVITE-call-1' }));
  t.match((await peer.next()).first, ' 200 ');
  t.strictSame(await peer.rest(), []);
  t.strictSame([ends.length, leg.busy], [0, 1]);
});

t.test('the caller ends it: 200, and the fields of his BYE are told once', async (t) => {
  const { peer, ends, leg, ok } = await inSession(t, true);
  const headers = ['Reason: SIP;cause=200', 'User-Agent: Phone', 'X-Other: no'];
  peer.say(requestLines(peer, 'BYE', { to: ok.headers['to']!, cseq: 2, headers }));
  t.match((await peer.next()).first, ' 200 ');
  t.strictSame(ends.length, 1);
  t.strictSame(ends[0]!.bye.slice(2), [
    ['Reason', 'SIP;cause=200'],
    ['User-Agent', 'Phone'],
  ]);
  t.equal(leg.busy, 0);
  peer.say(requestLines(peer, 'BYE', { to: ok.headers['to']!, cseq: 3, branch: 'z9hG4bKagain' }));
  t.match((await peer.next()).first, ' 481 ');
  t.equal(ends.length, 1);
});

t.test('a BYE whose ACK was lost ends the repeating of the answer', async (t) => {
  const { peer, ask, clock } = await inSession(t, false);
  ask('BYE', 2);
  t.match((await peer.next()).first, ' 200 ');
  await clock.advance(40_000);
  t.strictSame(await peer.rest(), []);
});

t.test('RFC 3261 15 our BYE waits for the ACK', async (t) => {
  const { call, peer, ends, ask, leg } = await inSession(t, false);
  call.hangUp([['Reason', 'SIP;cause=480']]);
  call.hangUp();
  t.strictSame(await peer.rest(), []);
  t.strictSame([ends.length, leg.busy], [1, 1]);
  ask('ACK', 9);
  t.strictSame(await peer.rest(), [], 'an ACK of something else');
  ask('ACK', 1);
  const bye = await peer.next();
  t.equal(bye.first, byeLine);
  t.equal(bye.headers['route'], '<sip:p1.example.org;lr>, <sip:p2.example.org;lr>');
  t.equal(bye.headers['reason'], 'SIP;cause=480');
  t.equal(bye.headers['cseq'], '1 BYE');
  t.equal(bye.headers['x-im-leg'], leg.token);
  ask('ACK', 1);
  t.strictSame(await peer.rest(), []);
  t.equal(leg.busy, 0);
});

t.test('a caller who never acknowledges hears BYE after 64 T1', async (t) => {
  const { peer, ends, clock, leg } = await inSession(t, false);
  await clock.advance(31_999);
  t.strictSame([...new Set(firsts(await peer.rest()))], ['SIP/2.0 200 OK']);
  await clock.advance(1);
  t.equal((await peer.next()).first, byeLine);
  t.strictSame(ends, [{ bye: [] }]);
  t.equal(leg.busy, 0);
});

t.test('both say BYE at once: each is answered, and nothing is left', async (t) => {
  const { call, peer, ask, clock, ends, leg } = await inSession(t, true);
  call.hangUp();
  const bye = await peer.next();
  ask('BYE', 2);
  t.match((await peer.next()).first, ' 481 ');
  await clock.advance(500);
  t.strictSame(await peer.next(), bye, 'repeated until it is answered');
  const echo = ['Via', 'From', 'To', 'Call-ID', 'CSeq'];
  peer.say([
    'SIP/2.0 481 Gone',
    ...echo.map((name) => `${name}: ${bye.headers[name.toLowerCase()]}`),
  ]);
  await peer.rest();
  await clock.advance(40_000);
  t.strictSame(await peer.rest(), []);
  await clock.advance(32_000);
  t.strictSame([ends.length, leg.busy, clock.waiting], [1, 0, 0]);
});

t.test('a BYE of the caller while ours waits for his ACK makes ours needless', async (t) => {
  const { call, peer, ask, ends, leg, clock } = await inSession(t, false);
  call.hangUp();
  ask('BYE', 2);
  t.match((await peer.next()).first, ' 200 ');
  await clock.advance(40_000);
  t.strictSame(await peer.rest(), []);
  t.strictSame([ends.length, leg.busy], [1, 0]);
});

t.test(
  'within a session: re-INVITE 488, UPDATE 405, unknown 501, OPTIONS 200, an old number 500',
  async (t) => {
    const { peer, ask, ends, leg, clock } = await inSession(t, true);
    const expected = [
      ...[
        ['INVITE', 2, 488],
        ['UPDATE', 3, 405],
        ['WINK', 4, 501],
        ['OPTIONS', 5, 200],
      ],
      ...[
        ['BYE', 5, 500],
        ['BYE', 1, 500],
      ],
    ] as const;
    for (const [method, cseq, status] of expected) {
      ask(method, cseq);
      t.match((await peer.next()).first, ` ${status} `, `${method} ${cseq}`);
    }
    await clock.advance(40_000);
    t.ok((await peer.rest()).every(({ first }) => first.includes(' 488 ')));
    t.strictSame([ends.length, leg.busy], [0, 1], 'the session stays as it is');
    ask('BYE', 6);
    t.match((await peer.next()).first, ' 200 ');
  },
);

t.test('the ACK of a refused re-INVITE is not that of the session', async (t) => {
  const { peer, ask, ok, clock } = await inSession(t, false);
  ask('INVITE', 2);
  t.match((await peer.next()).first, ' 488 ');
  peer.say(requestLines(peer, 'ACK', { to: ok.headers['to']!, cseq: 2, branch: 'z9hG4bKINVITE2' }));
  await peer.rest();
  await clock.advance(500);
  t.strictSame(firsts(await peer.rest()), [ok.first]);
});

t.test(
  'what the caller insists on and we do not know hears 420; no way back to him 400',
  async (t) => {
    const insisting = await ringing(t, [contact, 'Require: 100rel, timer']);
    t.equal(insisting.call.accept('v=1', []), null);
    const refused = await insisting.peer.next();
    t.match(refused.first, ' 420 ');
    t.equal(refused.headers['unsupported'], '100rel, timer');
    const nowhere = await ringing(t, []);
    t.equal(nowhere.call.accept('v=1', []), null);
    t.match((await nowhere.peer.next()).first, ' 400 ');
    t.equal(nowhere.ends.length, 1);
  },
);

t.test('a leg that closes says BYE, acknowledged or not', async (t) => {
  for (const acknowledged of [true, false]) {
    const { peer, leg, ends, clock } = await inSession(t, acknowledged);
    await leg.close();
    t.equal((await peer.next()).first, byeLine);
    t.strictSame([ends.length, leg.busy, clock.waiting], [1, 0, 0]);
  }
});
