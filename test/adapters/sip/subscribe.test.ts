// SUBSCRIBE as it is read, and the NOTIFY it leads to: octets in, octets out, without a bus.
import t from 'tap';
import {
  deferredListType,
  noticeRequest,
  readRequest,
  readSubscribe,
} from '../../../adapters/sip/index.js';
import type { OutgoingNotice, OutgoingSubscription } from '../../../runtime/index.js';

const bob = 'sip:bob@example.org';

/** A SUBSCRIBE of Bob's phone as the proxy hands it over; lines given replace those of the same name. */
function written(lines: readonly string[] = [], uri: string = bob): Buffer {
  const names = new Set(lines.map((line) => line.slice(0, line.indexOf(':'))));
  const usual = [
    'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1',
    `From: "Bob" <${bob}>;tag=phone`,
    `To: <${bob}>;tag=dim0`,
    'Call-ID: 1@192.0.2.7',
    'CSeq: 7 SUBSCRIBE',
    'Contact: <sip:bob@192.0.2.7:5062;transport=tcp>',
    'Event: message-summary',
    'Expires: 1800',
    'Content-Length: 0',
  ].filter((line) => !names.has(line.slice(0, line.indexOf(':'))));
  const all = [...usual, ...lines.filter((line) => !line.endsWith(': '))];
  return Buffer.from(`SUBSCRIBE ${uri} SIP/2.0\r\n${all.join('\r\n')}\r\n\r\n`);
}

function subscriptionOf(octets: Buffer, asserted: string | null = bob) {
  const read = readSubscribe(octets, asserted);
  if (read?.ok !== true) throw new Error(JSON.stringify(read));
  return read.subscription;
}

function refusalOf(octets: Buffer, asserted: string | null = bob) {
  const read = readSubscribe(octets, asserted);
  if (read === null || read.ok) throw new Error('not refused');
  const { status, code, headers } = read;
  return { status, code, headers };
}

t.test('C61 the dialog of a SUBSCRIBE, whole', async (t) => {
  t.same(subscriptionOf(written()), {
    aor: bob,
    seconds: 1800,
    watcher: {
      ...{ callId: '1@192.0.2.7', localTag: 'dim0', remoteTag: 'phone' },
      ...{ localUri: bob, remoteUri: bob, target: 'sip:bob@192.0.2.7:5062;transport=tcp' },
      ...{ routes: [], eventId: null, list: false, cseq: 7 },
    },
  });
  const more = [
    'Record-Route: <sip:edge1.example.org;lr>, "e" <sip:edge2.example.org;lr>',
    'Record-Route: <sip:edge3.example.org;lr>',
    'Event: message-summary ; id=a7',
    `Accept: application/simple-message-summary, ${deferredListType};q=0.5`,
    'Expires: ',
  ];
  const { watcher, seconds } = subscriptionOf(written(more, 'sip:deferred@example.org'));
  t.match(watcher, { eventId: 'a7', list: true });
  t.same(
    watcher.routes,
    [1, 2, 3].map((number) => `sip:edge${number}.example.org;lr`),
  );
  t.equal(seconds, 3600, 'the default of RFC 3842');
  t.equal(subscriptionOf(written(['o: message-summary', 'Event: '])).aor, bob, 'compact form');
});

t.test('other requests are none of its business', async (t) => {
  t.equal(readSubscribe(Buffer.from('MESSAGE sip:bob@example.org SIP/2.0\r\n\r\n'), bob), null);
  t.equal(readSubscribe(Buffer.from('SUBSCRIBER'), bob), null);
  t.equal(readSubscribe(Buffer.alloc(0), bob), null);
});

t.test('C101 what is refused, and the header that helps', async (t) => {
  const events = [
    'Event: presence',
    'Event: ',
    'Event: Message-Summary',
    'Event: message-summary;',
  ];
  for (const event of events)
    t.same(refusalOf(written([event])), {
      ...{ status: 489, code: 'bad-event', headers: ['Allow-Events: message-summary'] },
    });
  t.same(refusalOf(written(['Expires: 59'])), {
    ...{ status: 423, code: 'interval-too-brief', headers: ['Min-Expires: 60'] },
  });
  t.equal(subscriptionOf(written(['Expires: 60'])).seconds, 60);
  t.equal(subscriptionOf(written(['Expires: 0'])).seconds, 0);
  t.match(refusalOf(written(['Accept: text/html'])), { status: 406 });
  t.equal(subscriptionOf(written(['Accept: */*'])).watcher.list, false);
  for (const [asserted, uri] of [
    [null, bob],
    ['sip:mallory@example.org', bob],
    [bob, 'sip:carol@example.org'],
    [bob, 'sip:deferred.bob@example.org'],
  ] as const)
    t.match(refusalOf(written([], uri), asserted), { status: 403, code: 'not-owner' });
});

