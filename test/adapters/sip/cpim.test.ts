// Reading message/cpim: what a sender asked for, and what does not count as asking.
import t from 'tap';
import { unescapeText } from '../../../adapters/sip/cpim.js';
import { readCpim, readMessage } from '../../../adapters/sip/index.js';
import { alice, asking, cpim, cpimOfF1, request } from './samples.js';

const read = (body: string | Uint8Array, type = 'message/cpim', draft00 = false) =>
  readCpim(Buffer.from(body), type, { draft00 });
const facts = (...headers: readonly string[]) => read(cpim(...headers)).facts;
const asked = (...headers: readonly string[]) =>
  facts(...headers)?.dispositions.includes('negative-delivery') ?? false;
const ns = 'NS: imdn <urn:ietf:params:imdn>';

t.test('F1 is read', async (t) => {
  const { facts, innerContentType } = read(cpimOfF1);
  t.match(facts, { imdnMessageId: 'Xk7qJ2mB9vTz4RwL', subject: { text: 'Lunch', lang: null } });
  t.equal(innerContentType, 'text/plain');
});

t.test('C38 every wanted form of F8 asks', async (t) => {
  const name = 'imdn.Disposition-Notification';
  t.ok(asked(ns, `${name}: negative-delivery`));
  t.ok(asked(ns, `${name}: positive-delivery , negative-delivery;x=1`));
  const prefix = 'NS: d <urn:ietf:params:imdn>';
  t.ok(asked(prefix, 'd.Disposition-Notification: negative-delivery'));
  t.ok(asked(ns, `${name}: negative-delivery, whatever-new`));
  t.ok(asked(ns, `${name}: display;x="a,b", negative-delivery`));
  t.ok(asked('NS: imdn <urn:other>', ns, `${name}: negative-delivery`), 'bound anew');
  t.ok(asked('NS: <urn:ietf:params:imdn>', 'Disposition-Notification: negative-delivery'));
  t.same(facts(ns, `${name}: display,processing`, `${name}: display`)?.dispositions, [
    'display',
    'processing',
  ]);
});

t.test('C39 no unwanted form of F8 asks', async (t) => {
  const name = 'imdn.Disposition-Notification';
  const rows: readonly (readonly string[])[] = [
    [ns, `${name}: Negative-Delivery`],
    [ns, 'imdn.disposition-notification: negative-delivery'],
    [`${name}: negative-delivery`],
    [`${name}: negative-delivery`, ns],
    ['NS: imdn <urn:ietf:params:other>', `${name}: negative-delivery`],
    [ns, 'NS: imdn <urn:other>', `${name}: negative-delivery`],
    [ns, `${name}: `],
    [ns, `${name}:`],
    [ns, `${name}: positive-delivery, display`],
    [ns, `${name}:negative-delivery`],
    [ns, `${name}:  negative-delivery`],
    [ns, `${name}:\tnegative-delivery`],
    [ns, `${name} : negative-delivery`],
    [ns, `${name}: "negative-delivery`],
    [ns, `${name}: negative-delivery-x`],
    [ns, `imdn.x.Disposition-Notification: negative-delivery`],
    ['NS: imdn urn:ietf:params:imdn', `${name}: negative-delivery`],
    ['ns: imdn <urn:ietf:params:imdn>', `${name}: negative-delivery`],
    ['Disposition-Notification: negative-delivery'],
  ];
  for (const row of rows) t.notOk(asked(...row), row.join(' | '));
});

t.test('C40 the draft-00 form asks only with the switch', async (t) => {
  const body = cpim('Message-ID: 1', 'Disposition-Notification: negative-delivery, read;aggregate');
  t.same(read(body).facts?.dispositions, []);
  t.equal(read(body).facts?.imdnMessageId, null);
  t.same(read(body, 'message/cpim', true).facts?.dispositions, ['negative-delivery', 'display']);
  t.equal(read(body, 'message/cpim', true).facts?.imdnMessageId, '1');
  const bound = cpim(
    'NS: i <urn:ietf:params:cpim-headers:imdn>',
    'i.Disposition-Notification: negative-delivery',
  );
  t.same(read(bound).facts?.dispositions, []);
  t.same(read(bound, 'message/cpim', true).facts?.dispositions, ['negative-delivery']);
});

