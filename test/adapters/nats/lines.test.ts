// Every line of the contract: both directions, and every way of being malformed.
import t from 'tap';
import {
  aliveLine,
  answerLine,
  beatLine,
  formatRequest,
  type LineForm,
  lateLine,
  natsLimits,
  offlineLine,
  onlineLine,
  outcomeLine,
  parseRequest,
  queueLine,
  sendLine,
} from '../../../adapters/nats/index.js';
import { headerGrowthOctetsMax } from '../../../adapters/sip/index.js';
import { limits } from '../../../runtime/index.js';
import { b64, requestLine } from './fakes.js';

const effectId = 'd-abcdefghij-1';
const token = 'abcdefghijklmnopqrstuvwxy2';
const send = {
  node: 'k1',
  effectId,
  token,
  ruri: 'sip:bob@example.org',
  nextHop: null,
  headersBytes: 20,
  bodyBytes: 3,
  headers: 'Subject: h\u00e9 there\r\n',
  body: Buffer.from([0, 255, 10]),
  fromName: '"Alice \u2603"',
};

interface Sample {
  readonly name: string;
  readonly form: LineForm<never>;
  readonly value: object;
  readonly text: string;
}

const busyAnswer = {
  ...{ node: 'k1', index: 12, label: 345 },
  ...{ code: 503, retryAfterSeconds: 30, reason: 'Busy' },
};

const samples: Sample[] = [
  sample('online', onlineLine, {
    text: `v1 k1 1 ${b64('sip:bob@example.org')} ${b64('<sip:bob@192.0.2.1>;expires=60')} -`,
    value: {
      node: 'k1',
      saveCode: 1,
      aor: 'sip:bob@example.org',
      contacts: '<sip:bob@192.0.2.1>;expires=60',
      expires: null,
    },
  }),
  sample('offline', offlineLine, {
    text: `v1 k1 expired ${b64('bob@example.org')}`,
    value: { node: 'k1', why: 'expired', aor: 'bob@example.org' },
  }),
  sample('outcome', outcomeLine, {
    text: `v1 k1 ${effectId} ${token} 200 reply 120`,
    value: { node: 'k1', effectId, token, status: 200, via: 'reply', retryAfterSeconds: 120 },
  }),
  sample('late', lateLine, {
    text: 'v1 k1 12 345 202',
    value: { node: 'k1', index: 12, label: 345, code: 202 },
  }),
  sample('alive', aliveLine, { text: 'v1 k1', value: { node: 'k1' } }),
  sample('answer', answerLine, {
    text: `v1 k1 12 345 503 30 ${b64('Busy')} -`,
    value: { ...busyAnswer, headers: null },
  }),
  sample('answer', answerLine, {
    text: `v1 k1 12 345 503 30 ${b64('Busy')} ${b64('Accept: text/plain\r\nWarning: 399 x "y"\r\n')}`,
    value: { ...busyAnswer, headers: 'Accept: text/plain\r\nWarning: 399 x "y"\r\n' },
  }),
  sample('beat', beatLine, { text: 'v1 store-1 7', value: { storeId: 'store-1', seq: 7 } }),
  sample('beat with large messages on', beatLine, {
    text: `v1 store-1 7 127.0.0.1:5065 ${'0a'.repeat(20)}`,
    value: { storeId: 'store-1', seq: 7, leg: '127.0.0.1:5065', legToken: '0a'.repeat(20) },
  }),
  sample('send', sendLine, {
    text: [
      `v1 k1 ${effectId} ${token} ${b64('sip:bob@example.org')} - 20 3`,
      `${b64(send.headers)} AP8K ${b64(send.fromName)}`,
    ].join(' '),
    value: send,
  }),
];

function sample<T extends object>(
  name: string,
  form: LineForm<T>,
  rest: { text: string; value: T },
): Sample {
  return { name, form: form as unknown as LineForm<never>, ...rest };
}

t.test('what large messages add stands at the end of a line, or is not there', async (t) => {
  const value = { node: 'k1', inner: '127.0.0.1:5061' };
  t.strictSame(aliveLine.format(value), { ok: true, value: 'v1 k1 127.0.0.1:5061' });
  t.match(aliveLine.parse(Buffer.from('v1 k1 127.0.0.1:5061')), { ok: true, value });
  for (const bad of ['v1 k1 127.0.0.1', 'v1 k1 127.0.0.1:5061 more', 'v1 k1 a/b:1'])
    t.notOk(aliveLine.parse(Buffer.from(bad)).ok, bad);
  t.notOk(beatLine.parse(Buffer.from('v1 store-1 7 127.0.0.1:5065')).ok, 'a leg without token');
});

