// The fingerprint attribute (RFC 8122 section 5): what is read, what is not, and which certificate is the announced one.
import { createHash, X509Certificate } from 'node:crypto';
import t from 'tap';
import {
  isAnnounced,
  readFingerprint,
  writeFingerprint,
} from '../../../adapters/msrp/fingerprint.js';
import { selfSigned } from '../../support/certificate.js';

t.test('our own attribute is that of the certificate, and is read again', async (t) => {
  const { cert, der } = selfSigned('store.example.org');
  const written = writeFingerprint(der);
  t.equal(written, `sha-256 ${new X509Certificate(cert).fingerprint256}`);
  const read = readFingerprint(written)!;
  t.ok(isAnnounced(der, read));
  t.notOk(isAnnounced(selfSigned('store.example.org').der, read));
  t.notOk(isAnnounced(null, read), 'a peer that showed none');
});

t.test('every hash of the attribute, in any case', async (t) => {
  const { der } = selfSigned('alice');
  for (const [name, hash] of [
    ['sha-1', 'sha1'],
    ['SHA-384', 'sha384'],
    ['sha-512', 'sha512'],
  ] as const) {
    const digits = createHash(hash).update(der).digest('hex').match(/../g)!.join(':');
    t.ok(isAnnounced(der, readFingerprint(`${name} ${digits}`)!), name);
    t.ok(isAnnounced(der, readFingerprint(`${name} ${digits.toUpperCase()}`)!), name);
  }
});

t.test('what is malformed, or of a hash that proves nothing, is none', async (t) => {
  const good = writeFingerprint(selfSigned('a').der);
  for (const value of [
    ...['', 'sha-256', 'sha-256 ', 'md5 00:11', 'toString 00', `${good}:00`, good.slice(0, -1)],
    ...[good.replaceAll(':', '-'), good.replace('sha-256', 'sha-512'), good.replace(' ', '')],
    `sha-256 ${'g0:'.repeat(31)}g0`,
  ])
    t.equal(readFingerprint(value), null, value);
});
