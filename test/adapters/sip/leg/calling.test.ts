// Calls of ours to somebody who is back, over a real socket with a scripted phone: lost requests and answers, refusals,
// several phones, cancelling, and either side hanging up. Time is moved by hand.
import t, { type Test } from 'tap';
import {
  answerLines,
  type HeardText,
  legUnderTest,
  requestLines,
} from '../../../support/scripted-sip.js';

const phone = 'Contact: <sip:bob@127.0.0.1:5080>';
const routes = ['Record-Route: <sip:p2.example.org;lr>', 'Record-Route: <sip:p1.example.org;lr>'];

/** A leg whose call has reached the phone. */
async function calling(t: Test) {
  const under = await legUnderTest(t);
  const { leg, peer } = under;
  const told: string[] = [];
  const call = leg.call(
    {
      proxy: { address: '127.0.0.1', port: peer.port },
      uri: 'sip:bob@example.org',
      contact: 'sip:bob@127.0.0.1:5080',
      headers:
        'From: <sip:alice@example.org>;tag=our1\r\nTo: <sip:bob@example.org>\r\nCall-ID: our-call\r\nSubject: Plans\r\n',
      cseq: 7,
      sdp: 'v=0',
    },
    {
      accepted: (sdp) => told.push(`accepted ${Buffer.from(sdp).toString()}`),
      refused: (status) => told.push(`refused ${status}`),
      hungUp: () => told.push('hung up'),
    },
  );
  const invite = await peer.next();
  const answer = (status: string, more: Parameters<typeof answerLines>[2] = {}, body = '') =>
    peer.say(answerLines(invite, status, more), body);
  return { ...under, told, call, invite, answer };
}

const ok = { headers: [phone, ...routes] };
const firsts = (heard: readonly HeardText[]) => heard.map(({ first }) => first);
const ackLine = 'ACK sip:bob@127.0.0.1:5080 SIP/2.0';
const byeLine = 'BYE sip:bob@127.0.0.1:5080 SIP/2.0';

t.test('the INVITE shows token and contact; nobody answers: repeated, then 408', async (t) => {
  const { invite, leg, peer, clock, told } = await calling(t);
  t.equal(invite.first, 'INVITE sip:bob@example.org SIP/2.0');
  const shown = Buffer.from('sip:bob@127.0.0.1:5080').toString('base64');
  t.equal(invite.headers['x-im-leg'], `${leg.token} ${shown}`);
  t.match(invite.headers, { cseq: '7 INVITE', subject: 'Plans', 'call-id': 'our-call' });
  await clock.advance(31_999);
  t.strictSame(await peer.rest(), Array(6).fill(invite));
  t.strictSame([told, leg.busy], [[], 1]);
  await clock.advance(1);
  t.strictSame([told, leg.busy], [['refused 408'], 0]);
  await clock.advance(32_000);
  t.equal(clock.waiting, 0);
});

t.test(
  'a phone that takes the call is acknowledged by its route; a repeated 2xx hears the same ACK',
  async (t) => {
    const { answer, peer, told, clock } = await calling(t);
    answer('100 Trying', { toTag: '' });
    answer('200 OK', ok, 'v=1');
    const ack = await peer.next();
    t.equal(ack.first, ackLine);
    t.equal(ack.headers['route'], '<sip:p1.example.org;lr>, <sip:p2.example.org;lr>');
    t.match(ack.headers, { cseq: '7 ACK', to: '<sip:bob@example.org>;tag=bob' });
    answer('200 OK', ok, 'v=1');
    t.strictSame(await peer.next(), ack);
    await clock.advance(20_000);
    t.strictSame(await peer.rest(), []);
    t.strictSame(told, ['accepted v=1']);
  },
);

t.test(
  'every refusal is acknowledged in its own transaction, each time it comes, and told once',
  async (t) => {
    for (const status of ['486 Busy Here', '491 Request Pending', '603 Decline', '302 Moved']) {
      const { answer, invite, peer, told, leg, clock } = await calling(t);
      answer(status);
      answer(status);
      const acks = [await peer.next(), await peer.next()];
      t.strictSame(acks[0], acks[1]);
      t.equal(acks[0]!.first, 'ACK sip:bob@example.org SIP/2.0');
      t.equal(acks[0]!.headers['via'], invite.headers['via']);
      t.match(acks[0]!.headers, { cseq: '7 ACK', to: '<sip:bob@example.org>;tag=bob' });
      t.strictSame([told, leg.busy], [[`refused ${status.slice(0, 3)}`], 0]);
      await clock.advance(32_000);
      t.equal(clock.waiting, 0);
    }
  },
);

t.test(
  'of several phones that answer the first is spoken to, each other hears ACK and one BYE',
  async (t) => {
    const { answer, peer, told, leg, clock } = await calling(t);
    answer('200 OK', ok, 'v=1');
    t.equal((await peer.next()).first, ackLine);
    const other = { toTag: 'car', headers: ['Contact: <sip:car@127.0.0.1:5081>'] };
    answer('200 OK', other, 'v=2');
    answer('200 OK', other, 'v=2');
    const heard = await peer.rest();
    t.strictSame(firsts(heard), [
      'ACK sip:car@127.0.0.1:5081 SIP/2.0',
      'BYE sip:car@127.0.0.1:5081 SIP/2.0',
      'ACK sip:car@127.0.0.1:5081 SIP/2.0',
    ]);
    t.strictSame(heard[0], heard[2]);
    t.match(heard[1]!.headers, { cseq: '8 BYE', to: '<sip:bob@example.org>;tag=car' });
    t.strictSame([told, leg.busy], [['accepted v=1'], 1]);
    await clock.advance(500);
    t.strictSame(firsts(await peer.rest()), ['BYE sip:car@127.0.0.1:5081 SIP/2.0']);
  },
);

