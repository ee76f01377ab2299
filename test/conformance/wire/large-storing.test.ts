// Conformance rows of spec chapter 14 about large messages on their way in: a real INVITE through Kamailio, a real
// MSRP session over TCP, and what the store keeps of it.
import t from 'tap';
import { MsrpPeer, messageSdp, pathIn } from '../../support/msrp-peer.js';
import { invite } from '../../support/session-agent.js';
import { bring, heard, largeLetter, openSession, refusal, startLargeChain } from './large-parts.js';
import { failed, reported } from './letters.js';
import { sentinel } from './steps.js';

const chain = await startLargeChain();
t.teardown(() => chain.stop());

t.test('C08 complete MSRP message is stored with its parts', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 5000);
  const date = 'Tue, 01 Aug 2006 10:00:00 GMT';
  const { call, peer } = await openSession(alice, bob, { Subject: 'Plans', Date: date });
  t.equal(call.answer.status, 200);
  const ids = peer.sendAll('msrpmessage1', sent.body, 1000);
  for (const id of ids) t.equal(await heard(chain, peer, id), '200 OK');
  const id = await chain.newest(bob);
  t.equal((await call.bye({ Reason: 'SIP;cause=200;text="Done"' })).status, 200);
  const life = await chain.waitUntil('the BYE is kept', async () => {
    const one = await chain.life(id);
    return one.bye === undefined ? false : one;
  });
  t.equal(life.message.kind, 'large');
  t.match(life.message.session?.invite, [
    ['From', new RegExp(alice.uri)],
    ['To', new RegExp(bob.uri)],
    ['P-Asserted-Identity', `<${alice.uri}>`],
    ['Subject', 'Plans'],
    ['Date', date],
  ]);
});

t.test('C08 the rest of it: 200 OK, SEND, time of completion, and the octets', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 20_000);
  const beforeMs = Date.now();
  const id = await bring(chain, alice, bob, sent, { send: { Expires: '3600' } });
  const { message } = await chain.life(id);
  t.match(message.session?.ok, [
    ['From', new RegExp(alice.uri)],
    ['To', new RegExp(`${bob.uri}.*;tag=`)],
    ['Date', / GMT$/],
  ]);
  t.match(Object.fromEntries(message.session?.send ?? []), {
    'Byte-Range': /^1-/,
    Expires: '3600',
    'Content-Type': 'message/cpim',
    'Message-ID': message.session?.msrpMessageId,
  });
  t.ok(message.receivedAtMs >= beforeMs && message.receivedAtMs <= Date.now());
  t.equal(message.contentType, 'message/cpim');
  const got = await chain.ask<{ messages: { octets: string }[] }>('retrieve', {
    asserted: bob.uri,
    ids: [id],
  });
  const octets = Buffer.from(got.messages[0]?.octets ?? '', 'base64').toString('latin1');
  t.equal(octets.slice(octets.indexOf('\r\n\r\n') + 4), sent.body, 'the owner fetches it whole');
});

t.test(
  'C08 chunks in any order, interleaved, repeated and overlapping, are one message',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 900);
    const { body } = sent;
    const total = body.length;
    const { call, peer } = await openSession(alice, bob);
    const chunk = (from: number, to: number, flag = '+') =>
      peer.send({
        messageId: 'scattered',
        range: `${from}-${to}/${total}`,
        body: body.slice(from - 1, to),
        flag,
      });
    chunk(401, total, '$');
    chunk(1, 200);
    peer.send({ messageId: 'anotherone', range: '1-5/10', body: 'other', flag: '+' });
    chunk(1, 200);
    t.same(await chain.mailbox(bob), [], 'nothing before every octet is there');
    const last = chunk(150, 450);
    t.equal(await heard(chain, peer, last), '200 OK');
    const id = await chain.newest(bob);
    await call.bye();
    const got = await chain.ask<{ messages: { octets: string }[] }>('retrieve', {
      asserted: bob.uri,
      ids: [id],
    });
    const octets = Buffer.from(got.messages[0]?.octets ?? '', 'base64').toString('latin1');
    t.equal(octets.slice(octets.indexOf('\r\n\r\n') + 4), body);
    t.equal((await chain.mailbox(bob)).length, 1, 'of the one that did not end nothing is left');
  },
);

t.test('C09 incomplete MSRP message leaves no trace', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const ends: readonly [name: string, end: (peer: MsrpPeer) => void][] = [
    ['the connection drops', (peer) => peer.close()],
    [
      'given up by #',
      (peer) => peer.send({ messageId: 'unfinished', range: '11-15/40', body: 'lunch', flag: '#' }),
    ],
    ['nonsense', (peer) => peer.raw('nonsense\r\n')],
  ];
  for (const [name, end] of ends) {
    const { call, peer } = await openSession(alice, bob);
    const id = peer.send({
      messageId: 'unfinished',
      range: '1-10/40',
      body: 'Are we sti',
      flag: '+',
    });
    t.equal(await heard(chain, peer, id), '200 OK', name);
    end(peer);
    if (name === 'nonsense') await chain.waitUntil('the engine closes', () => peer.closed);
    t.ok([200, 481].includes((await call.bye()).status), name);
    peer.close();
    t.same(await chain.mailbox(bob), [], name);
  }
  // A message that is stored afterwards shows that nothing of the others came in between.
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test(
  'spec 2.3 413 stops a sender above the limit, at the first chunk that says so',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const { call, peer } = await openSession(alice, bob);
    t.match(call.sdp, /^a=max-size:1048576\r$/m);
    const id = peer.send({
      messageId: 'toolarge',
      range: '1-10/2000000',
      body: 'x'.repeat(10),
      flag: '+',
    });
    t.match(await heard(chain, peer, id), /^413 /);
    await call.bye();
    t.same(await chain.mailbox(bob), []);
  },
);

