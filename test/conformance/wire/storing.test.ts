// Conformance rows of spec chapter 14 about storing, on the wire: what the sender hears, and what
// lies in the store afterwards, read back over the bus as the recipient's own services would.
import t from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { headerValue, parseSip } from '../../../adapters/cli/stage/sip-text.js';
import { startChain } from '../../support/chain.js';
import { failed, letter, messagesTo, reported, reportsTo } from './letters.js';
import { answersHeard, lapsed, lastSent, recorded } from './steps.js';

const mailboxMax = 12;
const chain = await startChain({ settings: { 'quota.mailboxMessages': String(mailboxMax) } });
t.teardown(() => chain.stop());

interface Retrieved {
  readonly token: string | null;
  readonly messages: readonly { id: string; status: number; octets?: string }[];
}

/** The stored request, as the recipient's own service retrieves it. */
async function stored(owner: SipAgent, id: string): Promise<Buffer> {
  const reply = await chain.ask<Retrieved>('retrieve', { asserted: owner.uri, ids: [id] });
  return Buffer.from(reply.messages[0]?.octets ?? '', 'base64');
}

t.test('C01 offline message is stored and answered 202', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const answer = await alice.message(letter(alice, bob));
  t.equal(answer.status, 202);
  t.equal(answer.reason, 'Accepted');
  t.equal(answer.message.body.length, 0);
  t.equal(answer.header('Content-Length'), '0');
  t.equal(answer.header('Contact'), undefined);
  t.match(answer.header('To'), /;tag=/);
  t.match(await chain.mailbox(bob), [{ state: 'stored', from: alice.uri }]);
});

t.test('C02 stored message is identical to the received one', async (t) => {
  const { agent: alice, lines } = await recorded(chain);
  const bob = await chain.bob();
  const headers = {
    'X-Unknown': ['first', 'second;with="quotes"'],
    Subject: 'Grüße ☕',
    'P-Charging-Vector': 'icid-value=1234',
    'x-unknown': 'third',
    Expires: '3600',
    Date: new Date().toUTCString(),
  };
  const sent = letter(alice, bob, { headers });
  t.equal((await alice.message(sent)).status, 202);
  const octets = await stored(bob, await chain.newest(bob));
  const kept = parseSip(octets);
  const given = parseSip(Buffer.from(lastSent(lines)));
  // Via and Max-Forwards are the proxy's to change, credentials its to take away.
  const hop = ['Via', 'Max-Forwards', 'Proxy-Authorization'];
  const comparable = (message: typeof kept) =>
    message.headers.filter(([name]) => !hop.includes(name));
  t.same(comparable(kept), comparable(given));
  t.equal(kept.startLine, given.startLine);
  t.equal(kept.body.toString(), sent.body);
  t.equal(headerValue(kept, 'Proxy-Authorization'), undefined, 'no credentials on the disk');
});

t.test('C04 retransmission stores once', async (t) => {
  const { agent: alice, lines } = await recorded(chain);
  const bob = await chain.bob();
  t.equal((await alice.message(letter(alice, bob))).status, 202);
  alice.sendRaw(Buffer.from(lastSent(lines)));
  alice.sendRaw(Buffer.from(lastSent(lines)));
  const heard = await chain.waitUntil('the answers', () => {
    const answers = answersHeard(lines, 202);
    return answers.length >= 3 && answers;
  });
  t.equal(new Set(heard).size, 1, 'the same answer each time');
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test('C04 the same request over another path stores once', async (t) => {
  const { agent: alice, lines } = await recorded(chain);
  const bob = await chain.bob();
  // Without CPIM: known by Call-ID, CSeq and From tag.
  t.equal((await alice.message({ to: bob.uri, body: 'Hello' })).status, 202);
  const again = lastSent(lines).replace('branch=z9hG4bK', 'branch=z9hG4bKother');
  alice.sendRaw(Buffer.from(again));
  await chain.waitUntil('a second answer', () => answersHeard(lines, 482).length === 1);
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test('C05 client resend stores once', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob);
  t.equal((await alice.message(sent)).status, 202);
  t.equal((await alice.message({ ...sent, callId: 'another-call' })).status, 202);
  t.equal((await chain.mailbox(bob)).length, 1);
  await bob.register();
  await chain.waitUntil('the delivery', () => bob.received.length > 0);
  let calls = 2;
  await chain.waitUntil('he is there, and nothing goes before what is live', async () => {
    calls += 1;
    return (await alice.message({ ...sent, callId: `call-${calls}` })).status === 200;
  });
});

t.test('C07 id is found with and without sip prefix', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await alice.message(letter(alice, bob));
  const id = await chain.newest(bob);
  t.match(id, /^[^@]+@mailserver32\.example\.org$/);
  const asked = { asserted: bob.uri, ids: [id, `sip:${id}`] };
  const { messages } = await chain.ask<Retrieved>('retrieve', asked);
  t.same(
    messages.map((one) => one.status),
    messages.map(() => 200),
  );
  t.ok(messages.length > 0);
  const deleted = { asserted: bob.uri, ids: [`sip:${id}`] };
  const { results } = await chain.ask<{ results: { status: number }[] }>('delete', deleted);
  t.match(results, [{ status: 200 }]);
});

t.test('C16 dead on arrival is reported once, having been accepted', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const headers = { Date: 'Tue, 01 Aug 2006 10:00:00 GMT', Expires: '3600' };
  const dead = letter(alice, bob, { headers });
  t.equal((await alice.message(dead)).status, 202);
  const zero = letter(alice, bob, { headers: { Expires: '0' } });
  t.equal((await alice.message(zero)).status, 202);
  await chain.waitUntil('both reports', () => reportsTo(alice).length >= 2);
  t.same(reported(alice, [dead, zero]).toSorted(), failed(dead, zero).toSorted());
  t.same(await chain.mailbox(bob), []);
});