for (const { name, form, value, text } of samples) {
  t.test(`the ${name} line is written and read the same`, async (t) => {
    t.strictSame(form.format(value as never), { ok: true, value: text });
    const read = form.parse(Buffer.from(text));
    t.ok(read.ok);
    if (read.ok) t.strictSame({ ...(read.value as object) }, value);
  });

  t.test(`the ${name} line is refused in every broken form`, async (t) => {
    const fields = text.split(' ');
    const broken = [
      '',
      ' ',
      `${text} extra`,
      `${text} `,
      ` ${text}`,
      text.replace(' ', '  '),
      text.replace('v1', 'v2'),
      text.replace(' ', '\t'),
      `${text}\r\n`,
      `${text}\0`,
      text.replace('k1', 'k\u00e9').replace('store-1', 'st\u00f6re'),
      fields.slice(0, Math.min(2, fields.length - 1)).join(' '),
      'A'.repeat(natsLimits.lineBytesMax + 1),
    ];
    for (const bad of broken) {
      const read = form.parse(Buffer.from(bad));
      t.notOk(read.ok, JSON.stringify(bad.slice(0, 60)));
      if (!read.ok)
        t.match(read.finding, { code: /^[a-z0-9-]+$/, message: String, offset: Number });
    }
  });

  t.test(`the ${name} line survives damage to any one octet`, async () => {
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += 1) {
      for (const octet of [0, 0x0a, 0x20, 0x2a, 0x3d, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[i] = octet;
        form.parse(damaged);
      }
    }
  });
}

t.test('EXPIRES may be missing at the end of an online line', async (t) => {
  const read = onlineLine.parse(Buffer.from(`v1 k1 2 ${b64('sip:bob@example.org')} -`));
  t.match(read, { ok: true, value: { contacts: null, expires: null } });
});

t.test('fields out of their form are refused', async (t) => {
  const aor = b64('sip:bob@example.org');
  const bad: [LineForm<unknown>, string][] = [
    [lateLine, 'v1 k1 4294967296 1 202'],
    [lateLine, 'v1 k1 -1 1 202'],
    [lateLine, 'v1 k1 0x1 1 202'],
    [lateLine, `v1 ${'k'.repeat(33)} 1 1 202`],
    [aliveLine, `v1 ${'k'.repeat(33)}`],
    [aliveLine, 'v1 k.1'],
    [aliveLine, 'v1 -1 1'],
    [offlineLine, `v1 k1 gone ${aor}`],
    [offlineLine, 'v1 k1 expired Zg'],
    [offlineLine, 'v1 k1 expired Zh=='],
    [offlineLine, 'v1 k1 expired Z_==='],
    [offlineLine, `v1 k1 expired ${Buffer.from([0xc3, 0x28]).toString('base64')}`],
    [offlineLine, `v1 k1 expired ${b64('sip:bob@example.org\r\nX: 1')}`],
    [offlineLine, `v1 k1 expired ${b64('x'.repeat(2_000))}`],
    [outcomeLine, `v1 k1 x-abcdefghij-1 ${token} 200 reply`],
    [outcomeLine, `v1 k1 ${effectId} ${token.toUpperCase()} 200 reply`],
    [outcomeLine, `v1 k1 ${effectId} ${token} 100 reply`],
    [outcomeLine, `v1 k1 ${effectId} ${token} 200 magic`],
    [answerLine, `v1 k1 1 1 202 - ${b64('two\r\nlines')}`],
    [sendLine, `v1 k1 ${effectId} ${token} ${aor} - 5 0 ${b64('X: 1\r\n')} - -`],
  ];
  for (const [form, text] of bad) t.notOk(form.parse(Buffer.from(text)).ok, text);
});

t.test('what does not fit the contract is not written either', async (t) => {
  const numbers = { index: 1, label: 1, code: 202, retryAfterSeconds: null };
  const answer = { node: 'k1', ...numbers, headers: null };
  t.notOk(answerLine.format({ ...answer, reason: '' }).ok);
  t.notOk(answerLine.format({ ...answer, reason: 'a\r\nb' }).ok);
  t.notOk(answerLine.format({ ...answer, reason: 'x', node: 'k 1' }).ok);
  t.notOk(answerLine.format({ ...answer, reason: 'x', code: 99 }).ok);
  const headers = ['', 'no line end', 'X: 1\r\n\r\nbody', 'X: 1\n', `X: ${'x'.repeat(600)}\r\n`];
  for (const block of headers)
    t.notOk(answerLine.format({ ...answer, reason: 'x', headers: block }).ok, block);
  t.notOk(beatLine.format({ storeId: 'a b', seq: 1 }).ok);
  t.notOk(sendLine.format({ ...send, bodyBytes: 4 }).ok);
  t.notOk(sendLine.format({ ...send, ruri: 'sip:bob@example.org x' }).ok);
  t.notOk(sendLine.format({ ...send, body: Buffer.alloc(48_001), bodyBytes: 48_001 }).ok);
});

