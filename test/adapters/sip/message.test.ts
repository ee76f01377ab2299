// From octets to the facts of a message, or to the answer its sender gets.
import t from 'tap';
import { formatSipDate, parseSipDate, readMessage } from '../../../adapters/sip/index.js';
import { parseExpires } from '../../../adapters/sip/message.js';
import { accepted, alice, cpim, f1, request } from './samples.js';

t.test('F1 gives the facts of the story', async (t) => {
  const message = accepted(readMessage(f1, 'SIP:alice@Example.COM'));
  const { octets, bodyOffset, ...facts } = message;
  t.equal(octets, f1, 'C02: the octets are kept as they came');
  t.equal(f1.length - bodyOffset, 355);
  t.same(facts, {
    aor: 'sip:bob@example.org',
    asserted: alice,
    fromUri: alice,
    fromAor: alice,
    toUri: 'sip:bob@example.org',
    fromTag: '49583',
    callId: 'asd88asd77a@pc33.example.com',
    cseq: 1,
    dateMs: Date.UTC(2006, 7, 1, 10),
    expiresSeconds: 3600,
    contentType: 'message/cpim',
    anonymous: false,
    chargingId: null,
    cpim: {
      imdnMessageId: 'Xk7qJ2mB9vTz4RwL',
      dateTime: '2006-08-01T10:00:00Z',
      dispositions: ['negative-delivery', 'positive-delivery'],
      from: 'Alice <sip:alice@example.com>',
      to: 'Bob <sip:bob@example.org>',
      originalTo: null,
      subject: { text: 'Lunch', lang: null },
      recordRoutes: [],
      isImdn: false,
      encrypted: false,
      signed: false,
      contentOctets: 37,
    },
  });
});

t.test('identities are canonical, addresses as written', async (t) => {
  const lines = [
    'From: "Al" <sip:%61lice@Example.com;user=phone>;tag=x',
    'To: sip:list@example.org',
  ];
  const message = accepted(readMessage(request('', lines), 'nonsense'));
  t.equal(message.fromUri, 'sip:%61lice@Example.com;user=phone');
  t.equal(message.fromAor, alice);
  t.equal(message.toUri, 'sip:list@example.org');
  t.equal(message.asserted, null, 'an unreadable assertion is none');
  const local = accepted(readMessage(request('', ['From: <im:a@b.c>;tag=x']), null));
  t.equal(local.fromAor, null);
});

t.test('what cannot be taken is refused with the right status', async (t) => {
  const edit = (from: string, to: string) => Buffer.from(f1.toString('latin1').replace(from, to));
  const rows: readonly (readonly [number, string, Buffer])[] = [
    [405, 'method', edit('MESSAGE sip', 'INFO sip')],
    [416, 'uri-scheme', edit('MESSAGE sip:bob', 'MESSAGE im:bob')],
    [400, 'request-uri', edit('MESSAGE sip:bob@', 'MESSAGE sip:bob@@')],
    [400, 'request-uri', edit('MESSAGE sip:bob@', 'MESSAGE sip:b%00@')],
    [400, 'request-uri', edit('MESSAGE sip:bob@', 'MESSAGE sip:')],
    [400, 'from', edit('From: <sip:alice', 'X: <sip:alice')],
    [400, 'from', edit('From: <sip', 'From: sip')],
    [400, 'from-tag', edit(';tag=49583', '')],
    [400, 'from-tag', edit(';tag=49583', ';tag="a b"')],
    [400, 'to', edit('To: <sip:bob', 'X: <sip:bob')],
    [400, 'call-id', edit('Call-ID: asd', 'X: asd')],
    [400, 'call-id', edit('Call-ID: asd', 'Call-ID: a b')],
    [400, 'call-id', edit('Call-ID: asd', `Call-ID: ${'a'.repeat(300)}`)],
    [400, 'cseq', edit('CSeq: 1 ', 'X: 1 ')],
    [400, 'cseq', edit('CSeq: 1 MESSAGE', 'CSeq: 1 INFO')],
    [400, 'cseq', edit('CSeq: 1 ', 'CSeq: 2147483648 ')],
    [400, 'cseq', edit('CSeq: 1 ', 'CSeq: -1 ')],
    [400, 'no-content-type', edit('Content-Type: message/cpim\r\nContent', 'Content')],
    [400, 'content-type', edit('Content-Type: message/cpim', 'Content-Type: message')],
    [400, 'body-length', edit('Content-Length: 355', 'Content-Length: 354')],
    [413, 'body-too-large', request(Buffer.alloc(48_001, 97), ['Content-Type: a/b'])],
    [413, 'request-too-large', Buffer.alloc(61_441, 97)],
    [413, 'headers-too-large', request('', [`X: ${'a'.repeat(12_000)}`])],
    [400, 'start-line', Buffer.from('hello')],
  ];
  for (const [status, code, octets] of rows) {
    const result = readMessage(octets, alice);
    t.match(result, { ok: false, status, code, reason: String }, `${status} ${code}`);
  }
});

t.test('a message without body needs no Content-Type', async (t) => {
  const message = accepted(readMessage(request(''), alice));
  t.equal(message.contentType, 'text/plain');
  t.equal(message.cpim, null);
});

t.test('the content type is bare and in lower case', async (t) => {
  const message = accepted(readMessage(request('x', ['c: Text / Plain ;charset="utf-8"']), alice));
  t.equal(message.contentType, 'text/plain');
});

t.test('an encoded body is kept but not looked into', async (t) => {
  const lines = ['Content-Type: message/cpim', 'Content-Encoding: gzip'];
  t.equal(accepted(readMessage(request(cpim(), lines), alice)).cpim, null);
});

