// A peer of MSRP for tests, written after RFC 4975 and apart from our own codec, which it is to prove: plain strings
// and a socket. It sends what it is told to, well formed or not, and keeps what it hears, frame by frame.
import { once } from 'node:events';
import net from 'node:net';

/** One frame as it was heard. */
export interface Frame {
  /** `SEND`, `REPORT`, or a status: `200 OK`. */
  readonly what: string;
  readonly transactionId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly flag: string;
}

export interface Chunk {
  readonly messageId: string;
  /** `1-10/20`. */
  readonly range: string;
  readonly body: string | null;
  readonly flag?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
}

let serial = 0;
const nextId = (): string => {
  serial += 1;
  return `peer${serial.toString(36).padStart(4, '0')}`;
};

export class MsrpPeer {
  readonly frames: Frame[] = [];
  /** Called for each request; answers 200 to a SEND by default. */
  onRequest: (frame: Frame, peer: MsrpPeer) => void = (frame) => {
    if (frame.what === 'SEND') this.respond(frame, '200 OK');
  };
  closed = false;
  #held = '';

  private constructor(
    readonly socket: net.Socket,
    /** Our own URI. */
    readonly path: string,
    /** The other side's. */
    public peerPath: string,
  ) {
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#hear(String(text)));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** A path for a session description. */
  static newPath(port: number): string {
    return `msrp://127.0.0.1:${port}/test${nextId()};tcp`;
  }

  /** Connects to the place the other side's path names. */
  static async connect(path: string, peerPath: string): Promise<MsrpPeer> {
    const place = new URL(peerPath.replace('msrp:', 'http:'));
    const socket = net.connect(Number(place.port), place.hostname);
    await once(socket, 'connect');
    return new MsrpPeer(socket, path, peerPath);
  }

  /** A session over a socket that is connected already: TLS. */
  static over(socket: net.Socket, path: string, peerPath: string): MsrpPeer {
    return new MsrpPeer(socket, path, peerPath);
  }

  /** Waits to be connected to. */
  static async listen(): Promise<{
    readonly port: number;
    accept(path: string, peerPath: string): Promise<MsrpPeer>;
    close(): void;
  }> {
    const server = net.createServer();
    const sockets: net.Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    return {
      port,
      accept: async (path, peerPath) => {
        if (sockets.length === 0) await once(server, 'connection');
        return new MsrpPeer(sockets.shift()!, path, peerPath);
      },
      close: () => {
        for (const one of sockets) one.destroy();
        server.close();
      },
    };
  }

  /** Sends one chunk; its transaction id. */
  send(chunk: Chunk): string {
    const id = nextId();
    const type = chunk.contentType ?? 'message/cpim';
    const lines = [
      `MSRP ${id} SEND`,
      `To-Path: ${this.peerPath}`,
      `From-Path: ${this.path}`,
      `Message-ID: ${chunk.messageId}`,
      `Byte-Range: ${chunk.range}`,
      ...Object.entries(chunk.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ];
    const content = chunk.body === null ? '' : `Content-Type: ${type}\r\n\r\n${chunk.body}\r\n`;
    this.raw(`${lines.join('\r\n')}\r\n${content}-------${id}${chunk.flag ?? '$'}\r\n`);
    return id;
  }

  /** Sends a whole text in chunks of some octets; the transaction ids. */
  sendAll(messageId: string, text: string, octets: number, headers = {}): string[] {
    const ids: string[] = [];
    for (let at = 0; at < text.length; at += octets) {
      const body = text.slice(at, at + octets);
      const end = at + body.length;
      const flag = end === text.length ? '$' : '+';
      const range = `${at + 1}-${end}/${text.length}`;
      ids.push(this.send({ messageId, range, body, flag, headers }));
    }
    return ids;
  }

  respond(to: Frame, status: string): void {
    const lines = [
      `MSRP ${to.transactionId} ${status}`,
      `To-Path: ${(to.headers['From-Path'] ?? '').split(' ')[0]}`,
      `From-Path: ${this.path}`,
    ];
    this.raw(`${lines.join('\r\n')}\r\n-------${to.transactionId}$\r\n`);
  }

  /** Text as it stands, one octet to a character. */
  raw(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The response to a transaction, when it came. */
  answerTo(id: string): string | null {
    return (
      this.frames.find((one) => one.transactionId === id && /^\d/.test(one.what))?.what ?? null
    );
  }

  close(): void {
    this.socket.destroy();
  }

  #hear(text: string): void {
    this.#held += text;
    for (;;) {
      const found = /^MSRP (\S+) ([^\r\n]+)\r\n/.exec(this.#held);
      if (found === null) return;
      const [, id = '', what = ''] = found;
      const end = /-------(\S+?)([$+#])\r\n/;
      let from = found[0].length;
      let stop: RegExpExecArray | null = null;
      // The end-line with this very id, at the beginning of a line.
      for (;;) {
        stop = end.exec(this.#held.slice(from));
        if (stop === null) return;
        const at = from + stop.index;
        if (stop[1] === id && this.#held.slice(at - 2, at) === '\r\n') break;
        from = at + 1;
      }
      const at = from + stop.index;
      const inner = this.#held.slice(found[0].length, at);
      this.#held = this.#held.slice(at + stop[0].length);
      this.#heard(frameOf(id, what, inner, stop[2]!));
    }
  }

  #heard(frame: Frame): void {
    this.frames.push(frame);
    if (!/^\d/.test(frame.what)) this.onRequest(frame, this);
  }
}

function frameOf(transactionId: string, what: string, inner: string, flag: string): Frame {
  const blank = inner.indexOf('\r\n\r\n');
  const head = blank === -1 ? inner : inner.slice(0, blank);
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .filter((line) => line.includes(': '))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(': ') + 2)]),
  );
  // The CRLF before the end-line is not the body's.
  const body = blank === -1 ? null : inner.slice(blank + 4, -2);
  return { transactionId, what, headers, body, flag };
}

/** The value of `a=path:` in a session description. */
export const pathIn = (sdp: string): string => /^a=path:(.*?)\r?$/m.exec(sdp)?.[1] ?? '';

/** A session description of one message medium. */
export function messageSdp(path: string, lines: readonly string[] = []): string {
  const port = new URL(path.replace(/^msrps?:/, 'http:')).port;
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=message ${port} TCP/MSRP *`,
    'a=accept-types:message/cpim text/plain',
    `a=path:${path}`,
    ...lines,
    '',
  ].join('\r\n');
}