t.test('C41 C42 DateTime is kept character by character, or is absent', async (t) => {
  t.equal(facts('DateTime: 2006-04-04T12:16:49-05:00')?.dateTime, '2006-04-04T12:16:49-05:00');
  t.equal(facts('DateTime: ')?.dateTime, null);
  t.equal(facts(`DateTime: ${'2'.repeat(65)}`)?.dateTime, null);
  t.equal(facts(ns)?.dateTime, null);
});

t.test('C43 Original-To is an address only', async (t) => {
  t.equal(facts(ns, 'imdn.Original-To: "L" <sip:l@e.org>')?.originalTo, 'sip:l@e.org');
  t.equal(facts(ns, 'imdn.Original-To: <sip:l@e.org')?.originalTo, null);
  t.equal(facts('Original-To: <sip:l@e.org>')?.originalTo, null);
});

t.test('C44 one of several subjects, with its language', async (t) => {
  t.same(facts('Subject:;lang=fr Objet', 'Subject: Other')?.subject, { text: 'Objet', lang: 'fr' });
  t.same(facts('Subject: a\\nb\\u00e9\\\\')?.subject, { text: 'a\nbé\\', lang: null });
  t.same(facts('Subject:;lang=f"r Objet')?.subject ?? null, null);
  t.same(facts('Subject:;lang=1f;x=y Objet')?.subject, { text: 'Objet', lang: null });
  t.same(facts('Subject:;lang=de-AT-1901 S')?.subject, { text: 'S', lang: 'de-AT-1901' });
  t.same(facts('Subject:;lang=abcdefghi S')?.subject, { text: 'S', lang: null });
  t.same(facts('Subject:;lang= S')?.subject, { text: 'S', lang: null });
});

t.test('escapes of RFC 3862 2.3.2', async (t) => {
  t.equal(unescapeText('\\b\\t\\n\\r\\"\\\'\\\\'), '\b\t\n\r"\'\\');
  t.equal(unescapeText('\\ud83d\\ude00'), '😀');
  t.equal(unescapeText('\\ud83d'), '\ufffd');
  t.equal(unescapeText('\\u00'), '\\u00');
  t.equal(unescapeText('\\q \\constructor \\'), '\\q \\constructor \\');
});

t.test('F5 recorded routes come top first; one without a host stays as an empty one', async (t) => {
  const routes = (...lines: readonly string[]) =>
    facts(ns, ...lines.map((line) => `imdn.IMDN-Record-Route: ${line}`))?.recordRoutes;
  t.same(routes('<sip:r2.example.net>', 'R <sip:r1.example.com;lr>'), [
    'sip:r2.example.net',
    'sip:r1.example.com;lr',
  ]);
  t.same(routes('<sip:r2.example.net', '<sip:x@evil.example@r.example.net>'), ['', '']);
});

t.test('C90 a Message-ID is a token, byte for byte', async (t) => {
  const id = (value: string) => facts(ns, `imdn.Message-ID: ${value}`)?.imdnMessageId;
  t.equal(id('<a&b>"@é'), '<a&b>"@é');
  t.equal(id('a b'), null);
  t.equal(id(''), null);
});

t.test('F8 the blank line before the inner headers may be missing', async (t) => {
  const without = cpim(...asking).replace('\r\n\r\nContent-Type', '\r\nContent-Type');
  t.same(read(without), read(cpim(...asking)));
  const other = cpim(...asking).replace(
    '\r\n\r\nContent-Type',
    '\r\nMIME-Version: 1.0\r\nContent-Type',
  );
  t.same(read(other), read(cpim(...asking)));
});

t.test('F8 what is not CPIM cannot ask, and never throws', async (t) => {
  const good = cpim(...asking);
  const unreadable = [
    good.replaceAll('\r\n', '\n'),
    good.replace('NS:', 'a\rb\r\nNS:'),
    good.replace('NS:', 'a: \0\r\nNS:'),
    asking.join('\r\n'),
    '',
    '\r\n'.slice(0, 1),
    'x'.repeat(10_000),
  ];
  for (const body of unreadable)
    t.match(read(body), {
      ...{ facts: null, innerContentType: null },
      unreadable: { code: String, offset: Number },
    });
  const folded = good.replace('imdn.Disposition', ' imdn.Disposition');
  t.same(read(folded).facts?.dispositions, [], 'a folded line is no header of CPIM');
  const broken = Buffer.from(good.replace('Alice', 'Al?ce'));
  broken[broken.indexOf('?')] = 0xff;
  t.equal(read(broken).facts?.from, null);
  t.same(read(broken).facts?.dispositions, ['negative-delivery']);
});