t.test('a request payload keeps its octets untouched', async (t) => {
  const octets = Buffer.from([13, 10, 0, 255, 13, 10]);
  const made = formatRequest({ ...requestLine, asserted: null, length: 6 }, octets);
  t.ok(made.ok);
  if (!made.ok) return;
  const read = parseRequest(made.value);
  t.ok(read.ok);
  if (!read.ok) return;
  const line = { ...requestLine, asserted: null, length: 6, why: null, encoding: null };
  t.strictSame(read.value.line, line);
  t.strictSame(Buffer.from(read.value.octets), octets);
});

t.test('C83 a request that may hold NUL octets comes as base64', async (t) => {
  const octets = Buffer.from([0, 13, 10, 0, 255]);
  const line = { ...requestLine, length: 5, why: 'offline', encoding: 'base64' } as const;
  const made = formatRequest(line, octets);
  if (!made.ok) throw new Error(made.finding.message);
  t.match(Buffer.from(made.value).toString('latin1'), /offline base64\r\nAA0KAP8=$/);
  const read = parseRequest(made.value);
  t.ok(read.ok && Buffer.from(read.value.octets).equals(octets));
  const cut = parseRequest(made.value.subarray(0, made.value.length - 1));
  t.match(cut, { ok: false, finding: { code: 'request-malformed' } });
  t.notOk(formatRequest({ ...line, encoding: 'gzip' as 'base64' }, octets).ok);
});

t.test('why a message comes here: one word, or nothing from an older proxy', async (t) => {
  const said = (why: string | null) => {
    const made = formatRequest({ ...requestLine, why: why as 'queued' | null }, Buffer.from('x'));
    const read = made.ok ? parseRequest(made.value) : made;
    return read.ok ? read.value.line.why : 'refused';
  };
  t.same([said('queued'), said('offline'), said(null)], ['queued', 'offline', null]);
  t.equal(said('because'), 'refused');
});

t.test('the queue line', async (t) => {
  const aor = 'sip:bob@example.org';
  for (const seconds of [0, 120]) {
    const made = queueLine.format({ aor, seconds });
    t.ok(made.ok && queueLine.parse(Buffer.from(made.value)).ok);
    t.equal(made.ok ? made.value : '', `v1 ${b64(aor)} ${seconds}`);
  }
  t.notOk(queueLine.format({ aor, seconds: -1 }).ok);
  t.notOk(queueLine.parse(Buffer.from(`v1 ${b64(aor)}`)).ok);
});

t.test('F11 a request payload without a whole first line is refused', async (t) => {
  const good = formatRequest(requestLine, Buffer.from('x'));
  if (!good.ok) throw new Error('sample');
  const text = Buffer.from(good.value).toString('latin1');
  const broken = [
    '',
    '\r\n',
    'v1\r\n',
    text.replace('\r\n', '\n'),
    text.replace('\r\n', '\r'),
    text.replace(' udp ', ' u\u0000p '),
    text.replace(' 3000 ', ' 0 '),
    text.replace(' 5060 ', ' 70000 '),
    'x'.repeat(100_000),
  ];
  for (const bad of broken) t.notOk(parseRequest(Buffer.from(bad, 'latin1')).ok, bad.slice(0, 40));
});

t.test('P1 reading takes time in proportion to the octets', async (t) => {
  const time = (bytes: Buffer) => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 7; i += 1) {
      const start = process.hrtime.bigint();
      for (let k = 0; k < 20; k += 1) {
        onlineLine.parse(bytes);
        parseRequest(bytes);
      }
      best = Math.min(best, Number(process.hrtime.bigint() - start));
    }
    return best;
  };
  for (const unit of [' ', 'A', 'v1 ', '= ', '\r']) {
    const small = time(Buffer.from(unit.repeat(8_000 / unit.length)));
    const large = time(Buffer.from(unit.repeat(64_000 / unit.length)));
    t.ok(large < small * 40 + 2_000_000, `${JSON.stringify(unit)}: ${small} and ${large} ns`);
  }
});

t.test('limits agree with each other', async (t) => {
  const { requestBytesMax, headBytesMax, payloadBytesMax, headerBytesMax, bodyBytesMax } =
    natsLimits;
  t.ok(headBytesMax + 2 + requestBytesMax <= payloadBytesMax);
  t.ok(((headerBytesMax + bodyBytesMax + 3 * 1_024) * 4) / 3 + 1_024 <= natsLimits.lineBytesMax);
  t.ok(natsLimits.lineBytesMax <= payloadBytesMax);
  t.ok((natsLimits.contactsBytesMax * 4) / 3 < natsLimits.lineBytesMax);
  const repeats = natsLimits.resultRepeatsMs.reduce((a, b) => a + b, 0);
  t.equal(repeats, limits.effectPatienceMs, 'Timer F and 8 s of grace');
  t.equal(requestBytesMax, limits.requestOctetsMax);
  t.equal(
    headerBytesMax,
    limits.headerOctetsMax + headerGrowthOctetsMax,
    'what is taken can be sent',
  );
  t.equal(bodyBytesMax, limits.bodyOctetsMax);
  t.ok(natsLimits.idsMax <= limits.bulkIdsMax);
});
