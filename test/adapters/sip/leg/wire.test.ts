// SIP messages as the leg reads and writes them: what names a transaction and a dialog, what is no message, routes in
// order and bounded, and seeded damage that throws nothing.
import t from 'tap';
import { legLimits } from '../../../../adapters/sip/leg/limits.js';
import {
  contactOf,
  echoOf,
  type HeardRequest,
  hear,
  linesOf,
  routesOf,
  statusLine,
  write,
} from '../../../../adapters/sip/leg/wire.js';
import { requestLines } from '../../../support/scripted-sip.js';
import { generator } from '../samples.js';

const octetsOf = (lines: readonly string[], body = '') =>
  Buffer.from([...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
const invite = requestLines({ port: 5060 }, 'INVITE', {
  headers: ['Contact: "Alice" <sip:alice@127.0.0.1:5070>;expires=5'],
});
const heardOf = (lines: readonly string[], body = ''): HeardRequest => {
  const heard = hear(octetsOf(lines, body));
  if (heard?.kind !== 'request') throw new TypeError('no request');
  return heard;
};

t.test('a request: its transaction, its dialog, its way back', async (t) => {
  const heard = heardOf(invite, 'v=0');
  t.match(heard, {
    ...{ method: 'INVITE', uri: 'sip:bob@example.org', callId: 'call-1', cseq: 1, fault: null },
    ...{ fromTag: 'alice', toTag: '', branch: 'z9hG4bK-INVITE-call-1', sentBy: '127.0.0.1:5060' },
  });
  t.equal(Buffer.from(heard.body).toString(), 'v=0');
  t.equal(contactOf(heard.headers), 'sip:alice@127.0.0.1:5070');
});

t.test('only the topmost Via counts, however it is written', async (t) => {
  for (const via of [
    'v: SIP/2.0/UDP Host.Example.Org:5060 ; rport ;Branch=z9hG4bKa',
    'Via: SIP/2.0/UDP host.example.org:5060;branch=z9hG4bKa, SIP/2.0/UDP other;branch=z9hG4bKb',
    'Via: SIP/2.0/UDP host.example.org:5060;branch=z9hG4bKa\r\nVia: SIP/2.0/UDP o;branch=z9hG4bKb',
  ]) {
    const heard = heardOf(invite.map((line) => (line.startsWith('Via') ? via : line)));
    t.match(heard, { branch: 'z9hG4bKa', sentBy: 'host.example.org:5060' }, via);
  }
});

t.test('an answer repeats what names it, and adds our tag once', async (t) => {
  const heard = heardOf(invite);
  const answer = hear(write(statusLine(486), echoOf(heard, 'ours')));
  t.match(answer, { kind: 'response', status: 486, toTag: 'ours', branch: heard.branch, cseq: 1 });
  t.strictSame(linesOf(answer!.headers, ['To', 'Call-ID']), [
    ['To', '<sip:bob@example.org>;tag=ours'],
    ['Call-ID', 'call-1'],
  ]);
  const to = '<sip:bob@example.org>;tag=theirs';
  const within = heardOf(requestLines({ port: 5060 }, 'BYE', { to }));
  t.equal(
    echoOf(within, 'ours')
      .find(([name]) => name === 'To')?.[1]
      .match(/tag=/g)?.length,
    1,
  );
  t.equal(statusLine(699), 'SIP/2.0 699 Answered');
});

t.test('routes stay in order, one to a value or several, and are bounded', async (t) => {
  const many = Array.from({ length: 40 }, (_, at) => `<sip:p${at}.example.org;lr>`);
  const lines = [
    `Record-Route: ${many.slice(0, 3).join(', ')}`,
    `Record-Route: ${many.slice(3).join(',')}`,
  ];
  const routes = routesOf(heardOf([...invite, ...lines]).headers, 'record-route');
  t.strictSame(routes, many.slice(0, legLimits.routesMax));
});

t.test('F12 no damage to a message throws, or makes one without a name', async (t) => {
  const samples = [
    octetsOf(invite, 'v=0'),
    octetsOf(['SIP/2.0 200 OK', ...invite.slice(1), 'Record-Route: <sip:p;lr>'], 'v=0'),
  ];
  for (let seed = 1; seed <= 3000; seed += 1) {
    const below = generator(seed);
    const octets = Buffer.from(samples[below(2)]!);
    for (let left = 1 + below(6); left > 0; left -= 1) octets[below(octets.length)] = below(256);
    const heard = hear(octets.subarray(0, below(3) === 0 ? below(octets.length) : octets.length));
    if (heard === null) continue;
    routesOf(heard.headers, 'record-route');
    contactOf(heard.headers);
    if (heard.branch === '' || !Number.isSafeInteger(heard.cseq)) t.fail(`seed ${seed}`);
  }
  t.equal(hear(octetsOf(invite.slice(1))), null);
});
