// What a sender may do with a message of his, on the wire: withdraw it as RCS clients do, by a MESSAGE to the recipient or
// to the service, and ask where it is; and what he is told by IMDN as soon as it is stored.
import t from 'tap';
import type { OutgoingMessage, SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { correlate } from '../../../adapters/compose.js';
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
import { hesitant, sentinel, store } from './steps.js';

const route = 'sip:deferred@example.org';
const chain = await startChain({
  settings: { 'report.stored': 'true', 'report.recordRoute': route },
});
t.teardown(() => chain.stop());

const revokeType = 'application/vnd.gsma.rcsrevoke+xml';

/** A withdrawal as an RCS client writes it. */
const revoke = ({ imdnMessageId }: Letter, to: string): OutgoingMessage => ({
  to,
  contentType: revokeType,
  body: `<?xml version="1.0"?>\r\n<imRevoke xmlns="urn:gsma:params:xml:ns:rcs:rcs:rcsrevoke"><Message-ID>${imdnMessageId}</Message-ID></imRevoke>`,
});

/** What RCS results say to an agent. */
const revokedTo = (agent: SipAgent): readonly (string | undefined)[] =>
  agent.received
    .filter((one) => one.header('Content-Type') === revokeType)
    .map((one) => /<result>(.+)<\/result>/.exec(one.body.toString())?.[1]);

const naming = (op: string, sent: Letter, recipient: SipAgent) =>
  command({ op, messageId: sent.imdnMessageId, recipient: recipient.uri });

async function asked(alice: SipAgent, question: OutgoingMessage) {
  const answer = await alice.message(question);
  if (answer.status >= 300) return { refused: answer.status };
  const callId = answer.header('Call-ID');
  return chain.waitUntil('the result', () =>
    resultsTo(alice).find((one) => one['callId'] === callId),
  );
}

t.test('C73 withdrawn message is not reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const [first, second] = [letter(alice, bob), letter(alice, bob)];
  const ids = [await store(chain, alice, bob, first), await store(chain, alice, bob, second)];
  t.equal((await alice.message(revoke(first, bob.uri))).status, 200, 'to the recipient');
  t.match(await asked(alice, naming('withdraw', second, bob)), { outcome: 'withdrawn' });
  for (const id of ids) t.equal((await chain.life(id)).state, 'withdrawn');
  await chain.waitUntil('the result', () => revokedTo(alice).length > 0);
  t.same(revokedTo(alice), ['success']);
  t.same(await chain.mailbox(bob), []);
  await bob.register();
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [first, second, last]), failed(last), 'neither delivered nor reported');
  t.equal(bob.received.length, 0);
});

t.test('C73 withdrawal after delivery fails', async (t) => {
  const [alice, bob, mallory] = [await chain.alice(), await chain.bob(), await chain.alice()];
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  t.equal((await mallory.message(revoke(sent, bob.uri))).status, 404, 'another sender');
  t.equal((await alice.message(revoke({ ...sent, imdnMessageId: 'x' }, bob.uri))).status, 404);
  t.equal((await chain.life(id)).state, 'stored');
  await bob.register();
  await chain.reaches(id, 'delivered');
  const late = await alice.message(revoke(sent, bob.uri));
  t.equal(late.status, 410, 'although Bob is there: the store answers');
  t.equal(bob.received.length, 1, 'and his phone hears nothing of it');
  t.same(await asked(alice, naming('withdraw', sent, bob)), { refused: 410 });
});

t.test('C73 withdrawal during a push: the answer decides', async (t) => {
  for (const [status, state, result] of [
    [480, 'withdrawn', 'success'],
    [200, 'delivered', 'failed'],
  ] as const) {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const answer = hesitant(bob);
    const sent = letter(alice, bob);
    const id = await store(chain, alice, bob, sent);
    await bob.register();
    await chain.reaches(id, 'delivering');
    t.equal((await alice.message(revoke(sent, bob.uri))).status, 202);
    answer(status);
    await chain.reaches(id, state);
    await chain.waitUntil('the result', () => revokedTo(alice).length > 0);
    t.same(revokedTo(alice), [result]);
  }
});

t.test('where is my message? by SIP and over the bus', async (t) => {
  const [alice, bob, mallory] = [await chain.alice(), await chain.bob(), await chain.alice()];
  const sent = letter(alice, bob);
  const id = await store(chain, alice, bob, sent);
  const request = { asserted: alice.uri, messageId: sent.imdnMessageId, recipient: bob.uri };
  t.match(await asked(alice, naming('status', sent, bob)), { state: 'stored', endedAt: null });
  t.match(await chain.ask('status', request), { ok: true, state: 'stored', endedAtMs: null });
  t.same(await asked(mallory, naming('status', sent, bob)), { refused: 404 });
  t.match(await chain.ask('status', { ...request, asserted: mallory.uri }), { status: 404 });
  await bob.register();
  await chain.reaches(id, 'delivered');
  t.match(await asked(alice, naming('status', sent, bob)), { state: 'delivered', endedAt: /Z$/ });
  const next = letter(alice, bob);
  await bob.unregister();
  await store(chain, alice, bob, next);
  t.match(await chain.ask('withdraw', { ...request, messageId: next.imdnMessageId }), {
    outcome: 'withdrawn',
  });
  t.match(await asked(alice, naming('status', next, bob)), { state: 'withdrawn' });
});

