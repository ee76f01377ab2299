// The door for MSRP: one listening socket, the sessions behind it by their unguessable ids, and the connections of
// both directions. It counts what it holds; when it is full nothing more is begun.
import net from 'node:net';
import type { Clock, Entropy } from '../../runtime/index.js';
import { Connection, type Session } from './connection.js';
import { LargeCounters } from './counters.js';
import type { MsrpUri } from './fields.js';
import { msrpLimits } from './limits.js';

export interface HubOptions {
  readonly address: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Host by which peers reach us. */
  readonly host: string;
  readonly clock: Pick<Clock, 'after'>;
  readonly entropy: Entropy;
}

const sessionIdOctets = 16;

export class MsrpHub {
  readonly counters = new LargeCounters();
  private readonly sessions = new Map<string, Session>();
  private readonly connections = new Set<Connection>();
  private readonly server: net.Server;

  private constructor(private readonly options: HubOptions) {
    this.server = net.createServer((socket) => {
      if (this.connections.size >= msrpLimits.connectionsMax) socket.destroy();
      else this.connected(socket);
    });
  }

  /** Listens; rejects when address or port cannot be had. */
  static async listen(options: HubOptions): Promise<MsrpHub> {
    const hub = new MsrpHub(options);
    await new Promise<void>((resolve, reject) => {
      hub.server.once('error', reject);
      hub.server.listen(options.port, options.address, resolve);
    });
    hub.server.on('error', () => {});
    return hub;
  }

  get host(): string {
    return this.options.host;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** True while another session may begin. */
  get room(): boolean {
    return this.sessions.size < msrpLimits.sessionsMax;
  }

  /** Sessions under way, in both directions. */
  get size(): number {
    return this.sessions.size;
  }

  /** Unguessable letters for ids of sessions, transactions and messages. */
  random(octets = 10): string {
    return Buffer.from(this.options.entropy.bytes(octets)).toString('hex');
  }

  /** The URI of a new session of ours. */
  newPath(): { readonly path: string; readonly sessionId: string } {
    const sessionId = this.random(sessionIdOctets);
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return { path: `msrp://${host}:${this.port}/${sessionId};tcp`, sessionId };
  }

  add(sessionId: string, session: Session): void {
    this.sessions.set(sessionId, session);
  }

  remove(sessionId: string): void {
    this.sessions.delete(sessionId);
  }

  /** A connection of ours to a peer; what cannot be reached is a connection that is lost at once. */
  connect(peer: MsrpUri, session: Session): Connection {
    const connection = this.connected(net.connect({ host: peer.host, port: peer.port }));
    connection.bind(session);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of [...this.connections]) connection.close();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private connected(socket: net.Socket): Connection {
    const connection = new Connection(socket, this.options.clock, {
      find: (sessionId) => this.sessions.get(sessionId) ?? null,
      gone: (one) => this.connections.delete(one),
      octets: this.counters.octets,
    });
    this.connections.add(connection);
    return connection;
  }
}
