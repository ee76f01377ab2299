// The door for MSRP: one listening socket, where there is a certificate a second one for TLS, the sessions behind them by
// their unguessable ids, and the connections of both directions. It counts what it holds; when it is full nothing more is
// begun.
import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { Clock, Entropy } from '../../runtime/index.js';
import { Connection, type Session } from './connection.js';
import { LargeCounters } from './counters.js';
import type { MsrpUri } from './fields.js';
import { writeFingerprint } from './fingerprint.js';
import { msrpLimits } from './limits.js';
import { Newcomers } from './newcomers.js';
import { Places } from './places.js';

export interface HubOptions {
  readonly address: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Host by which peers reach us. */
  readonly host: string;
  /** Networks that calls of ours may connect to; absent or none: those where phones can be. */
  readonly networks?: readonly string[];
  /** A second port, for TLS; absent: none. */
  readonly secure?: SecureOptions;
  readonly clock: Pick<Clock, 'after'>;
  readonly entropy: Entropy;
}

/** The door for TLS: certificate and key as PEM. */
export interface SecureOptions {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

const sessionIdOctets = 16;

export class MsrpHub {
  readonly counters = new LargeCounters();
  private readonly sessions = new Map<string, Session>();
  private readonly connections = new Set<Connection>();
  private readonly server: net.Server;
  private readonly secureServer: tls.Server | null;
  /** Sockets of the door for TLS, also before their handshake is over: closing waits for none of them. */
  private readonly sockets = new Set<net.Socket>();
  private readonly newcomers = new Newcomers();
  private readonly ownFingerprint: string | null;
  /** Null until it is known where we listen. */
  private places: Places | null = null;

  private constructor(private readonly options: HubOptions) {
    const { secure } = options;
    const take = (socket: net.Socket): void => {
      if (this.connections.size >= msrpLimits.connectionsMax) socket.destroy();
      else this.connected(socket);
    };
    this.server = net.createServer((socket) => {
      if (this.newcomers.enter(socket)) take(socket);
      else socket.destroy();
    });
    this.secureServer = secure === undefined ? null : secureServer(secure, take);
    this.secureServer?.on('connection', (socket: net.Socket) => {
      if (!this.newcomers.enter(socket)) socket.destroy();
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.ownFingerprint =
      secure === undefined ? null : writeFingerprint(new X509Certificate(secure.cert).raw);
  }

  /** Listens; rejects when address or port cannot be had. */
  static async listen(options: HubOptions): Promise<MsrpHub> {
    const hub = new MsrpHub(options);
    await opened(hub.server, options.port, options.address);
    hub.places = new Places(options.networks ?? [], addressOf(hub.server), () => {
      hub.counters.events.forbidden += 1;
    });
    const { secure } = options;
    if (hub.secureServer !== null && secure !== undefined)
      await opened(hub.secureServer, secure.port, options.address).catch(async (cause: unknown) => {
        await hub.close();
        throw cause;
      });
    return hub;
  }

  get host(): string {
    return this.options.host;
  }

  get port(): number {
    return portOf(this.server);
  }

  /** Whether sessions over TLS are taken. */
  get secure(): boolean {
    return this.secureServer !== null;
  }

  /** True while another session may begin. */
  get room(): boolean {
    return this.sessions.size < msrpLimits.sessionsMax;
  }

  /** Unguessable letters for ids of sessions, transactions and messages. */
  random(octets = 10): string {
    return Buffer.from(this.options.entropy.bytes(octets)).toString('hex');
  }

  /** A new session of ours, over TLS or not. */
  newPath(overTls = false): OwnPath {
    const sessionId = this.random(sessionIdOctets);
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    const port = overTls && this.secureServer !== null ? portOf(this.secureServer) : this.port;
    const scheme = overTls ? 'msrps' : 'msrp';
    const fingerprint = overTls ? this.ownFingerprint : null;
    return { path: `${scheme}://${host}:${port}/${sessionId};tcp`, sessionId, port, fingerprint };
  }

  add(sessionId: string, session: Session): void {
    this.sessions.set(sessionId, session);
  }

  remove(sessionId: string): void {
    this.sessions.delete(sessionId);
  }

  /**
   * A connection of ours to a peer; what cannot be reached is a connection that is lost at once. Null where we connect to
   * nobody: the address is none of a phone, or none the operator has named.
   */
  connect({ host, port }: MsrpUri, session: Session): Connection | null {
    if (!this.places?.mayTry(host)) return null;
    const { lookup } = this.places;
    const connection = this.connected(net.connect({ host, port, lookup }));
    connection.bind(session);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of [...this.connections]) connection.close();
    for (const socket of [...this.sockets]) socket.destroy();
    for (const server of [this.server, this.secureServer])
      await new Promise<void>((resolve) => {
        if (server === null) resolve();
        else server.close(() => resolve());
      });
  }

  private connected(socket: net.Socket): Connection {
    const connection = new Connection(socket, this.options.clock, {
      find: (sessionId) => this.sessions.get(sessionId) ?? null,
      gone: (one) => this.connections.delete(one),
      bound: () => this.newcomers.known(socket),
      octets: this.counters.octets,
    });
    this.connections.add(connection);
    return connection;
  }
}

/** Where a session of ours is, and what its description says of our certificate. */
export interface OwnPath {
  readonly path: string;
  readonly sessionId: string;
  readonly port: number;
  /** Null without TLS. */
  readonly fingerprint: string | null;
}

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

const addressOf = (server: net.Server): string => (server.address() as net.AddressInfo).address;

async function opened(server: net.Server, port: number, address: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  server.on('error', () => {});
}

// Every certificate is taken here, also none: whose it must be is said by the session's description (RFC 8122).
function secureServer(
  { cert, key }: SecureOptions,
  take: (socket: net.Socket) => void,
): tls.Server {
  const server = tls.createServer({
    ...{ cert, key, requestCert: true, rejectUnauthorized: false },
    handshakeTimeout: msrpLimits.bindMsMax,
  });
  // Also those that are still in their handshake.
  server.maxConnections = msrpLimits.connectionsMax;
  server.on('secureConnection', take);
  server.on('tlsClientError', () => {});
  return server;
}
