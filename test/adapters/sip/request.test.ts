// The grammar of a SIP request: what is read, what is refused, and where.
import t from 'tap';
import { headerValue, headerValues, readRequest } from '../../../adapters/sip/index.js';
import { bodyOctetsMax, headerOctetsMax, requestOctetsMax } from '../../../adapters/sip/limits.js';
import { limits } from '../../../runtime/index.js';
import { f1, request } from './samples.js';

function read(octets: Uint8Array) {
  const result = readRequest(octets);
  if (!result.ok) throw new Error(result.finding.code);
  return result.request;
}

function codeOf(octets: Uint8Array | string): string {
  const result = readRequest(Buffer.from(octets));
  return result.ok ? 'ok' : result.finding.code;
}

t.test('F1 is read whole', async (t) => {
  const f = read(f1);
  t.equal(f1.length, 747);
  t.equal(f.method, 'MESSAGE');
  t.equal(f.requestUri, 'sip:bob@example.org');
  t.equal(f1.length - f.bodyOffset, 355);
  t.same(
    f.headers.map((header) => header.rawName),
    ['Via', 'Max-Forwards', 'From', 'To', 'Call-ID', 'CSeq', 'P-Asserted-Identity', 'Date'].concat([
      'Expires',
      'Content-Type',
      'Content-Length',
    ]),
  );
  t.equal(headerValue(f, 'from'), '<sip:alice@example.com>;tag=49583');
});

t.test(
  'C02 headers are found again octet for octet, unknown and repeated ones in order',
  async (t) => {
    const octets = request('x', [
      'X-Odd: one',
      'x-odd :  two  ',
      'X-Fold: a\r\n  b\r\n\tc',
      'Subject:',
    ]);
    const f = read(octets);
    t.same(headerValues(f, 'x-odd'), ['one', 'two']);
    t.equal(headerValue(f, 'x-fold'), 'a b c');
    t.equal(headerValue(f, 'subject'), '');
    t.equal(headerValue(f, 'absent'), null);
    const lines = f.headers.map((header) => octets.subarray(header.start, header.end));
    const firstLine = octets.indexOf('\r\n') + 2;
    t.same(Buffer.concat(lines), octets.subarray(firstLine, f.bodyOffset - 2));
  },
);

t.test('compact names are their long ones', async (t) => {
  const text =
    'MESSAGE sip:b@c SIP/2.0\r\nv: 1\r\nF: 2\r\nt: 3\r\ni: 4\r\n' +
    'm: 5\r\ns: 6\r\nc: a/b\r\nl: 0\r\n\r\n';
  t.same(
    read(Buffer.from(text)).headers.map((header) => header.name),
    ['via', 'from', 'to', 'call-id', 'contact', 'subject', 'content-type', 'content-length'],
  );
});

t.test('F11 values are UTF-8 or refused', async (t) => {
  t.equal(headerValue(read(request('x', ['Subject: Jörg ☕'])), 'subject'), 'Jörg ☕');
  const broken = Buffer.from(request('x', ['Subject: J?rg']));
  broken[broken.indexOf('?')] = 0xf6;
  t.equal(codeOf(broken), 'bad-utf8');
  const surrogate = Buffer.from(request('x', ['Subject: ???']));
  surrogate.set([0xed, 0xa0, 0x80], surrogate.indexOf('???'));
  t.equal(codeOf(surrogate), 'bad-utf8');
});

