// Notifications on their way back through us: our IMDN-Record-Route on what we deliver, our IMDN-Route off what returns.
import t from 'tap';
import { deliverRequest, readCpim, readPassedImdn } from '../../../adapters/sip/index.js';
import { asking, cpim, delivery, f3, request } from './samples.js';

const route = 'sip:deferred@example.org';
const bob = 'sip:bob@example.org';
const text = (body: Uint8Array) => Buffer.from(body).toString();
const delivered = (octets: Buffer, recordRoute: string | null = route) =>
  text(deliverRequest(delivery(octets), { recordRoute }).body);

t.test('6.7 our IMDN-Record-Route stands on top of a delivered message that asks', async (t) => {
  const above = 'imdn.IMDN-Record-Route: <sip:r2.example.net>';
  const body = cpim(...asking, above);
  const line = `imdn.IMDN-Record-Route: <${route}>\r\n`;
  const routed = delivered(request(body));
  t.equal(routed.replace(line, ''), body, 'one line more, and nothing else');
  t.same(readCpim(Buffer.from(routed), 'message/cpim').facts?.recordRoutes, [
    route,
    'sip:r2.example.net',
  ]);
  t.equal(delivered(request(body), null), body, 'off by default');
  const theirs = asking.map((one) => one.replace('imdn.', 'd.').replace('NS: imdn', 'NS: d'));
  const other = cpim(...theirs);
  t.match(delivered(request(other)), `d.IMDN-Record-Route: <${route}>`, 'under their own prefix');
});

t.test('6.7 C60 and on no other', async (t) => {
  const bodies = [
    cpim('Subject: nothing asked'),
    cpim('NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: x'),
    f3.subarray(f3.indexOf('\r\n\r\n') + 4).toString(),
    cpim(...asking).replace('text/plain', 'application/pkcs7-mime; smime-type=enveloped-data'),
    cpim(...asking).replace('text/plain', 'application/pkcs7-mime; smime-type=signed-data'),
  ];
  for (const body of bodies) t.equal(delivered(request(body)), body, body.slice(0, 80));
  const signed = `--b\r\nContent-Type: message/cpim\r\n\r\n${cpim(...asking)}\r\n--b--`;
  const multipart = request(signed, ['Content-Type: multipart/signed; boundary=b']);
  t.equal(delivered(multipart), signed, 'signed content is passed on untouched');
});

t.test('6.7 a line that would push a small message over 1,300 octets stays away', async (t) => {
  const line = `imdn.IMDN-Record-Route: <${route}>\r\n`.length;
  const without: number[] = [];
  for (let length = 300; length < 1300; length += 1) {
    const body = cpim(...asking).replace('Hello', 'x'.repeat(length));
    if (!delivered(request(body)).includes(route)) without.push(length);
  }
  t.equal(without.length, line, 'where it alone is too much; a larger one goes by TCP anyway');
  t.equal((without.at(-1) ?? 0) - (without[0] ?? 0), line - 1, 'one range');
});

const imdn = (routes: readonly string[], user = 'alice') =>
  request(
    f3
      .subarray(f3.indexOf('\r\n\r\n') + 4)
      .toString()
      .replace('Alice <sip:alice@', `Alice <sip:${user}@`)
      .replace(
        'DateTime:',
        [...routes.map((one) => `imdn.IMDN-Route: <${one}>`), 'DateTime:'].join('\r\n'),
      ),
    [`From: <${bob}>;tag=1`],
  );
const read = (octets: Uint8Array, asserted: string | null = bob) =>
  readPassedImdn(octets, asserted, { route, trusted: ['example.net'] });

t.test('6.7 our IMDN-Route is taken off, and the notification goes on', async (t) => {
  const last = read(imdn([route]));
  if (!last?.ok) throw new Error('not read');
  const { parts, effectId, about } = last.imdn;
  t.equal(parts.ruri, 'sip:alice@example.com', 'to CPIM To when no route is left');
  t.notMatch(text(parts.body), 'IMDN-Route');
  t.equal(
    text(parts.body),
    text(imdn([])).split('\r\n\r\n').slice(1).join('\r\n\r\n'),
    'nothing else changes',
  );
  t.match(parts.headers, `P-Asserted-Identity: <${bob}>\r\n`);
  t.match(effectId, /^i-[a-z0-9]{40}-1$/);
  t.same(about, { sender: 'sip:alice@example.com', imdnMessageId: 'Xk7qJ2mB9vTz4RwL', aor: bob });
  t.same(read(imdn([route])), last, 'the same at every repetition');
  const next = read(imdn(['sip:deferred@EXAMPLE.org', route, 'sip:r1.example.net']));
  if (!next?.ok) throw new Error('not read');
  t.equal(next.imdn.parts.ruri, 'sip:r1.example.net', 'never back to ourselves');
  t.match(text(next.imdn.parts.body), 'imdn.IMDN-Route: <sip:r1.example.net>');
  t.notMatch(text(next.imdn.parts.body), route);
});

t.test('6.9 what is not passed on', async (t) => {
  t.equal(read(imdn([])), null);
  t.equal(read(imdn(['sip:r1.example.net', route])), null, 'ours is not the top one');
  t.equal(read(request(cpim(...asking))), null);
  t.equal(read(request(cpim(...asking, `imdn.IMDN-Route: <${route}>`))), null, 'no notification');
  t.equal(read(Buffer.from('nonsense')), null);
  t.match(read(imdn([route]), null), { ok: false, status: 403, code: 'not-asserted' });
  t.match(read(imdn([route, 'sip:victim@evil.example'])), { status: 403, code: 'untrusted-route' });
});
