// Connections that have not yet said which session they are of. A host has a share of them: who opens many and says
// nothing keeps nobody else out. They are known by the two ends of their connection, as TLS has a socket of its own.
import type { Socket } from 'node:net';
import { msrpLimits } from './limits.js';

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export class Newcomers {
  private readonly hosts = new Map<string, Set<number>>();

  /** Lets one in, until it is known or closed; false when its host has its share. */
  enter(socket: Ends & Pick<Socket, 'once'>): boolean {
    const { remoteAddress: host = '', remotePort: port = 0 } = socket;
    const ports = this.hosts.get(host) ?? new Set();
    if (ports.size >= msrpLimits.newcomersPerHostMax) return false;
    this.hosts.set(host, ports.add(port));
    socket.once('close', () => this.leave(host, port));
    return true;
  }

  /** It has named its session. */
  known({ remoteAddress, remotePort }: Ends): void {
    if (remoteAddress !== undefined && remotePort !== undefined)
      this.leave(remoteAddress, remotePort);
  }

  private leave(host: string, port: number): void {
    const ports = this.hosts.get(host);
    ports?.delete(port);
    if (ports?.size === 0) this.hosts.delete(host);
  }
}
