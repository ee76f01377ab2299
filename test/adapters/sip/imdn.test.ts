// IMDN documents: what is written passes the grammar, what is read is read strictly.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { validateXML } from 'xmllint-wasm';
import type { ImdnFacts } from '../../../adapters/sip/imdn.js';
import { readImdn, reportRequest, writeImdn } from '../../../adapters/sip/index.js';
import { asking, cpim, f1, f3, generator, report, request } from './samples.js';

const schema = readFileSync(new URL('../../fixtures/imdn.rng', import.meta.url), 'utf8');
const xmlOf = (body: Uint8Array) => Buffer.from(body.subarray(Buffer.from(body).indexOf('<?xml')));

async function validity(documents: readonly (string | Uint8Array)[]) {
  const xml = documents.map((contents, at) => ({ fileName: `${at}.xml`, contents }));
  const result = await validateXML({ xml, schema, extension: 'relaxng' });
  return result.valid ? [] : result.errors.map((error) => error.rawMessage);
}

const facts: ImdnFacts = {
  messageId: 'Xk7qJ2mB9vTz4RwL',
  dateTime: '2006-08-01T10:00:00Z',
  recipientUri: 'sip:bob@example.org',
  originalRecipientUri: 'sip:bob@example.org',
  subject: { text: 'Lunch', lang: null },
};
const failedDelivery = { notification: 'delivery', status: 'failed' } as const;

t.test('the grammar itself can refuse', async (t) => {
  const good = writeImdn(facts, failedDelivery);
  t.same(await validity([good]), []);
  const bad = [
    good.replace('    </status>\r\n', '    </status><x/>\r\n'),
    good.replace(/ {2}<original-recipient-uri>.*\r\n/, ''),
    good.replace('<failed/>', '<stored/>'),
    good.replace(/ {2}<datetime>.*\r\n/, ''),
  ];
  for (const xml of bad) t.not((await validity([xml])).length, 0);
});

t.test('F3 and the other forms we write are valid', async (t) => {
  const lang = { ...facts, subject: { text: 'Déjeuner <&> ☕', lang: 'fr-FR' } };
  t.same(
    await validity([
      xmlOf(f3),
      writeImdn({ ...facts, subject: null }, { notification: 'delivery', status: 'error' }),
      writeImdn(lang, { notification: 'delivery', status: 'forbidden' }),
      writeImdn(facts, { notification: 'processing', status: 'stored' }),
      writeImdn(facts, { notification: 'processing', status: 'processed' }),
    ]),
    [],
  );
});

t.test('C50 stored and forbidden are reports like any other', async (t) => {
  for (const [status, notification] of [
    ['stored', 'processing'],
    ['forbidden', 'delivery'],
    ['failed', 'delivery'],
  ] as const) {
    const { body } = reportRequest({ ...report(f1), status });
    t.same(await validity([xmlOf(body)]), [], status);
    t.match(readImdn(xmlOf(body)), { ok: true, imdn: { notification, status } });
  }
});

t.test('P7 C89 nothing breaks out of its place, and it comes back as it was', async (t) => {
  const nasty = '</message-id><x a="b">&amp;\'"]]>\t\r\n\\ é😀';
  const hostile = { ...facts, messageId: 'a<b>&"\']]>é', subject: { text: nasty, lang: null } };
  const xml = writeImdn(hostile, failedDelivery);
  t.same(await validity([xml]), []);
  const read = readImdn(Buffer.from(xml));
  t.match(read, { ok: true, imdn: { messageId: hostile.messageId, subject: nasty } });
  const controls = { ...facts, subject: { text: 'a\0b\x1fc\ufffed\x80', lang: null } };
  t.match(readImdn(Buffer.from(writeImdn(controls, failedDelivery))), {
    imdn: { subject: 'a\ufffdb\ufffdc\ufffdd\ufffd' },
  });
});

t.test('a report of any stored message is valid', async (t) => {
  const below = generator(20060801);
  const alphabet = [
    'a',
    'Z',
    '9',
    ' ',
    '<',
    '>',
    '&',
    '"',
    "'",
    '\\n',
    '\\u0000',
    '\\ud800',
    ']]>',
    '%',
    '%4',
    'é',
    '😀',
    ';',
    '@',
    '{',
    '#',
    '\ufffe',
  ];
  const word = (max: number) =>
    Array.from({ length: below(max) }, () => alphabet[below(alphabet.length)]).join('');
  const documents = Array.from({ length: 300 }, () => {
    const body = cpim(
      ...asking.map((line) => (/^(imdn.Message-ID|DateTime)/.test(line) ? line + word(6) : line)),
      `Subject:${below(2) ? ';lang=de' : ''} ${word(12)}`,
      `imdn.Original-To: <sip:${word(9)}@example.org${word(4)}>`,
    ).replace('Bob <sip:bob@example.org>', `${word(5)} <sip:${word(9)}@example.org;x=${word(4)}>`);
    const effect = report(request(body));
    const id = effect.message.cpim!.imdnMessageId ?? 'none';
    const cpimFacts = { ...effect.message.cpim!, imdnMessageId: id };
    return xmlOf(
      reportRequest({ ...effect, message: { ...effect.message, cpim: cpimFacts } }).body,
    );
  });
  t.same(await validity(documents), []);
  for (const xml of documents) t.ok(readImdn(xml).ok);
});