t.test('a phone that rings for too long is cancelled; its 487 is acknowledged', async (t) => {
  const { answer, invite, peer, told, clock, leg } = await calling(t);
  answer('180 Ringing');
  await peer.rest();
  await clock.advance(60_000);
  const cancel = await peer.next();
  t.equal(cancel.first, 'CANCEL sip:bob@example.org SIP/2.0');
  t.equal(cancel.headers['via'], invite.headers['via']);
  t.match(cancel.headers, { cseq: '7 CANCEL', 'call-id': 'our-call' });
  t.notOk(cancel.headers['subject']);
  t.strictSame([told, leg.busy], [['refused 480'], 0]);
  peer.say(answerLines(cancel, '200 OK'));
  answer('487 Request Terminated');
  t.equal((await peer.next()).first, 'ACK sip:bob@example.org SIP/2.0');
  await clock.advance(32_000);
  t.strictSame([await peer.rest(), told], [[], ['refused 480']]);
  await clock.advance(32_000);
  t.equal(clock.waiting, 0);
});

t.test('a cancelled phone that never answers leaves nothing behind', async (t) => {
  const { answer, peer, clock } = await calling(t);
  answer('180 Ringing');
  await peer.rest();
  await clock.advance(60_000);
  await clock.advance(32_000);
  t.equal(clock.waiting, 0);
});

t.test(
  'a call given up before anything is heard is cancelled as soon as that may be',
  async (t) => {
    const { call, answer, peer, told, clock } = await calling(t);
    call.end();
    t.strictSame(await peer.rest(), []);
    answer('180 Ringing');
    t.match((await peer.next()).first, 'CANCEL ');
    // The phone was quicker.
    answer('200 OK', ok, 'v=1');
    t.strictSame(firsts(await peer.rest()), [ackLine, byeLine]);
    answer('200 OK', ok, 'v=1');
    t.strictSame(
      firsts(await peer.rest()),
      [ackLine],
      'a repeated answer is acknowledged, and ended once',
    );
    call.end();
    await clock.advance(40_000);
    t.strictSame([told, clock.waiting], [[], 0]);
  },
);

t.test('we end it: BYE is repeated until it is answered', async (t) => {
  const { call, answer, peer, told, clock, leg } = await calling(t);
  answer('200 OK', ok, 'v=1');
  await peer.next();
  call.end();
  const bye = await peer.next();
  t.equal(bye.first, byeLine);
  t.match(bye.headers, { cseq: '8 BYE', 'x-im-leg': leg.token });
  await clock.advance(500);
  t.strictSame(await peer.next(), bye);
  peer.say(answerLines(bye, '200 OK'));
  await peer.rest();
  answer('200 OK', ok, 'v=1');
  t.strictSame(firsts(await peer.rest()), [ackLine], 'a late repetition of the answer');
  await clock.advance(40_000);
  t.strictSame([await peer.rest(), told, leg.busy], [[], ['accepted v=1'], 0]);
  await clock.advance(32_000);
  t.equal(clock.waiting, 0);
});

t.test('the phone ends it: 200, told once; an old number is refused', async (t) => {
  const { call, answer, peer, told, leg } = await calling(t);
  answer('200 OK', ok, 'v=1');
  await peer.next();
  const ask = (method: string, cseq: number) =>
    peer.say(
      requestLines(peer, method, {
        ...{ callId: 'our-call', fromTag: 'bob', cseq, branch: `z9hG4bKp${method}${cseq}` },
        to: '<sip:alice@example.org>;tag=our1',
      }),
    );
  ask('INVITE', 5);
  t.match((await peer.next()).first, ' 488 ');
  ask('BYE', 4);
  t.match((await peer.next()).first, ' 500 ');
  ask('BYE', 6);
  t.ok(firsts(await peer.rest()).includes('SIP/2.0 200 OK'));
  t.strictSame([told, leg.busy], [['accepted v=1', 'hung up'], 0]);
  answer('200 OK', ok, 'v=1');
  t.strictSame(
    firsts(await peer.rest()).filter((one) => !one.includes('488')),
    [ackLine],
  );
  call.end();
  t.strictSame(told.length, 2);
});

t.test('an answer without Contact makes no session', async (t) => {
  const { answer, told } = await calling(t);
  answer('200 OK');
  await t.resolves(new Promise((resolve) => setImmediate(resolve)));
  while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(told, ['refused 500']);
});

t.test('a leg that closes ends its calls, and takes none any more', async (t) => {
  const { answer, peer, leg, clock } = await calling(t);
  answer('200 OK', ok, 'v=1');
  await peer.next();
  await leg.close();
  t.equal((await peer.next()).first, byeLine);
  t.equal(clock.waiting, 0);
  const told: number[] = [];
  const proxy = { address: '127.0.0.1', port: peer.port };
  const call = { proxy, uri: 'sip:b@c', contact: 'sip:b@c', headers: '', cseq: 1, sdp: '' };
  const hooks = {
    accepted: () => {},
    hungUp: () => {},
    refused: (status: number) => told.push(status),
  };
  leg.call(call, hooks).end();
  t.strictSame(told, [503]);
});
