// The metadata list as a document, and the notice that carries it: F6 and F7 to the octet, text that
// cannot break out, privacy, and 1300 octets whatever waits.
import t from 'tap';
import {
  deferredListType,
  messageSummary,
  noticeRequest,
  readMessage,
  readRequest,
  writeDeferredList,
} from '../../../adapters/sip/index.js';
import { readXml } from '../../../adapters/sip/xml.js';
import type { ListedMessage, OutgoingNotice } from '../../../runtime/index.js';

const row: ListedMessage = {
  deferredId: '13684434990@mailserver32.example.org',
  state: 'stored',
  from: 'sip:alice@example.com',
  to: 'sip:bob@example.org',
  subject: 'Lunch',
  contentType: 'message/cpim',
  octets: 355,
  receivedAtMs: Date.UTC(2006, 7, 1, 10, 20),
  expiresAtMs: Date.UTC(2006, 7, 1, 11),
  sentAtMs: Date.UTC(2006, 7, 1, 10),
  contentOctets: 37,
  fromUri: 'sip:alice@example.com',
  authId: 'sip:alice@example.com',
};

const f6 = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  '<history-list xmlns="urn:oma:xml:im:history-list">',
  '  <history history-reference="sip:13684434990@mailserver32.example.org">',
  '    <size>37</size>',
  '    <expiry>2006-08-01T11:00:00Z</expiry>',
  '    <subject>Lunch</subject>',
  '    <pager>',
  '      <time-stamp>2006-08-01T10:00:00Z</time-stamp>',
  '      <from>sip:alice@example.com</from>',
  '      <to>sip:bob@example.org</to>',
  '      <auth-id>sip:alice@example.com</auth-id>',
  '    </pager>',
  '  </history>',
  '</history-list>',
].join('\r\n');

function rootOf(xml: string) {
  const read = readXml(Buffer.from(xml));
  if (!read.ok) throw new Error(read.finding.message);
  return read.root;
}

t.test('F6 the metadata list, octet for octet', async (t) => {
  t.equal(writeDeferredList([row]), f6);
  t.equal(Buffer.byteLength(f6), 495, 'as the specification counts it');
});