t.test('C50 C51 stored is reported once when processing is asked, and failed later', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { asks: 'processing, negative-delivery', subject: 'Käse' });
  const id = await store(chain, alice, bob, sent);
  await chain.waitUntil('the word that it is stored', () => reportsTo(alice).length > 0);
  const [stored] = reportsTo(alice);
  t.same(await faultsOf(documentOf(stored!)), [], 'valid by the grammar');
  t.match(correlate(stored!.octets, [sent]).match, {
    ...{ notification: 'processing', status: 'stored', recipient: bob.uri, subject: 'Käse' },
  });
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'reported');
  const said = [sent].flatMap((one) => [`${one.imdnMessageId} stored`, ...failed(one)]);
  t.same(reported(alice, [sent]), said);
  t.equal((await alice.message(sent)).status, 202, 'sent again');
  const quiet = letter(alice, bob, { asks: 'negative-delivery' });
  await store(chain, alice, bob, quiet);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [sent, quiet, last]), [...said, ...failed(last)], 'and no more of it');
});

t.test('C72 list message gives one report per recipient', async (t) => {
  const alice = await chain.alice();
  const members = [await chain.bob(), await chain.bob(), await chain.bob()];
  const list = 'sip:friends@example.org';
  const id = letter(alice, members[0]!).imdnMessageId;
  for (const bob of members) {
    const one = letter(alice, bob, { id, headers: { Expires: '0' } });
    const line = `imdn.Message-ID: ${id}\r\n`;
    const body = one.body.replace(line, `${line}imdn.Original-To: <${list}>\r\n`);
    t.equal((await alice.message({ ...one, body })).status, 202);
  }
  await chain.waitUntil('all reports', () => reportsTo(alice).length >= members.length);
  const recipients: (string | null | undefined)[] = [];
  for (const report of reportsTo(alice)) {
    t.same(await faultsOf(documentOf(report)), []);
    t.match(documentOf(report), `<original-recipient-uri>${list}</original-recipient-uri>`);
    const { match } = correlate(report.octets, [{ imdnMessageId: id, recipients: [list] }]);
    t.equal(match?.sentTo, list);
    recipients.push(match?.recipient);
  }
  t.same(recipients.sort(), members.map((bob) => bob.uri).sort());
});

t.test("C52 6.7 the recipient's own notification comes back through the store", async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { asks: 'positive-delivery, negative-delivery' });
  const id = await store(chain, alice, bob, sent);
  await bob.register();
  await chain.reaches(id, 'delivered');
  const copy = bob.received[0]!.body.toString();
  t.match(copy, `imdn.IMDN-Record-Route: <${route}>\r\n`);
  t.equal(copy.replace(`imdn.IMDN-Record-Route: <${route}>\r\n`, ''), sent.body);
  t.same(reportsTo(alice), [], 'the store tells nothing of a delivery');
  const imdn = [
    `From: <${bob.uri}>`,
    `To: <${alice.uri}>`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.IMDN-Route: <${route}>`,
    'imdn.Message-ID: bobsown1',
    '',
    'Content-Type: message/imdn+xml',
    'Content-Disposition: notification',
    '',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">' +
      `<message-id>${sent.imdnMessageId}</message-id><datetime>${dateTime}</datetime>` +
      '<delivery-notification><status><delivered/></status></delivery-notification></imdn>',
  ].join('\r\n');
  const answer = await bob.message({ to: route, contentType: 'message/cpim', body: imdn });
  t.equal(answer.status, 200, 'as her phone answered');
  t.equal(reportsTo(alice).length, 1);
  const [passed] = reportsTo(alice);
  t.equal(passed!.body.toString(), imdn.replace(`imdn.IMDN-Route: <${route}>\r\n`, ''));
  t.equal(passed!.header('P-Asserted-Identity'), `<${bob.uri}>`);
  t.match(correlate(passed!.octets, [sent]).match, { status: 'delivered', sentTo: bob.uri });
  alice.onMessage = () => 603;
  const again = await bob.message({ to: route, contentType: 'message/cpim', body: imdn });
  t.equal(again.status, 603);
  const stray = imdn.replace(`<${route}>`, `<${route}>\r\nimdn.IMDN-Route: <sip:x@evil.example>`);
  const refused = await bob.message({ to: route, contentType: 'message/cpim', body: stray });
  t.equal(refused.status, 403, 'nowhere but to trusted routes');
});
