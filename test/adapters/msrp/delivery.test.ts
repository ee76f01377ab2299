// Pushes of large messages over a real MSRP connection, with a leg that says what the phone does: its BYE may come before
// the answers that it gave before.
import t, { type Test } from 'tap';
import { Delivery } from '../../../adapters/msrp/delivery.js';
import { MsrpHub } from '../../../adapters/msrp/hub.js';
import { msrpLimits } from '../../../adapters/msrp/limits.js';
import { type CallHooks, hostEntropy, type OutgoingDelivery } from '../../../runtime/index.js';
import { type Frame, MsrpPeer, messageSdp } from '../../support/msrp-peer.js';
import { SimulatedClock } from '../../support/world.js';

const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise(setImmediate);
};

interface Answering {
  readonly content?: string;
}

/** A push whose phone has been called, answered, and is connected to. */
async function pushUnderTest(t: Pick<Test, 'teardown'>, { content = 'hello' }: Answering = {}) {
  const clock = new SimulatedClock(0);
  const place = { address: '127.0.0.1', port: 0, host: '127.0.0.1' };
  const hub = await MsrpHub.listen({ ...place, clock, entropy: hostEntropy });
  const outcomes: number[] = [];
  const calls: CallHooks[] = [];
  const delivery = new Delivery({
    ...{ hub, clock },
    leg: {
      call: (_call, hooks) => {
        calls.push(hooks);
        return { end: () => {} };
      },
    },
    codec: {
      largeRequest: () => ({
        ...{ uri: 'sip:bob@example.org', contacts: ['sip:bob@127.0.0.1'], headers: '', cseq: 1 },
        ...{ content: Buffer.from(content), contentType: 'text/plain', expiresSeconds: null },
      }),
    } as never,
    proxyFor: () => ({ address: '127.0.0.1', port: 9 }),
    answered: (_id, _token, status) => outcomes.push(status),
    onFailure: (_where, cause) => {
      throw cause;
    },
  });
  const listener = await MsrpPeer.listen();
  const path = MsrpPeer.newPath(listener.port);
  delivery.send({ effectId: 'd-1-1', token: 'token', node: null, cseq: 1 } as OutgoingDelivery);
  const phone = calls[0]!;
  phone.accepted(Buffer.from(messageSdp(path)));
  const peer = await listener.accept(path, '');
  const got: Frame[] = [];
  peer.onRequest = (frame) => got.push(frame);
  t.teardown(async () => {
    peer.close();
    listener.close();
    delivery.close();
    await hub.close();
  });
  return { clock, delivery, got, outcomes, peer, phone };
}

t.test('a BYE that overtakes the last answer is no failure: it was delivered', async (t) => {
  const { got, outcomes, peer, phone } = await pushUnderTest(t);
  await until(() => got.length === 1);
  phone.hungUp();
  t.same(outcomes, [], 'the answer may be on its way');
  peer.respond(got[0]!, '200 OK');
  await until(() => outcomes.length > 0);
  t.same(outcomes, [200]);
});

t.test('answers that never come are not waited for long', async (t) => {
  const { clock, got, outcomes, phone } = await pushUnderTest(t);
  await until(() => got.length === 1);
  phone.hungUp();
  await clock.advance(msrpLimits.lastAnswersMsMax - 1);
  t.same(outcomes, []);
  await clock.advance(1);
  t.same(outcomes, [480], 'it stays, and is tried again');
});

t.test('a connection that closes without them ends the wait', async (t) => {
  const { got, outcomes, peer, phone } = await pushUnderTest(t);
  await until(() => got.length === 1);
  phone.hungUp();
  peer.close();
  await until(() => outcomes.length > 0);
  t.same(outcomes, [480]);
});

t.test('a BYE before everything was sent is a failure at once', async (t) => {
  const chunks = msrpLimits.chunksInFlightMax + 1;
  const content = 'x'.repeat(chunks * msrpLimits.chunkOctets);
  const { got, outcomes, phone } = await pushUnderTest(t, { content });
  await until(() => got.length === msrpLimits.chunksInFlightMax);
  phone.hungUp();
  t.same(outcomes, [480]);
});
