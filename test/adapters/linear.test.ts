// Every reader of what comes from a network stays linear: twice the input takes twice the time, up to 64 KiB, on the
// inputs that hurt a reader with backtracking or a second pass most. Beyond a reader's own limit it refuses at once.
import t from 'tap';
import { Assembly, Budget } from '../../adapters/msrp/assembly.js';
import { byteRange, msrpUri, readPath } from '../../adapters/msrp/fields.js';
import { FrameScanner } from '../../adapters/msrp/frame.js';
import { readSdp } from '../../adapters/msrp/sdp.js';
import {
  answerLine,
  type LineForm,
  offlineLine,
  onlineLine,
  outcomeLine,
  parseRequest,
  sendLine,
} from '../../adapters/nats/index.js';
import { readJson } from '../../adapters/nats/json.js';
import {
  bareDeferredId,
  canonicalAor,
  correlate,
  hostOf,
  nameAddr,
  parseSipDate,
  readCommand,
  readContacts,
  readCpim,
  readImdn,
  readMessage,
  readRequest,
} from '../../adapters/sip/index.js';
import { parseJson } from '../../adapters/sip/json.js';
import { mediaType } from '../../adapters/sip/mime.js';
import { unescapeXml } from '../../adapters/sip/xml.js';
import { growth } from '../support/growth.js';
import { asking, cpim } from './sip/samples.js';

const fill = (text: string, size: number) =>
  text.repeat(Math.ceil(size / text.length)).slice(0, size);
const distinct = (size: number) =>
  Array.from({ length: size / 8 }, (_, at) => `;a${at} = b`).join('');
const body = (text: string) => Buffer.from(text);
const request = (headers: string, content = '') =>
  body(`MESSAGE sip:b@c SIP/2.0\r\n${headers}\r\n\r\n${content}`);

type Reader = (size: number) => void;

const sip: Readonly<Record<string, Reader>> = {
  'blanks in a name-addr': (size) => void nameAddr(`${' '.repeat(size)}<${' '.repeat(size)}`),
  'brackets in a name-addr': (size) => void nameAddr(fill('<', size)),
  'quotes in a name-addr': (size) => void nameAddr(fill('"\\', size)),
  'parameters of a name-addr': (size) => void nameAddr(`<sip:a@b>${distinct(size)}`),
  'a list of contacts': (size) => void readContacts(fill('<sip:a@b>,', size), 60, 0),
  'a list without brackets': (size) => void readContacts(fill('a:b , ', size), 60, 0),
  'a URI': (size) => void canonicalAor(`sip:${fill('%61@', size)}`),
  'a date': (size) => void parseSipDate(fill(' ', size)),
  'header fields': (size) =>
    void readRequest(body(`MESSAGE sip:b@c SIP/2.0\r\n${fill('a: b\r\n', size)}`)),
  folds: (size) => void readRequest(body(`MESSAGE sip:b@c SIP/2.0\r\na:${fill('\r\n ', size)}`)),
  'cpim headers': (size) => void readCpim(body(fill('a: b\r\n', size)), 'message/cpim'),
  namespaces: (size) => void readCpim(body(fill('NS: a <b>\r\n', size)), 'message/cpim'),
  'one long cpim line': (size) => void readCpim(body(fill('a;b="', size)), 'message/cpim'),
  dispositions: (size) =>
    void readCpim(
      body(
        cpim(...asking, `imdn.Disposition-Notification: ${fill(',"', 7_000)}`) + fill('x', size),
      ),
      'message/cpim',
    ),
  'multipart delimiters': (size) =>
    void readCpim(body(fill('--b\r\n', size)), 'multipart/mixed;boundary=b'),
  'almost delimiters': (size) =>
    void readCpim(body(fill('--b', size)), 'multipart/mixed;boundary=b'),
  'a long boundary': (size) =>
    void readCpim(body(fill('-', size)), `multipart/mixed;boundary=${'-'.repeat(69)}b`),
  'json strings': (size) => void parseJson(fill('"a" ', size)),
  'json keys': (size) => void parseJson(`{${fill('"a":', size)}`),
  'json blanks': (size) => void parseJson(`["a"${' '.repeat(size)}]`),
  'json escapes': (size) => void parseJson(fill('"\\', size)),
};

