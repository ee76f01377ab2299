// The recipient's own commands, on the wire: list, retrieve and delete by request and reply on the
// bus, and by SIP MESSAGE to the service URI. Every id gets a code of its own, and only a confirmed
// retrieval counts as one.
import t from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { startChain } from '../../support/chain.js';
import { command, type Letter, letter, messagesTo, reportsTo } from './letters.js';
import { commanded, sentinel, store } from './steps.js';

const chain = await startChain();
t.teardown(() => chain.stop());

interface Page {
  readonly messages: readonly { readonly deferredId: string; readonly subject: string }[];
  readonly next: string | null;
}

/** Some letters that wait for Bob, and their ids. */
async function waiting(alice: SipAgent, bob: SipAgent, count: number) {
  const letters: Letter[] = [];
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const sent = letter(alice, bob, { subject: `number ${at}` });
    letters.push(sent);
    ids.push(await store(chain, alice, bob, sent));
  }
  return { letters, ids };
}

t.test('C93 list in pages over the bus', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { ids } = await waiting(alice, bob, 7);
  const seen: string[] = [];
  const sizes: number[] = [];
  let after: string | null = null;
  do {
    const page: Page = await chain.ask('list', { asserted: bob.uri, after, limit: 3 });
    seen.push(...page.messages.map((one) => one.deferredId));
    sizes.push(page.messages.length);
    after = page.next;
  } while (after !== null && sizes.length < 9);
  t.same(seen, ids, 'oldest first, each once');
  t.same(sizes.slice(0, 3), [3, 3, 1]);
  t.match(
    await chain.ask('list', { asserted: bob.uri.toUpperCase().replace('SIP:BOB', 'sip:bob') }),
    {
      messages: [
        { deferredId: ids[0], state: 'stored', from: alice.uri, to: bob.uri, subject: 'number 0' },
      ],
    },
  );
});

t.test('C93 list in pages by SIP', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { ids } = await waiting(alice, bob, 7);
  bob.onMessage = (request) => (request.header('Content-Type') === 'message/cpim' ? 480 : 200);
  await bob.register();
  const pages = await commanded(chain, bob, { op: 'list' });
  t.ok(pages.length > 1);
  const rows = pages.flatMap((page) => page['messages'] as { readonly id: string }[]);
  t.same(
    rows.map((row) => row.id),
    ids,
  );
  for (const one of bob.received) t.ok(one.octets.length <= 1300, 'RFC 3428 section 8');
});

t.test('retrieve, then confirm', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { ids, letters } = await waiting(alice, bob, 3);
  const asserted = bob.uri;
  const some = [ids[1]!, 'nothing@mailserver32.example.org', ids[0]!];
  const fetched = await chain.ask<{
    readonly token: string;
    readonly messages: readonly { readonly status: number; readonly octets?: string }[];
  }>('retrieve', { asserted, ids: some });
  t.same(
    fetched.messages.map((one) => one.status),
    [200, 404, 200],
  );
  const octets = Buffer.from(fetched.messages[0]?.octets ?? '', 'base64').toString();
  t.ok(octets.endsWith(letters[1]!.body));
  t.equal((await chain.mailbox(bob)).length, 3, 'still stored');
  const { token } = fetched;
  const confirmed = await chain.ask('confirm', { asserted, token });
  t.match(confirmed, { ok: true, results: [{ status: 200 }, { status: 200 }] });
  t.same(await chain.ask('confirm', { asserted, token }), confirmed, 'a lost answer is repeated');
  t.match(await chain.mailbox(bob), [{ deferredId: ids[2] }]);
  t.match(await chain.ask('retrieve', { asserted, ids: some }), {
    token: null,
    messages: [{ status: 404 }, { status: 404 }, { status: 404 }],
  });
  await sentinel(chain, alice);
  t.equal(reportsTo(alice).length, 1, 'what was read is not reported');
});

t.test('retrieve by SIP puts a message first', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { ids, letters } = await waiting(alice, bob, 3);
  bob.onMessage = () => 480;
  await bob.register();
  await chain.waitUntil('the first try', () => messagesTo(bob).length === 1);
  await chain.reaches(ids[0]!, 'stored');
  bob.onMessage = () => 200;
  const [result] = await commanded(chain, bob, { op: 'retrieve', ids: [ids[2]] });
  t.match(result, { op: 'retrieve', results: [{ id: ids[2], status: 202 }] });
  await chain.waitUntil('all of them', () => messagesTo(bob).length === 4);
  const order = messagesTo(bob).map((one) => one.body.toString());
  t.same(order, [letters[0]!.body, letters[2]!.body, letters[0]!.body, letters[1]!.body]);
});

t.test('C92 delete one, some, all, with a code for each id', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const { ids } = await waiting(alice, bob, 5);
  const asserted = bob.uri;
  const unknown = 'nothing@mailserver32.example.org';
  t.match(await chain.ask('delete', { asserted, ids: [ids[0]] }), {
    results: [{ id: ids[0], status: 200 }],
  });
  const some = [ids[0]!, ids[1]!, unknown, ids[2]!];
  t.match(await chain.ask('delete', { asserted, ids: some }), {
    results: [
      { id: ids[0], status: 404 },
      { id: ids[1], status: 200 },
      { id: unknown, status: 404 },
      { id: ids[2], status: 200 },
    ],
  });
  const rest = await chain.ask<{ results: { id: string; status: number }[] }>('delete', {
    asserted,
    ids: 'all',
  });
  t.same(rest.results, [
    { id: ids[3], status: 200 },
    { id: ids[4], status: 200 },
  ]);
  t.match(await chain.ask('delete', { asserted, ids: 'all' }), { ok: true, results: [] });
  t.same(await chain.mailbox(bob), []);
});

t.test('a request that is not one is refused and changes nothing', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await waiting(alice, bob, 1);
  const asserted = bob.uri;
  const bad = [
    { asserted },
    { asserted, ids: [] },
    { asserted, ids: 'every' },
    { asserted, ids: 'all', force: true },
    { v: 2, asserted, ids: 'all' },
    { asserted: 'not an address', ids: 'all' },
    { ids: 'all' },
  ];
  for (const request of bad) t.match(await chain.ask('delete', request), { ok: false });
  const raw = await chain.bus.request('deferred-im.v1.user.delete', '{"v":1,', { timeout: 20_000 });
  t.match(raw.json(), { ok: false, status: 400 });
  for (const body of ['{', '[]', '{"v":1,"op":"purge"}', '{"v":1,"op":"delete"}']) {
    const answer = await bob.message({ ...command({}), body });
    t.equal(answer.status, 400, body);
  }
  const text = await bob.message({ ...command({}), contentType: 'text/plain' });
  t.equal(text.status, 415);
  t.equal((await chain.mailbox(bob)).length, 1);
});
