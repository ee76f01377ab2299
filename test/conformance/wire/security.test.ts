// What a client may not do, on the wire (reliability 5: X1, X11 and their like): nobody writes in
// another's name, nobody touches another's mailbox, and nobody makes us write to a third person.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { headerValues, parseSip } from '../../../adapters/cli/stage/sip-text.js';
import { startChain } from '../../support/chain.js';
import { command, failed, letter, messagesTo, reported, reportsTo, resultsTo } from './letters.js';
import { offer, rawRequest } from './other-proxy.js';
import { relaying, sentinel } from './steps.js';

const chain = await startChain();
t.teardown(() => chain.stop());

const atOnce = { Expires: '0' };

t.test('X1 C88 a forged From is refused and nothing is kept', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.agent('carol')];
  const forged = letter(alice, bob, { headers: atOnce });
  t.equal((await carol.message({ ...forged, from: `<${alice.uri}>` })).status, 403);
  t.equal((await carol.message({ ...forged, from: `"x" <sip:carol@example.com>` })).status, 403);
  t.same(await chain.mailbox(bob), []);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test('an unauthenticated MESSAGE is challenged', async (t) => {
  const bob = await chain.bob();
  const nobody = await chain.agent('nobody');
  const wrong = await chain.agent('carol', { password: 'not hers' });
  for (const agent of [nobody, wrong]) {
    const answer = await agent.message({ to: bob.uri, body: 'x' });
    t.equal(answer.status, 407);
    t.match(answer.header('Proxy-Authenticate'), /^Digest realm="example.org"/);
    t.equal((await agent.message(command({ op: 'delete', ids: 'all' }))).status, 407);
    t.equal((await agent.register()).status, 401);
  }
  t.same(await chain.mailbox(bob), []);
});

const spoofed = {
  'P-Asserted-Identity': ['<sip:carol@example.org>', '"Carol" <tel:+4930123456>'],
  'P-Preferred-Identity': '<sip:carol@example.org>',
  'X-IM-Deferred': `d-aaaaaaaaaaaaaaaaaaaa-1 ${'a'.repeat(26)} - -`,
  'x-im-anything': 'else',
};
const spoofedNames = Object.keys(spoofed);

t.test('X1 forged identity headers are ignored', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { ...spoofed, ...atOnce } });
  t.equal((await alice.message(sent)).status, 202);
  await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
  t.same(reported(alice, [sent]), failed(sent), 'she asked, and she gets the report');
  const kept = letter(alice, bob, { headers: spoofed });
  t.equal((await alice.message(kept)).status, 202);
  const [row] = await chain.mailbox(bob);
  t.equal(row?.from, alice.uri);
  const { messages } = await chain.ask<{ messages: { octets: string }[] }>('retrieve', {
    asserted: bob.uri,
    ids: [row?.deferredId],
  });
  const stored = parseSip(Buffer.from(messages[0]?.octets ?? '', 'base64'));
  for (const name of spoofedNames) t.same(headerValues(stored, name), [], name);
  await bob.register();
  await chain.reaches(row!.deferredId, 'delivered');
  const late = messagesTo(bob);
  await relaying(chain, alice, bob);
  t.equal((await alice.message(letter(alice, bob, { headers: spoofed }))).status, 200);
  const copies = [...late, ...messagesTo(bob)];
  for (const copy of copies) {
    t.same(headerValues(copy, 'P-Asserted-Identity'), [`<${alice.uri}>`]);
    for (const name of spoofedNames.slice(1)) t.same(headerValues(copy, name), [], name);
  }
  t.equal(copies.length, 2, 'one delivered late, one at once');
});

t.test(
  'X1 a MESSAGE that poses as part of a dialog proves its sender like any other',
  async (t) => {
    const [phone, nobody] = [createSocket('udp4'), createSocket('udp4')];
    t.teardown(() => [phone, nobody].map((one) => one.close()));
    for (const one of [phone, nobody])
      await new Promise<void>((bound) => one.bind(0, '127.0.0.1', bound));
    let reached = 0;
    phone.on('message', () => {
      reached += 1;
    });
    const answer = once(nobody, 'message') as Promise<[Buffer]>;
    const { port } = nobody.address();
    const lines = [
      `MESSAGE sip:bob@127.0.0.1:${phone.address().port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKposing${port}`,
      `Route: <sip:127.0.0.1:${chain.kamailio.port};lr>`,
      'Max-Forwards: 70',
      'From: <sip:alice@example.org>;tag=1',
      'To: <sip:bob@example.org>;tag=2',
      'P-Asserted-Identity: <sip:alice@example.org>',
      `Call-ID: posing-${port}`,
      'CSeq: 1 MESSAGE',
      'Content-Length: 0',
    ];
    nobody.send(`${lines.join('\r\n')}\r\n\r\n`, chain.kamailio.port, '127.0.0.1');
    const [octets] = await answer;
    t.match(octets.toString('latin1'), /^SIP\/2\.0 40[0-9] /);
    t.equal(reached, 0);
  },
);

