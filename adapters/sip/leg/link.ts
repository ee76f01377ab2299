// The UDP socket of the leg: datagrams in with where they came from, datagrams out. SIP over UDP on the host's own
// loopback, or between the hosts of one site; phones never speak to it, the proxy does.
import dgram from 'node:dgram';

/** Where a datagram goes or came from. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Link {
  readonly place: Place;
  send(octets: Uint8Array, to: Place): void;
  close(): Promise<void>;
}

/** Binds the socket; rejects when address or port cannot be had. Errors of sending are like lost datagrams. */
export function openLink(
  { address, port }: Place,
  receive: (octets: Buffer, from: Place) => void,
): Promise<Link> {
  return new Promise((resolve, reject) => {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    const socket = dgram.createSocket({ type, recvBufferSize: 1 << 20 });
    socket.once('error', reject);
    socket.on('message', receive);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(linkOver(socket, { address, port: socket.address().port }));
    });
  });
}

// A socket that is closed forgets what it has not sent: the last words of every call go out first.
function linkOver(socket: dgram.Socket, place: Place): Link {
  let underWay = 0;
  let whenQuiet: (() => void) | null = null;
  let closed: Promise<void> | null = null;
  return {
    place,
    send: (octets, to) => {
      if (whenQuiet !== null) return;
      underWay += 1;
      socket.send(octets, to.port, to.address, () => {
        underWay -= 1;
        if (underWay === 0) whenQuiet?.();
      });
    },
    close: () => {
      closed ??= new Promise((done) => {
        whenQuiet = () => socket.close(() => done());
        if (underWay === 0) whenQuiet();
      });
      return closed;
    },
  };
}
