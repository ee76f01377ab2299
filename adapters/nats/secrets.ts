// The files that let us in: credentials, nkey seed, certificates. Read and parsed before anything connects, since the
// client reads them at every attempt and its errors then look like a server that is away. Invariant: what is said about
// a file never holds a word of it.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Authenticator, credsAuthenticator, nkeyAuthenticator } from 'nats';
import type { BusOptions } from './bus.js';

/** What lets us in, or null. Throws when a file cannot be read. */
export function authenticatorOf(options: BusOptions): Authenticator | null {
  const { credentials, nkey } = options;
  if (credentials !== undefined) return credsAuthenticator(readFileSync(credentials));
  return nkey === undefined ? null : withSeed(readFileSync(nkey));
}

const withSeed = (octets: Buffer): Authenticator =>
  nkeyAuthenticator(Buffer.from(octets.toString('utf8').trim(), 'ascii'));

/** The options that name a file. */
export type SecretOption = 'credentials' | 'nkey' | 'ca' | 'cert' | 'key';

export interface SecretFinding {
  readonly option: SecretOption;
  /** For instance `cannot be read: ENOENT`. */
  readonly message: string;
}

/** What is wrong with the files these options name; nothing is kept of them. */
export function secretFindings(options: BusOptions): readonly SecretFinding[] {
  const { credentials, nkey, tls = {} } = options;
  const findings = [
    finding('credentials', credentials, 'holds no JWT and nkey seed', (octets) =>
      credsAuthenticator(octets)(nonce),
    ),
    finding('nkey', nkey, 'holds no nkey seed', (octets) => withSeed(octets)(nonce)),
    finding('ca', tls.ca, 'holds no certificate', certificate),
    finding('cert', tls.cert, 'holds no certificate', certificate),
    finding('key', tls.key, 'holds no private key', (octets) => createPrivateKey(octets)),
  ].filter((one) => one !== null);
  return findings.length > 0 ? findings : pairFindings(tls);
}

// An authenticator reads its seed when it is asked to sign.
const nonce = 'nonce';

const certificate = (octets: Buffer): X509Certificate => new X509Certificate(octets);

function finding(
  option: SecretOption,
  path: string | undefined,
  unusable: string,
  parse: (octets: Buffer) => unknown,
): SecretFinding | null {
  if (path === undefined) return null;
  let octets: Buffer;
  try {
    octets = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return { option, message: `cannot be read: ${code ?? 'unknown'}` };
  }
  try {
    parse(octets);
    return null;
  } catch {
    return { option, message: unusable };
  }
}

// A client certificate is of use with its own key only.
function pairFindings({ cert, key }: NonNullable<BusOptions['tls']>): readonly SecretFinding[] {
  if (cert === undefined && key === undefined) return [];
  if (key === undefined) return [{ option: 'cert', message: 'has no key beside it' }];
  if (cert === undefined) return [{ option: 'key', message: 'has no certificate beside it' }];
  const its = new X509Certificate(readFileSync(cert)).checkPrivateKey(
    createPrivateKey(readFileSync(key)),
  );
  return its ? [] : [{ option: 'key', message: 'is not the key of the certificate' }];
}
