// Conformance rows of spec chapter 14 about the failure report, on the wire: when Alice's phone
// gets one, what it looks like, and where it goes. That none comes is shown by a later one which
// does.
import t from 'tap';
import { correlate } from '../../../adapters/compose.js';
import { type SendLine, sendLine, subjects } from '../../../adapters/nats/index.js';
import { startChain } from '../../support/chain.js';
import {
  command,
  dateTime,
  documentOf,
  failed,
  faultsOf,
  type Letter,
  letter,
  reported,
  reportsTo,
  resultsTo,
} from './letters.js';
import { offer, rawRequest } from './other-proxy.js';
import { sentinel, store } from './steps.js';

// The second name stands for a trusted route whose address can be reached from here.
const trusted = 'example.net,127.0.0.1';
const chain = await startChain({ settings: { 'report.trustedRoutes': trusted } });
t.teardown(() => chain.stop());

const atOnce = { Expires: '0' };

t.test('C21 deletion on expiry is reported once', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const headers = { Expires: '1', Date: new Date().toUTCString() };
  const sent = letter(alice, bob, { headers, subject: 'Käse & <Brot>' });
  t.equal((await alice.message(sent)).status, 202);
  await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
  const report = reportsTo(alice)[0]!;
  t.same(await faultsOf(documentOf(report)), [], 'valid by the grammar');
  const { match } = correlate(report.octets, [letter(alice, bob), sent]);
  t.match(match, {
    imdnMessageId: sent.imdnMessageId,
    sentTo: bob.uri,
    notification: 'delivery',
    status: 'failed',
    dateTime,
    subject: 'Käse & <Brot>',
  });
  t.same(await chain.mailbox(bob), [], 'removed');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(sent, last));
  await bob.register();
  t.equal(bob.received.length, 0);
});

t.test('C22 deletion without request is silent', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const ids: string[] = [];
  for (const asks of [null, '', 'display, processing', 'Negative-Delivery']) {
    const headers = { Expires: '1' };
    ids.push(await store(chain, alice, bob, letter(alice, bob, { asks, headers })));
  }
  for (const id of ids) await chain.reaches(id, 'dropped');
  t.same(await chain.mailbox(bob), []);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test('C25 unretrieved message deleted by user is reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  // Bob is back, and his phone takes only results: the message stays unread.
  const take = (type: string | undefined) => (type?.includes('result+json') ? 200 : 480);
  bob.onMessage = (request) => take(request.header('Content-Type'));
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.reaches(id, 'stored');
  t.equal((await bob.message(command({ op: 'delete', ids: [id] }))).status, 202);
  await chain.waitUntil('the result', () => resultsTo(bob).length > 0);
  t.match(resultsTo(bob)[0], { op: 'delete', results: [{ id }] });
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
});

t.test('C26 positive-delivery alone asks for no failure report', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob, letter(alice, bob, { asks: 'positive-delivery' }));
  t.equal((await bob.message(command({ op: 'delete', ids: [id] }))).status, 202);
  await chain.reaches(id, 'dropped');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [last]), failed(last));
});

t.test('C27 second delete sends no second report', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.waitUntil('the delivery', () => bob.received.length > 0);
  await bob.unregister();
  const second = letter(alice, bob);
  const deleted = await store(chain, alice, bob, second);
  await bob.message(command({ op: 'delete', ids: [deleted] }));
  await chain.reaches(deleted, 'reported');
  await bob.register();
  const again = await bob.message(command({ op: 'delete', ids: [deleted, id] }));
  t.equal(again.status, 202);
  const results = await chain.waitUntil('the second result', () =>
    resultsTo(bob).find((one) => one['callId'] === again.header('Call-ID')),
  );
  t.match(results['results'], [
    { id: deleted, status: 404 },
    { id, status: 404 },
  ]);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, second, last]), failed(second, last));
});

t.test('C29 delete-all reports exactly what is owed', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const asked = [1, 2, 3].map(() => letter(alice, bob));
  const silent = [1, 2].map(() => letter(alice, bob, { asks: null }));
  const fetched = letter(alice, bob);
  const id = await store(chain, alice, bob, fetched);
  for (const one of [...asked, ...silent]) await store(chain, alice, bob, one);
  const asserted = bob.uri;
  const { token } = await chain.ask<{ token: string }>('retrieve', { asserted, ids: [id] });
  t.match(await chain.ask('confirm', { asserted, token }), { results: [{ id, status: 200 }] });
  t.equal((await bob.message(command({ op: 'delete', ids: 'all' }))).status, 202);
  await chain.waitUntil('an empty mailbox', async () => (await chain.mailbox(bob)).length === 0);
  const last = await sentinel(chain, alice);
  const sent = [...asked, ...silent, fetched, last];
  t.same(reported(alice, sent).toSorted(), failed(...asked, last).toSorted());
});

