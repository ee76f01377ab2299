// What the SIP leg makes of requests as they come, over a real socket: who is believed, what is refused and how, and that
// what it remembers is bounded. Sessions themselves are told in answering.test.ts and calling.test.ts.
import t from 'tap';
import { openLeg } from '../../../../adapters/sip/leg/leg.js';
import { legLimits } from '../../../../adapters/sip/leg/limits.js';
import { hostClock, hostEntropy, type WaitingCall } from '../../../../runtime/index.js';
import { legUnderTest, requestLines } from '../../../support/scripted-sip.js';

const contact = 'Contact: <sip:alice@127.0.0.1:5070>';
const shown = (token: string) => [`X-IM-Leg: ${token} -`, contact];

t.test('an INVITE without the token of this engine hears 403', async (t) => {
  const calls: WaitingCall[] = [];
  const { leg, peer } = await legUnderTest(t, { onInvite: (call) => calls.push(call) });
  t.match(leg.token, /^[0-9a-f]{40}$/);
  const wrong = [[], ['X-IM-Leg: '], [`X-IM-Leg: ${leg.token.slice(1)} -`], ['X-IM-Leg: - -']];
  for (const [at, headers] of wrong.entries()) {
    peer.say(requestLines(peer, 'INVITE', { callId: `c${at}`, headers }));
    const answer = await peer.next();
    t.match(answer.first, 'SIP/2.0 403 Forbidden');
    t.match(answer.headers['to'], /;tag=/);
  }
  t.strictSame(calls, []);
  peer.say(requestLines(peer, 'INVITE', { headers: shown(leg.token) }));
  t.match((await peer.next()).first, 'SIP/2.0 100 Trying');
  t.equal(calls.length, 1);
});

t.test('the proxy says whom it vouches for, and whether its user has a backlog', async (t) => {
  const calls: WaitingCall[] = [];
  const { leg, peer } = await legUnderTest(t, { onInvite: (call) => calls.push(call) });
  for (const [at, said] of ['', ' -', ' QQ== queued', ' QQ== other'].entries()) {
    const headers = [`X-IM-Leg: ${leg.token}${said}`, contact];
    peer.say(requestLines(peer, 'INVITE', { callId: `c${at}`, headers }));
    t.match((await peer.next()).first, ' 100 ');
  }
  t.strictSame(
    calls.map(({ asserted, queued }) => [asserted, queued]),
    [
      ['-', false],
      ['-', false],
      ['QQ==', true],
      ['QQ==', false],
    ],
  );
});

t.test('a method that is known and not taken hears 405, one that nobody knows 501', async (t) => {
  const { peer } = await legUnderTest(t);
  const expected = [
    ...[
      ['REGISTER', 405],
      ['MESSAGE', 405],
      ['UPDATE', 405],
      ['OPTIONS', 200],
      ['BYE', 481],
    ],
    ...[
      ['CANCEL', 481],
      ['WINK', 501],
      ['invite', 501],
    ],
  ] as const;
  for (const [method, status] of expected) {
    peer.say(requestLines(peer, method, {}));
    const answer = await peer.next();
    t.match(answer.first, `SIP/2.0 ${status} `, method);
    if (status === 405 || method === 'OPTIONS')
      t.equal(answer.headers['allow'], 'INVITE, ACK, BYE, CANCEL, OPTIONS');
  }
  peer.say(requestLines(peer, 'ACK', {}));
  t.strictSame(await peer.rest(), [], 'an ACK is never answered');
});

t.test(
  'what is no SIP message is passed over; one that contradicts itself hears 400',
  async (t) => {
    const { leg, peer, failures } = await legUnderTest(t);
    const good = requestLines(peer, 'INVITE', {});
    const without = (name: string) => good.filter((line) => !line.startsWith(`${name}:`));
    for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) peer.say(without(name));
    peer.say(['INVITE sip:bob@example.org']);
    peer.say([...good, 'Content-Length: 5'], 'more than five');
    peer.say(good.map((line) => line.replace('From: "Alice" <sip', 'From: "Alice <sip')));
    for (const cseq of ['x', '0x1', '1e3', '99999999999'])
      peer.say(requestLines(peer, 'INVITE', { cseq }));
    peer.socket.send(Buffer.alloc(70), leg.place.port);
    peer.say(['SIP/2.0 200 OK', ...good.slice(1)]);
    t.strictSame(await peer.rest(), []);
    peer.say(good.map((line) => line.replace('CSeq: 1 INVITE', 'CSeq: 1 BYE')));
    const answer = await peer.next();
    t.match(answer.first, 'SIP/2.0 400 Bad Request');
    t.match(answer.headers['warning'], 'CSeq names another method');
    t.strictSame(failures, []);
  },
);

t.test('RFC 3261 8.2.2.2 the same request over another path hears 482', async (t) => {
  const calls: WaitingCall[] = [];
  const { leg, peer } = await legUnderTest(t, { onInvite: (call) => calls.push(call) });
  const headers = shown(leg.token);
  const say = (branch: string, more: object = {}) =>
    peer.say(requestLines(peer, 'INVITE', { branch, headers, ...more }));
  say('z9hG4bKone');
  t.match((await peer.next()).first, ' 100 ');
  say('z9hG4bKone');
  t.match((await peer.next()).first, ' 100 ', 'a repetition is none');
  say('z9hG4bKtwo');
  t.match((await peer.next()).first, ' 482 Loop Detected');
  say('z9hG4bKthree', { cseq: 2 });
  t.match((await peer.next()).first, ' 100 ');
  say('z9hG4bKfour', { fromTag: 'carol' });
  t.match((await peer.next()).first, ' 100 ');
  t.equal(calls.length, 3);
});

