// Conformance rows of spec chapter 14 about the delivery run, on the wire: Bob's phone comes back,
// and what it hears, in which order, and what its answers do to the messages.
import t from 'tap';
import type { SipAgent, SipRequest } from '../../../adapters/cli/stage/sip-agent.js';
import { headerValues } from '../../../adapters/cli/stage/sip-text.js';
import { startChain } from '../../support/chain.js';
import {
  command,
  documentOf,
  failed,
  type Letter,
  letter,
  messagesTo,
  reported,
  reportsTo,
  resultsTo,
} from './letters.js';
import { hesitant, relaying, sentinel, store } from './steps.js';

const chain = await startChain({ phoneMs: 10_000 });
t.teardown(() => chain.stop());

for (const status of [408, 480]) {
  t.test(`C30 delete during a failed push is reported: ${status}`, async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = letter(alice, bob);
    const id = await store(chain, alice, bob, sent);
    const answerPush = hesitant(bob);
    await bob.register();
    await chain.waitUntil('the push', () => bob.received.length > 0);
    const { results } = await chain.ask<{ results: object[] }>('delete', {
      asserted: bob.uri,
      ids: [id],
    });
    t.match(results, [{ id, status: 202 }], 'the transaction ends first');
    t.equal(reportsTo(alice).length, 0);
    answerPush(status);
    await chain.reaches(id, 'reported');
    t.same(reported(alice, [sent]), failed(sent));
    t.same(await chain.mailbox(bob), []);
  });
}

t.test('spec 3.2 delete during a push that succeeds is not reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob, letter(alice, bob));
  const answerPush = hesitant(bob);
  await bob.register();
  await chain.waitUntil('the push', () => bob.received.length > 0);
  t.equal((await bob.message(command({ op: 'delete', ids: [id] }))).status, 202);
  answerPush(200);
  await chain.reaches(id, 'delivered');
  await chain.waitUntil('the result', () => resultsTo(bob).length > 0);
  t.match(resultsTo(bob), [{ results: [{ id, status: 202 }] }], 'the transaction ends first');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test('C52 server makes no positive delivery report', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { asks: 'positive-delivery, negative-delivery' });
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.equal(reportsTo(alice).length, 0, 'none of ours');
  const own = imdnOf(sent, bob, alice);
  t.equal((await bob.message(own)).status, 200);
  t.equal(reportsTo(alice).length, 1);
  t.equal(reportsTo(alice)[0]?.body.toString(), own.body, 'his own is passed on');
  t.same(reported(alice, [sent]), [`${sent.imdnMessageId} delivered`]);
  // Alice goes away: his IMDN waits for her like any message, and is never itself reported.
  await alice.unregister();
  const later = {
    ...own,
    body: own.body.replace('imdn.Message-ID: own', 'imdn.Message-ID: later'),
  };
  t.equal((await bob.message(later)).status, 202);
  const waiting = await chain.newest(alice);
  t.equal((await chain.life(waiting)).message.reportException, 'not-asked');
  await alice.register();
  await chain.reaches(waiting, 'delivered');
  t.equal(reportsTo(alice).at(-1)?.body.toString(), later.body);
});

