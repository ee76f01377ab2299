// Phones of other stacks on both sides of a deferred message: Linphone asks for a report and reads ours, Linphone and
// baresip take what was stored for them. What each phone made of it is read in its own log, never taken from our side
// alone.
import t from 'tap';
import { correlate } from '../../adapters/compose.js';
import { failed, type Letter, letter, messagesTo, reported } from '../conformance/wire/letters.js';
import { sentinel } from '../conformance/wire/steps.js';
import { startChain, users } from '../support/chain.js';
import { startBaresip } from './baresip.js';
import { startLinphone } from './linphone.js';
import type { Phone } from './program.js';

const chain = await startChain();
t.teardown(() => chain.stop());

const secretOf = (user: string): string => users[user] ?? '';
const uriOf = (user: string): string => `sip:${user}@example.org`;

async function linphone(user: string): Promise<Phone> {
  const phone = await startLinphone(user, secretOf(user), chain.kamailio.port);
  t.teardown(() => phone.stop());
  return phone;
}

async function baresip(user: string, peer = uriOf('carol')) {
  const options = { proxyPort: chain.kamailio.port, peer };
  const phone = await startBaresip(user, secretOf(user), options);
  t.teardown(() => phone.stop());
  return phone;
}

/** The one message that waits for a user. */
async function waiting(user: string): Promise<string> {
  const [first] = await chain.waitUntil(`a message for ${user}`, async () => {
    const box = await chain.mailbox(uriOf(user));
    return box.length === 1 ? box : null;
  });
  return first!.deferredId;
}

t.test(
  'C21 C38 C87 Linphone asks in its own words, and takes our report for its message',
  async (t) => {
    const alice = await linphone('linphone1');
    const bob = await chain.bob();
    alice.say(`message ${bob.uri} Hello Bob from Linphone`);
    const id = await waiting(bob.user);
    const { message } = (await chain.admin('messages.show', { id })) as { message: Asked };
    t.same(message.cpim.dispositions, ['positive-delivery', 'negative-delivery', 'display']);
    t.equal(message.reportException, null);
    await alice.shows('has its 202', (told) => told.includes('InProgress to Delivered'));
    await chain.admin('messages.expire', { id });
    await chain.reaches(id, 'reported');
    await alice.shows('reads the report', (told) => told.includes('Delivered to NotDelivered'));
    t.match(alice.told(), `<message-id>${message.cpim.imdnMessageId}</message-id>`);
  },
);

interface Asked {
  readonly reportException: string | null;
  readonly cpim: { readonly imdnMessageId: string; readonly dispositions: readonly string[] };
}

/**
 * Linphone takes CPIM only when its From is that of SIP to the letter, so that no display name may stand in one alone.
 */
const withoutNames = (sent: Letter): Letter => ({
  ...sent,
  body: sent.body.replace('From: Alice <', 'From: <').replace('To: Bob <', 'To: <'),
});

t.test(
  'C52 C59 C87 Linphone takes a deferred message, and its own IMDN reaches the sender',
  async (t) => {
    const alice = await chain.alice();
    const to = { user: 'linphone2', uri: uriOf('linphone2') };
    const asks = 'positive-delivery, negative-delivery';
    const sent = withoutNames(letter(alice, to, { asks, text: 'stored for Linphone' }));
    t.equal((await alice.message(sent)).status, 202);
    const id = await waiting(to.user);
    const bob = await linphone(to.user);
    await chain.reaches(id, 'delivered');
    await bob.shows('takes it', (told) => told.includes('[CPIM] Sender authentication successful'));
    t.match(bob.told(), 'stored for Linphone');
    const [theirs] = await chain.waitUntil('the IMDN of Linphone', () =>
      alice.received.length > 0 ? alice.received : null,
    );
    // Linphone compresses it.
    t.equal(theirs?.header('Content-Encoding'), 'deflate');
    const { match } = correlate(theirs!.octets, [sent]);
    t.match(match, { imdnMessageId: sent.imdnMessageId, sentTo: to.uri, status: 'delivered' });
    const last = await sentinel(chain, alice);
    t.same(reported(alice, [sent, last]), failed(last), 'ours tells of no delivery');
  },
);

t.test(
  'C01 C58 C87 baresip writes to a baresip that is away, which takes it when it is back',
  async (t) => {
    const alice = await baresip('baresip1', uriOf('baresip2'));
    await alice.message('first from baresip');
    const id = await waiting('baresip2');
    await alice.shows('has its 202', (told) => told.includes('SIP/2.0 202 Accepted'));
    await alice.message('second from baresip');
    await chain.waitUntil('two', async () => (await chain.mailbox(uriOf('baresip2'))).length === 2);
    const bob = await baresip('baresip2');
    await chain.reaches(id, 'delivered');
    await bob.shows('has both', (told) => told.includes('second from baresip'));
    const told = bob.told();
    t.ok(told.indexOf('first from baresip') < told.indexOf('second from baresip'), 'in order');
    t.match(told, `From: <${alice.uri}>;tag=`);
    t.same(await chain.mailbox(bob.uri), []);
  },
);

t.test(
  'C54 C87 a phone that cannot read the type keeps the message waiting, and its sender hears',
  async (t) => {
    const alice = await linphone('linphone3');
    alice.say(`message ${uriOf('baresip3')} CPIM for baresip`);
    const id = await waiting('baresip3');
    const bob = await baresip('baresip3');
    await bob.shows('refuses the type', (told) => told.includes('SIP/2.0 415 '));
    await chain.reaches(id, 'stored');
    t.equal((await chain.mailbox(bob.uri)).length, 1);
    await chain.admin('messages.expire', { id });
    await alice.shows('reads the report', (told) => told.includes('Delivered to NotDelivered'));
  },
);

t.test('a phone of ours hears Linphone as any other', async (t) => {
  const alice = await linphone('linphone1');
  const bob = await chain.bob();
  await bob.register();
  alice.say(`message ${bob.uri} live from Linphone`);
  await chain.waitUntil('the message', () => messagesTo(bob).length > 0);
  t.match(messagesTo(bob)[0]!.body.toString(), 'live from Linphone');
  t.same(await chain.mailbox(bob), [], 'nothing is stored');
});
