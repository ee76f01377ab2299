// Which servers we are willing to talk to: TLS, or loopback, or an operator who said so (N9).
// One look at the options before the client sees them; opens nothing.
import { BusError, type BusOptions } from './bus.js';

/** Why these options cannot be used, or null. */
export function serversFinding(options: BusOptions): BusError | null {
  if (options.servers.length === 0) return new BusError('bus-options', 'no NATS server is given');
  for (const server of options.servers) {
    const finding = serverFinding(server, options);
    if (finding !== null) return finding;
  }
  return null;
}

/** True when the connection is to be encrypted: asked for by options or by any URL. */
export function usesTls(options: BusOptions): boolean {
  return options.tls !== undefined || options.servers.some((server) => server.startsWith('tls:'));
}

/** What is wrong with the URL of a server, whatever the other options say; null when it is one. */
export function serverUrlFinding(server: string): string | null {
  const url = URL.canParse(server) ? new URL(server) : null;
  if (url === null || (url.protocol !== 'nats:' && url.protocol !== 'tls:') || url.hostname === '')
    return 'a NATS server is written nats://HOST:PORT or tls://HOST:PORT';
  // The client ignores them there, and a URL ends up in logs.
  return url.username !== '' || url.password !== ''
    ? 'credentials do not belong into a server URL'
    : null;
}

function serverFinding(server: string, options: BusOptions): BusError | null {
  const wrong = serverUrlFinding(server);
  if (wrong !== null) return new BusError('bus-options', wrong);
  const url = new URL(server);
  if (isLoopback(url.hostname) || usesTls(options) || options.allowPlaintext === true) return null;
  return new BusError('bus-plaintext', `plain NATS beyond loopback is refused: ${url.hostname}`);
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true;
  const parts = host.split('.');
  return parts.length === 4 && parts[0] === '127' && parts.every(isOctet);
}

function isOctet(text: string): boolean {
  return text.length > 0 && text.length <= 3 && [...text].every((c) => c >= '0' && c <= '9');
}