t.test('C55 refused message is never reported', async (t) => {
  const [alice, bob] = [await chain.alice({ transport: 'tcp' }), await chain.bob()];
  const headers = { Expires: '0' };
  const stranger = letter(alice, bob, { headers });
  const unknown = { ...stranger, to: 'sip:nobody@example.org' };
  t.equal((await alice.message(unknown)).status, 404);
  const large = letter(alice, bob, { headers, text: 'x'.repeat(49_000) });
  t.equal((await alice.message(large)).status, 413);
  const forged = letter(alice, bob, { headers });
  const carol = await chain.agent('carol');
  t.equal((await carol.message({ ...forged, from: `<${alice.uri}>` })).status, 403);
  for (let count = 0; count < mailboxMax; count += 1)
    t.equal((await alice.message(letter(alice, bob))).status, 202);
  const full = letter(alice, bob, { headers });
  const answer = await alice.message(full);
  t.equal(answer.status, 480);
  t.ok(Number(answer.header('Retry-After')) > 0);
  // What the engine decides later comes later: when this report is there, the others would be.
  const other = await chain.bob();
  const last = letter(alice, other, { headers });
  await alice.message(last);
  await chain.waitUntil('the report that is owed', () => reportsTo(alice).length > 0);
  t.same(reported(alice, [stranger, large, forged, full, last]), failed(last));
});

t.test('C62 empty mailbox gives no notice', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  t.equal((await bob.register()).status, 200);
  // Right after a registration it may still have to wait for what the engine says of his mailbox.
  const { status } = await alice.message({ to: bob.uri, body: 'the first thing he hears' });
  t.ok(status === 200 || status === 202, `${status}`);
  await chain.waitUntil('what he hears', () => bob.received.length > 0);
  t.same(
    bob.received.map((one) => one.body.toString()),
    ['the first thing he hears'],
  );
});

t.test('C63 lapsed registration counts as offline', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await lapsed(chain, bob, () => bob.register(1));
  t.equal((await alice.message(letter(alice, bob))).status, 202);
  t.match(await chain.mailbox(bob), [{ state: 'stored' }]);
  t.equal(bob.received.length, 0);
});

t.test('C81 one account holds each message', async (t) => {
  const [alice, bob, other] = [await chain.alice(), await chain.bob(), await chain.bob()];
  await alice.message(letter(alice, bob));
  await alice.message(letter(alice, other));
  t.equal((await alice.message({ to: 'sip:nobody@example.org', body: 'x' })).status, 404);
  const [first, second] = [await chain.mailbox(bob), await chain.mailbox(other)];
  t.equal(first.length, 1);
  t.equal(second.length, 1);
  t.not(first[0]?.deferredId, second[0]?.deferredId);
  t.same(await chain.mailbox('sip:nobody@example.org'), []);
});

t.test('C83 binary body survives', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const invalid = Buffer.from([0xff, 0xfe, 0x80, 0x0d, 0x0a, 0x0d, 0x0a, 0xc3, 0x28, 0x01, 0x7f]);
  const nul = Buffer.from('\0before\0\0after\0');
  const contentType = 'application/octet-stream';
  for (const body of [invalid, nul]) {
    t.equal((await alice.message({ to: bob.uri, contentType, body })).status, 202);
    t.same(parseSip(await stored(bob, await chain.newest(bob))).body, body);
  }
  // Kamailio 5.6.3 cuts what it publishes at NUL. In a text that is noticed by its length, and refused.
  const text = await alice.message({ to: bob.uri, contentType: 'text/plain', body: nul });
  t.equal(text.status, 400);
  await bob.register();
  await chain.waitUntil('the deliveries', () => messagesTo(bob).length > 1);
  t.same(
    messagesTo(bob).map((one) => one.body),
    [invalid, nul],
    'octet for octet, and nothing of what was refused',
  );
});