t.test('C17 malformed Expires counts as absent', async (t) => {
  const bad = [
    'abc',
    '-1',
    '',
    '1.5',
    '+1',
    '1 2',
    '0x10',
    '4294967296',
    '99999999999',
    '1e3',
    '１',
  ];
  for (const value of bad) {
    t.equal(accepted(readMessage(request('', [`Expires: ${value}`]), alice)).expiresSeconds, null);
  }
  const twice = request('', ['Expires: 60', 'Expires: 3600']);
  t.equal(accepted(readMessage(twice, alice)).expiresSeconds, null);
});

t.test('C18 the largest Expires is read exactly', async (t) => {
  t.equal(parseExpires('4294967295'), 4_294_967_295);
  t.equal(parseExpires('0'), 0);
  t.equal(parseExpires('0000000060'), 60);
  const message = accepted(readMessage(request('', ['Expires: 4294967295']), alice));
  t.equal(message.expiresSeconds, 4_294_967_295);
});

t.test('SIP-date is RFC 1123 in GMT and nothing else (RFC 3261 20.17)', async (t) => {
  const good = ['Tue, 01 Aug 2006 10:00:00 GMT', 'Thu, 29 Feb 2024 23:59:59 GMT'];
  t.equal(parseSipDate(good[0]!), 1_154_426_400_000);
  for (const value of good) t.equal(formatSipDate(parseSipDate(value)!), value);
  const bad = [
    'Mon, 01 Aug 2006 10:00:00 GMT',
    'Tue, 01 Aug 2006 10:00:00 +0000',
    'Tue, 01 Aug 2006 10:00:00 UTC',
    'Tue, 1 Aug 2006 10:00:00 GMT',
    'Tue, 01 aug 2006 10:00:00 GMT',
    'Tue, 01 Aug 2006 24:00:00 GMT',
    'Tue, 01 Aug 2006 10:60:00 GMT',
    'Thu, 31 Jun 2006 10:00:00 GMT',
    'Wed, 29 Feb 2023 10:00:00 GMT',
    'Tuesday, 01-Aug-06 10:00:00 GMT',
    'Tue Aug  1 10:00:00 2006',
    'Tue, 01 Aug 0106 10:00:00 GMT',
    'Tue,  01 Aug 2006 10:00:00 GM',
    '2006-08-01T10:00:00Z',
    '1154426400',
    '',
  ];
  for (const value of bad) t.equal(parseSipDate(value), null, value);
  t.equal(accepted(readMessage(request('', [`Date: ${bad[0]}`]), alice)).dateMs, null);
});

t.test('F9 anonymous senders are known as such', async (t) => {
  const rows: readonly (readonly [boolean, readonly string[]])[] = [
    [true, ['From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1', 'Privacy: id']],
    [true, ['From: <sip:anonymous@anonymous.invalid>;tag=1']],
    [true, ['From: <sip:Anonymous@example.com>;tag=1']],
    [true, ['From: <sip:x@sub.anonymous.INVALID;p>;tag=1']],
    [true, ['Privacy: critical; ID']],
    [true, ['Privacy: user']],
    [true, ['Privacy: none', 'Privacy: header']],
    [false, ['Privacy: none']],
    [false, ['Privacy: session;critical']],
    [false, ['Privacy: identity']],
    [false, ['From: "Anonymous" <sip:alice@example.com>;tag=1']],
    [false, ['From: <sip:anonymous.b@example.com>;tag=1']],
    [false, ['From: <sip:a@invalid.example.com>;tag=1']],
  ];
  for (const [anonymous, lines] of rows) {
    t.equal(accepted(readMessage(request('', lines), alice)).anonymous, anonymous, lines.join());
  }
});

t.test('a refusal names the octet at which the fault was noticed', async (t) => {
  const octets = request('hello');
  const edit = (from: string, to: string): Buffer =>
    Buffer.from(octets.toString('latin1').replace(from, to), 'latin1');
  const rows: readonly (readonly [string, Buffer, string])[] = [
    ['method', edit('MESSAGE sip', 'INFO sip'), 'INFO'],
    ['request-uri', edit('MESSAGE sip:bob@', 'MESSAGE sip:bob@@'), 'sip:bob@@'],
    ['from', edit('From: <sip', 'From: sip'), 'From:'],
    ['from-tag', edit(';tag=49583', ''), 'From:'],
    ['to', edit('To: <sip', 'To: sip'), 'To:'],
    ['call-id', edit('Call-ID: asd', 'Call-ID: a b'), 'Call-ID:'],
    ['cseq', edit('CSeq: 1 MESSAGE', 'CSeq: x MESSAGE'), 'CSeq:'],
    ['content-type', edit('Content-Type: message/cpim', 'Content-Type: message'), 'Content-Type:'],
    ['to', edit('To: <', 'X: <'), '\r\nhello'],
    ['method', edit('MESSAGE sip', '\r\n\r\nINFO sip'), 'INFO'],
  ];
  for (const [code, bad, at] of rows) {
    const offset = bad.indexOf(at);
    t.match(readMessage(bad, alice), { ok: false, code, offset }, `${code} at ${offset}`);
  }
});

t.test('the charging id of the request is kept, when it says one thing', async (t) => {
  const idOf = (...lines: string[]) => accepted(readMessage(request('', lines), alice)).chargingId;
  const vector = 'P-Charging-Vector: icid-value="4711";orig-ioi=home1.net';
  t.equal(idOf(vector), '4711');
  t.equal(idOf(vector, vector), null, 'a header that says two things says nothing');
});