t.test('C32 concurrent deletes report once', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  const request = { asserted: bob.uri, ids: [id] };
  type Answer = { readonly results: readonly { readonly status: number }[] };
  const both = [chain.ask<Answer>('delete', request), chain.ask<Answer>('delete', request)];
  const codes = (await Promise.all(both)).map((answer) => answer.results[0]?.status);
  t.same(codes.toSorted(), [200, 404]);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, last]), failed(sent, last));
});

t.test('C35 C36 C37 no report about an IMDN, nor for plain text', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const content =
    'Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n<imdn/>';
  const imdn = letter(alice, bob, { content });
  const id = await store(chain, alice, bob, imdn);
  t.equal((await chain.life(id)).message.reportException, 'is-imdn');
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'dropped');
  const asked = letter(alice, bob, { headers: atOnce });
  const plain = { ...asked, contentType: 'text/plain', callId: 'plain-text' };
  t.equal((await alice.message(plain)).status, 202);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [imdn, asked, last]), failed(last));
});

t.test('C45 report carries the right headers', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: atOnce });
  await alice.message(sent);
  await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
  const report = reportsTo(alice)[0]!;
  t.equal(report.header('Content-Type'), 'message/cpim');
  t.equal(report.header('Contact'), undefined);
  t.equal(report.header('P-Asserted-Identity'), `<${bob.uri}>`);
  t.equal(report.header('X-IM-Deferred'), undefined, "nothing of the proxy's own remains");
  t.ok(report.octets.length <= 1300, 'RFC 3428 section 8');
  const [outer = '', inner = '', ...rest] = report.body.toString().split('\r\n\r\n');
  t.match(outer, new RegExp(`^From: .*<${bob.uri}>\r$`, 'm'));
  t.match(outer, new RegExp(`^To: .*<${alice.uri}>\r$`, 'm'));
  t.match(outer, 'NS: imdn <urn:ietf:params:imdn>');
  const own = /^imdn\.Message-ID: (.+)$/m.exec(outer)?.[1];
  t.ok(own);
  t.not(own, sent.imdnMessageId);
  t.notMatch(outer, 'Disposition-Notification');
  t.notMatch(outer, 'Record-Route');
  t.match(inner, 'Content-Type: message/imdn+xml');
  t.match(inner, 'Content-Disposition: notification');
  t.match(inner, `Content-Length: ${Buffer.byteLength(rest.join('\r\n\r\n'))}`);
});

const routesOf = (body: Buffer): readonly string[] =>
  [...body.toString().matchAll(/^imdn\.IMDN-Route: <(.+)>\r$/gm)].map((one) => one[1] ?? '');

t.test('C46 report follows the recorded route', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const lines: SendLine[] = [];
  const heard = chain.bus.subscribe(subjects.send, {
    callback: (_error, message) => {
      const parsed = sendLine.parse(message.data);
      if (parsed.ok) lines.push(parsed.value);
    },
  });
  await chain.bus.flush();
  const named = ['sip:r2.example.net', 'sip:r1.example.com'];
  const far = letter(alice, bob, { headers: atOnce, routes: named });
  await alice.message(far);
  const line = await chain.waitUntil('the report on the bus', () =>
    lines.find((one) => Buffer.from(one.body).includes(far.imdnMessageId)),
  );
  heard.unsubscribe();
  t.equal(line.ruri, 'sip:r2.example.net');
  t.match(line.headers, 'To: <sip:r2.example.net>');
  t.same(routesOf(Buffer.from(line.body)), named);
  // The same to a route that can be reached: what leaves the proxy.
  const r2 = await chain.agent('r2');
  const reachable = [`sip:r2@127.0.0.1:${r2.port}`, 'sip:r1.example.com'];
  const sent = letter(alice, bob, { headers: atOnce, routes: reachable });
  await alice.message(sent);
  await chain.waitUntil('the report at r2', () => r2.received.length > 0);
  const report = r2.received[0]!;
  t.equal(report.uri, reachable[0]);
  t.same(routesOf(report.body), reachable);
  t.match(report.body.toString(), new RegExp(`^To: .*<${alice.uri}>\r$`, 'm'));
  t.equal(reportsTo(alice).length, 0, 'the route passes it on');
  t.same(reported(r2, [sent]), failed(sent));
});

t.test('C46 an untrusted route gets nothing', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const routes = ['sip:victim@evil.example', 'sip:r2.example.net'];
  const id = await store(chain, alice, bob, letter(alice, bob, { routes }));
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'dropped');
  t.equal((await chain.life(id)).message.reportException, 'untrusted-route');
});

