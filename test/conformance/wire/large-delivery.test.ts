// Conformance rows of spec chapter 14 about large messages on their way out: a device that takes them comes back, and is
// called; the MSRP session carries the message, and its answers are the delivery.
import t from 'tap';
import { bring, LargePhone, largeLetter, largeTag, startLargeChain } from './large-parts.js';
import { failed, reported } from './letters.js';
import { store } from './steps.js';

const chain = await startLargeChain();
t.teardown(() => chain.stop());

for (const setup of ['none', 'active', 'early'] as const) {
  t.test(`spec 3.3 large message is delivered by INVITE, MSRP, BYE: setup ${setup}`, async (t) => {
    const [alice, bob] = [await chain.alice(), await chain.bob()];
    const sent = largeLetter(alice, bob, 100_000);
    const date = 'Tue, 01 Aug 2006 10:00:00 GMT';
    const headers = { Subject: 'Plans', Date: date };
    const id = await bring(chain, alice, bob, sent, { headers });
    const phone = new LargePhone(t, bob, setup);
    await bob.register(600, largeTag);
    await chain.reaches(id, 'delivered');
    t.equal(phone.content(), sent.body, 'octet for octet');
    const call = phone.calls[0]!;
    t.equal(call.invite.header('subject'), 'Plans');
    t.equal(call.invite.header('date'), date);
    t.match(call.invite.header('from'), alice.uri);
    t.equal(call.invite.header('p-asserted-identity'), `<${alice.uri}>`);
    t.notOk(call.invite.header('x-im-leg'), 'no token reaches a phone');
    t.notOk(call.invite.header('expires'));
    await chain.waitUntil('the BYE', () => call.bye !== null);
    t.ok(call.acknowledged);
    t.notOk(call.bye?.header('x-im-leg'));
    t.same(await chain.mailbox(bob), []);
    t.same(reported(alice, [sent]), []);
  });
}

t.test('C65 large message waits for a capable device', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const id = await bring(chain, alice, bob, largeLetter(alice, bob, 3000));
  const small = await store(chain, alice, bob);
  const phone = new LargePhone(t, bob, 'none');
  await bob.register(600, ';+g.oma.sip-im');
  await chain.reaches(small, 'delivered');
  t.equal(phone.calls.length, 0);
  t.equal((await chain.life(id)).state, 'stored');
  await bob.register(600, largeTag);
  await chain.reaches(id, 'delivered');
  t.equal(phone.calls.length, 1);
});

t.test('C28 broken retrieval is no retrieval', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const sent = largeLetter(alice, bob, 200_000);
  const id = await bring(chain, alice, bob, sent);
  let chunks = 0;
  const phone = new LargePhone(t, bob, 'none', (peer) => {
    peer.onRequest = (frame) => {
      chunks += 1;
      if (chunks === 3) peer.close();
      else peer.respond(frame, '200 OK');
    };
  });
  await bob.register(600, largeTag);
  await chain.waitUntil('the session broke', async () => {
    const { trail, state } = await chain.life(id);
    return state === 'stored' && trail.some((one) => one.event === 'delivery.answered');
  });
  t.ok(phone.peers.length > 0);
  const { results } = await chain.ask<{ results: object[] }>('delete', {
    asserted: bob.uri,
    ids: [id],
  });
  t.match(results, [{ id, status: 200 }]);
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [sent]), failed(sent));
});