t.test('RFC 3261 17.2.3 one branch of two senders is two transactions', async (t) => {
  const calls: WaitingCall[] = [];
  const { leg, peer } = await legUnderTest(t, { onInvite: (call) => calls.push(call) });
  const headers = shown(leg.token);
  for (const [port, callId] of [
    [1, 'one'],
    [2, 'two'],
  ] as const)
    peer.say(requestLines({ port }, 'INVITE', { branch: 'z9hG4bKsame', callId, headers }));
  t.strictSame([(await peer.next()).first, (await peer.next()).first].length, 2);
  t.equal(calls.length, 2);
});

t.test(
  'a repetition after the answer hears the same answer, until 64 T1 have passed',
  async (t) => {
    const calls: WaitingCall[] = [];
    const { leg, peer, clock } = await legUnderTest(t, {
      onInvite: (call) => {
        calls.push(call);
        call.refuse(480, [['Retry-After', '30']]);
      },
    });
    const invite = requestLines(peer, 'INVITE', { headers: shown(leg.token) });
    peer.say(invite);
    t.match((await peer.next()).first, ' 100 ');
    const first = await peer.next();
    t.match(first.first, ' 480 ');
    t.equal(first.headers['retry-after'], '30');
    peer.say(invite);
    t.strictSame(await peer.next(), first);
    peer.say(
      requestLines(peer, 'ACK', { branch: 'z9hG4bK-INVITE-call-1', to: first.headers['to']! }),
    );
    t.strictSame(await peer.rest(), []);
    await clock.advance(20_000);
    peer.say(invite);
    t.strictSame(await peer.rest(), [], 'acknowledged: the rest is silence');
    await clock.advance(12_001);
    peer.say(invite);
    t.match((await peer.next()).first, ' 100 ');
    t.equal(calls.length, 2, 'then it is a new call');
  },
);

t.test(
  'more calls than can be remembered hear 503, are not remembered, and leave room again',
  async (t) => {
    const { leg, peer, clock } = await legUnderTest(t);
    const headers = shown(leg.token);
    const call = (at: number): void => {
      const [callId, branch] = [`n${at}`, `z9hG4bKn${at}`];
      peer.say(requestLines(peer, 'INVITE', { callId, branch, headers }));
      peer.say(requestLines(peer, 'ACK', { callId, branch }));
    };
    // Each hears 100 and 480.
    for (let at = 0; at < legLimits.transactionsMax; at += 1) {
      call(at);
      if (at % 32 === 31) while (peer.heard.length < 2 * (at + 1)) await peer.next();
    }
    await peer.rest();
    const waiting = clock.waiting;
    t.equal(waiting, legLimits.transactionsMax);
    for (const at of [5000, 5001]) {
      call(at);
      const answer = await peer.next();
      t.match(answer.first, 'SIP/2.0 503 Service Unavailable');
      call(at);
      t.strictSame(await peer.next(), answer, 'a repetition hears the same, tag and all');
    }
    t.equal(clock.waiting, waiting);
    await clock.advance(legLimits.patienceMs);
    call(5002);
    t.match((await peer.next()).first, ' 100 ');
    t.equal(leg.busy, 0);
  },
);

t.test('X13 a flood of those who show no token leaves nothing behind', async (t) => {
  const calls: WaitingCall[] = [];
  const { leg, peer, clock } = await legUnderTest(t, { onInvite: (call) => calls.push(call) });
  const floods: readonly (readonly [method: string, status: number, asked: object])[] = [
    ['INVITE', 403, { headers: shown('0'.repeat(40)) }],
    ['OPTIONS', 200, {}],
    ['WINK', 501, {}],
    ['BYE', 481, { to: '<sip:bob@example.org>;tag=guessed' }],
    ['CANCEL', 481, {}],
  ];
  const all = legLimits.transactionsMax + floods.length;
  for (let at = 0; at < all; at += 1) {
    const [method, status, asked] = floods[at % floods.length]!;
    peer.say(requestLines(peer, method, { callId: `flood${at}`, ...asked }));
    t.match((await peer.next()).first, `SIP/2.0 ${status} `, method);
  }
  t.equal(clock.waiting, 0, 'nothing is remembered of any');
  peer.say(requestLines(peer, 'INVITE', { callId: 'own', headers: shown(leg.token) }));
  t.match((await peer.next()).first, ' 100 ');
  t.equal(calls.length, 1, 'who shows it is served');
});

t.test(
  'a closed leg refuses who still waits; an address that is taken refuses to open',
  async (t) => {
    const { leg, peer, clock } = await legUnderTest(t, { onInvite: () => {} });
    const options = {
      entropy: hostEntropy,
      clock: hostClock,
      onInvite: () => {},
      onFailure: () => {},
    };
    await t.rejects(openLeg({ ...options, place: leg.place }), { code: 'EADDRINUSE' });
    peer.say(requestLines(peer, 'INVITE', { headers: shown(leg.token) }));
    t.match((await peer.next()).first, ' 100 ');
    await leg.close();
    t.match((await peer.next()).first, ' 503 ');
    t.equal(clock.waiting, 0, 'nothing is waited for');
  },
);

t.test('an address of IPv6 stands in brackets', async (t) => {
  const options = {
    entropy: hostEntropy,
    clock: hostClock,
    onInvite: () => {},
    onFailure: () => {},
  };
  const leg = await openLeg({ ...options, place: { address: '::1', port: 0 } });
  t.equal(
    (leg as unknown as { contact: string }).contact,
    `<sip:deferred@[::1]:${leg.place.port}>`,
  );
  await leg.close();
});
