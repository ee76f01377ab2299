// One TCP connection that carries MSRP: frames in, frames out, each given to the session it names by its To-Path
// (RFC 4975 section 5.4). A connection that says nothing in time, or nonsense, is closed, and its sessions hear so.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../../runtime/index.js';
import { oneValue, readPath } from './fields.js';
import {
  type Flag,
  type FrameEvent,
  FrameScanner,
  type RequestHead,
  type ResponseHead,
  writeResponse,
} from './frame.js';
import { msrpLimits } from './limits.js';

/** Takes the body of one request. */
export interface Sink {
  body(octets: Buffer): void;
  end(flag: Flag): void;
}

/** One side of a session, as its connection sees it. */
export interface Session {
  /** Its own URI. */
  readonly path: string;
  /** A request begins. */
  request(head: RequestHead, via: Connection): Sink;
  response(head: ResponseHead): void;
  /** A connection on which it spoke is gone. */
  lost(via: Connection): void;
}

export interface ConnectionHooks {
  /** The session a To-Path names, or null. */
  readonly find: (sessionId: string) => Session | null;
  readonly gone: (connection: Connection) => void;
  /** A session speaks on it. */
  readonly bound: () => void;
  /** Octets that went over it, for whoever counts. */
  readonly octets: { in: number; out: number };
}

const nothing: Sink = { body: () => {}, end: () => {} };

export class Connection {
  private readonly scanner = new FrameScanner();
  private sink: Sink = nothing;
  private readonly sessions = new Set<Session>();
  private stopWaiting: Cancel;
  private open = true;

  constructor(
    private readonly socket: Socket,
    private readonly clock: Pick<Clock, 'after'>,
    private readonly hooks: ConnectionHooks,
  ) {
    this.stopWaiting = clock.after(msrpLimits.bindMsMax, () => this.close());
    socket.setNoDelay(true);
    socket.on('data', (octets) => this.receive(octets));
    socket.on('error', () => {});
    socket.on('close', () => this.close());
  }

  /** Whether it is TLS. */
  get secure(): boolean {
    return this.socket instanceof TLSSocket;
  }

  /** The certificate the peer showed, in DER; null when it showed none, or this is no TLS. */
  get certificate(): Uint8Array | null {
    if (!(this.socket instanceof TLSSocket)) return null;
    return this.socket.getPeerCertificate().raw ?? null;
  }

  /** False when it is gone, or when its last word has been said. */
  get alive(): boolean {
    return this.open && !this.socket.writableEnded;
  }

  /** Says something, while there is somebody to say it to. A peer that reads nothing of it is closed. */
  send(octets: Uint8Array): void {
    if (!this.alive) return;
    this.hooks.octets.out += octets.length;
    this.socket.write(octets);
    if (this.socket.writableLength > msrpLimits.unreadOctetsMax) this.close();
  }

  /** A session speaks here from now on; it says so itself, once it has taken the connection for its own. */
  bind(session: Session): void {
    this.sessions.add(session);
    this.hooks.bound();
    this.heardSomething();
  }

  /** A session is over; a connection without any has no use. */
  unbind(session: Session): void {
    if (!this.sessions.delete(session) || this.sessions.size > 0) return;
    // What was written last still goes out.
    if (this.open) this.socket.end();
    this.stopWaiting();
    this.stopWaiting = this.clock.after(msrpLimits.bindMsMax, () => this.close());
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.stopWaiting();
    this.socket.destroy();
    for (const session of [...this.sessions]) session.lost(this);
    this.hooks.gone(this);
  }

  private receive(octets: Buffer): void {
    this.hooks.octets.in += octets.length;
    const { events, fault } = this.scanner.push(octets);
    for (const event of events) {
      if (!this.open) return;
      this.heard(event);
    }
    if (fault !== null) this.close();
    else if (this.sessions.size > 0) this.heardSomething();
  }

  private heardSomething(): void {
    this.stopWaiting();
    this.stopWaiting = this.clock.after(msrpLimits.idleMsMax, () => this.close());
  }

  private heard(event: FrameEvent): void {
    if (event.type === 'body') this.sink.body(event.octets);
    else if (event.type === 'end') {
      const { sink } = this;
      this.sink = nothing;
      sink.end(event.flag);
    } else if (event.head.kind === 'request') this.sink = this.begun(event.head);
    else this.target(event.head)?.response(event.head);
  }

  private begun(head: RequestHead): Sink {
    const session = this.target(head);
    if (session !== null) return session.request(head, this);
    // Section 7.3: no such session. A REPORT is never answered.
    return {
      body: () => {},
      end: () => {
        if (head.method !== 'REPORT') this.send(answerTo(head, 481, 'No Such Session', null));
      },
    };
  }

  private target(head: RequestHead | ResponseHead): Session | null {
    const path = readPath(oneValue(head.headers, 'to-path') ?? '');
    return path?.length === 1 ? this.hooks.find(path[0]!.sessionId) : null;
  }
}

/** The response to a request: it goes one hop back (RFC 4975 section 7.2). */
export function answerTo(
  head: RequestHead,
  status: number,
  comment: string,
  ownPath: string | null,
): Buffer {
  const from = oneValue(head.headers, 'from-path') ?? '';
  const to = oneValue(head.headers, 'to-path') ?? '';
  const { transactionId } = head;
  const headers = [
    ['To-Path', from.split(' ', 1)[0]!],
    ['From-Path', ownPath ?? to],
  ] as const;
  return writeResponse({ transactionId, status, comment, headers });
}
