// C82: a sender finds out what a report is about (spec 6.6, the editor's note of the OMA change
// request).
import { deflateSync, gzipSync } from 'node:zlib';
import t from 'tap';
import {
  correlate,
  readImdn,
  reportRequest,
  type SentMessage,
} from '../../../adapters/sip/index.js';
import { asking, cpim, f1, f3, report, request } from './samples.js';

const sent: readonly SentMessage[] = [
  { imdnMessageId: 'first', recipients: ['sip:carol@example.org'] },
  { imdnMessageId: 'Xk7qJ2mB9vTz4RwL', recipients: ['sip:bob@example.org'] },
  { imdnMessageId: 'listed', recipients: ['sip:list@example.org', 'sip:Dave@example.org'] },
];

t.test('C82 the right message and recipient, every time', async (t) => {
  const body = f3.subarray(f3.indexOf('\r\n\r\n') + 4);
  for (const octets of [f3, body, f3.subarray(f3.indexOf('<?xml'))]) {
    t.same(correlate(octets, sent), {
      match: {
        imdnMessageId: 'Xk7qJ2mB9vTz4RwL',
        sentTo: 'sip:bob@example.org',
        recipient: 'sip:bob@example.org',
        notification: 'delivery',
        status: 'failed',
        dateTime: '2006-08-01T10:00:00Z',
        subject: 'Lunch',
      },
      further: [],
    });
  }
  for (const user of ['bob', 'carol']) {
    const text = cpim(
      ...asking.map((line) => line.replace('Xk7qJ2mB9vTz4RwL', 'listed')),
      'imdn.Original-To: <sip:list@example.org>',
    ).replace('sip:bob@', `sip:${user}@`);
    const { match } = correlate(reportRequest(report(request(text))).body, sent);
    t.match(match, { imdnMessageId: 'listed', sentTo: 'sip:list@example.org' });
    t.equal(match?.recipient, `sip:${user}@example.org`);
  }
});

t.test('C82 a compressed report is matched; one that cannot be opened is not', async (t) => {
  const body = f3.subarray(f3.indexOf('\r\n\r\n') + 4);
  const compressed = (encoding: string, octets: Uint8Array) =>
    correlate(request(octets, [`Content-Encoding: ${encoding}`]), sent);
  t.match(compressed('deflate', deflateSync(body)).match, { imdnMessageId: 'Xk7qJ2mB9vTz4RwL' });
  t.match(compressed('GZIP', gzipSync(body)).match, { imdnMessageId: 'Xk7qJ2mB9vTz4RwL' });
  const unreadable = { match: null, reason: 'unreadable' };
  t.same(compressed('deflate', body), unreadable, 'it only says so');
  t.same(compressed('br', deflateSync(body)), unreadable, 'an encoding of its own');
  t.same(compressed('deflate', deflateSync(Buffer.alloc(1_000_000))), unreadable, 'a bomb');
  t.same(compressed('deflate', deflateSync(body).subarray(0, 40)), unreadable, 'cut');
});

const xml = (id: string, uris: string, status = 'failed') =>
  '<imdn xmlns="urn:ietf:params:xml:ns:imdn">' +
  `<message-id>${id}</message-id><datetime>2</datetime>${uris}` +
  `<delivery-notification><status><${status}/></status></delivery-notification></imdn>`;
const about = (uri: string, original = uri) =>
  `<recipient-uri>${uri}</recipient-uri>` +
  `<original-recipient-uri>${original}</original-recipient-uri>`;
const find = (text: string) => correlate(Buffer.from(text), sent);

t.test('recipients are compared as identities', async (t) => {
  t.equal(
    find(xml('listed', about('SIP:D%61ve@EXAMPLE.org:5060'))).match?.sentTo,
    'sip:Dave@example.org',
  );
  t.equal(find(xml('first', '')).match?.recipient, null, 'one recipient needs no URI');
  t.equal(
    find(xml('first', about('sip:moved@example.net'))).match?.sentTo,
    'sip:carol@example.org',
  );
});