t.test('malformed requests are findings', async (t) => {
  const line = 'MESSAGE sip:bob@example.org SIP/2.0\r\n';
  const rows: readonly (readonly [string, string])[] = [
    ['', 'start-line'],
    ['\r\n\r\n', 'start-line'],
    ['MESSAGE', 'start-line'],
    ['MESSAGE sip:b@c\r\n\r\n', 'start-line'],
    ['MESSAGE  sip:b@c SIP/2.0\r\n\r\n', 'start-line'],
    ['MESSAGE sip:b@c SIP/2.0 \r\n\r\n', 'start-line'],
    ['MESSAGE sip:b@c SIP/3.0\r\n\r\n', 'start-line'],
    ['MESSAGE sip:b@c SIP/2.0\n\n', 'start-line'],
    ['MESSAGE sip:b\u00e9@c SIP/2.0\r\n\r\n', 'start-line'],
    ['SIP/2.0 200 OK\r\n\r\n', 'start-line'],
    [`${'M'.repeat(33)} sip:b@c SIP/2.0\r\n\r\n`, 'start-line'],
    [line, 'no-blank-line'],
    [`${line}To: x`, 'no-blank-line'],
    [`${line}To`, 'no-blank-line'],
    [`${line}To: x\r\n`, 'no-blank-line'],
    [`${line}To: x\r\n\r`, 'field-name'],
    [`${line}To x\r\n\r\n`, 'field-name'],
    [`${line}: x\r\n\r\n`, 'field-name'],
    [`${line} To: x\r\n\r\n`, 'field-name'],
    [`${line}To: x\nFrom: y\r\n\r\n`, 'bare-lf'],
    [`${line}To: x\rFrom: y\r\n\r\n`, 'bare-cr'],
    [`${line}To: x\0y\r\n\r\n`, 'control-character'],
    [`${line}To: x\x7fy\r\n\r\n`, 'control-character'],
    [`${line}To: x\r\nt: y\r\n\r\n`, 'repeated-header'],
    [`${line}Content-Length: 0\r\nl: 0\r\n\r\n`, 'repeated-header'],
    [`${line}Content-Length: 5\r\n\r\nabc`, 'body-length'],
    [`${line}Content-Length: 2\r\n\r\nabc`, 'body-length'],
    [`${line}Content-Length: +3\r\n\r\nabc`, 'body-length'],
    [`${line}Content-Length: -3\r\n\r\nabc`, 'body-length'],
    [`${line}Content-Length: 00000000003\r\n\r\nabc`, 'body-length'],
    [`${line}Content-Length:\r\n\r\n`, 'body-length'],
    [`${line}\r\nabc`, 'ok'],
    [`\r\n${line}\r\n`, 'ok'],
    [`${line}${'X: y\r\n'.repeat(257)}\r\n`, 'too-many-fields'],
    [`${line}${'X: y\r\n'.repeat(256)}\r\n`, 'ok'],
  ];
  for (const [text, code] of rows) t.equal(codeOf(text), code, JSON.stringify(text.slice(0, 80)));
});

t.test('C83 a body cut at a NUL does not agree with its length', async (t) => {
  const whole = request(Buffer.from([0x61, 0, 0xff, 0x62]), ['Content-Type: a/b']);
  t.equal(codeOf(whole), 'ok');
  const cut = whole.subarray(0, whole.indexOf(0));
  t.equal(codeOf(cut), 'body-length');
});

t.test('the codec and the runtime mean the same sizes', async (t) => {
  t.match(limits, { bodyOctetsMax, headerOctetsMax, requestOctetsMax });
});

t.test('sizes are bounded at the octet', async (t) => {
  const sized = (length: number) => request(Buffer.alloc(length, 'a'), ['Content-Type: a/b']);
  t.equal(codeOf(sized(bodyOctetsMax)), 'ok');
  t.equal(codeOf(sized(bodyOctetsMax + 1)), 'body-too-large');
  t.equal(codeOf(Buffer.alloc(requestOctetsMax + 1, 'a')), 'request-too-large');
  const bare = request('', ['X: ']);
  const pad = (to: number, body = '') =>
    Buffer.from(request(body, [`X: ${'a'.repeat(to - bare.length)}`, 'Content-Type: a/b']))
      .toString()
      .replace('Content-Type: a/b\r\n', '');
  const full = pad(headerOctetsMax);
  t.equal(full.length, headerOctetsMax);
  t.equal(codeOf(full), 'ok');
  for (let more = 1; more < 40; more++) {
    t.equal(codeOf(pad(headerOctetsMax + more)), 'headers-too-large', `${more} over`);
  }
  t.equal(codeOf(`MESSAGE sip:b@c SIP/2.0\r\n${'a'.repeat(13_000)}`), 'headers-too-large');
});