t.test('C101 a malformed SUBSCRIBE is refused, and names what is wrong', async (t) => {
  for (const [lines, code] of [
    [['Contact: '], 'contact'],
    [['Contact: *'], 'contact'],
    [['Contact: <tel:+4930>'], 'contact'],
    [['Contact: <sip:a@b>, <sip:c@d>'], 'contact'],
    [[`To: <${bob}>`], 'to-tag'],
    [[`From: <${bob}>`], 'from-tag'],
    [['CSeq: 7 MESSAGE'], 'cseq'],
    [Array.from({ length: 9 }, (_, at) => `Record-Route: <sip:r${at};lr>`), 'record-route'],
  ] as const)
    t.match(refusalOf(written(lines)), { status: 400, code });
  t.match(refusalOf(Buffer.from('SUBSCRIBE \r\n\r\n')), { status: 400 });
  t.match(refusalOf(written([], 'urn:service:sos')), { status: 416 });
});

const dialog: OutgoingSubscription = {
  ...{ remoteTag: 'phone', localUri: bob, remoteUri: bob, target: 'sip:bob@192.0.2.7' },
  ...{ routes: [], eventId: null, list: false, state: 1800 },
};

function notified(changes: Partial<OutgoingSubscription> = {}, waiting = 2) {
  const effect: OutgoingNotice = {
    ...{ type: 'notify', effectId: 's-2ebjz4qk7mtnv6x3cy5wahdf2glo-1', token: 'x'.repeat(26) },
    ...{ node: null, atMs: 0, callId: '1@192.0.2.7', fromTag: 'dim0', cseq: 3, aor: bob, waiting },
    list: async () => ({ messages: [], next: null }),
    within: { ...dialog, ...changes },
  };
  return noticeRequest(effect, []);
}

t.test('C61 the NOTIFY is a request within that dialog', async (t) => {
  const parts = notified();
  t.match(parts, { method: 'NOTIFY', ruri: dialog.target, nextHop: null, fromName: null });
  t.same(parts.headers.split('\r\n').slice(0, -1), [
    `From: <${bob}>;tag=dim0`,
    `To: <${bob}>;tag=phone`,
    'Call-ID: 1@192.0.2.7',
    'CSeq: 3 NOTIFY',
    'Contact: <sip:deferred@example.org>',
    'Event: message-summary',
    'Subscription-State: active;expires=1800',
    'Content-Type: application/simple-message-summary',
  ]);
  t.match(Buffer.from(parts.body).toString(), 'Text-Message: 2/0\r\n');
  const octets = `NOTIFY ${parts.ruri} SIP/2.0\r\n${parts.headers}\r\n${parts.body}`;
  t.ok(readRequest(Buffer.from(octets)).ok);
  t.match(notified({ eventId: 'a7' }).headers, 'Event: message-summary;id=a7\r\n');
  t.match(notified({ list: true }, 0).headers, deferredListType);
});

t.test('C100 its state: how long it lasts, or why it is over', async (t) => {
  t.match(
    notified({ state: 'timeout' }).headers,
    'Subscription-State: terminated;reason=timeout\r\n',
  );
  t.match(
    notified({ state: 'probation' }).headers,
    'Subscription-State: terminated;reason=probation;retry-after=600\r\n',
  );
});

t.test('RFC 3261 section 12.2.1.1: its way, by loose and by strict routers', async (t) => {
  const loose = ['sip:edge.example.org;lr', 'sip:core.example.org;lr'];
  const one = notified({ routes: loose });
  t.match(one, { ruri: dialog.target, nextHop: loose[0] });
  t.match(one.headers, `Route: <${loose[0]}>\r\nRoute: <${loose[1]}>\r\n`);
  const strict = notified({ routes: ['sip:old.example.org', loose[1]!] });
  t.match(strict, { ruri: 'sip:old.example.org', nextHop: 'sip:old.example.org' });
  t.match(strict.headers, `Route: <${loose[1]}>\r\nRoute: <${dialog.target}>\r\n`);
});
