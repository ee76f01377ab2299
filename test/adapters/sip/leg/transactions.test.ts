// The four transactions of RFC 3261 section 17, by a clock that is moved by hand: when each repeats, when a silence is an
// answer, and that nothing is waited for once they are over.
import t from 'tap';
import { ClientTransaction, ServerTransaction } from '../../../../adapters/sip/leg/transactions.js';
import { type HeardRequest, type HeardResponse, hear } from '../../../../adapters/sip/leg/wire.js';
import { SimulatedClock } from '../../../support/world.js';

const message = (first: string, method: string) =>
  hear(
    Buffer.from(
      [
        first,
        'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1',
        'From: <sip:a@example.org>;tag=a',
        'To: <sip:b@example.org>;tag=b',
        'Call-ID: c',
        `CSeq: 1 ${method}`,
        '',
        '',
      ].join('\r\n'),
    ),
  );
const response = (status: number, method: string) =>
  message(`SIP/2.0 ${status} Said`, method) as HeardResponse;
const request = (method: string) =>
  message(`${method} sip:b@example.org SIP/2.0`, method) as HeardRequest;

/** A client transaction and what it did, each with its instant in ms. */
function client(invite: boolean) {
  const clock = new SimulatedClock(0);
  const startMs = clock.mono();
  const did: string[] = [];
  const say = (what: string) => did.push(`${clock.mono() - startMs} ${what}`);
  const transaction = new ClientTransaction(clock, invite, {
    transmit: () => say('sent'),
    provisional: () => say('provisional'),
    final: (answer) => say(`final ${answer?.status ?? 'none'}`),
    acknowledge: () => say('ack'),
    over: () => say('over'),
  });
  return { clock, did, transaction };
}

function server(method: string) {
  const clock = new SimulatedClock(0);
  const startMs = clock.mono();
  const did: string[] = [];
  const say = (what: string) => did.push(`${clock.mono() - startMs} ${what}`);
  const transaction = new ServerTransaction(clock, request(method), {
    transmit: (octets) => say(`sent ${Buffer.from(octets).toString()}`),
    unacknowledged: () => say('unacknowledged'),
    over: () => say('over'),
  });
  return { clock, did, transaction };
}

t.test(
  'timers A and B: an INVITE is repeated by doubling, and unanswered after 64 T1',
  async (t) => {
    const { clock, did } = client(true);
    await clock.advance(40_000);
    const sent = [0, 500, 1500, 3500, 7500, 15_500, 31_500].map((ms) => `${ms} sent`);
    t.strictSame(did, [...sent, '32000 final none', '32000 over']);
    t.equal(clock.waiting, 0);
  },
);

t.test('timers E and F: another request is repeated at most every T2', async (t) => {
  const { clock, did } = client(false);
  await clock.advance(40_000);
  const at = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
  t.strictSame(did, [...at.map((ms) => `${ms} sent`), '32000 final none', '32000 over']);
});

t.test(
  'a provisional answer stops the repeating of an INVITE, not of another request',
  async (t) => {
    const ringing = client(true);
    ringing.transaction.hear(response(180, 'INVITE'));
    ringing.transaction.hear(response(183, 'INVITE'));
    await ringing.clock.advance(60_000);
    t.strictSame(ringing.did, ['0 sent', '0 provisional']);
    const other = client(false);
    other.transaction.hear(response(100, 'BYE'));
    await other.clock.advance(600);
    t.strictSame(other.did, ['0 sent', '500 sent']);
  },
);

t.test('a cancelled INVITE that is never answered is forgotten after 64 T1', async (t) => {
  const { clock, did, transaction } = client(true);
  transaction.giveUp();
  t.equal(clock.waiting, 2, 'before a provisional answer timers A and B go on');
  transaction.hear(response(180, 'INVITE'));
  transaction.giveUp();
  await clock.advance(32_000);
  t.strictSame(did.slice(-1), ['32000 over']);
  t.equal(clock.waiting, 0);
});

t.test(
  'timers D and M: every repetition of a refusal is acknowledged, of a 2xx told',
  async (t) => {
    const refused = client(true);
    for (const status of [486, 486]) refused.transaction.hear(response(status, 'INVITE'));
    t.strictSame(refused.did, ['0 sent', '0 ack', '0 final 486', '0 ack']);
    await refused.clock.advance(32_000);
    refused.transaction.hear(response(486, 'INVITE'));
    t.strictSame(refused.did.slice(4), ['32000 over']);
    const accepted = client(true);
    for (const status of [200, 200]) accepted.transaction.hear(response(status, 'INVITE'));
    await accepted.clock.advance(40_000);
    t.strictSame(accepted.did, ['0 sent', '0 final 200', '0 final 200', '32000 over']);
  },
);

t.test('timer K: a repeated answer to another request is taken once, for T4', async (t) => {
  const { clock, did, transaction } = client(false);
  await clock.advance(700);
  for (const status of [200, 200]) transaction.hear(response(status, 'BYE'));
  await clock.advance(10_000);
  t.strictSame(did, ['0 sent', '500 sent', '700 final 200', '5700 over']);
  transaction.end();
  t.equal(did.length, 4);
});

t.test(
  'timers G and I: the answer to an INVITE is repeated until its ACK, and then no more',
  async (t) => {
    const { clock, did, transaction } = server('INVITE');
    transaction.respond(100, Buffer.from('100'));
    transaction.repeated();
    transaction.respond(486, Buffer.from('486'));
    transaction.respond(200, Buffer.from('200'));
    await clock.advance(1600);
    transaction.repeated();
    transaction.acknowledge();
    transaction.repeated();
    await clock.advance(40_000);
    t.strictSame(did, [
      ...['0 sent 100', '0 sent 100', '0 sent 486', '500 sent 486', '1500 sent 486'],
      ...['1600 sent 486', '32000 over'],
    ]);
  },
);

t.test('timer H: an answer that nobody acknowledges is told after 64 T1', async (t) => {
  const { clock, did, transaction } = server('INVITE');
  transaction.respond(200, Buffer.from('200'));
  await clock.advance(40_000);
  t.equal(did.filter((one) => one.endsWith('sent 200')).length, 11);
  t.strictSame(did.slice(-2), ['32000 unacknowledged', '32000 over']);
  t.equal(clock.waiting, 0);
});

t.test(
  'timer J: a repeated request hears its answer again, which is sent for nothing else',
  async (t) => {
    const { clock, did, transaction } = server('BYE');
    transaction.repeated();
    transaction.respond(200, Buffer.from('200'));
    await clock.advance(10_000);
    transaction.repeated();
    await clock.advance(30_000);
    t.strictSame(did, ['0 sent 200', '10000 sent 200', '32000 over']);
  },
);