/** The IMDN Bob's client makes: delivered. */
function imdnOf(sent: Letter, bob: SipAgent, alice: SipAgent) {
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
    `<message-id>${sent.imdnMessageId}</message-id><datetime>2006-08-01T10:00:00Z</datetime>`,
    `<recipient-uri>${bob.uri}</recipient-uri>`,
    `<original-recipient-uri>${bob.uri}</original-recipient-uri>`,
    '<delivery-notification><status><delivered/></status></delivery-notification></imdn>',
  ].join('\r\n');
  const body = [
    `From: Bob <${bob.uri}>`,
    `To: Alice <${alice.uri}>`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: own-${sent.imdnMessageId}`,
    '',
    'Content-Type: message/imdn+xml',
    'Content-Disposition: notification',
    '',
    xml,
  ].join('\r\n');
  return { to: alice.uri, contentType: 'message/cpim', body };
}

t.test('C53 6xx on push is final', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  bob.onMessage = () => 603;
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
  await bob.register();
  const last = await sentinel(chain, alice);
  t.equal(bob.received.length, 1, 'no more tries');
  t.same(await chain.mailbox(bob), []);
  t.same(reported(alice, [sent, last]), failed(sent, last));
});

t.test('C54 480 on push keeps the message', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  bob.onMessage = () => 480;
  const headers = { Expires: '3600', Date: new Date().toUTCString() };
  const sent = letter(alice, bob, { headers });
  const id = await store(chain, alice, bob, sent);
  const { expiresAtMs } = (await chain.life(id)).message;
  await bob.register();
  await chain.waitUntil('the push', () => bob.received.length > 0);
  await chain.reaches(id, 'stored');
  t.equal((await chain.life(id)).message.expiresAtMs, expiresAtMs, 'expiry unchanged');
  bob.onMessage = () => 200;
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.equal(bob.received.length, 2);
  t.equal(reportsTo(alice).length, 0);
});

t.test('C58 backlog is pushed one by one, oldest first', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = Array.from({ length: 5 }, (_, at) => letter(alice, bob, { text: `number ${at}` }));
  for (const one of sent) await store(chain, alice, bob, one);
  let [pending, most] = [0, 0];
  bob.onMessage = async () => {
    pending += 1;
    most = Math.max(most, pending);
    await new Promise((resolve) => setTimeout(resolve, 10));
    pending -= 1;
    return 200;
  };
  await bob.register();
  await chain.waitUntil('all deliveries', () => bob.received.length >= sent.length);
  await chain.waitUntil('an empty mailbox', async () => (await chain.mailbox(bob)).length === 0);
  t.same(
    bob.received.map((one) => one.body.toString()),
    sent.map((one) => one.body),
  );
  t.equal(most, 1);
});

t.test('C59 delivery copy keeps Date and Expires together', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const date = new Date().toUTCString();
  const shown = { Expires: '3600', Date: date, Subject: 'Mittag', 'X-Unknown': ['a', 'b'] };
  const headers = { ...shown, Contact: `<${alice.contact}>` };
  const sent = letter(alice, bob, { headers });
  const from = `"Älice \\"A\\"" <${alice.uri}>`;
  const answer = await alice.message({ ...sent, from });
  t.equal(answer.status, 202);
  const id = await chain.newest(bob);
  bob.onMessage = () => 480;
  await bob.register();
  await chain.waitUntil('the first try', () => bob.received.length === 1);
  await chain.reaches(id, 'stored');
  bob.onMessage = () => 200;
  await bob.register();
  await chain.reaches(id, 'delivered');
  const [first, second] = bob.received as [SipRequest, SipRequest];
  for (const copy of [first, second]) {
    t.same(headerValues(copy, 'Date'), [date]);
    t.same(headerValues(copy, 'Expires'), ['3600']);
    t.same(headerValues(copy, 'X-Unknown'), ['a', 'b']);
    t.equal(copy.header('Subject'), 'Mittag');
    t.equal(copy.header('Contact'), undefined);
    t.equal(copy.header('Authorization'), undefined);
    t.equal(copy.header('Proxy-Authorization'), undefined);
    t.equal(copy.header('X-IM-Deferred'), undefined);
    t.match(copy.header('From'), `${from};tag=`);
    t.same(headerValues(copy, 'P-Asserted-Identity'), [`<${alice.uri}>`]);
    t.equal(copy.header('Content-Type'), 'message/cpim');
    t.equal(copy.body.toString(), sent.body);
  }
  t.not(first.header('Call-ID'), answer.header('Call-ID'), 'a Call-ID of ours');
  t.equal(first.header('Call-ID'), second.header('Call-ID'), 'the same at every try');
  t.equal(first.header('From'), second.header('From'));
  t.same([first.header('CSeq'), second.header('CSeq')], ['1 MESSAGE', '2 MESSAGE']);
  t.not(first.header('Via'), second.header('Via'));
});

t.test('C60 signed CPIM is pushed untouched', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const content = [
    'Content-Type: multipart/signed; boundary="b1"; micalg=sha-256;',
    ' protocol="application/pkcs7-signature"',
    '',
    '--b1',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Hello, signed with  two  blanks and a tab\t.',
    '--b1',
    'Content-Type: application/pkcs7-signature; name=smime.p7s',
    'Content-Transfer-Encoding: base64',
    '',
    'MIIBQgYJKoZIhvcNAQcCoIIBMzCCAS8CAQExADALBgkqhkiG9w0BBwE=',
    '--b1--',
    '',
  ].join('\r\n');
  const sent = letter(alice, bob, { content });
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.equal(bob.received[0]?.body.toString(), sent.body);
  t.notMatch(sent.body, 'Record-Route');
});

t.test('C66 two devices count as one delivery', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const second = await chain.agent(bob.user);
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  // The first phone refuses for now, the second takes it.
  bob.onMessage = () => 480;
  second.onMessage = () => 480;
  await bob.register();
  await chain.waitUntil('the first try', () => bob.received.length > 0);
  await chain.reaches(id, 'stored');
  second.onMessage = () => 200;
  await second.register();
  await chain.reaches(id, 'delivered');
  bob.onMessage = () => 200;
  await bob.register();
  await second.register();
  t.same(await chain.mailbox(bob), []);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(last), 'no report of any kind');
  t.equal(messagesTo(second).length, 1);
});

t.test('C66 both devices take it: one delivery', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const second = await chain.agent(bob.user);
  await Promise.all([bob.register(), second.register()]);
  bob.onMessage = () => 480;
  second.onMessage = () => 480;
  const id = await store(chain, alice, bob, letter(alice, bob));
  bob.received.length = 0;
  second.received.length = 0;
  bob.onMessage = () => 200;
  second.onMessage = () => 200;
  await second.register();
  await chain.reaches(id, 'delivered');
  await chain.waitUntil('both phones', () => bob.received.length + second.received.length >= 2);
  t.equal(bob.received.length, 1);
  t.equal(second.received.length, 1);
  t.equal((await chain.life(id)).outcome, 'delivered');
});

t.test('spec 2.1 a phone that is registered and unavailable is as good as offline', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await bob.register();
  await relaying(chain, alice, bob);
  bob.onMessage = () => 480;
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  bob.onMessage = () => 200;
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.same(
    bob.received.map((one) => one.body.toString()),
    [sent.body, sent.body],
    'tried once, kept, delivered',
  );
});

t.test('a report for a sender who is away waits for her', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { Expires: '0' } });
  await alice.unregister();
  t.equal((await alice.message(sent)).status, 202);
  await chain.waitUntil('the report waits', async () => (await chain.mailbox(alice)).length === 1);
  const [waiting] = await chain.mailbox(alice);
  t.equal((await chain.life(waiting!.deferredId)).message.reportException, 'not-asked');
  await alice.register();
  await chain.reaches(waiting!.deferredId, 'delivered');
  t.same(reported(alice, [sent]), failed(sent));
  t.match(documentOf(reportsTo(alice)[0]!), sent.imdnMessageId);
});

t.test('spec 3.2 a large message goes over TCP, octet for octet', async (t) => {
  const [alice, bob] = [await chain.alice({ transport: 'tcp' }), await chain.bob({ tcp: false })];
  const text = Array.from({ length: 4000 }, (_, at) => `line ${at}`).join('\r\n');
  const sent = letter(alice, bob, { text });
  const small = letter(alice, bob);
  const [large] = [await store(chain, alice, bob, sent), await store(chain, alice, bob, small)];
  // A phone without TCP: what is too large for it waits, the rest flows on.
  await bob.register();
  await chain.waitUntil('the small one', () => messagesTo(bob).length > 0);
  await chain.reaches(large!, 'stored');
  t.same(
    messagesTo(bob).map((one) => one.body.toString()),
    [small.body],
  );
  await bob.unregister();
  const able = await chain.agent(bob.user);
  await able.register();
  await chain.reaches(large!, 'delivered');
  t.equal(able.received[0]?.transport, 'tcp');
  t.ok(able.received[0]?.body.equals(Buffer.from(sent.body)));
});

t.test(
  'A11 a header block as large as is taken is delivered, grown by what is added',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    // The largest filler that is taken: what the agent and the proxy write themselves is counted too.
    let octets = 12_000;
    const sends = () => {
      octets -= 20;
      return alice.message(letter(alice, bob, { headers: { 'X-Long': 'h'.repeat(octets) } }));
    };
    let answer = await sends();
    while (answer.status === 413 && octets > 11_000) answer = await sends();
    t.equal(answer.status, 202);
    const id = await chain.newest(bob);
    await bob.register();
    await chain.reaches(id, 'delivered');
    t.equal(bob.received.at(-1)?.header('X-Long')?.length, octets);
  },
);
