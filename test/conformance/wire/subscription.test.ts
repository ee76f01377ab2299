// Subscriptions to notices on real Kamailio, NATS and SIP agents (RFC 6665, C61): a NOTIFY where a user has subscribed, a
// MESSAGE where he has not. The clock of the engine is moved, so that an hour takes no time.
import t from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import type { SipAgent, SipRequest } from '../../../adapters/cli/stage/sip-agent.js';
import { shippedPolicy } from '../../../adapters/compose.js';
import { startChain } from '../../support/chain.js';
import { command, letter, messagesTo } from './letters.js';
import { store } from './steps.js';
import { listType, Subscriber, summaryType } from './subscriber.js';

const settings = { clock: 'virtual', test: 'true', 'http.port': String(await freePort()) };
const chain = await startChain({ child: true, settings });
t.teardown(() => chain.stop());
await chain.activate(shippedPolicy('notify-and-pull') as object);

const heard = (phone: Subscriber, count: number): Promise<unknown> =>
  chain.waitUntil(`NOTIFY ${count}`, () => phone.heard.length >= count);

const noticesTo = (agent: SipAgent): readonly SipRequest[] =>
  messagesTo(agent).filter((one) => [listType, summaryType].includes(one.header('Content-Type')!));

const cseqsOf = (phone: Subscriber): readonly string[] =>
  phone.heard.map((one) => one.header('CSeq') ?? '');

/** Bob with a subscription that has heard its first NOTIFY. */
async function subscribed(headers = {}): Promise<{ bob: SipAgent; phone: Subscriber }> {
  const bob = await chain.bob();
  const phone = new Subscriber(bob, headers);
  t.equal((await phone.subscribe()).status, 200);
  await heard(phone, 1);
  return { bob, phone };
}

t.test('C61 a NOTIFY at once, when messages come, and when he returns: no MESSAGE', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const phone = new Subscriber(bob);
  const answer = await phone.subscribe();
  t.equal(answer.status, 200);
  t.equal(answer.header('Expires'), '600');
  t.equal(answer.header('Contact'), '<sip:deferred@example.org>');
  t.match(answer.header('To'), /;tag=dim[0-9a-f]{32}$/);
  await heard(phone, 1);
  const first = phone.last!;
  t.equal(first.header('From'), answer.header('To'), 'the dialog that was answered');
  t.match(first.header('To'), `;tag=${phone.tag}`);
  t.equal(first.header('Event'), 'message-summary');
  t.equal(first.header('Subscription-State'), 'active;expires=600');
  t.equal(first.header('Contact'), '<sip:deferred@example.org>');
  t.equal(first.uri, bob.contact);
  t.equal(first.header('X-IM-Deferred'), undefined, 'what the proxy goes by stays there');
  const id = await store(chain, alice, bob, letter(alice, bob));
  await heard(phone, 2);
  t.equal(phone.last?.header('Content-Type'), listType);
  t.match(phone.last?.body.toString(), `history-reference="sip:${id}"`);
  await bob.register();
  await heard(phone, 3);
  t.match(phone.last?.body.toString(), id);
  await bob.message(command({ op: 'delete', ids: 'all' }));
  await heard(phone, 4);
  t.notMatch(phone.last?.body.toString(), id, 'and when the box changes');
  t.same(cseqsOf(phone), ['1 NOTIFY', '2 NOTIFY', '3 NOTIFY', '4 NOTIFY']);
  t.equal(noticesTo(bob).length, 0);
});

t.test('C61 without the list in Accept: the number of RFC 3842, and the id of Event', async (t) => {
  const headers = { Accept: summaryType, Event: 'message-summary;id=17' };
  const { bob, phone } = await subscribed(headers);
  t.equal(phone.last?.header('Content-Type'), summaryType);
  t.match(phone.last?.body.toString(), 'Messages-Waiting: no\r\n');
  await store(chain, await chain.alice(), bob);
  await heard(phone, 2);
  t.match(phone.last?.body.toString(), 'Text-Message: 1/0\r\n');
  t.equal(phone.last?.header('Event'), 'message-summary;id=17');
});

t.test('C100 refresh and un-SUBSCRIBE: the last NOTIFY says terminated', async (t) => {
  const { bob, phone } = await subscribed();
  await chain.admin('clock.advance', { seconds: 100 });
  const again = await phone.subscribe(900);
  t.same([again.status, again.header('Expires')], [200, '900']);
  await heard(phone, 2);
  t.equal(phone.state, 'active;expires=900');
  const over = await phone.subscribe(0);
  t.same([over.status, over.header('Expires')], [200, '0']);
  await heard(phone, 3);
  t.equal(phone.state, 'terminated;reason=timeout');
  t.equal((await phone.subscribe(600)).status, 481, 'that dialog is over');
  const alice = await chain.alice();
  await store(chain, alice, bob);
  await bob.register();
  await chain.waitUntil('the MESSAGE', () => noticesTo(bob).length === 1);
  t.equal(phone.heard.length, 3);
});

t.test('C100 a fetch is one NOTIFY, and no subscription', async (t) => {
  const bob = await chain.bob();
  const phone = new Subscriber(bob);
  t.equal((await phone.subscribe(0, 'sip:deferred@example.org')).status, 200);
  await heard(phone, 1);
  t.equal(phone.state, 'terminated;reason=timeout');
});

