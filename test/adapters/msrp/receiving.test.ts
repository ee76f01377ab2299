// What a session that ends in the middle of a chunk leaves behind: nothing.
import t from 'tap';
import { Budget } from '../../../adapters/msrp/assembly.js';
import type { Connection } from '../../../adapters/msrp/connection.js';
import { readPath } from '../../../adapters/msrp/fields.js';
import type { RequestHead } from '../../../adapters/msrp/frame.js';
import { type Received, Receiving } from '../../../adapters/msrp/receiving.js';

const sender = 'msrp://alice.example.org:7654/jshA7we;tcp';

const send: RequestHead = {
  kind: 'request',
  transactionId: 'tr1',
  method: 'SEND',
  headers: [
    ['To-Path', 'msrp://im.example.org:7777/here;tcp'],
    ['From-Path', sender],
    ['Message-ID', 'm1m1m1'],
    ['Byte-Range', '1-6/6'],
    ['Content-Type', 'text/plain'],
  ],
};

function session() {
  const budget = new Budget(1_000_000);
  const [stored, said]: [Received[], string[]] = [[], []];
  const peer = { uri: readPath(sender)!.at(-1)!, secure: false, fingerprint: null };
  const hooks = {
    complete: async (message: Received) => {
      stored.push(message);
      return { status: 200, comment: 'OK' };
    },
    lost: () => {},
    random: () => 'r',
  };
  const via = {
    ...{ secure: false, alive: true, bind: () => {}, unbind: () => {}, close: () => {} },
    send: (octets: Uint8Array) => void said.push(Buffer.from(octets).toString('latin1')),
  } as unknown as Connection;
  const receiving = new Receiving('msrp://im.example.org:7777/here;tcp', peer, 1000, budget, hooks);
  return { budget, receiving, said, stored, via };
}

t.test('a chunk that comes whole is stored and answered', async (t) => {
  const { receiving, said, stored, via } = session();
  const sink = receiving.request(send, via);
  sink.body(Buffer.from('abcdef'));
  sink.end('$');
  await new Promise(setImmediate);
  t.equal(Buffer.from(stored[0]!.content).toString(), 'abcdef');
  t.match(said[0], /^MSRP tr1 200/);
});

t.test('C09 the session ends within a chunk: nothing is stored, no memory is kept', async (t) => {
  const { budget, receiving, said, stored, via } = session();
  const sink = receiving.request(send, via);
  sink.body(Buffer.from('abc'));
  receiving.end();
  t.equal(budget.held, 0);
  sink.body(Buffer.from('def'));
  t.equal(budget.held, 0, 'octets that come later take nothing');
  sink.end('$');
  await new Promise(setImmediate);
  t.same(stored, []);
  t.same(said, []);
});
