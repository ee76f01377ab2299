// The door for MSRP: who may come in, and where it goes by what it listens on.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import type { Session } from '../../../adapters/msrp/connection.js';
import { msrpUri } from '../../../adapters/msrp/fields.js';
import { MsrpHub } from '../../../adapters/msrp/hub.js';
import { msrpLimits } from '../../../adapters/msrp/limits.js';
import { hostClock, hostEntropy } from '../../../runtime/index.js';
import { selfSigned } from '../../support/certificate.js';
import { MsrpPeer } from '../../support/msrp-peer.js';

const ours = selfSigned('deferred-im');

async function hubAt(t: Test, address: string): Promise<MsrpHub> {
  const hub = await MsrpHub.listen({
    secure: { port: 0, cert: ours.cert, key: ours.key },
    ...{ address, host: '127.0.0.1', port: 0 },
    ...{ clock: hostClock, entropy: hostEntropy },
  });
  t.teardown(() => hub.close());
  return hub;
}

const phonePath = 'msrp://127.0.0.1:9/phone;tcp';
const nowhere = 'msrp://127.0.0.1:9/nowhere;tcp';

/** Somebody who connects from an address of his own. */
async function comeFrom(t: Test, hub: MsrpHub, localAddress: string): Promise<MsrpPeer> {
  const socket = net.connect({ port: hub.port, host: '127.0.0.1', localAddress });
  const peer = MsrpPeer.over(socket, phonePath, nowhere);
  t.teardown(() => peer.close());
  await once(socket, 'connect');
  return peer;
}

/** The same, over TLS. */
async function comeSecurely(t: Test, hub: MsrpHub, localAddress: string): Promise<MsrpPeer> {
  const { port } = hub.newPath(true);
  const socket = tls.connect({
    socket: net.connect({ port, host: '127.0.0.1', localAddress }),
    rejectUnauthorized: false,
  });
  const peer = MsrpPeer.over(socket, phonePath, nowhere);
  t.teardown(() => peer.close());
  // Shut out, it has an error in place of it.
  await once(socket, 'secureConnect').catch(() => null);
  return peer;
}

/** What a session that nobody has is answered; null when the door is shut. */
async function answered(peer: MsrpPeer): Promise<string | null> {
  const id = peer.send({ messageId: 'm1m1', range: '1-1/1', body: 'x' });
  while (peer.answerTo(id) === null && !peer.closed)
    await Promise.race([once(peer.socket, 'data'), once(peer.socket, 'close')]);
  return peer.answerTo(id);
}

function sessionAt(path: string): Session {
  const session: Session = {
    path,
    request: (_head, via) => {
      via.bind(session);
      return { body: () => {}, end: () => {} };
    },
    response: () => {},
    lost: () => {},
  };
  return session;
}

t.test('X17 a host that opens connections and says nothing keeps nobody else out', async (t) => {
  const hub = await hubAt(t, '127.0.0.1');
  const first = await comeFrom(t, hub, '127.0.0.2');
  for (let one = 1; one < msrpLimits.newcomersPerHostMax; one += 1)
    await comeFrom(t, hub, '127.0.0.2');
  t.equal(await answered(await comeFrom(t, hub, '127.0.0.2')), null, 'it has its share');
  t.match(await answered(await comeFrom(t, hub, '127.0.0.1')), '481');
  const { path, sessionId } = hub.newPath();
  hub.add(sessionId, sessionAt(path));
  first.peerPath = path;
  first.send({ messageId: 'm1m1', range: '1-1/1', body: 'x' });
  first.peerPath = nowhere;
  t.match(await answered(first), '481', 'it has named its session before');
  t.match(await answered(await comeFrom(t, hub, '127.0.0.2')), '481', 'and counts no more');
});

t.test('X17 the same over TLS: a handshake is no session', async (t) => {
  const hub = await hubAt(t, '127.0.0.1');
  const first = await comeSecurely(t, hub, '127.0.0.2');
  for (let one = 1; one < msrpLimits.newcomersPerHostMax; one += 1) {
    const silent = net.connect({ port: hub.newPath(true).port, localAddress: '127.0.0.2' });
    t.teardown(() => silent.destroy());
    await once(silent, 'connect');
  }
  t.equal(await answered(await comeSecurely(t, hub, '127.0.0.2')), null, 'it has its share');
  t.match(await answered(await comeSecurely(t, hub, '127.0.0.1')), '481');
  const { path, sessionId } = hub.newPath(true);
  hub.add(sessionId, sessionAt(path));
  first.peerPath = path;
  first.send({ messageId: 'm1m1', range: '1-1/1', body: 'x' });
  first.peerPath = nowhere;
  t.match(await answered(first), '481');
  t.match(await answered(await comeSecurely(t, hub, '127.0.0.2')), '481', 'one has been named');
});

t.test('X17 who listens at a name that is loopback has phones on loopback', async (t) => {
  const listener = await MsrpPeer.listen();
  t.teardown(() => listener.close());
  const phone = msrpUri(`msrp://127.0.0.1:${listener.port}/phone;tcp`)!;
  for (const [address, may] of [
    ['localhost', true],
    ['0.0.0.0', false],
  ] as const) {
    const hub = await hubAt(t, address);
    t.equal(hub.connect(phone, sessionAt('msrp://127.0.0.1:1/own;tcp')) !== null, may, address);
    t.equal(hub.counters.events.forbidden, may ? 0 : 1);
  }
});
