// A peer behind a relay (RFC 4976) has several URIs in its path, the nearest to us first. Both sides of a session keep
// them in order, over real sockets: an answer goes one hop back, a REPORT and every SEND of ours name the whole way.
import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { Budget } from '../../../adapters/msrp/assembly.js';
import { type MsrpUri, readPath } from '../../../adapters/msrp/fields.js';
import { MsrpHub } from '../../../adapters/msrp/hub.js';
import { Receiving } from '../../../adapters/msrp/receiving.js';
import { Sending } from '../../../adapters/msrp/sending.js';
import { hostClock, hostEntropy } from '../../../runtime/index.js';
import { type Frame, MsrpPeer } from '../../support/msrp-peer.js';

const peer = 'msrp://192.0.2.7:9000/peer1;tcp';
const pathOf = (text: string): readonly MsrpUri[] => readPath(text)!;

async function hubFor(t: Test): Promise<MsrpHub> {
  const hub = await MsrpHub.listen({
    ...{ address: '127.0.0.1', host: '127.0.0.1', port: 0 },
    ...{ clock: hostClock, entropy: hostEntropy },
  });
  t.teardown(() => hub.close());
  return hub;
}

/** Waits for what a relay hears. */
async function heard(relay: MsrpPeer, which: (frame: Frame) => boolean): Promise<Frame> {
  for (;;) {
    const found = relay.frames.find(which);
    if (found !== undefined) return found;
    await once(relay.socket, 'data');
  }
}

t.test(
  'a message over a relay: its answer goes one hop back, its REPORT the whole way',
  async (t) => {
    const hub = await hubFor(t);
    const { path, sessionId } = hub.newPath();
    const whole = `msrp://127.0.0.1:1/relay1;tcp ${peer}`;
    const receiving = new Receiving(
      path,
      { uri: pathOf(whole).at(-1)!, secure: false, fingerprint: null },
      1000,
      new Budget(10_000),
      {
        complete: async () => ({ status: 200, comment: 'OK' }),
        lost: () => undefined,
        random: () => hub.random(),
      },
    );
    hub.add(sessionId, receiving);
    const relay = await MsrpPeer.connect(whole, path);
    t.teardown(() => relay.close());
    const headers = { 'Success-Report': 'yes' };
    const id = relay.send({ messageId: 'overrelay', range: '1-5/5', body: 'Lunch', headers });
    const answer = await heard(relay, (one) => one.transactionId === id);
    t.equal(answer.what, '200 OK');
    t.equal(answer.headers['To-Path'], 'msrp://127.0.0.1:1/relay1;tcp');
    const report = await heard(relay, (one) => one.what === 'REPORT');
    t.equal(report.headers['To-Path'], whole);
    t.equal(report.headers['From-Path'], path);
    const stranger = await MsrpPeer.connect(`msrp://127.0.0.1:1/relay1;tcp ${peer}x`, path);
    t.teardown(() => stranger.close());
    const other = stranger.send({ messageId: 'stranger', range: '1-1/1', body: 'x' });
    t.match((await heard(stranger, (one) => one.transactionId === other)).what, /^506|481/);
  },
);

t.test(
  'our own message over a relay: we connect to the nearest, and name the whole way',
  async (t) => {
    const hub = await hubFor(t);
    const { path, sessionId } = hub.newPath();
    const listener = await MsrpPeer.listen();
    t.teardown(() => listener.close());
    const nearest = `msrp://127.0.0.1:${listener.port}/relay1;tcp`;
    const whole = `${nearest} msrp://127.0.0.1:1/relay2;tcp ${peer}`;
    const ended = new Promise<string>((resolve) => {
      const sendable = {
        content: Buffer.from('x'.repeat(40_000)),
        ...{ contentType: 'text/plain', expiresSeconds: null },
      };
      const sending = new Sending(path, sendable, {
        delivered: () => resolve('delivered'),
        refused: (status) => resolve(`refused ${status}`),
        lost: () => resolve('lost'),
        random: () => hub.random(),
      });
      hub.add(sessionId, sending);
      sending.answered(pathOf(whole));
      sending.begin(hub.connect(pathOf(whole)[0]!, sending)!);
    });
    const relay = await listener.accept(nearest, path);
    t.equal(await ended, 'delivered');
    const chunks = relay.frames.filter(({ what }) => what === 'SEND');
    t.equal(chunks.length, 3);
    for (const chunk of chunks) t.equal(chunk.headers['To-Path'], whole);
    t.equal(net.isIP(pathOf(whole)[0]!.host), 4);
  },
);

t.test('a path of more relays than any has is none', async (t) => {
  t.equal(readPath(Array(9).fill(peer).join(' ')), null);
  t.equal(readPath(Array(8).fill(peer).join(' '))?.length, 8);
});
