// What the configuration means for the XCAP face: whether there is one, where, and how its front is known. It refuses
// what would open every mailbox: an address beyond this host without a secret.
import { readFileSync } from 'node:fs';
import { RuntimeFault } from '../runtime/index.js';
import type { Config } from './config.js';
import type { XcapOptions } from './xcap/index.js';

const loopback = ['127.0.0.1', '::1', 'localhost'];

/** Least characters of a secret: it must not be guessed. */
const secretCharactersMin = 16;

/** Null when there is no face. Throws a RuntimeFault when it must not be opened like this. */
export function xcapOptions(config: Config): XcapOptions | null {
  const port = config['xcap.port'];
  if (port === undefined) return null;
  const [address, root, file] = [
    config['xcap.address'],
    config['xcap.root'],
    config['xcap.secretFile'],
  ];
  const secret = file === undefined ? null : readFileSync(file, 'utf8').trim();
  if (secret === null && !loopback.includes(address))
    throw refused(`xcap.address ${address} is beyond this host: xcap.secretFile must be set`);
  if (secret !== null && secret.length < secretCharactersMin)
    throw refused(`the secret in ${file} has fewer than ${secretCharactersMin} characters`);
  return { address, port, root, secret };
}

const refused = (why: string): RuntimeFault => new RuntimeFault('DEFERRED_IM_XCAP_OPEN', why);