t.test('C100 a subscription nobody renews ends with its time, and says so', async (t) => {
  const { bob, phone } = await subscribed();
  await chain.admin('clock.advance', { seconds: 601 });
  await heard(phone, 2);
  t.equal(phone.state, 'terminated;reason=timeout');
  await store(chain, await chain.alice(), bob);
  await bob.register();
  await chain.waitUntil('the MESSAGE', () => noticesTo(bob).length === 1);
});

t.test('C101 another package 489, too short 423, another owner 403, no dialog 481', async (t) => {
  const [bob, mallory] = [await chain.bob(), await chain.bob()];
  const other = await new Subscriber(bob, { Event: 'presence' }).subscribe();
  t.same([other.status, other.header('Allow-Events')], [489, 'message-summary']);
  const brief = await new Subscriber(bob).subscribe(30);
  t.same([brief.status, brief.header('Min-Expires')], [423, '60']);
  const media = await new Subscriber(bob, { Accept: 'text/html' }).subscribe();
  t.equal(media.status, 406);
  const foreign = await new Subscriber(mallory).subscribe(600, bob.uri);
  t.equal(foreign.status, 403, 'a mailbox is watched by its owner alone');
  const lost = new Subscriber(bob);
  lost.to += ';tag=nobody';
  t.equal((await lost.subscribe()).status, 481);
  const { phone } = await subscribed();
  const stolen = new Subscriber(mallory);
  Object.assign(stolen, { to: phone.to, callId: phone.callId, tag: phone.tag });
  t.equal((await stolen.subscribe(0, 'sip:deferred@example.org')).status, 481);
  t.equal((await phone.subscribe()).status, 200, 'it lives on');
});

t.test(
  'C102 a NOTIFY answered 481 ends its subscription; the notice comes by MESSAGE',
  async (t) => {
    const { bob, phone } = await subscribed();
    phone.answer = 481;
    await store(chain, await chain.alice(), bob);
    await heard(phone, 2);
    await bob.register();
    await chain.waitUntil('the MESSAGE', () => noticesTo(bob).length === 1);
    t.equal(phone.heard.length, 2);
    t.equal((await phone.subscribe()).status, 481);
  },
);

t.test(
  'C102 a phone that answers nothing loses its subscription; he is told by MESSAGE',
  async (t) => {
    const { bob, phone } = await subscribed();
    phone.answer = null;
    await store(chain, await chain.alice(), bob);
    await bob.register();
    await chain.waitUntil('the MESSAGE', () => noticesTo(bob).length === 1);
    t.equal((await phone.subscribe()).status, 481);
  },
);

t.test('C103 a subscription survives kill -9 of the engine, and its time goes on', async (t) => {
  const { bob, phone } = await subscribed();
  await chain.killEngine();
  await chain.startEngine();
  await chain.serving();
  await store(chain, await chain.alice(), bob);
  await heard(phone, 2);
  t.match(phone.state, /^active;expires=\d+$/);
  t.equal(phone.last?.header('CSeq'), '2 NOTIFY');
  await chain.admin('clock.advance', { seconds: 601 });
  await heard(phone, 3);
  t.equal(phone.state, 'terminated;reason=timeout');
});

t.test('C61 two phones of one user are both told; a repeated SUBSCRIBE is one', async (t) => {
  const { bob, phone } = await subscribed();
  const tablet = await chain.agent(bob.user);
  const other = new Subscriber(tablet);
  t.equal((await other.subscribe(600, 'sip:deferred@example.org')).status, 200);
  await heard(other, 1);
  // The answer was lost: the same once more, in another transaction, is the same dialog.
  const twice = new Subscriber(tablet);
  Object.assign(twice, { callId: other.callId, tag: other.tag, cseq: other.cseq });
  const again = await twice.subscribe(600, 'sip:deferred@example.org');
  t.equal(again.header('To'), other.to);
  await store(chain, await chain.alice(), bob);
  await heard(phone, 2);
  await chain.waitUntil('the other phone', () => /Lunch/.test(twice.last?.body.toString() ?? ''));
  t.match(phone.last?.body.toString(), 'Lunch');
});

t.test('C61 a phone behind TCP is told over the connection it opened', async (t) => {
  const bob = await chain.bob({ transport: 'tcp' });
  await bob.register();
  const phone = new Subscriber(bob);
  t.equal((await phone.subscribe()).status, 200);
  await heard(phone, 1);
  t.equal(phone.last?.transport, 'tcp');
});

t.test('C61 a subscriber behind a proxy of its own is reached through it', async (t) => {
  const [bob, edge] = [await chain.bob(), await chain.bob()];
  const passed: SipRequest[] = [];
  edge.onOther = (request, reply) => {
    passed.push(request);
    reply(200);
  };
  const route = `<sip:127.0.0.1:${edge.port};lr>`;
  const phone = new Subscriber(bob, { 'Record-Route': route });
  const answer = await phone.subscribe();
  t.equal(answer.header('Record-Route'), route);
  await chain.waitUntil('the NOTIFY', () => passed.length > 0);
  t.equal(passed[0]?.uri, bob.contact);
  t.equal(passed[0]?.header('Route'), route);
});
