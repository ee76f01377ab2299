// The sockets of one user agent: a UDP port, and TCP on the same port number for messages too large for UDP.
// Hands whole SIP messages up with a way to answer. Knows neither transactions nor what the messages mean.
import dgram from 'node:dgram';
import net from 'node:net';
import { freePort } from './child.js';
import { framedLength } from './sip-text.js';

export type Transport = 'udp' | 'tcp';

/** Sends octets back where a message came from. */
export type Answer = (octets: Buffer) => void;

export interface SipLink {
  readonly port: number;
  send(octets: Buffer, transport: Transport): void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly port?: number | undefined;
  /** False: nobody listens on TCP, like a UDP-only phone. */
  readonly tcp: boolean;
  readonly proxyHost: string;
  readonly proxyPort: number;
  readonly receive: (octets: Buffer, answer: Answer, transport: Transport) => void;
}

const host = '127.0.0.1';

/** Opens the sockets; resolves when they are bound. */
export async function openLink(options: LinkOptions): Promise<SipLink> {
  const port = options.port ?? (await freePort());
  const udp = await bindUdp(port, options);
  const streams = new Set<net.Socket>();
  const server = options.tcp ? await listenTcp(port, streams, options) : null;
  let outgoing: net.Socket | null = null;
  const stream = (): net.Socket => {
    if (outgoing === null || outgoing.destroyed) {
      outgoing = net.connect(options.proxyPort, options.proxyHost);
      readStream(outgoing, streams, options);
    }
    return outgoing;
  };
  return {
    port,
    send: (octets, transport) => {
      if (transport === 'tcp') stream().write(octets);
      else udp.send(octets, options.proxyPort, options.proxyHost);
    },
    close: async () => {
      for (const one of streams) one.destroy();
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function bindUdp(port: number, options: LinkOptions): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const udp = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    udp.once('error', reject);
    let open = true;
    udp.once('close', () => {
      open = false;
    });
    udp.on('message', (octets, peer) => {
      // An answer that was thought over for a while may come after the end.
      const answer: Answer = (back) => void (open && udp.send(back, peer.port, peer.address));
      options.receive(octets, answer, 'udp');
    });
    udp.bind(port, host, () => {
      // A phone that went away answers with ICMP: nothing to do with us.
      udp.removeListener('error', reject);
      udp.on('error', () => undefined);
      resolve(udp);
    });
  });
}

function listenTcp(
  port: number,
  streams: Set<net.Socket>,
  options: LinkOptions,
): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => readStream(socket, streams, options));
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

// RFC 3261 section 18.3: on a stream the Content-Length tells where a message ends.
function readStream(socket: net.Socket, streams: Set<net.Socket>, options: LinkOptions): void {
  let pending = Buffer.alloc(0);
  streams.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => streams.delete(socket));
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      while (pending.length >= 2 && pending[0] === 13 && pending[1] === 10) {
        pending = pending.subarray(2);
      }
      const length = framedLength(pending);
      if (length === null) return;
      const octets = Buffer.from(pending.subarray(0, length));
      pending = pending.subarray(length);
      options.receive(octets, (back) => socket.write(back), 'tcp');
    }
  });
}
