// What the configuration means for MSRP over TLS: whether there is a door for it, and with which certificate. A pair
// that cannot be used refuses the start, and says which setting is wrong.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RuntimeFault } from '../runtime/index.js';
import type { Config } from './config.js';
import type { SecureOptions } from './msrp/index.js';

/** Null when there is no such door. Throws a RuntimeFault when its certificate or key cannot be used. */
export function secureMsrp(config: Config): SecureOptions | null {
  const [certFile, keyFile] = [config['msrp.tls.certFile'], config['msrp.tls.keyFile']];
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined) throw refused('msrp.tls.keyFile has no certificate beside it');
  if (keyFile === undefined) throw refused('msrp.tls.certFile has no key beside it');
  const cert = read('msrp.tls.certFile', certFile);
  const key = read('msrp.tls.keyFile', keyFile);
  const certificate = parsed('msrp.tls.certFile', () => new X509Certificate(cert));
  const own = parsed('msrp.tls.keyFile', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(own))
    throw refused('msrp.tls.keyFile is not the key of msrp.tls.certFile');
  return { cert, key, port: config['msrp.tls.port'] };
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw refused(`${setting}: ${file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`);
  }
}

function parsed<T>(setting: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw refused(`${setting} is no such thing in PEM`);
  }
}

const refused = (why: string): RuntimeFault => new RuntimeFault('DEFERRED_IM_MSRP_TLS', why);