t.test('X1 the inner port takes nothing from a client', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await bob.register();
  const inner = await chain.agent(alice.user, { proxyPort: chain.kamailio.innerPort });
  const effect = `d-aaaaaaaaaaaaaaaaaaaa-1 ${'a'.repeat(26)} - -`;
  for (const headers of [{}, { 'X-IM-Deferred': effect }, { 'X-IM-Deferred': '' }])
    t.equal((await inner.message({ to: bob.uri, body: 'x', headers })).status, 403);
  t.equal((await inner.register()).status, 403);
  t.equal(bob.received.length, 0);
});

t.test("X11 C91 another user's messages are unknown to everybody else", async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.agent('carol')];
  await carol.register();
  await alice.message(letter(alice, bob));
  const id = await chain.newest(bob);
  const ids = [id, 'nothing@mailserver32.example.org'];
  const unknown = ids.map((one) => ({ id: one, status: 404 }));
  const asserted = carol.uri;
  t.match(await chain.ask('delete', { asserted, ids }), { ok: true, results: unknown });
  t.match(await chain.ask('list', { asserted }), { ok: true, messages: [] });
  const fetched = await chain.ask('retrieve', { asserted, ids });
  t.match(fetched, { ok: true, token: null, messages: unknown });
  t.notMatch(fetched, { messages: [{ octets: String }] });
  for (const op of ['delete', 'retrieve', 'list']) {
    const before = resultsTo(carol).length;
    t.equal((await carol.message(command({ op, ids }))).status, 202);
    await chain.waitUntil(`the result of ${op}`, () => resultsTo(carol).length > before);
  }
  const [deleted, retrieved, listed] = resultsTo(carol);
  t.match(deleted, { op: 'delete', results: unknown });
  t.match(retrieved, { op: 'retrieve', results: unknown });
  t.match(listed, { op: 'list', messages: [] });
  t.equal((await carol.message(command({ op: 'delete', ids: 'all' }))).status, 202);
  t.match(await chain.mailbox(bob), [{ deferredId: id, state: 'stored' }], 'untouched');
});

t.test("X11 a confirmation token is worth nothing in another's hands", async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await alice.message(letter(alice, bob));
  const ids = [await chain.newest(bob)];
  const { token } = await chain.ask<{ token: string }>('retrieve', { asserted: bob.uri, ids });
  const stolen = await chain.ask('confirm', { asserted: 'sip:carol@example.org', token });
  t.match(stolen, { ok: false, status: 404 });
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test('X11 C91 nobody asserted means nobody is served', async (t) => {
  const bob = await chain.bob();
  const request = { asserted: '-', ids: ['x@y'] };
  for (const verb of ['retrieve', 'delete'])
    t.match(await chain.ask(verb, request), { ok: false, status: 403 });
  const headers = [
    `From: <${bob.uri}>;tag=1`,
    `P-Asserted-Identity: <${bob.uri}>`,
    'Content-Type: application/vnd.deferred-im.command+json',
  ];
  const body = JSON.stringify({ v: 1, op: 'delete', ids: 'all' });
  const octets = rawRequest('sip:deferred@example.org', headers, body);
  t.equal(await offer(chain, octets, null, 'deferred-im.v1.command'), 403);
});

t.test('X1 C88 no backscatter: a report goes only to the asserted sender', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.alice()];
  // Her name in the CPIM From, or as route: the report goes to the SIP From, or nowhere.
  const quoting = letter(carol, bob, { cpimFrom: alice.uri, headers: atOnce });
  const routing = letter(carol, bob, { routes: [alice.uri], headers: atOnce });
  for (const one of [quoting, routing]) t.equal((await carol.message(one)).status, 202);
  // A proxy that lets a forged From pass still tells who it was, or that it does not know.
  const from = [`From: <${alice.uri}>;tag=1`, 'Content-Type: message/cpim', 'Expires: 0'];
  const forged = [letter(alice, bob), letter(alice, bob)];
  for (const [at, asserted] of [carol.uri, null].entries()) {
    const octets = rawRequest(bob.uri, from, forged[at]!.body);
    t.equal(await offer(chain, octets, asserted), 202);
  }
  const [hers, mine] = [await sentinel(chain, alice), await sentinel(chain, carol)];
  t.same(reported(alice, [quoting, routing, ...forged, hers]), failed(hers));
  t.same(reported(carol, [quoting, routing, ...forged, mine]), failed(quoting, mine));
});
