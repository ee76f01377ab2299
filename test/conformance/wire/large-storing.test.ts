// Conformance rows of spec chapter 14 about large messages on their way in: a real INVITE through Kamailio, a real
// MSRP session over TCP, and what the store keeps of it.
import t from 'tap';
import { heard, largeLetter, openSession, startLargeChain } from './large-parts.js';

const chain = await startLargeChain();
t.teardown(() => chain.stop());

t.test('C08 complete MSRP message is stored with its parts', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 5000);
  const date = 'Tue, 01 Aug 2006 10:00:00 GMT';
  const { call, peer } = await openSession(alice, bob, { Subject: 'Plans', Date: date });
  t.equal(call.answer.status, 200);
  const ids = peer.sendAll('msrpmessage1', sent.body, 1000);
  for (const id of ids) t.equal(await heard(chain, peer, id), '200 OK');
  const id = await chain.newest(bob);
  t.equal((await call.bye({ Reason: 'SIP;cause=200;text="Done"' })).status, 200);
  const life = await chain.waitUntil('the BYE is kept', async () => {
    const one = await chain.life(id);
    return one.bye === undefined ? false : one;
  });
  t.equal(life.message.kind, 'large');
  t.match(life.message.session?.invite, [
    ['From', new RegExp(alice.uri)],
    ['To', new RegExp(bob.uri)],
    ['P-Asserted-Identity', `<${alice.uri}>`],
    ['Subject', 'Plans'],
    ['Date', date],
  ]);
});