const command = 'Content-Type: application/vnd.deferred-im.command+json';
const sipMore: Readonly<Record<string, Reader>> = {
  'a whole message': (size) =>
    void readMessage(
      request(
        `Content-Type: message/cpim\r\n${fill('a: b\r\n', 8_000)}b: c`,
        fill('a: b\r\n', size),
      ),
      'sip:a@b',
    ),
  'a Content-Type': (size) => void mediaType(`a/b${fill('; a = "\\', size)}`),
  'parameters of a Content-Type': (size) => void mediaType(`a/b${distinct(size)}`),
  'a host': (size) => void hostOf(`sip:${fill('a.', size)}`),
  'a telephone number': (size) => void canonicalAor(`tel:+${fill('1-', size)}`),
  'an id': (size) => void bareDeferredId(fill('sip:', size)),
  'escapes of a CPIM subject': (size) =>
    void readCpim(
      body(cpim(...asking, `Subject: ${fill('\\u12', 7_000)}`, fill('x', size))),
      'message/cpim',
    ),
  'nested multiparts': (size) =>
    void readCpim(
      body(fill('--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n', size)),
      'multipart/mixed;boundary=b',
    ),
  'a boundary that is found everywhere': (size) =>
    void readCpim(body(fill('\r\n--b', size)), 'multipart/mixed;boundary=b'),
  'a user command': (size) =>
    void readCommand(
      request(command, `{"v":1,"op":"delete","ids":["${fill('a', size)}"]}`),
      'sip:a@b',
    ),
  'many ids of a user command': (size) =>
    void readCommand(
      request(command, `{"v":1,"op":"delete","ids":[${fill('"a@b",', size)}`),
      'sip:a@b',
    ),
  'a report and many sent messages': (size) => {
    const sent = Array.from({ length: size / 64 }, (_, at) => ({
      imdnMessageId: `id-${at}`,
      recipients: ['sip:b@c'],
    }));
    return void correlate(body('<imdn xmlns="urn:ietf:params:xml:ns:imdn"/>'), sent);
  },
  'text of XML': (size) => void unescapeXml(fill('&amp;&#x41;a', size)),
  'an ampersand at every place': (size) => void unescapeXml(`${fill('&', size)};`),
};

const parse = (form: LineForm<never>, text: string) => void form.parse(body(text));
const line = <T>(form: LineForm<T>): LineForm<never> => form as unknown as LineForm<never>;
const bus: Readonly<Record<string, Reader>> = {
  'fields of a line': (size) => parse(line(outcomeLine), fill('v1 ', size)),
  'blanks of a line': (size) => parse(line(onlineLine), `v1${fill(' ', size)}`),
  'one long field': (size) => parse(line(offlineLine), `v1 k1 expired ${fill('QUJD', size)}`),
  'bad base64': (size) => parse(line(offlineLine), `v1 k1 expired ${fill('QUJ=', size)}`),
  'octets that are no text': (size) => parse(line(answerLine), fill('\u00e9', size)),
  'a send line': (size) =>
    parse(line(sendLine), `v1 k1 d-a t QQ== - 1 1 ${fill('QUJD', size)} QQ==`),
  'a request without an end of line': (size) => void parseRequest(body(fill('v1 k1 ', size))),
  'a request of ends of line': (size) => void parseRequest(body(`v1 k1${fill('\r\n', size)}`)),
  'JSON of a request': (size) => void readJson(body(`{"a":[${fill('"\\\\",', size)}"b"]}`)),
  'brackets of a request': (size) => void readJson(body(fill('[]', size))),
  'strings without an end': (size) => void readJson(body(fill('"\\"', size))),
};

