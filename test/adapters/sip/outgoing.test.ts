// The requests we send: the stored message to its recipient, the failure report to its sender.
import t from 'tap';
import {
  deliverRequest,
  readCpim,
  readRequest,
  reportRequest,
  type SipRequestParts,
} from '../../../adapters/sip/index.js';
import { requestTarget } from '../../../adapters/sip/outgoing.js';
import {
  alice,
  asking,
  cpim,
  delivery,
  expiredAtMs,
  f1,
  f3,
  receivedAtMs,
  report,
  request,
} from './samples.js';

/** The request as the proxy puts it on the wire. */
function wire(parts: SipRequestParts, via = ''): Buffer {
  const head = `MESSAGE ${parts.ruri} SIP/2.0\r\n${via}${parts.headers}`;
  const end = `Content-Length: ${parts.body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head + end), parts.body]);
}

const lines = (parts: SipRequestParts) => parts.headers.split('\r\n');
const header = (parts: SipRequestParts, name: string) =>
  lines(parts).filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));

t.test('C21 F1 gives F3 octet for octet', async (t) => {
  const parts = reportRequest(report(f1));
  const via = 'Via: SIP/2.0/TCP im.example.org:5060;branch=z9hG4bKrpt1\r\nMax-Forwards: 70\r\n';
  t.equal(wire(parts, via).toString(), f3.toString());
  t.equal(f3.length, 1027);
  t.equal(parts.body.length, 696);
  const xml = Buffer.from(parts.body).indexOf('<?xml');
  t.equal(parts.body.length - xml, 436);
  t.match(parts, { ruri: alice, nextHop: null, fromName: null });
});

t.test('C45 a report carries the right headers', async (t) => {
  const parts = reportRequest(report(f1));
  t.same(header(parts, 'content-type'), ['Content-Type: message/cpim']);
  t.same(header(parts, 'contact'), []);
  const { facts, innerContentType } = readCpim(parts.body, 'message/cpim');
  t.equal(innerContentType, 'message/imdn+xml');
  t.match(facts, { isImdn: true, dispositions: [], recordRoutes: [] });
  t.not(facts?.imdnMessageId, 'Xk7qJ2mB9vTz4RwL');
  t.match(parts.body.toString(), '\r\nContent-Disposition: notification\r\n');
});

t.test('C46 a report follows the recorded route', async (t) => {
  const routes = ['<sip:r2.example.net>', '<sip:r1.example.com>'];
  const recorded = routes.map((route) => `imdn.IMDN-Record-Route: ${route}`);
  const parts = reportRequest(report(request(cpim(...asking, ...recorded))));
  t.equal(parts.ruri, 'sip:r2.example.net');
  t.same(header(parts, 'to'), ['To: <sip:r2.example.net>']);
  const body = parts.body.toString();
  const at = routes.map((route) => body.indexOf(`\r\nimdn.IMDN-Route: ${route}\r\n`));
  t.ok(at[0]! > 0 && at[1]! > at[0]!);
  t.match(body, '\r\nTo: Alice <sip:alice@example.com>\r\n');
  t.notMatch(body, 'Record-Route');
});

t.test('C47 the target is the bare From URI', async (t) => {
  const from = 'From: "Alice A" <sip:alice@example.com>;tag=1;x=y';
  const parts = reportRequest(report(request(cpim(...asking), [from])));
  t.equal(parts.ruri, alice);
  t.same(header(parts, 'to'), [`To: <${alice}>`]);
  t.same(header(parts, 'from'), ['From: <sip:bob@example.org>;tag=srv-7f31']);
  const secure = report(request('', ['From: <sips:alice@example.com>;tag=1']));
  t.equal(reportRequest(secure).ruri, 'sips:alice@example.com');
});

t.test('X1 C89 no part of From leads the report past its own host', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['sip:a@b.c;maddr=192.0.2.1', 'sip:a@b.c'],
    ['sip:a@b.c;user=phone;MADDR=x;transport=tcp', 'sip:a@b.c;user=phone;transport=tcp'],
    ['sip:a@b.c;method=BYE?Route=%3Csip:x%3E', 'sip:a@b.c'],
    ['sip:a;maddr=1@b.c;ttl=1', 'sip:a;maddr=1@b.c'],
    ['sip:a?b@b.c?x=y', 'sip:a?b@b.c'],
  ];
  for (const [uri, target] of rows) t.equal(requestTarget(uri), target, uri);
});

t.test('C41 datetime falls back to SIP Date, then to receipt', async (t) => {
  const xml = (octets: Buffer) => reportRequest(report(octets)).body.toString();
  const without = cpim(...asking.filter((line) => !line.startsWith('DateTime')));
  const dated = request(without, ['Date: Tue, 01 Aug 2006 09:59:58 GMT']);
  t.match(xml(dated), '<datetime>2006-08-01T09:59:58Z</datetime>');
  t.match(xml(request(without)), '<datetime>2006-08-01T10:00:01Z</datetime>');
});

t.test('C42 datetime is copied character by character', async (t) => {
  const odd = asking.map((line) =>
    line.replace('2006-08-01T10:00:00Z', '2006-04-04T12:16:49-05:00'),
  );
  const body = reportRequest(report(request(cpim(...odd)))).body.toString();
  t.match(body, '<datetime>2006-04-04T12:16:49-05:00</datetime>');
});

t.test('C43 C72 each recipient is reported under the list', async (t) => {
  for (const user of ['bob', 'carol', 'dave']) {
    const body = cpim(...asking, 'imdn.Original-To: <sip:list@example.org>');
    const octets = Buffer.from(
      request(body.replace('Bob <sip:bob@', `<sip:${user}@`))
        .toString()
        .replaceAll('sip:bob@', `sip:${user}@`),
    );
    const text = reportRequest(report(octets)).body.toString();
    t.match(text, `<recipient-uri>sip:${user}@example.org</recipient-uri>`);
    t.match(text, '<original-recipient-uri>sip:list@example.org</original-recipient-uri>');
  }
});

t.test('C44 exactly one subject, and none where it would not fit', async (t) => {
  const count = (subject: string) =>
    reportRequest(report(request(cpim(...asking, `Subject: ${subject}`, 'Subject: Two'))))
      .body.toString()
      .split('<subject').length - 1;
  t.equal(count('One'), 1);
  t.equal(count('x'.repeat(600)), 0, 'RFC 3428 section 8: 1300 octets');
});

t.test('X4 C98 a report gives up its names before it exceeds 1300 octets', async (t) => {
  const long = cpim(...asking, 'Subject: Lunch').replace('Alice', `"${'A'.repeat(700)}"`);
  const text = reportRequest(report(request(long))).body.toString();
  t.match(text, '\r\nTo: <sip:alice@example.com>\r\n');
  t.match(text, '<message-id>Xk7qJ2mB9vTz4RwL</message-id>');
  t.notMatch(text, '<subject');
});

t.test('C75 the reason of the end does not show', async (t) => {
  const one = reportRequest(report(f1));
  const other = reportRequest({ ...report(f1), atMs: expiredAtMs - 1_800_000 });
  const blind = (parts: SipRequestParts) =>
    Buffer.from(parts.body)
      .toString()
      .replace(/\nDateTime: \S+/, '\nDateTime: T');
  t.equal(blind(one), blind(other));
  t.equal(one.headers, other.headers);
});

t.test('a report names only the served user and what the message said', async (t) => {
  const foreign = cpim(...asking).replace(
    'Bob <sip:bob@example.org>',
    '"Boss" <sip:boss@gov.example>',
  );
  const text = reportRequest(report(request(foreign))).body.toString();
  t.match(text, /^From: <sip:bob@example\.org>\r\n/);
  const plain = reportRequest(report(request('x', ['Content-Type: text/plain'])));
  t.match(
    plain.body.toString(),
    /^From: <sip:bob@example\.org>\r\nTo: <sip:alice@example\.com>\r\n/,
  );
});

t.test('C02 C59 the copy keeps what is the sender’s and drops what is the hop’s', async (t) => {
  const extra = [
    'Route: <sip:p.example.com;lr>',
    'Record-Route: <sip:p.example.com;lr>',
    'Authorization: Digest x',
    'Proxy-Authorization: Digest x',
    'm: <sip:alice@192.0.2.1>',
    'X-IM-Deferred: spoofed',
    'x-im-odd: spoofed',
    'X-Kept:  odd   blanks ',
    'X-Kept: second\r\n  folded',
    's: Lunch ☕',
    'Content-Language: en',
    'Date: Tue, 01 Aug 2006 10:00:00 GMT',
    'Expires: 3600',
    'c: message/cpim',
  ];
  const octets = request(cpim(...asking), extra);
  const parts = deliverRequest(delivery(octets));
  t.same(lines(parts), [
    'From: <sip:alice@example.com>;tag=srv-7f31',
    'To: <sip:bob@example.org>',
    'Call-ID: 5f0c9be2@im.example.org',
    'CSeq: 1 MESSAGE',
    `P-Asserted-Identity: <${alice}>`,
    'X-Kept:  odd   blanks ',
    'X-Kept: second',
    '  folded',
    's: Lunch ☕',
    'Content-Language: en',
    'Date: Tue, 01 Aug 2006 10:00:00 GMT',
    'Expires: 3600',
    'c: message/cpim',
    '',
  ]);
  t.match(parts, { ruri: 'sip:bob@example.org', nextHop: null, fromName: null });
  t.same(parts.body, octets.subarray(octets.indexOf('\r\n\r\n') + 4));
  t.ok(readRequest(wire(parts)).ok);
});

t.test('C83 a binary body is delivered as it came', async (t) => {
  const body = Buffer.from([0, 1, 13, 10, 0xff, 0xfe, 0x80, 0, 10]);
  const parts = deliverRequest(delivery(request(body, ['Content-Type: application/octet-stream'])));
  t.same(Buffer.from(parts.body), body);
});

t.test('names are kept; that of From travels apart', async (t) => {
  const named = [
    'From: "Al \\"A\\"" <sip:alice@example.com;p>;tag=1;x=y',
    'To: Bob <sip:bob@example.org>;x=y',
  ];
  const parts = deliverRequest(delivery(request('', named)), { nextHop: 'sip:127.0.0.1:26061' });
  t.equal(parts.fromName, '"Al \\"A\\""');
  t.equal(parts.nextHop, 'sip:127.0.0.1:26061');
  t.same(lines(parts).slice(0, 2), [
    'From: <sip:alice@example.com;p>;tag=srv-7f31',
    'To: Bob <sip:bob@example.org>',
  ]);
});

t.test('P-Asserted-Identity is what the proxy asserted, subject to Privacy', async (t) => {
  const pai = (extra: readonly string[], asserted: string | null = alice) =>
    header(deliverRequest(delivery(request('', extra), {}, { asserted })), 'p-asserted-identity');
  const written = 'P-Asserted-Identity: "Alice" <sip:alice@example.com>';
  t.same(pai([]), [`P-Asserted-Identity: <${alice}>`]);
  t.same(pai([written]), [written], 'kept as written');
  t.same(pai(['P-Asserted-Identity: <sip:eve@example.com>']), [`P-Asserted-Identity: <${alice}>`]);
  t.same(pai([written], null), [], 'a claim nobody vouched for');
  for (const privacy of ['id', 'user', 'header']) t.same(pai([written, `Privacy: ${privacy}`]), []);
  t.same(pai([written, 'Privacy: none']), [written]);
});

t.test('C48 F9 the real identity is nowhere', async (t) => {
  const extra = [
    'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
    'Privacy: id',
    `P-Asserted-Identity: <${alice}>`,
    `Remote-Party-ID: <${alice}>`,
    `History-Info: <${alice}>;index=1`,
    `Reply-To: <${alice}>`,
  ];
  const body = cpim(...asking).replace(
    'Alice <sip:alice@example.com>',
    '<sip:anonymous@anonymous.invalid>',
  );
  const parts = deliverRequest(delivery(request(body, extra)));
  t.notMatch(wire(parts).toString(), 'alice');
  t.match(parts.headers, 'Privacy: id\r\n');
  const some = delivery(request('', ['Privacy: history', 'History-Info: <sip:x@y>', 'X: y']));
  t.same(header(deliverRequest(some), 'history-info'), []);
});

t.test('C48 a report to an anonymous sender names him in its target alone', async (t) => {
  const nobody = 'sip:anonymous@anonymous.invalid';
  const body = cpim(...asking).replace('Alice <sip:alice@example.com>', `<${nobody}>`);
  const octets = request(body, [`From: "Anonymous" <${nobody}>;tag=1`, 'Privacy: id']);
  const parts = reportRequest(report(octets, { hidden: true, reportTo: alice }));
  t.equal(parts.ruri, alice);
  t.match(lines(parts), ['From: <sip:bob@example.org>;tag=srv-7f31', `To: <${nobody}>`]);
  t.notMatch(parts.headers + Buffer.from(parts.body).toString(), 'alice');
});

t.test('a report names people as their messages did, or by their addresses alone', async (t) => {
  const cpimOf = (displayNames: boolean) =>
    Buffer.from(reportRequest(report(f1), { displayNames }).body).toString();
  t.match(cpimOf(true), /^From: Bob <sip:[^>]*>\r\nTo: Alice <sip:[^>]*>\r\n/);
  t.match(cpimOf(false), /^From: <sip:[^>]*>\r\nTo: <sip:[^>]*>\r\n/);
  const [named, bare] = [cpimOf(true), cpimOf(false)];
  t.equal(bare, named.replace('From: Bob <', 'From: <').replace('To: Alice <', 'To: <'));
});

t.test('a report can come from a service', async (t) => {
  const serviceIdentity = 'sip:reports@example.org';
  const parts = reportRequest(report(f1), { serviceIdentity });
  t.match(parts.headers, `From: <${serviceIdentity}>;tag=srv-7f31\r\n`);
  t.same(header(parts, 'p-asserted-identity'), [`P-Asserted-Identity: <${serviceIdentity}>`]);
  t.match(
    Buffer.from(parts.body).toString(),
    'From: Bob <sip:bob@example.org>\r\n',
    'CPIM says who',
  );
});

const dated = 'Date: Tue, 01 Aug 2006 10:00:00 GMT';
const clock = (
  extra: readonly string[],
  late: boolean,
  expiresAtMs: number | null = expiredAtMs,
) => {
  const atMs = late ? expiredAtMs + 60_000 : receivedAtMs + 60_000;
  const parts = deliverRequest(delivery(request('', extra), { late, atMs }, { expiresAtMs }));
  return [...header(parts, 'date'), ...header(parts, 'expires')];
};

t.test('C59 Date and Expires stay together', async (t) => {
  t.same(clock([dated, 'Expires: 3600'], false), [dated, 'Expires: 3600']);
  t.same(clock([dated], false), [dated]);
  t.same(clock([], false), []);
  const minute = receivedAtMs + 60_000;
  t.same(clock(['Expires: 60'], false, minute), [
    'Date: Tue, 01 Aug 2006 10:00:01 GMT',
    'Expires: 60',
  ]);
  t.same(clock(['Date: today', 'Expires: 60'], false, minute), [
    'Date: Tue, 01 Aug 2006 10:00:01 GMT',
    'Expires: 60',
  ]);
});

t.test('C23 C80 a late copy shows that it is expired', async (t) => {
  t.same(clock([dated, 'Expires: 3600'], true), [dated, 'Expires: 3600'], 'his own pair');
  t.same(clock([dated], true), [dated, 'Expires: 3600'], 'life from a default');
  t.same(clock([], true), ['Date: Tue, 01 Aug 2006 10:00:01 GMT', 'Expires: 3599']);
  t.same(clock([dated, 'Expires: 864000'], true), [dated, 'Expires: 3600'], 'life from a cap');
  t.same(clock(['Date: Tue, 01 Aug 2006 12:00:00 GMT', 'Expires: 3600'], true), [
    'Date: Tue, 01 Aug 2006 10:00:01 GMT',
    'Expires: 3599',
  ]);
  const ahead = 'Date: Tue, 01 Aug 2006 10:30:00 GMT';
  t.same(clock([ahead], true), ['Date: Tue, 01 Aug 2006 10:00:01 GMT', 'Expires: 3599']);
  t.same(clock([dated, 'Expires: x'], true), [dated, 'Expires: 3600']);
  t.same(clock([dated, 'Expires: 0'], true), [dated, 'Expires: 0']);
  t.same(clock([dated], true, receivedAtMs - 5_000), [
    'Date: Tue, 01 Aug 2006 10:00:01 GMT',
    'Expires: 0',
  ]);
  t.same(clock([dated], true, null), [dated]);
});

t.test('C80 what a notice has told of keeps the pair of its sender', async (t) => {
  const long = [dated, 'Expires: 864000'];
  const marks = (given: readonly string[]) => {
    const sent = delivery(request('', given));
    const { message } = sent;
    const expiresAtMs = receivedAtMs - 1000 + 3_600_000;
    const marked = { late: true, announced: true, message: { ...message, expiresAtMs } } as const;
    return lines(deliverRequest({ ...sent, ...marked })).filter((line) =>
      /^(Date|Expires):/.test(line),
    );
  };
  t.same(marks(long), long);
  t.same(marks([dated]), [dated, 'Expires: 3600'], 'half a pair is made whole');
});

t.test('C78 a copy of an extended message shows its new expiry', async (t) => {
  const untilMs = receivedAtMs - 1000 + 3_600_000;
  const sent = delivery(request('', [dated, 'Expires: 3600']));
  const facts = { ...sent.message, dateMs: receivedAtMs - 1000, expiresSeconds: 3600 };
  const shown = (expiresAtMs: number) =>
    lines(deliverRequest({ ...sent, message: { ...facts, expiresAtMs } })).filter((line) =>
      /^(Date|Expires):/.test(line),
    );
  t.same(shown(untilMs), [dated, 'Expires: 3600'], 'not extended: his own');
  t.same(shown(untilMs + 60_000), [dated, 'Expires: 3660']);
  t.same(shown(untilMs - 60_000), [dated, 'Expires: 3600'], 'a cap changes no fresh one');
});

t.test('C60 signed content is pushed untouched, late or not', async (t) => {
  const part = [
    '--b\r\nContent-Type: message/cpim\r\n',
    cpim(...asking),
    '--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--',
  ].join('\r\n');
  const octets = request(part, ['Content-Type: multipart/signed; boundary=b']);
  for (const late of [false, true]) {
    t.equal(Buffer.from(deliverRequest(delivery(octets, { late })).body).toString(), part);
  }
});

t.test('the same effect gives the same octets', async (t) => {
  t.same(deliverRequest(delivery(f1)), deliverRequest(delivery(f1)));
  t.same(reportRequest(report(f1)), reportRequest(report(f1)));
});

t.test('a stored request that cannot be read is a bug, not an input', async (t) => {
  const broken = { ...delivery(f1), octets: Buffer.from('x') };
  t.throws(() => deliverRequest(broken), TypeError);
});
