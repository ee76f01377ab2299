// The deferred-list document over HTTP, as an XCAP server gives it (RFC 4825, spec.md 4.1): read only,
// to its owner only. Invariant: whoever is not the owner hears 403, whether or not there is such a
// user; nothing of a list is looked at before that. It knows the codec by what the composition root
// hands in.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListedMessage, Runtime } from '../../runtime/index.js';
import { readAddress, targetCharactersMax } from './address.js';
import { assertedIdentities, isFront } from './front.js';

export { deferredListUsage } from './address.js';

/** Bounds of the face. */
export const xcapLimits = {
  /** Requests answered at once; others hear 503. */
  inFlightMax: 32,
  connectionsMax: 256,
  headerOctetsMax: 16_384,
  /** Rows of one document; a larger mailbox is listed in pages over SIP or NATS. */
  rowsMax: 10_000,
  /** Rows read at a time. */
  pageRows: 500,
  /** How long a client may take to send its request. */
  requestMs: 10_000,
} as const;

export interface XcapOptions {
  readonly address: string;
  readonly port: number;
  /** Path before the application usage: `/` or `/xcap`. */
  readonly root: string;
  /** What the front shows as `Authorization: Bearer`; null: whoever reaches the port is the front. */
  readonly secret: string | null;
}

export interface XcapSource {
  readonly runtime: Pick<Runtime, 'list' | 'knows'>;
  readonly canonicalAor: (uri: string) => string | null;
  readonly writeList: (rows: readonly ListedMessage[]) => string;
  readonly listType: string;
  readonly onFailure: (error: unknown) => void;
}

export interface XcapServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Listens. Rejects when the port is taken. */
export async function serveXcap(options: XcapOptions, source: XcapSource): Promise<XcapServer> {
  let inFlight = 0;
  const limits = { maxHeaderSize: xcapLimits.headerOctetsMax };
  const server = createServer(limits, (request, response) => {
    if (inFlight >= xcapLimits.inFlightMax) {
      send(request, response, { status: 503, headers: { 'retry-after': '1' } });
      return;
    }
    inFlight += 1;
    answer(request, options, source)
      .catch((error: unknown): Answer => {
        source.onFailure(error);
        return { status: 503, headers: { 'retry-after': '5' } };
      })
      .then((made) => send(request, response, made))
      .finally(() => {
        inFlight -= 1;
      });
  });
  server.maxConnections = xcapLimits.connectionsMax;
  server.requestTimeout = xcapLimits.requestMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function answer(
  request: IncomingMessage,
  { root, secret }: XcapOptions,
  source: XcapSource,
): Promise<Answer> {
  const { headers, method = '', url = '' } = request;
  if (!isFront(headers, secret)) return { status: 401, headers: { 'www-authenticate': 'Bearer' } };
  if (url.length > targetCharactersMax) return { status: 414 };
  const address = readAddress(url, root);
  if (address.kind === 'elsewhere') return { status: 404 };
  const owner = source.canonicalAor(address.user);
  const asking = assertedIdentities(headers).map((one) => source.canonicalAor(one));
  // Nobody's, somebody else's and an unknown user's tree: one answer.
  if (owner === null || !asking.includes(owner)) return { status: 403 };
  if (address.kind === 'none') return { status: 404 };
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, headers: { allow: 'GET, HEAD' } };
  if (!source.runtime.knows(owner)) return { status: 503, headers: { 'retry-after': '5' } };
  const rows = await rowsOf(source, owner);
  if (rows === null) return { status: 413 };
  return document(source.writeList(rows), source.listType, headers['if-none-match']);
}

/** All of a user's waiting messages, or null when they are too many for one document. */
async function rowsOf(source: XcapSource, aor: string): Promise<ListedMessage[] | null> {
  const rows: ListedMessage[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Runtime['list']>> = await source.runtime.list(
      aor,
      after,
      xcapLimits.pageRows,
    );
    rows.push(...page.messages);
    if (rows.length > xcapLimits.rowsMax) return null;
    after = page.next;
  } while (after !== null);
  return rows;
}

function document(body: string, type: string, known: string | undefined): Answer {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  const headers = { etag, 'cache-control': 'private, no-cache', vary: 'Authorization' };
  if (known !== undefined && isKnown(known, etag)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, 'content-type': type }, body };
}

/** RFC 9110 section 13.1.2: weak comparison. */
function isKnown(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((one) => {
    const tag = one.trim();
    return (tag.startsWith('W/') ? tag.slice(2) : tag) === etag;
  });
}

function send(request: IncomingMessage, response: ServerResponse, made: Answer): void {
  const { status, headers = {}, body = '' } = made;
  const length = status === 304 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...headers, ...length, connection: 'close' });
  response.end(request.method === 'HEAD' || status === 304 ? undefined : body);
}
