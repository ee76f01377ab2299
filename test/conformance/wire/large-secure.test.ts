// Large messages over TLS (msrps): the offer names the certificate of the sender by its fingerprint, the answer names
// ours; a peer that shows another one, or none, or comes without TLS, brings nothing.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import type { SipAgent } from '../../../adapters/cli/stage/sip-agent.js';
import { writeFingerprint } from '../../../adapters/msrp/fingerprint.js';
import { MsrpHub } from '../../../adapters/msrp/index.js';
import { hostClock, hostEntropy } from '../../../runtime/index.js';
import { type Certificate, selfSigned } from '../../support/certificate.js';
import { MsrpPeer, messageSdp, pathIn } from '../../support/msrp-peer.js';
import { type CallMade, invite } from '../../support/session-agent.js';
import { heard, largeLetter, refusal, startLargeChain } from './large-parts.js';

const ours = selfSigned('store.example.org');
const folder = t.testdir({});
const [certFile, keyFile] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
writeFileSync(certFile!, ours.cert);
writeFileSync(keyFile!, ours.key);
const chain = await startLargeChain({
  settings: {
    ...{ 'msrp.tls.certFile': certFile!, 'msrp.tls.keyFile': keyFile!, 'msrp.tls.port': '0' },
  },
});
t.teardown(() => chain.stop());

const secureSdp = (path: string, fingerprint: string) =>
  messageSdp(path, ['a=sendonly', `a=fingerprint:${fingerprint}`]).replace(
    'TCP/MSRP',
    'TCP/TLS/MSRP',
  );

const mine = selfSigned('alice');

/** Calls Bob with an offer of msrps that announces a certificate. */
async function called(
  from: SipAgent,
  to: SipAgent,
  announced: Certificate,
): Promise<CallMade & { path: string }> {
  const path = MsrpPeer.newPath(9).replace('msrp:', 'msrps:');
  const made = await invite(from, to.uri, secureSdp(path, writeFingerprint(announced.der)));
  if (!('bye' in made)) throw new Error(`no session: ${made.status}`);
  return { ...made, path };
}

/** Connects by TLS and shows a certificate, or none. */
async function connected(
  call: { sdp: string; path: string },
  shown: Certificate | null,
): Promise<MsrpPeer> {
  const theirs = pathIn(call.sdp);
  const place = new URL(theirs.replace('msrps:', 'http:'));
  const socket = tls.connect({
    ...{ host: place.hostname, port: Number(place.port), rejectUnauthorized: false },
    ...(shown === null ? {} : { cert: shown.cert, key: shown.key }),
  });
  await once(socket, 'secureConnect');
  return MsrpPeer.over(socket, call.path, theirs);
}

t.test('C08 a large message over TLS is stored like any other', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const call = await called(alice, bob, mine);
  t.match(call.sdp, /^m=message [0-9]+ TCP\/TLS\/MSRP \*\r$/m);
  t.match(call.sdp, `a=fingerprint:${writeFingerprint(ours.der)}\r\n`);
  t.match(pathIn(call.sdp), /^msrps:/);
  const peer = await connected(call, mine);
  t.ok((peer.socket as tls.TLSSocket).getPeerCertificate().raw.equals(ours.der));
  const sent = largeLetter(alice, bob, 50_000);
  const ids = peer.sendAll('overtls', sent.body, 10_000);
  t.equal(await heard(chain, peer, ids.at(-1)!), '200 OK');
  await call.bye();
  peer.close();
  t.equal((await chain.mailbox(bob)).length, 1);
});

t.test('another certificate than the announced one, or none, hears 481', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  for (const shown of [selfSigned('alice'), null]) {
    const call = await called(alice, bob, mine);
    const peer = await connected(call, shown);
    const id = peer.send({ messageId: 'stranger', range: '1-5/5', body: 'Lunch' });
    t.match(await heard(chain, peer, id), /^481 /);
    peer.close();
    await call.bye();
  }
  t.same(await chain.mailbox(bob), []);
});

t.test('a session of TLS takes nothing without it', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const call = await called(alice, bob, mine);
  const plain = await invite(
    alice,
    (await chain.bob()).uri,
    messageSdp(MsrpPeer.newPath(9), ['a=sendonly']),
  );
  if (!('bye' in plain)) throw new Error('no plain session');
  const session = /\/([0-9a-f]+);/.exec(pathIn(call.sdp))![1]!;
  const peer = await MsrpPeer.connect(call.path, pathIn(plain.sdp));
  peer.peerPath = pathIn(plain.sdp).replace(/\/[0-9a-f]+;/, `/${session};`);
  const id = peer.send({ messageId: 'withouttls', range: '1-5/5', body: 'Lunch' });
  t.match(await heard(chain, peer, id), /^481 /);
  peer.close();
  for (const one of [call, plain]) await one.bye();
  t.same(await chain.mailbox(bob), []);
});

t.test('an offer of TLS whose fingerprint cannot be read is refused by 488', async (t) => {
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const path = MsrpPeer.newPath(9).replace('msrp:', 'msrps:');
  for (const sdp of [
    secureSdp(path, 'md5 00:11'),
    secureSdp(path, 'sha-256 nonsense'),
    messageSdp(path, ['a=sendonly']),
    messageSdp(path.replace('msrps:', 'msrp:'), ['a=sendonly']).replace('TCP/MSRP', 'TCP/TLS/MSRP'),
  ])
    t.equal((await refusal(alice, bob.uri, sdp)).status, 488);
});

t.test('who never ends his handshake keeps no door open', async (t) => {
  const hub = await MsrpHub.listen({
    ...{ address: '127.0.0.1', host: '127.0.0.1', port: 0, clock: hostClock, entropy: hostEntropy },
    secure: { port: 0, cert: ours.cert, key: ours.key },
  });
  const socket = net.connect(hub.newPath(true).port, '127.0.0.1');
  await once(socket, 'connect');
  const gone = once(socket, 'close');
  await hub.close();
  await gone;
  t.ok(socket.destroyed);
});