t.test('our own report is read back', async (t) => {
  t.same(readImdn(xmlOf(reportRequest(report(f1)).body)), {
    ok: true,
    imdn: {
      messageId: 'Xk7qJ2mB9vTz4RwL',
      dateTime: '2006-08-01T10:00:00Z',
      recipientUri: 'sip:bob@example.org',
      originalRecipientUri: 'sip:bob@example.org',
      subject: 'Lunch',
      form: 'rfc5438',
      notification: 'delivery',
      status: 'failed',
    },
  });
});

const doc = (inner: string, attributes = 'xmlns="urn:ietf:params:xml:ns:imdn"') =>
  `<imdn ${attributes}>${inner}</imdn>`;
const ids = '<message-id>1</message-id><datetime>2</datetime>';
const result = '<delivery-notification><status><failed/></status></delivery-notification>';

t.test('P3 values are strings, whatever they look like', async (t) => {
  const xml = doc(`<message-id>0012e3</message-id><datetime>1e9</datetime>${result}`);
  t.match(readImdn(Buffer.from(xml)), { imdn: { messageId: '0012e3', dateTime: '1e9' } });
});

t.test('other ways to write the same document', async (t) => {
  const good = [
    doc(ids + result),
    `\ufeff<?xml version='1.0'?>\n${doc(ids + result)}\n`,
    doc(ids + result)
      .replaceAll(/<(\/?)([a-z])/g, '<$1i:$2')
      .replace('xmlns=', 'xmlns:i='),
    doc(`${ids}${result}<n:note xmlns:n="urn:x" a='1'>hi</n:note>`),
    doc(ids + result.replace('<failed/>', '<failed ></failed ><n xmlns="urn:x"/>')),
    doc(`<message-id>&#49;</message-id><datetime>&#x32;</datetime>${result}`),
  ];
  for (const xml of good) {
    t.match(
      readImdn(Buffer.from(xml)),
      { imdn: { messageId: '1', dateTime: '2', status: 'failed' } },
      xml,
    );
  }
});

t.test('P2 F9 bombs, DOCTYPE, entities and sloppy XML are refused', async (t) => {
  const good = doc(ids + result);
  const bad = [
    '',
    'x',
    '<!DOCTYPE imdn><imdn/>',
    `<!DOCTYPE imdn [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${good}`,
    `<!-- c -->${good}`,
    good.replace('1', '<![CDATA[1]]>'),
    good.replace('1', '<!-- c -->1'),
    good.replace('1', '<?php ?>1'),
    good.replace('1', '&nbsp;'),
    good.replace('1', '&a;'),
    good.replace('1', '&amp'),
    good.replace('1', '& '),
    good.replace('1', '&#0;'),
    good.replace('1', '&#x110000;'),
    good.replace('1', '&#xD800;'),
    good.replace('1', '&#;'),
    good.replace('1', '&#1a;'),
    good.replace('1', '&constructor;'),
    good.replace('1', ']]>'),
    good.replace('1', '< ></>1'),
    good.replace('1', '\u0001'),
    good.replace('1', ''),
    good.replace('</imdn>', ''),
    good.replace('</message-id>', '</messageid>'),
    good.replace('<datetime>', '<datetime a=1>'),
    good.replace('<datetime>', '<datetime a="1" a="2">'),
    good.replace('<datetime>', '<datetime a="<">'),
    good.replace('<datetime>', '<datetime a="1"b="2">'),
    good.replace('<datetime>', '<datetime a>'),
    good.replace('<datetime>', '<datetime a="1>'),
    good.replaceAll('datetime', 'n:datetime'),
    good.replaceAll('datetime', 'toString'),
    `${good}<x/>`,
    `${good}x`,
    `<?xml ${good}`,
    `<?xmlx?>${good}`,
    doc(result),
    doc(`<datetime>2</datetime><message-id>1</message-id>${result}`),
    doc(ids),
    doc(ids + result + result),
    doc(ids + result.replace('<failed/>', '')),
    doc(ids + result.replace('<failed/>', '<stored/>')),
    doc(ids + result.replace('<failed/>', '<failed/><error/>')),
    doc(ids + result.replace('<failed/>', '<constructor/>')),
    doc(ids + result.replaceAll('delivery-', 'constructor-')),
    doc(ids + result, 'xmlns="urn:other"'),
    doc(ids + result, ''),
    doc(ids + '<a>'.repeat(20) + '</a>'.repeat(20) + result),
    '<a>'.repeat(5_000),
    doc(ids + '<n xmlns="u"/>'.repeat(300) + result),
    ' '.repeat(16_385),
  ];
  for (const xml of bad) t.match(readImdn(Buffer.from(xml)), { ok: false }, xml.slice(0, 100));
  t.match(readImdn(Buffer.from([0x3c, 0xff])), { finding: { code: 'bad-utf8' } });
});