t.test('C47 request target is the bare From URI', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: atOnce });
  const from = `"Alice \\"A\\" Älice" <${alice.uri}>;x=y`;
  t.equal((await alice.message({ ...sent, from })).status, 202);
  await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
  const report = reportsTo(alice)[0]!;
  t.equal(report.header('To'), `<${alice.uri}>`);
  t.match(report.header('From'), new RegExp(`^<${bob.uri}>;tag=[a-z2-7]{8,}$`));
  t.equal(report.uri, alice.contact, 'the proxy has replaced the target by her contact');
});

t.test('C48 anonymous sender gets no report', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const anonymous = 'sip:anonymous@anonymous.invalid';
  const f9 = letter(alice, bob, { cpimFrom: anonymous });
  // This proxy takes only a From that is the sender's own.
  t.equal((await alice.message({ ...f9, from: `"Anonymous" <${anonymous}>` })).status, 403);
  // Another proxy of the same bus allows it.
  const headers = [
    `From: "Anonymous" <${anonymous}>;tag=49583`,
    'Privacy: id',
    'Content-Type: message/cpim',
  ];
  for (const { body } of [f9, letter(alice, bob, { cpimFrom: anonymous })])
    t.equal(await offer(chain, rawRequest(bob.uri, headers, body), alice.uri), 202);
  const boxes = await chain.mailbox(bob);
  t.same(
    boxes.map((one) => one.from),
    [null, null],
    'not in the list',
  );
  const [first, second] = boxes.map((one) => one.deferredId);
  await chain.admin('messages.expire', { id: first });
  await chain.reaches(first!, 'dropped');
  t.equal((await chain.life(first!)).message.reportException, 'anonymous');
  await bob.register();
  await chain.reaches(second!, 'delivered');
  const shown = bob.received[0]!.headers.map((one) => one.join(': ')).join('\r\n');
  t.match(shown, `From: "Anonymous" <${anonymous}>`);
  t.notMatch(shown, alice.user, 'not in the delivery');
  // With her own From she can still ask for privacy.
  const discreet = letter(alice, bob, { headers: { Privacy: 'id' } });
  await bob.unregister();
  const id = await store(chain, alice, bob, discreet);
  t.equal((await chain.mailbox(bob))[0]?.from, null);
  t.equal((await chain.life(id)).message.reportException, 'anonymous');
  await chain.admin('messages.expire', { id });
  // Who asks for no report is hidden all the same.
  const quiet = rawRequest(bob.uri, [...headers.slice(0, 2), 'Content-Type: text/plain'], 'hush');
  t.equal(await offer(chain, quiet, alice.uri), 202);
  t.equal((await chain.mailbox(bob))[0]?.from, null);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [f9, discreet, last]), failed(last));
});

t.test('C56 undeliverable report is dropped', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const refused: Letter[] = [];
  for (const status of [404, 603]) {
    alice.onMessage = () => status;
    const sent = letter(alice, bob);
    const id = await store(chain, alice, bob, sent);
    refused.push(sent);
    await chain.admin('messages.expire', { id });
    await chain.reaches(id, 'report-refused');
  }
  alice.onMessage = () => 200;
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [...refused, last]), failed(...refused, last), 'each tried once');
  t.same(await chain.mailbox(alice), [], 'and none of them is kept for her');
});

t.test('C57 one pending report per target', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  let [pending, most] = [0, 0];
  alice.onMessage = async () => {
    pending += 1;
    most = Math.max(most, pending);
    await new Promise((resolve) => setTimeout(resolve, 10));
    pending -= 1;
    return 200;
  };
  const sent = Array.from({ length: 20 }, () => letter(alice, bob));
  for (const one of sent) t.equal((await alice.message(one)).status, 202);
  await bob.message(command({ op: 'delete', ids: 'all' }));
  await chain.waitUntil('all reports', () => reportsTo(alice).length >= sent.length);
  t.equal(most, 1);
  t.same(reported(alice, sent).toSorted(), failed(...sent).toSorted());
});

t.test('C75 reason of deletion stays private', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const [deleted, expired] = [letter(alice, bob), letter(alice, bob)];
  const ids = [await store(chain, alice, bob, deleted), await store(chain, alice, bob, expired)];
  await bob.message(command({ op: 'delete', ids: [ids[0]] }));
  await chain.reaches(ids[0]!, 'reported');
  await chain.admin('messages.expire', { id: ids[1] });
  await chain.reaches(ids[1]!, 'reported');
  const [first, second] = reportsTo(alice).map((report, at) =>
    [...report.headers.map((one) => one.join(': ')), report.body.toString()]
      .join('\n')
      .replaceAll([deleted, expired][at]!.imdnMessageId, 'ID')
      .replace(/^(Via|Call-ID|imdn\.Message-ID|DateTime): .*$/gm, '$1')
      .replace(/;tag=[a-z2-7]+/, ''),
  );
  t.ok(first);
  t.equal(first, second, 'no difference except ids and times');
});
