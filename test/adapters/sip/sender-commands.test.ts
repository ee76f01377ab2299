// What senders ask: withdrawals in the form of RCS, bare and inside CPIM, and both questions as JSON.
import t from 'tap';
import { validateXML } from 'xmllint-wasm';
import {
  commandType,
  readSenderCommand,
  resultPages,
  resultRequest,
  revokeType,
} from '../../../adapters/sip/index.js';
import { alice, cpim, f1, request } from './samples.js';

const typed = (type: string) => [`Content-Type: ${type}`];
const toService = (octets: Buffer) =>
  Buffer.from(octets.toString().replace('MESSAGE sip:bob@', 'MESSAGE sip:deferred@'));
const revoke = (inner: string, root = 'imRevoke') =>
  `<?xml version="1.0" encoding="UTF-8"?>\r\n<${root} xmlns="urn:gsma:params:xml:ns:rcs:rcs:rcsrevoke">${inner}</${root}>`;
const one = revoke('<Message-ID>Xk7qJ2mB9vTz4RwL</Message-ID>');
const read = (octets: Uint8Array, asserted: string | null = alice) =>
  readSenderCommand(octets, asserted);

const expected = {
  ok: true,
  command: {
    op: 'withdraw',
    form: 'rcs',
    imdnMessageId: 'Xk7qJ2mB9vTz4RwL',
    recipient: 'sip:bob@example.org',
    callId: 'asd88asd77a@pc33.example.com',
  },
};

t.test(
  'C73 a withdrawal to the recipient, or to the service with a recipient inside',
  async (t) => {
    t.same(read(request(one, typed(revokeType))), expected);
    t.same(read(request(one, typed(`${revokeType}; charset=utf-8`))), expected);
    t.same(
      read(
        request(
          revoke('<message-id> Xk7qJ2mB9vTz4RwL </message-id>', 'r:x').replace('xmlns', 'xmlns:r'),
          typed(revokeType),
        ),
      ),
      expected,
      'whatever its root is called',
    );
    const named = revoke(
      '<Message-ID>Xk7qJ2mB9vTz4RwL</Message-ID><To>Bob &lt;sip:bob@EXAMPLE.org&gt;</To>',
    );
    t.same(read(toService(request(named, typed(revokeType)))), expected);
    t.match(read(toService(request(one, typed(revokeType)))), {
      ok: false,
      status: 400,
      code: 'recipient',
    });
    const wrapped = cpim('DateTime: 2006-08-01T10:00:00Z').replace(
      'Content-Type: text/plain\r\n\r\nHello',
      `Content-Type: ${revokeType}\r\n\r\n${one}`,
    );
    t.same(read(toService(request(wrapped))), expected, 'CPIM To names the recipient');
  },
);

t.test('C73 what is no withdrawal, and what is a bad one', async (t) => {
  t.equal(read(f1), null);
  t.equal(read(request(`I saw ${revokeType} today`, typed('text/plain'))), null);
  t.equal(read(request(cpim(`Subject: ${revokeType}`))), null);
  t.equal(read(Buffer.from(`nonsense ${revokeType}`)), null, 'left to whoever reads messages');
  const bad = [
    '',
    'nonsense',
    revoke(''),
    revoke('<Message-ID></Message-ID>'),
    revoke('<Message-ID>a b</Message-ID>'),
    revoke(`<Message-ID>${'x'.repeat(257)}</Message-ID>`),
    `<!DOCTYPE x>${one}`,
  ];
  for (const body of bad)
    t.match(read(request(body, typed(revokeType))), { ok: false, status: 400 }, body.slice(0, 60));
  t.match(read(request(one, typed(revokeType)), null), { ok: false, status: 403 });
});

t.test('both questions as JSON', async (t) => {
  const ask = (body: unknown, asserted: string | null = alice) =>
    read(toService(request(JSON.stringify(body), typed(commandType))), asserted);
  const sent = { v: 1, messageId: 'Xk7qJ2mB9vTz4RwL', recipient: 'sip:bob@example.org' };
  t.same(ask({ ...sent, op: 'withdraw' }), {
    ok: true,
    command: { ...expected.command, form: 'json' },
  });
  t.match(ask({ ...sent, op: 'status' }), { ok: true, command: { op: 'status', form: 'json' } });
  for (const op of ['list', 'retrieve', 'delete', undefined])
    t.equal(ask({ v: 1, op, ids: 'all' }), null, 'the owner asks');
  t.match(ask({ ...sent, op: 'status' }, null), { ok: false, status: 403, code: 'not-asserted' });
  for (const bad of [
    { ...sent, v: 2 },
    { ...sent, messageId: 7 },
    { ...sent, messageId: '' },
    { ...sent, recipient: 7 },
    { ...sent, recipient: 'nobody' },
    { ...sent, recipient: undefined },
  ])
    t.match(ask({ op: 'status', ...bad }), { ok: false, status: 400 }, JSON.stringify(bad));
});

t.test('results are written in the form of the question', async (t) => {
  const result = {
    op: 'withdraw',
    ...{ callId: 'c', messageId: 'a<b&', recipient: 'sip:bob@example.org' },
    outcome: 'withdrawn',
  } as const;
  const [xml = ''] = resultPages({ ...result, form: 'rcs' });
  t.ok((await validateXML({ xml, schema: anything, extension: 'relaxng' })).valid);
  t.match(xml, '<Message-ID>a&lt;b&amp;</Message-ID>');
  t.match(xml, '<result>success</result>');
  t.match(resultPages({ ...result, form: 'rcs', outcome: 'failed' })[0], '<result>failed</result>');
  const written = read(request(xml.replace('a&lt;b&amp;', 'ab'), typed(revokeType)));
  t.match(written, { ok: true, command: { imdnMessageId: 'ab' } });
  const [json = ''] = resultPages({ ...result, form: 'json' });
  t.match(JSON.parse(json), { v: 1, op: 'withdraw', messageId: 'a<b&', outcome: 'withdrawn' });
  const status = { state: 'expired', acceptedAtMs: 0, expiresAtMs: 1000, endedAtMs: null } as const;
  const [told = ''] = resultPages({ ...result, op: 'status', form: 'json', outcome: status });
  t.match(JSON.parse(told), {
    ...{ state: 'expired', acceptedAt: '1970-01-01T00:00:00.000Z', endedAt: null },
    expiresAt: '1970-01-01T00:00:01.000Z',
  });
  const effect = {
    ...{ aor: alice, serviceUri: 'sip:deferred@example.org', correlation: 'c', body: xml },
    effectId: 'n-abc-1',
  };
  t.match(resultRequest({ ...effect, form: 'rcs' }).headers, `Content-Type: ${revokeType}\r\n`);
  const plain = resultRequest({ ...effect, body: json });
  t.match(plain.headers, 'Content-Type: application/vnd.deferred-im.result+json');
});

/** Any well-formed document. */
const anything = `<grammar xmlns="http://relaxng.org/ns/structure/1.0"><start><ref name="any"/></start>
<define name="any"><element><anyName/><zeroOrMore><choice><text/><ref name="any"/></choice></zeroOrMore></element></define></grammar>`;