t.test('C37 other types hold no CPIM', async (t) => {
  t.equal(read(cpim(...asking), 'text/plain').facts, null);
  t.equal(read(cpim(...asking), 'nonsense').facts, null);
  t.equal(read('Hello', 'text/plain; charset=utf-8').facts, null);
});

const multipart = (subtype: string, ...parts: readonly string[]) =>
  [
    [`multipart/${subtype}; boundary="b 1"`],
    ['preamble', ...parts.map((part) => `--b 1 \r\n${part}`), '--b 1--', 'epilogue'].join('\r\n'),
  ].flat() as [string, string];

t.test('CPIM is found inside a multipart', async (t) => {
  const part = `Content-Type: message/cpim\r\n\r\n${cpim(...asking)}`;
  const [type, body] = multipart('mixed', 'Content-Type: text/plain\r\n\r\nx', part);
  t.same(read(body, type).facts, read(cpim(...asking)).facts);
  t.equal(read(body, type).innerContentType, 'text/plain');
  t.same(read(body.replace('\r\n--b 1--\r\nepilogue', ''), type).facts, read(body, type).facts);
  t.equal(read(body, 'multipart/mixed').facts, null, 'no boundary');
  t.equal(read(body, 'multipart/mixed;boundary=c').facts, null);
  const midLine = body.replace('--b 1 \r\nContent-Type: message', 'y$&');
  t.equal(read(midLine, type).facts, null, 'a boundary begins its line');
  const encoded = part.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n');
  t.equal(read(multipart('mixed', encoded)[1], type).facts, null);
});

t.test('depth and number of parts are bounded', async (t) => {
  let nested = `Content-Type: message/cpim\r\n\r\n${cpim(...asking)}`;
  const level = (at: number) => `multipart/mixed; boundary=b${at}`;
  const wrap = (part: string, at: number) => `--b${at}\r\n${part}\r\n--b${at}--`;
  let depth = 0;
  while (depth < 4) {
    const body = wrap(nested, depth);
    t.equal(read(body, level(depth)).facts !== null, depth < 3, `depth ${depth + 1}`);
    nested = `Content-Type: ${level(depth)}\r\n\r\n${body}`;
    depth++;
  }
  const many = 'Content-Type: text/plain\r\n\r\nx\r\n--b\r\n'.repeat(40);
  const last = `--b\r\n${many}Content-Type: message/cpim\r\n\r\n${cpim(...asking)}`;
  t.equal(read(last, 'multipart/mixed;boundary=b').facts, null);
  const nest = (rest: string) => `${many.slice(0, many.length / 2)}${rest}\r\n--b--`;
  const outer = (rest: string) =>
    `--o\r\nContent-Type: multipart/x;boundary=b\r\n\r\n--b\r\n${rest}`;
  const text = 'Content-Type: text/plain\r\n\r\nx';
  const wanted = `Content-Type: message/cpim\r\n\r\n${cpim(...asking)}`;
  const two = [outer(nest(text)), outer(nest(wanted))].join('\r\n');
  t.equal(read(two, 'multipart/mixed;boundary=o').facts, null, 'parts count across levels');
  t.ok(read(outer(nest(wanted)), 'multipart/mixed;boundary=o').facts);
});

t.test('C35 C36 a report is known as one, whatever it asks', async (t) => {
  const inner = (type: string) => cpim(...asking).replace('text/plain', type);
  t.equal(read(inner('message/imdn+xml')).facts?.isImdn, true);
  t.equal(read(inner('Message/IMDN+xml; charset=utf-8')).facts?.isImdn, true);
  t.equal(read('<imdn/>', 'message/imdn+xml').facts?.isImdn, true);
  const aggregated = inner('multipart/mixed; boundary=b').replace(
    'Hello',
    '--b\r\nContent-Type: message/imdn+xml\r\n\r\n<imdn/>\r\n--b',
  );
  t.equal(read(aggregated).facts?.isImdn, true);
  t.equal(read(inner('text/plain')).facts?.isImdn, false);
});