t.test('foreign and malformed reports are told apart', async (t) => {
  const reason = (octets: string | Uint8Array) => {
    const found = correlate(Buffer.from(octets), sent);
    return found.match === null ? found.reason : 'match';
  };
  t.equal(reason(xml('unknown', about('sip:bob@example.org'))), 'unknown-message');
  t.equal(reason(xml('listed', about('sip:dave@example.org'))), 'unknown-recipient');
  t.equal(reason(xml('listed', '')), 'unknown-recipient');
  t.equal(reason(xml('first', '', 'constructor')), 'unreadable');
  t.equal(reason('<!DOCTYPE x>'), 'unreadable');
  t.equal(reason(''), 'unreadable');
  t.equal(reason('nonsense'), 'unreadable');
  t.equal(reason(f1), 'not-a-report');
  t.equal(reason(cpim(...asking)), 'not-a-report');
  t.equal(reason(request('x', ['Content-Type: text/plain'])), 'not-a-report');
  t.equal(
    reason(
      f3
        .toString()
        .replace('Content-Disposition: notification', 'Content-Disposition: renderonly12'),
    ),
    'not-a-report',
  );
});

t.test('an aggregated report holds several results (RFC 5438 8.3)', async (t) => {
  const part = (text: string) => `--b\r\nContent-Type: message/imdn+xml\r\n\r\n${text}\r\n`;
  const body = [
    'From: <sip:list@example.org>',
    'To: <sip:alice@example.com>',
    '',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Disposition: notification',
    '',
    part(xml('first', '')) +
      part(xml('nobody', '')) +
      part(xml('listed', about('sip:Dave@example.org'), 'error')),
  ].join('\r\n');
  const found = correlate(Buffer.from(body), sent);
  t.match(found, {
    match: { imdnMessageId: 'first' },
    further: [{ imdnMessageId: 'listed', sentTo: 'sip:Dave@example.org', status: 'error' }],
  });
});

t.test('C82 one Message-ID, one request for each recipient', async (t) => {
  const apart: readonly SentMessage[] = [
    { imdnMessageId: 'same', recipients: ['sip:bob@example.org'] },
    { imdnMessageId: 'same', recipients: ['sip:carol@example.org'] },
  ];
  const of = (user: string) =>
    correlate(Buffer.from(xml('same', about(`sip:${user}@example.org`))), apart);
  for (const user of ['bob', 'carol'])
    t.match(of(user), { match: { sentTo: `sip:${user}@example.org` } });
  t.same(of('dave'), { match: null, reason: 'unknown-recipient' });
});

const draft = (middle: string, end: string) =>
  '<imdn xmlns="urn:ietf:params:xml:ns:imdn">' +
  `${middle}<datetime>2006-04-04T12:16:49-05:00</datetime>` +
  `${about('sip:carol@example.org')}<subject>Lunch</subject>${end}</imdn>`;

t.test('C82 F4 reports of other servers in the form of 2006', async (t) => {
  const id = '<message-id>first</message-id>';
  const ends = {
    '<disposition>delivery</disposition><status>failure</status>': ['delivery', 'failed'],
    '<disposition>delivery</disposition><status> success </status>': ['delivery', 'delivered'],
    '<disposition>read</disposition><status>success</status><note lang="en">ok</note>': [
      'display',
      'displayed',
    ],
  };
  for (const [end, [notification, status]] of Object.entries(ends)) {
    const read = readImdn(Buffer.from(draft(id, end)));
    t.match(read, { ok: true, imdn: { form: 'draft-00', notification, status } });
    t.match(find(draft(id, end)).match, { imdnMessageId: 'first', notification, status });
  }
  const failure = '<disposition>delivery</disposition><status>failure</status>';
  t.same(find(draft('', failure)), { match: null, reason: 'unknown-message' }, 'it had no id');
  for (const end of [
    '<disposition>delivery</disposition>',
    '<disposition>delivery</disposition><status>maybe</status>',
    '<status>failure</status>',
    `${failure}<other/>`,
  ])
    t.same(find(draft(id, end)), { match: null, reason: 'unreadable' }, end);
});

t.test('C82 a report whose server forgot Content-Disposition', async (t) => {
  const bare = f3.toString().replace('Content-Disposition: notification\r\n', '');
  const shorter = bare.replace('Content-Length: 696', 'Content-Length: 661');
  t.equal(correlate(Buffer.from(shorter), sent).match?.imdnMessageId, 'Xk7qJ2mB9vTz4RwL');
});