const frames = (text: string): void => void new FrameScanner().push(body(text));
const sending = 'MSRP a786hjs2 SEND\r\n';
const msrp: Readonly<Record<string, Reader>> = {
  'a body of almost end-lines': (size) =>
    frames(`${sending}\r\n${fill('\r\n-------a786hjs', size)}`),
  'a body of end-lines without a flag': (size) =>
    frames(`${sending}\r\n${fill('\r\n-------a786hjs2', size)}`),
  'a body in small pieces': (size) => {
    const scanner = new FrameScanner();
    scanner.push(body(`${sending}\r\n`));
    for (let at = 0; at < size; at += 16) scanner.push(body('\r\n-------a786hj'));
  },
  'many frames': (size) => frames(fill(`${sending}-------a786hjs2$\r\n`, size)),
  'a line without an end': (size) => frames(`${sending}${fill('a', size)}`),
  'chunks of one octet': (size) => {
    const assembly = new Assembly(size, new Budget(4 * size));
    for (let at = size; at > 0; at -= 64) {
      assembly.begin({ start: at, end: null, total: null });
      assembly.write(body('a'));
    }
  },
  'a path': (size) => void readPath(fill('msrp://a/b;tcp ', size)),
  'an MSRP URI': (size) => void msrpUri(`msrp://${fill('a@', size)}/b;tcp`),
  'a Byte-Range': (size) => void byteRange(fill('1-', size)),
  'media of a description': (size) =>
    void readSdp(body(`v=0\r\n${fill('m=audio 0 a b\r\n', size)}`)),
  'attributes of a description': (size) =>
    void readSdp(body(`v=0\r\nm=message 1 TCP/MSRP *\r\n${fill('a=path:\r\n', size)}`)),
  'a list of types': (size) =>
    void readSdp(
      body(
        `v=0\r\nm=message 1 TCP/MSRP *\r\na=path:msrp://a/b;tcp\r\na=accept-types:${fill('a/b ', size)}`,
      ),
    ),
};

for (const [what, readers] of Object.entries({
  'SIP, CPIM and JSON': { ...sip, ...sipMore },
  'the bus': bus,
  MSRP: msrp,
})) {
  t.test(`F12 P1 readers of ${what}: time grows no faster than the input`, async (t) => {
    for (const [name, run] of Object.entries(readers)) {
      const { fine, seen } = growth(run);
      t.ok(fine, `${name}: ${seen}`);
    }
  });
}

t.test('F12 P1 XML: time grows no faster than the input, up to what is read of it', async (t) => {
  const sizes = [2_000, 4_000, 8_000, 16_000];
  const xml: Readonly<Record<string, Reader>> = {
    elements: (size) => void readImdn(body(`<imdn>${fill('<a>&amp;</a>', size)}`)),
    attributes: (size) => void readImdn(body(`<imdn ${fill(' a="b"', size)}>`)),
    'distinct attributes': (size) =>
      void readImdn(
        body(`<imdn${distinct(size).replaceAll(';', ' ').replaceAll(' = b', '="b"')}>`),
      ),
    'end tags': (size) => void readImdn(body(`<imdn>${fill('</a', size)}`)),
    namespaces: (size) => void readImdn(body(fill('<a xmlns:b="c">', size))),
  };
  for (const [name, run] of Object.entries(xml)) {
    const { fine, seen } = growth(run, sizes);
    t.ok(fine, `${name}: ${seen}`);
  }
});

t.test('F12 the measurement itself notices what grows faster', async (t) => {
  // The third power: no noise of a busy machine and no code still cold can hide it.
  const steep = (size: number) => {
    let sum = 0;
    for (let at = 0; at < size ** 3; at++) sum = (sum + at) | 0;
    return void sum;
  };
  t.notOk(growth(steep, [24, 48, 96, 192]).fine);
});