t.test('C49 C60 encrypted and signed content is known', async (t) => {
  const kinds = (body: string, type: string) => {
    const { facts } = read(body, type);
    return [facts?.encrypted ?? null, facts?.signed ?? null];
  };
  t.same(kinds('x', 'application/pkcs7-mime; smime-type=enveloped-data'), [true, false]);
  t.same(kinds('x', 'application/x-pkcs7-mime'), [true, false]);
  t.same(kinds('x', 'application/pkcs7-mime; smime-type="Signed-Data"'), [false, true]);
  t.same(kinds('x', 'multipart/encrypted; boundary=b'), [true, false]);
  t.same(kinds('x', 'text/plain'), [null, null]);
  const part = `Content-Type: message/cpim\r\n\r\n${cpim(...asking)}`;
  const signature = 'Content-Type: application/pkcs7-signature\r\n\r\nx';
  const [type, body] = multipart('signed', part, signature);
  t.match(read(body, type).facts, { signed: true, dispositions: ['negative-delivery'] });
  const inside = cpim(...asking).replace('text/plain', 'application/pkcs7-mime');
  t.match(read(inside).facts, { encrypted: true, dispositions: ['negative-delivery'] });
});

t.test('a body that is declared as CPIM and is none says why and where', async (t) => {
  const rows: readonly (readonly [string, string, number])[] = [
    ['no-cpim-header', 'garbage\r\nmore of it\r\n\r\nhello', 0],
    ['no-blank-line', 'From: <sip:a@b>\r\nTo: <sip:b@c>\r\n', 32],
    ['bare-lf', 'From: <sip:a@b>\nTo: <sip:b@c>\n\nhello', 15],
    ['control-character', 'From: <sip:a@b>\r\nTo: \0\r\n\r\nhello', 21],
  ];
  for (const [code, body, offset] of rows) {
    const reading = readCpim(Buffer.from(body), 'message/cpim');
    t.match(reading.unreadable, { code, offset, message: String }, code);
    t.same(reading.facts?.dispositions ?? [], [], 'asks for nothing');
    const read = readMessage(request(body), alice);
    if (!read.ok) throw new Error(read.code);
    const octet = read.message.bodyOffset + offset;
    t.match(read.unreadable, { code, offset: octet }, 'taken, and counted from the first octet');
  }
  t.equal(readCpim(Buffer.from('From: <sip:a@b>\r\n\r\nhi'), 'message/cpim').unreadable, null);
  t.equal(readCpim(Buffer.from('hello'), 'text/plain').unreadable, null);
  const inside = ['--x', 'Content-Type: message/cpim', '', 'junk', '--x--', ''].join('\r\n');
  const found = readCpim(Buffer.from(inside), 'multipart/mixed;boundary=x').unreadable;
  t.equal(found?.code, 'no-blank-line', 'inside a multipart as well');
});

t.test('F12 many prefixes cost no more steps than their lines', async (t) => {
  const stepsFor = (lines: number): number => {
    const bound = Array.from({ length: lines }, (_, at) => `NS: p${at} <x>`);
    const body = Buffer.from([...bound, '', '', 'Content-Type: text/plain', '', ''].join('\r\n'));
    let steps = 0;
    const { prototype } = Map;
    const { get, set } = prototype;
    const plain = prototype[Symbol.iterator];
    // What is gone through in a map is counted, each entry; and what is looked up or bound.
    prototype[Symbol.iterator] = function* <K, V>(this: Map<K, V>) {
      for (const entry of plain.call(this) as MapIterator<[K, V]>) {
        steps += 1;
        yield entry;
      }
      return undefined;
    } as typeof plain;
    prototype.get = function (key) {
      steps += 1;
      return get.call(this, key);
    };
    prototype.set = function (key, value) {
      steps += 1;
      return set.call(this, key, value) as never;
    };
    try {
      readCpim(body, 'message/cpim');
    } finally {
      Object.assign(prototype, { get, set, [Symbol.iterator]: plain });
    }
    return steps;
  };
  const [some, more] = [stepsFor(100), stepsFor(400)];
  t.ok(some >= 100, 'steps are seen');
  t.ok(more <= 4 * some + 50, `100 lines in ${some} steps, 400 in ${more}`);
});
