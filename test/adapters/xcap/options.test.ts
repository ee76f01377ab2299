// What of the configuration opens the XCAP face, and what refuses to.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../../adapters/config.js';
import { xcapOptions } from '../../../adapters/xcap-options.js';

const folder = t.testdir();
const secretFile = join(folder, 'secret');
writeFileSync(secretFile, 'sixteen letters!\n');

function optionsOf(flags: Record<string, string>) {
  const base = { folder: '/tmp/x', host: 'im.example.org' };
  const read = readConfig({ file: null, environment: {}, flags: { ...base, ...flags } });
  if (!read.ok) throw new Error(JSON.stringify(read.findings));
  return xcapOptions(read.config);
}

t.test('off unless a port is set; loopback without a secret', async (t) => {
  t.equal(optionsOf({}), null);
  t.same(optionsOf({ 'xcap-port': '0' }), {
    address: '127.0.0.1',
    port: 0,
    root: '/',
    secret: null,
  });
});

t.test('beyond this host only with a secret that cannot be guessed', async (t) => {
  const open = { 'xcap-port': '8080', 'xcap-address': '192.0.2.1' };
  t.throws(() => optionsOf(open), { code: 'DEFERRED_IM_XCAP_OPEN', message: /xcap.secretFile/ });
  const known = optionsOf({ ...open, 'xcap-secret-file': secretFile, 'xcap-root': '/xcap' });
  t.match(known, { secret: 'sixteen letters!', root: '/xcap' });
  writeFileSync(secretFile, 'short');
  t.throws(() => optionsOf({ ...open, 'xcap-secret-file': secretFile }), /fewer than 16/);
});
