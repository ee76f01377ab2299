// Conformance rows of spec chapter 14 about notices, on the wire: what Bob's phone hears when he
// returns under notify-and-pull, and how he gets his messages then.
import t from 'tap';
import type { SipAgent, SipRequest } from '../../../adapters/cli/stage/sip-agent.js';
import { shippedPolicy } from '../../../adapters/compose.js';
import { readXml } from '../../../adapters/sip/xml.js';
import { startChain } from '../../support/chain.js';
import { command, failed, letter, messagesTo, reported, resultsTo } from './letters.js';
import { sentinel, store } from './steps.js';

const chain = await startChain({ settings: { 'xcap.port': '0' } });
t.teardown(() => chain.stop());
await chain.activate(shippedPolicy('notify-and-pull') as object);

const listType = 'application/vnd.oma.im.deferred-list+xml';
const summaryType = 'application/simple-message-summary';

const noticesTo = (agent: SipAgent): readonly SipRequest[] =>
  messagesTo(agent).filter((one) => [listType, summaryType].includes(one.header('Content-Type')!));

/** What the rows of a list say, by the names of its elements. */
function rowsOf(notice: SipRequest): readonly Record<string, string>[] {
  const read = readXml(notice.body);
  if (!read.ok) throw new Error(read.finding.message);
  return read.root.children.map((row) => {
    const pager = row.children.find((one) => one.name === 'pager');
    const fields = [...row.children, ...(pager?.children ?? [])].map((one) => [one.name, one.text]);
    return { ...Object.fromEntries(fields), id: row.attributes.get('history-reference') ?? '' };
  });
}

t.test('C61 unsubscribed: a MESSAGE with the list; he fetches what he chooses', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const headers = { Date: new Date().toUTCString(), Expires: '3600' };
  const [first, second] = [letter(alice, bob, { headers }), letter(alice, bob, { headers })];
  const ids = [await store(chain, alice, bob, first), await store(chain, alice, bob, second)];
  await bob.register();
  const [notice] = await chain.waitUntil('the notice', () => {
    const found = noticesTo(bob);
    return found.length > 0 ? found : null;
  });
  t.equal(notice?.header('Content-Type'), listType);
  t.match(notice?.header('From'), '<sip:deferred@example.org>');
  t.ok((notice?.octets.length ?? 0) <= 1300);
  const expiry = (await chain.life(ids[0]!)).message.expiresAtMs!;
  t.match(rowsOf(notice!), [
    {
      id: `sip:${ids[0]}`,
      size: String(`Hello ${bob.user}, are we still on for lunch?`.length),
      expiry: `${new Date(expiry).toISOString().slice(0, 19)}Z`,
      from: alice.uri,
      to: bob.uri,
      'auth-id': alice.uri,
    },
    { id: `sip:${ids[1]}` },
  ]);
  t.same(
    (await chain.mailbox(bob)).map((one) => one.state),
    ['stored', 'stored'],
  );
  // With the id as it stands in the list, and in its bare form (C07).
  t.equal((await bob.message(command({ op: 'retrieve', ids: [`sip:${ids[1]}`] }))).status, 202);
  await chain.reaches(ids[1]!, 'delivered');
  t.equal(messagesTo(bob).at(-1)?.body.toString(), second.body);
  t.equal((await bob.message(command({ op: 'delete', ids: [ids[0]] }))).status, 202);
  await chain.waitUntil('both results', () => resultsTo(bob).length === 2);
  await chain.reaches(ids[0]!, 'reported');
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [first, second, last]), failed(first, last));
  t.equal(noticesTo(bob).length, 1);
});

t.test('C61 what does not fit is a number, and never a part of the list', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  for (let count = 0; count < 12; count += 1) await store(chain, alice, bob);
  await bob.register();
  await chain.waitUntil('the notice', () => noticesTo(bob).length > 0);
  const [notice] = noticesTo(bob);
  t.equal(notice?.header('Content-Type'), summaryType);
  t.match(notice?.body.toString(), 'Messages-Waiting: yes\r\n');
  t.match(notice?.body.toString(), 'Text-Message: 12/0\r\n');
});

t.test('C62 empty mailbox gives no notice; a refresh none either', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await bob.register();
  await bob.unregister();
  await store(chain, alice, bob);
  await bob.register();
  await chain.waitUntil('the notice', () => noticesTo(bob).length > 0);
  await bob.register();
  await bob.unregister();
  await bob.register();
  await chain.waitUntil('the notice of the next return', () => noticesTo(bob).length > 1);
  t.equal(bob.received.length, 2, 'nothing else came');
});

t.test(
  'spec 3.1 a notice the phone cannot take now comes again; one it refuses does not',
  async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const id = await store(chain, alice, bob);
    bob.onMessage = () => 480;
    await bob.register();
    await chain.waitUntil('the first try', () => noticesTo(bob).length === 1);
    bob.onMessage = () => 415;
    await chain.waitUntil('the second try', async () => {
      await bob.register();
      return noticesTo(bob).length > 1;
    });
    bob.onMessage = () => 200;
    await bob.register();
    await sentinel(chain, alice);
    t.equal(bob.received.length, 2);
    t.equal((await chain.life(id)).state, 'stored');
  },
);

t.test('spec 4.1 a sender who asks for privacy is in no notice', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = letter(alice, bob, { headers: { Privacy: 'id' }, asks: null });
  await store(chain, alice, bob, sent);
  await bob.register();
  await chain.waitUntil('the notice', () => noticesTo(bob).length > 0);
  const [notice] = noticesTo(bob);
  t.notMatch(notice?.octets.toString('utf8'), alice.user);
  t.equal(rowsOf(notice!).length, 1);
});

const documentOf = (agent: SipAgent, identity: string): Promise<Response> =>
  fetch(
    `http://127.0.0.1:${chain.xcapPort}/org.openmobilealliance.deferred-list/users/${agent.uri}/deferred-list`,
    { headers: { 'X-3GPP-Asserted-Identity': `"${identity}"` } },
  );

t.test('C67 C68 the list over HTTP and over SIP: to its owner, and to nobody else', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const ids = [await store(chain, alice, bob), await store(chain, alice, bob)];
  const heard = await documentOf(bob, bob.uri);
  t.equal(heard.status, 200);
  t.equal(heard.headers.get('content-type'), listType);
  const body = Buffer.from(await heard.arrayBuffer());
  t.same(
    rowsOf({ body } as SipRequest).map((row) => row['id']),
    ids.map((id) => `sip:${id}`),
  );
  const foreign = await documentOf(bob, alice.uri);
  t.same([foreign.status, await foreign.text()], [403, '']);
  await bob.register();
  await chain.waitUntil('the notice', () => noticesTo(bob).length > 0);
  t.equal((await bob.message(command({ op: 'list', form: 'xml' }))).status, 202);
  // A list that is too long for one MESSAGE comes as several documents, in order.
  const answers = () => noticesTo(bob).slice(1);
  const listed = () => answers().flatMap((page) => rowsOf(page).map((row) => row['id']));
  await chain.waitUntil('the list', () => listed().length >= ids.length);
  for (const page of answers()) t.ok(page.header('In-Reply-To'), 'it answers his command');
  t.same(
    listed(),
    ids.map((id) => `sip:${id}`),
  );
  t.equal((await bob.message(command({ op: 'list', form: 'yaml' }))).status, 400);
  const before = answers().length;
  const asked = command({ op: 'list' });
  await bob.message({ ...asked, headers: { ...asked.headers, Accept: listType } });
  await chain.waitUntil('the list, by Accept', () => answers().length >= before + ids.length);
});
