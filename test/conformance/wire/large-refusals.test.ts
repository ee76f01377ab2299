// C55 for large messages: whatever a session is refused by, at its INVITE or at its last SEND, nothing is stored and no
// report ever follows. The store of this chain takes one message of each sender, and CPIM alone.
import t, { type Test } from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { MsrpPeer, messageSdp } from '../../support/msrp-peer.js';
import { bring, heard, largeLetter, openSession, refusal, startLargeChain } from './large-parts.js';
import { failed, reported } from './letters.js';

const chain = await startLargeChain({
  settings: {
    'quota.pairMessages': '1',
    'storage.mediaTypes': 'message/cpim',
    'msrp.messageOctets': '20000',
  },
});
t.teardown(() => chain.stop());

const called = async (alice: SipAgent, to: string) =>
  (await refusal(alice, to, messageSdp(MsrpPeer.newPath(9), ['a=sendonly']))).status;

/** Nothing of hers waits for him, and none but the last one, which shows that all before is over, was reported. */
async function neverReported(t: Pick<Test, 'same'>, alice: SipAgent, bob: SipAgent) {
  t.same(await chain.mailbox(bob), []);
  const other = await chain.bob();
  const last = largeLetter(alice, other, 2000);
  const id = await bring(chain, alice, other, last);
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [last]), failed(last));
  t.same(alice.received.length, 1);
}

t.test('C55 a call refused by 404 or 403 is never reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  t.equal(await called(alice, 'sip:nobody@example.org'), 404);
  const rules = [{ from: alice.uri, action: 'block' }];
  await chain.ask('preferences', { asserted: bob.uri, set: { rules } });
  t.equal(await called(alice, bob.uri), 403);
  await neverReported(t, alice, bob);
});

t.test('C55 a call refused by 480 as deferral is off is never reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  await chain.ask('preferences', { asserted: bob.uri, set: { deferral: 'off' } });
  t.equal(await called(alice, bob.uri), 480);
  await neverReported(t, alice, bob);
});

t.test('C55 C71 a call refused by 480 as the quota is reached is never reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const kept = largeLetter(alice, bob, 2000);
  const id = await bring(chain, alice, bob, kept);
  t.equal(await called(alice, bob.uri), 480);
  t.same(
    (await chain.mailbox(bob)).map(({ deferredId }) => deferredId),
    [id],
  );
  await chain.admin('messages.expire', { id });
  await chain.reaches(id, 'reported');
  t.same(reported(alice, [kept]), failed(kept), 'the one that was kept, alone');
});

t.test('C55 a message refused at its last SEND is never reported', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const first = await openSession(alice, bob);
  const plain = first.peer.send({
    messageId: 'plaintext',
    range: '1-5/5',
    body: 'Lunch',
    contentType: 'text/plain',
  });
  t.match(await heard(chain, first.peer, plain), /^415 /);
  await first.call.bye();
  const second = await openSession(alice, bob);
  const large = largeLetter(alice, bob, 30_000);
  const ids = second.peer.sendAll('toolarge', large.body, 50_000);
  t.match(await heard(chain, second.peer, ids.at(-1)!), /^413 /);
  await second.call.bye();
  await neverReported(t, alice, bob);
});
