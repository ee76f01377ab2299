// A peer behind a relay (RFC 4976) has several URIs in its path, the nearest to us first. Both sides of a session keep
// them in order, over real sockets: an answer goes one hop back, a REPORT and every SEND of ours name the whole way. What a
// relay answered has not arrived: the phone behind it reports that.
import { once } from 'node:events';
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

const octets = 40_000;

/** A message of ours to a phone behind two relays; the nearest has answered every chunk 200. */
async function overRelays(t: Test) {
  const hub = await hubFor(t);
  const { path, sessionId } = hub.newPath();
  const listener = await MsrpPeer.listen();
  t.teardown(() => listener.close());
  const nearest = `msrp://127.0.0.1:${listener.port}/relay1;tcp`;
  const whole = `${nearest} msrp://127.0.0.1:1/relay2;tcp ${peer}`;
  const ended: string[] = [];
  const content = Buffer.from('x'.repeat(octets));
  const sending = new Sending(
    path,
    { content, contentType: 'text/plain', expiresSeconds: null },
    {
      delivered: () => void ended.push('delivered'),
      refused: (status) => void ended.push(`refused ${status}`),
      lost: () => void ended.push('lost'),
      random: () => hub.random(),
    },
  );
  hub.add(sessionId, sending);
  sending.answered(pathOf(whole));
  sending.begin(hub.connect(pathOf(whole)[0]!, sending)!);
  const relay = await listener.accept(nearest, path);
  await heard(relay, ({ flag, what }) => what === 'SEND' && flag === '$');
  const chunks = relay.frames.filter(({ what }) => what === 'SEND');
  const messageId = chunks[0]?.headers['Message-ID'] ?? '';
  let serial = 0;
  /** Something is reported, and has been heard. */
  const report = async (range: string, more: Readonly<Record<string, string>> = {}) => {
    serial += 1;
    const said = { 'From-Path': whole, 'Message-ID': messageId, Status: '000 200 OK', ...more };
    const lines = Object.entries(said).map(([name, value]) => `${name}: ${value}`);
    const id = `report${serial}`;
    relay.raw(
      [`MSRP ${id} REPORT`, `To-Path: ${path}`, ...lines, `Byte-Range: ${range}`].join('\r\n'),
    );
    relay.raw(`\r\n-------${id}$\r\n`);
    // What is asked behind it on the same connection is answered after it, while the session lives.
    const probe = relay.send({ messageId: 'probe', range: '1-1/1', body: 'x' });
    await Promise.race([
      heard(relay, ({ transactionId, what }) => transactionId === probe && what !== 'SEND'),
      relay.closed ? null : once(relay.socket, 'close'),
    ]);
  };
  return { ended, chunks, whole, nearest, report };
}

t.test('our own message over a relay names the whole way, and asks to be reported', async (t) => {
  const { chunks, whole } = await overRelays(t);
  t.equal(chunks.length, 3);
  for (const { headers } of chunks)
    t.match(headers, { 'To-Path': whole, 'Success-Report': 'yes', 'Byte-Range': /\/40000$/ });
});

t.test(
  'a relay that took it all has delivered nothing; its phone says what has arrived',
  async (t) => {
    const { ended, report } = await overRelays(t);
    await report('20001-40000/40000');
    await report('1-19999/40000');
    t.same(ended, [], 'an octet is missing');
    await report('1-40000/40000', { 'Message-ID': 'another' });
    await report('1-40000/40001');
    await report('1-*/40000');
    await report('1-40000/40000', { 'From-Path': 'msrp://127.0.0.1:1/relay2;tcp' });
    await report('1-40000/40000', { 'From-Path': 'msrp://192.0.2.66:1/stranger;tcp' });
    await report('1-40000/40000', { Status: '001 200 OK' });
    t.same(ended, [], 'none of these says it of this message, as its recipient');
    await report('19000-21000/40000');
    t.same(ended, ['delivered']);
  },
);

t.test('what a relay could not hand on is not delivered, whoever tells of it', async (t) => {
  for (const from of ['phone', 'relay', 'stranger'] as const) {
    const { ended, report, whole, nearest } = await overRelays(t);
    const stranger = 'msrp://192.0.2.66:1/stranger;tcp';
    const path = { phone: whole, relay: nearest, stranger }[from];
    await report('1-16384/40000', { 'From-Path': path, Status: '000 408 Timeout' });
    t.same(ended, from === 'stranger' ? [] : ['refused 408'], from);
  }
});

t.test('a path of more relays than any has is none', async (t) => {
  t.equal(readPath(Array(9).fill(peer).join(' ')), null);
  t.equal(readPath(Array(8).fill(peer).join(' '))?.length, 8);
});
