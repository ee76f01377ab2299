// Conformance rows about what an operator's settings and a user's devices decide, on the wire: a full mailbox, devices
// without the tag, a type one phone cannot read, and content of which nothing may be told.
import t from 'tap';
import { correlate } from '../../../adapters/compose.js';
import { startChain } from '../../support/chain.js';
import {
  documentOf,
  failed,
  faultsOf,
  letter,
  messagesTo,
  reported,
  reportsTo,
} from './letters.js';
import { sentinel, store } from './steps.js';

const settings = { 'quota.mailboxMessages': '2', requireImTag: 'true' };
const chain = await startChain({ settings });
t.teardown(() => chain.stop());

const tag = ';+g.oma.sip-im';
const atOnce = { Expires: '0' };

t.test('C71 quota refusal is not reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const [first, second, third] = [1, 2, 3].map(() => letter(alice, bob));
  for (const one of [first!, second!]) t.equal((await alice.message(one)).status, 202);
  const refused = await alice.message(third!);
  t.equal(refused.status, 480);
  t.ok(Number(refused.header('Retry-After')) > 0);
  t.equal((await chain.mailbox(bob)).length, 2);
  for (const { deferredId } of await chain.mailbox(bob))
    await chain.admin('messages.expire', { id: deferredId });
  const last = await sentinel(chain, alice);
  const sent = [first!, second!, third!, last];
  t.same(reported(alice, sent).toSorted(), failed(first!, second!, last).toSorted());
});

t.test('C64 device without IM tag gets no push', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await store(chain, alice, bob);
  await bob.register();
  const tagged = await chain.agent(bob.user);
  await tagged.register(600, tag);
  await chain.reaches(id, 'delivered');
  const deliveries = (await chain.life(id)).trail.filter((step) => step.event.includes('answered'));
  t.equal(deliveries.length, 1, 'one push, when the device with the tag came');
});

t.test('C95 an unsuitable answer waits for another device', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  bob.onMessage = () => 415;
  const id = await store(chain, alice, bob);
  await bob.register(600, tag);
  await chain.reaches(id, 'stored');
  await chain.waitUntil('the refusal', () => messagesTo(bob).length === 1);
  await bob.register(600, tag);
  const other = await chain.agent(bob.user);
  await bob.unregister();
  await other.register(600, tag);
  await chain.reaches(id, 'delivered');
  t.equal(messagesTo(bob).length, 1, 'a refresh is no other device');
  t.equal(messagesTo(other).length, 1);
});

t.test('C49 C90 what is encrypted or cannot come back gets no report', async (t) => {
  const [alice, bob, carol] = [await chain.alice(), await chain.bob(), await chain.bob()];
  const content = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n...';
  const encrypted = letter(alice, bob, { content, headers: atOnce });
  const whole = {
    ...letter(alice, bob, { headers: atOnce }),
    contentType: 'application/pkcs7-mime; smime-type=enveloped-data',
    body: '0\u0080 whatever',
  };
  const blank = letter(alice, carol, { id: 'two words', headers: atOnce });
  const without = letter(alice, carol, { headers: atOnce });
  const body = without.body.replace(/imdn\.Message-ID: .*\r\n/, '');
  for (const one of [encrypted, whole, blank, { ...without, body }])
    t.equal((await alice.message(one)).status, 202);
  const last = await sentinel(chain, alice);
  t.same(reported(alice, [encrypted, whole, blank, without, last]), failed(last));
});

t.test('C89 C98 nothing breaks out of a report, and it fits into one MESSAGE', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = `<a>&"b'c]]>--${alice.user}`;
  const subject = `</subject><failed/>\\r\\nimdn.Message-ID: forged & ${'long '.repeat(300)}`;
  const sent = letter(alice, bob, { id, subject, headers: atOnce });
  t.equal((await alice.message(sent)).status, 202);
  await chain.waitUntil('the report', () => reportsTo(alice).length > 0);
  const [report] = reportsTo(alice);
  t.ok(report!.octets.length <= 1300, `${report!.octets.length} octets`);
  t.same(await faultsOf(documentOf(report!)), [], 'valid by the grammar');
  t.match(correlate(report!.octets, [sent]).match, { imdnMessageId: id, status: 'failed' });
  t.equal(report!.body.toString().split('imdn.Message-ID:').length, 2, 'one Message-ID, its own');
});
