// What of the configuration opens the door of MSRP over TLS, and what refuses to, naming the setting.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../../adapters/config.js';
import { secureMsrp } from '../../../adapters/msrp-options.js';
import { selfSigned } from '../../support/certificate.js';

const folder = t.testdir();
const { cert, key } = selfSigned('store.example.org');
const other = selfSigned('store.example.org');
const files = Object.entries({ cert, key, other: other.key, nonsense: 'nonsense' }).map(
  ([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return [name, path] as const;
  },
);
const at = Object.fromEntries(files) as Record<'cert' | 'key' | 'other' | 'nonsense', string>;

function optionsOf(certFile: string | null, keyFile: string | null) {
  const flags = {
    ...{ folder: '/tmp/x', host: 'im.example.org' },
    ...(certFile === null ? {} : { 'msrp-tls-cert-file': certFile }),
    ...(keyFile === null ? {} : { 'msrp-tls-key-file': keyFile }),
  };
  const read = readConfig({ file: null, environment: {}, flags });
  if (!read.ok) throw new Error(JSON.stringify(read.findings));
  return secureMsrp(read.config);
}

t.test('off without a certificate; with a pair that fits there is a port', async (t) => {
  t.equal(optionsOf(null, null), null);
  t.same(optionsOf(at.cert, at.key), { cert, key, port: 2856 });
});

t.test('what cannot be used is named', async (t) => {
  for (const [certFile, keyFile, message] of [
    [at.cert, null, /^msrp.tls.certFile has no key/],
    [null, at.key, /^msrp.tls.keyFile has no certificate/],
    [at.cert, at.other, /^msrp.tls.keyFile is not the key of msrp.tls.certFile/],
    [at.nonsense, at.key, /^msrp.tls.certFile is no/],
    [at.cert, at.nonsense, /^msrp.tls.keyFile is no/],
    [join(folder, 'missing'), at.key, /^msrp.tls.certFile: .* cannot be read: ENOENT/],
  ] as const)
    t.throws(() => optionsOf(certFile, keyFile), { code: 'DEFERRED_IM_MSRP_TLS', message });
});
