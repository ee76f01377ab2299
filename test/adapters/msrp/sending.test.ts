// Whom a push speaks to: the peer that was called, and nobody who names its session besides.
import t from 'tap';
import type { Connection } from '../../../adapters/msrp/connection.js';
import { readPath } from '../../../adapters/msrp/fields.js';
import type { RequestHead } from '../../../adapters/msrp/frame.js';
import { Sending } from '../../../adapters/msrp/sending.js';

const own = 'msrp://im.example.org:7777/here;tcp';
const phone = 'msrp://192.0.2.7:9000/phone;tcp';
const other = 'msrp://192.0.2.9:9000/other;tcp';

function push() {
  const ended: string[] = [];
  const sending = new Sending(
    own,
    { content: Buffer.from('hello'), contentType: 'text/plain', expiresSeconds: null },
    {
      delivered: () => ended.push('delivered'),
      refused: (status) => ended.push(`${status}`),
      lost: () => ended.push('lost'),
      random: () => 'r4nd0m',
    },
  );
  return { sending, ended };
}

function connection() {
  const said: string[] = [];
  const via = {
    ...{ alive: true, bind: () => {}, unbind: () => {} },
    send: (octets: Uint8Array) => void said.push(Buffer.from(octets).toString('latin1')),
  } as unknown as Connection;
  return { said, via };
}

const names = (from: string, more: RequestHead['headers'] = []): RequestHead => ({
  kind: 'request',
  transactionId: 'tr1',
  method: 'SEND',
  headers: [['To-Path', own], ['From-Path', from], ['Message-ID', 'm1m1'], ...more],
});

const speak = (sending: Sending, head: RequestHead, via: Connection) =>
  sending.request(head, via).end('$');

t.test(
  'the peer that was called is sent to, whoever else names its session hears 481',
  async (t) => {
    const { sending, ended } = push();
    sending.answered(readPath(phone)!);
    const [stranger, called] = [connection(), connection()];
    speak(sending, names(other), stranger.via);
    t.equal(stranger.said.length, 1);
    t.match(stranger.said[0], /^MSRP tr1 481/);
    speak(sending, names(phone), called.via);
    t.match(called.said, [/^MSRP tr1 200/, /^MSRP r4nd0m SEND.*hello/s]);
    t.same(ended, []);
  },
);

t.test('who connects before the answer over SIP must be the one it names', async (t) => {
  for (const [from, isPeer] of [
    [phone, true],
    [other, false],
  ] as const) {
    const { sending, ended } = push();
    const early = connection();
    speak(sending, names(from), early.via);
    t.equal(early.said.length, 1, 'nothing is sent before the answer');
    sending.answered(readPath(phone)!);
    t.equal(early.said.length, isPeer ? 2 : 1);
    t.same(ended, isPeer ? [] : ['lost']);
  }
});

t.test('content is not taken: it would be lost', async (t) => {
  const { sending } = push();
  sending.answered(readPath(phone)!);
  const { said, via } = connection();
  speak(sending, names(phone, [['Content-Type', 'text/plain']]), via);
  t.match(said, [/^MSRP tr1 403/]);
});

t.test('a connection that is not its own ends nothing when it goes', async (t) => {
  const { sending, ended } = push();
  sending.answered(readPath(phone)!);
  const [called, stranger] = [connection(), connection()];
  speak(sending, names(phone), called.via);
  speak(sending, names(phone), stranger.via);
  sending.lost(stranger.via);
  t.same(ended, []);
  sending.lost(called.via);
  t.same(ended, ['lost']);
});