t.test('C55 refused message is never reported: large', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const path = MsrpPeer.newPath(9);
  const refusals: readonly [string, string, number][] = [
    ['sip:nobody@example.org', messageSdp(path), 404],
    [bob.uri, messageSdp(path, ['a=setup:passive']), 488],
    [bob.uri, messageSdp(path, ['a=inactive']), 488],
  ];
  for (const [to, sdp, status] of refusals) t.equal((await refusal(alice, to, sdp)).status, status);
  t.equal((await refusal(alice, bob.uri, messageSdp(path), { Require: 'foo' })).status, 420);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test('an INVITE without MSRP is none of ours', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const voice = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
  t.equal((await refusal(alice, bob.uri, voice)).status, 480);
});

t.test('C04 retransmission stores once: the same SEND again hears the same', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000);
  const { call, peer } = await openSession(alice, bob);
  for (const _ of [1, 2]) {
    const [id] = peer.sendAll('repeated', sent.body, 10_000);
    t.equal(await heard(chain, peer, id!), '200 OK');
  }
  await call.bye();
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test('C05 client resend stores once, over another session', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 3000);
  const first = await bring(chain, alice, bob, sent);
  t.equal(await bring(chain, alice, bob, sent), first);
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test(
  'spec 2.3 the sender gets the reports of MSRP she asked for, and answers as she asked',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 100);
    const { call, peer } = await openSession(alice, bob);
    const headers = { 'Success-Report': 'yes', 'Failure-Report': 'no' };
    const [id] = peer.sendAll('withreport', sent.body, 10_000, headers);
    await chain.waitUntil('the REPORT', () => peer.frames.some((one) => one.what === 'REPORT'));
    const report = peer.frames.find((one) => one.what === 'REPORT');
    t.match(report?.headers, {
      Status: '000 200 OK',
      'Message-ID': 'withreport',
      'Byte-Range': `1-${sent.body.length}/${sent.body.length}`,
    });
    t.equal(peer.answerTo(id!), null, 'Failure-Report: no');
    await call.bye();
    t.equal((await chain.mailbox(bob)).length, 1);
  },
);

t.test('an unknown session hears 481, a second connection 506', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { call, peer } = await openSession(alice, bob);
  const bound = peer.send({ messageId: 'bindbind', range: '1-0/0', body: null });
  t.equal(await heard(chain, peer, bound), '200 OK');
  const second = await MsrpPeer.connect(peer.path, peer.peerPath);
  t.match(
    await heard(chain, second, second.send({ messageId: 'mmmm', range: '1-1/1', body: 'x' })),
    /^506/,
  );
  second.close();
  const stranger = await MsrpPeer.connect(peer.path, peer.peerPath);
  stranger.peerPath = peer.peerPath.replace(/\/[0-9a-f]{20,};/, '/00000000000000000000;');
  t.match(
    await heard(chain, stranger, stranger.send({ messageId: 'mmmm', range: '1-1/1', body: 'x' })),
    /^481/,
  );
  stranger.close();
  const going = peer.send({ messageId: 'onandon', range: '1-2/4', body: 'xy', flag: '+' });
  t.equal(await heard(chain, peer, going), '200 OK', 'what they closed was their own');
  await call.bye();
});

t.test(
  'C37 X12 nobody forges an identity: without the token of the leg an INVITE hears 403',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const path = MsrpPeer.newPath(9);
    const forged = {
      'X-IM-Leg': `${'0'.repeat(40)} c2lwOmNhcm9s`,
      'P-Asserted-Identity': '<sip:carol@example.org>',
    };
    const made = await invite(alice, bob.uri, messageSdp(path, ['a=sendonly']), forged);
    t.ok('bye' in made, 'through the proxy it is taken, in her own name');
    const sent = largeLetter(alice, bob, 100);
    const peer = await MsrpPeer.connect(path, pathIn('bye' in made ? made.sdp : ''));
    const [id] = peer.sendAll('identity', sent.body, 10_000);
    await heard(chain, peer, id!);
    const { message } = await chain.life(await chain.newest(bob));
    t.match(message.session?.invite, [
      ['From', String],
      ['To', String],
      ['P-Asserted-Identity', `<${alice.uri}>`],
    ]);
    if ('bye' in made) await made.bye();
    peer.close();
  },
);