t.test('F6 the size is that of the content, not of its envelope', async (t) => {
  const body = [
    'From: Alice <sip:alice@example.com>',
    'To: Bob <sip:bob@example.org>',
    'NS: imdn <urn:ietf:params:imdn>',
    'imdn.Message-ID: Xk7qJ2mB9vTz4RwL',
    'DateTime: 2006-08-01T10:00:00Z',
    'imdn.Disposition-Notification: negative-delivery, positive-delivery',
    'Subject: Lunch',
    '',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Length: 37',
    '',
    'Hello Bob, are we still on for lunch?',
  ].join('\r\n');
  const request = [
    'MESSAGE sip:bob@example.org SIP/2.0',
    'From: <sip:alice@example.com>;tag=49583',
    'To: <sip:bob@example.org>',
    'Call-ID: asd88asd77a@pc33.example.com',
    'CSeq: 1 MESSAGE',
    'Content-Type: message/cpim',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  const read = readMessage(Buffer.from(request), 'sip:alice@example.com');
  t.equal(body.length, 355);
  t.equal(read.ok && read.message.cpim?.contentOctets, 37);
});

t.test('C67 one history for each message, in order; none is an empty list', async (t) => {
  const rows = ['a', 'b', 'c'].map((id) => ({ ...row, deferredId: `${id}@store.example.org` }));
  for (const style of [{}, { pretty: false }]) {
    const root = rootOf(writeDeferredList(rows, style));
    t.equal(root.namespace, 'urn:oma:xml:im:history-list');
    t.same(
      root.children.map((one) => one.attributes.get('history-reference')),
      ['sip:a@store.example.org', 'sip:b@store.example.org', 'sip:c@store.example.org'],
    );
  }
  t.same(rootOf(writeDeferredList([])).children, []);
});

t.test('spec 4.1 who asked for privacy is not named; what has no end has no expiry', async (t) => {
  const hidden = { ...row, from: null, fromUri: null, authId: null, expiresAtMs: null };
  const text = writeDeferredList([{ ...hidden, subject: null, sentAtMs: null }]);
  t.notMatch(text, 'alice');
  t.notMatch(text, /<from>|auth-id|expiry|subject/);
  t.match(text, '<time-stamp>2006-08-01T10:20:00Z</time-stamp>', 'the receipt, without a Date');
});

t.test('P7 text of users stays text', async (t) => {
  const nasty = '</subject><from>sip:evil@x</from>&amp;"\r\n\t\u0000\ud800\u2028\u{1f355}';
  const root = rootOf(writeDeferredList([{ ...row, subject: nasty, to: 'sip:"<&>"@x' }]));
  const [history] = root.children;
  t.equal(history?.children.filter((one) => one.name === 'from').length, 0);
  const subject = history?.children.find((one) => one.name === 'subject')?.text;
  t.equal(subject, '</subject><from>sip:evil@x</from>&amp;"\r\n\t\ufffd\ufffd\u2028\u{1f355}');
});

const effect = (waiting: number, aor = 'sip:bob@example.org'): OutgoingNotice => ({
  type: 'notify',
  effectId: 'n-2ebjz4qk7mtnv6x3cy5wahdf2glo-1',
  token: 'x'.repeat(26),
  node: null,
  atMs: 0,
  callId: 'abcdefghijklmnopqrstuvwxyz@mailserver32.example.org',
  fromTag: 'abcdefghijklmnop',
  cseq: 1,
  aor,
  waiting,
  list: async () => ({ messages: [], next: null }),
});

function requestOf(notice: OutgoingNotice, rows: readonly ListedMessage[]) {
  const parts = noticeRequest(notice, rows);
  const octets = `MESSAGE ${parts.ruri} SIP/2.0\r\n${parts.headers}\r\n${parts.body}`;
  const read = readRequest(Buffer.from(octets));
  if (!read.ok) throw new Error(read.finding.message);
  return { parts, octets };
}

t.test('F7 the notice carries the list in a MESSAGE of the service', async (t) => {
  const { parts, octets } = requestOf(effect(1), [row]);
  t.match(parts.headers, `Content-Type: ${deferredListType}\r\n`);
  t.match(parts.headers, 'From: <sip:deferred@example.org>;tag=abcdefghijklmnop\r\n');
  t.match(parts.headers, 'P-Asserted-Identity: <sip:deferred@example.org>\r\n');
  t.notMatch(parts.headers, /contact|expires|date/i);
  t.equal(parts.body.toString(), writeDeferredList([row], { pretty: false }));
  t.ok(octets.length < 1300);
});

t.test('RFC 3428 section 8: 1300 octets; a list that does not fit becomes a number', async (t) => {
  const long = { ...row, subject: 'x'.repeat(400) };
  const bare = requestOf(effect(1), [long]);
  t.match(bare.parts.headers, deferredListType);
  t.notMatch(bare.parts.body.toString(), 'xxx', 'subjects give way first');
  for (const count of [2, 3, 8, 9, 1000]) {
    const rows = Array.from({ length: Math.min(count, 8) }, () => long);
    const { parts, octets } = requestOf(effect(count), rows);
    t.ok(octets.length + 250 <= 1300, `${count} messages`);
    if (parts.headers.includes(deferredListType)) {
      t.equal(rootOf(parts.body.toString()).children.length, count, 'all of them or none');
      continue;
    }
    t.match(parts.headers, 'Content-Type: application/simple-message-summary\r\n');
    t.match(parts.body.toString(), `Text-Message: ${count}/0\r\n`);
  }
});

t.test('RFC 3842 the number, and none', async (t) => {
  t.equal(
    messageSummary('sip:bob@example.org', 3),
    'Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\nText-Message: 3/0\r\n',
  );
  t.match(messageSummary('sip:bob@example.org', 0), 'Messages-Waiting: no\r\n');
});

t.test('a notice to a telephone number comes from a name that never answers', async (t) => {
  const { parts } = requestOf(effect(1, 'tel:+4930123456'), [row]);
  t.match(parts.headers, 'From: <sip:deferred@deferred.invalid>');
});
