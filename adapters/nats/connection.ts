// The only user of the NATS client: a connection that comes back by itself, and readiness with a
// reason. Invariant: nothing is published while the connection is away, since the client would lose
// it silently. Must not know what the payloads mean.
import {
  type ConnectionOptions,
  connect,
  errors,
  headers,
  type NatsConnection,
  type Status,
  type Subscription,
  type TlsOptions,
} from 'nats';
import type { Cancel } from '../../runtime/index.js';
import {
  BusError,
  type BusHandler,
  type BusHooks,
  type BusOptions,
  type BusReason,
  type Requester,
} from './bus.js';
import { natsLimits } from './limits.js';
import { authenticatorOf } from './secrets.js';
import { serversFinding, usesTls } from './servers.js';
import { isReplySubject, isVitalSubject } from './subjects.js';

interface Wanted {
  readonly subject: string;
  readonly queue: string | null;
  readonly handler: BusHandler;
  live: Subscription | null;
}

/**
 * Opens the bus. A server that is away is waited for (the bus is then not ready); a server that
 * refuses us or takes only small payloads rejects with a `BusError`.
 */
export async function connectBus(options: BusOptions, hooks: BusHooks = {}): Promise<Requester> {
  const finding = serversFinding(options);
  if (finding !== null) throw finding;
  const bus = new NatsBus(options, hooks);
  await bus.start();
  return bus;
}

class NatsBus implements Requester {
  readonly #options: BusOptions;
  readonly #hooks: BusHooks;
  readonly #wanted: Wanted[] = [];
  readonly #readyListeners: (() => void)[] = [];
  readonly #violated = new Set<string>();
  #connection: NatsConnection | null = null;
  #reason: BusReason | null = 'connecting';
  #detail: string | null = null;
  #closing = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: BusOptions, hooks: BusHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  /**
   * The first attempt decides whether the process may start; only a missing server is waited for
   * (C11).
   */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof BusError) throw error;
      if (isRefusal(error))
        throw new BusError('bus-unauthorized', 'the NATS server refuses us', { cause: error });
      this.#become('disconnected', textOf(error));
      this.#retryLater();
    }
  }

  publish(subject: string, payload: Uint8Array | string): boolean {
    if (this.#reason !== null || this.#connection === null) return false;
    if (!isPublishable(subject)) return false;
    if (Buffer.byteLength(payload) > natsLimits.payloadBytesMax) return false;
    return this.#hand(subject, payload);
  }

  #hand(subject: string, payload: Uint8Array | string): boolean {
    try {
      this.#connection?.publish(subject, payload);
      return true;
    } catch {
      // Closed or draining under our feet: as any other loss, the sender of an effect repeats it.
      return false;
    }
  }

  async request(
    subject: string,
    payload: string,
    asked: { readonly msgId: string; readonly timeoutMs: number },
  ): Promise<Uint8Array | null> {
    if (this.#reason !== null || this.#connection === null) return null;
    const given = headers();
    given.set('Nats-Msg-Id', asked.msgId);
    try {
      const options = { timeout: asked.timeoutMs, headers: given };
      return (await this.#connection.request(subject, payload, options)).data;
    } catch {
      return null;
    }
  }

  subscribe(subject: string, queue: string | null, handler: BusHandler): Cancel {
    const wanted: Wanted = { subject, queue, handler, live: null };
    this.#wanted.push(wanted);
    if (this.#connection !== null && !this.#closing) this.#listen(this.#connection, wanted);
    return () => {
      const at = this.#wanted.indexOf(wanted);
      if (at >= 0) this.#wanted.splice(at, 1);
      // Fails when the connection is gone, and then there is nothing to drain.
      wanted.live?.drain().catch(() => undefined);
    };
  }

  ready(): boolean {
    return this.#reason === null;
  }

  reason(): BusReason | null {
    return this.#reason;
  }

  onReady(run: () => void): void {
    this.#readyListeners.push(run);
  }

  async flush(): Promise<boolean> {
    const connection = this.#connection;
    if (connection === null || connection.isClosed() || this.#away()) return false;
    return connection.flush().then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const connection = this.#connection;
    const away = this.#away();
    this.#become('closed');
    if (connection === null) return;
    if (!away) await within(connection.drain(), 2_000);
    await within(connection.close(), 1_000);
  }

  #away(): boolean {
    return this.#reason !== null && this.#reason !== 'permissions-violation';
  }

  async #open(): Promise<void> {
    const connection = await connect(clientOptions(this.#options));
    if (this.#closing) {
      await connection.close();
      return;
    }
    const small = payloadFinding(connection);
    if (small !== null) {
      await connection.close();
      throw small;
    }
    this.#attempts = 0;
    this.#connection = connection;
    void this.#follow(connection);
    for (const wanted of this.#wanted) this.#listen(connection, wanted);
    this.#become(null);
  }

  /** Only until the first connection; later ones are the client's own doing. */
  #retryLater(): void {
    if (this.#closing) return;
    const wait = Math.min(100 * 2 ** this.#attempts, this.#options.reconnectWaitMsMax ?? 2_000);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    this.#timer = setTimeout(() => {
      this.#open().catch((error: unknown) => {
        if (error instanceof BusError) this.#alarm('max-payload', error.message);
        else if (isRefusal(error)) this.#alarm('unauthorized', String(error));
        else this.#become('disconnected', textOf(error));
        this.#retryLater();
      });
    }, wait);
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) this.#heard(connection, status);
    await connection.closed();
    if (this.#closing || this.#connection !== connection) return;
    // The client gave up on its own; readiness must not hang on its reasons.
    this.#connection = null;
    this.#become('disconnected');
    this.#retryLater();
  }

  #heard(connection: NatsConnection, status: Status): void {
    switch (status.type) {
      case 'disconnect':
        // The cause stands until the connection is back, whatever the attempts in between say.
        if (this.#reason !== 'stale' && this.#reason !== 'unauthorized')
          this.#become('disconnected');
        return;
      case 'staleConnection':
        this.#become('stale');
        return;
      case 'reconnect':
        this.#returned(connection);
        return;
      case 'error':
        this.#failed(status.error);
        return;
      default:
        return;
    }
  }

  /** Another server, or the same with another configuration: check it as the first one. */
  #returned(connection: NatsConnection): void {
    const small = payloadFinding(connection);
    if (small !== null) {
      this.#alarm('max-payload', small.message);
      return;
    }
    this.#violated.clear();
    for (const wanted of this.#wanted)
      if (wanted.live === null || wanted.live.isClosed()) this.#listen(connection, wanted);
    this.#become(null);
  }

  #failed(error: Error): void {
    if (error instanceof errors.AuthorizationError) {
      this.#alarm('unauthorized', error.message);
    } else if (error instanceof errors.PermissionViolationError) {
      const detail = `${error.operation} ${error.subject}`;
      // A forged reply subject must not talk the engine out of being ready (N3): only our own
      // subjects count.
      if (!isVitalSubject(error.subject)) {
        if (!this.#violated.has(detail)) this.#hooks.onAlarm?.('permissions-violation', detail);
        this.#violated.add(detail);
        return;
      }
      if (error.operation === 'subscription') this.#dropped(error.subject);
      if (this.#violated.has(detail)) return;
      this.#violated.add(detail);
      this.#alarm('permissions-violation', detail);
      this.#probeLater();
    }
  }

  /**
   * The server ended a subscription. When it does so on reading its configuration again it does not
   * name the queue group, and the client, which looks for a subscription without one, keeps ours as
   * if it lived.
   */
  #dropped(subject: string): void {
    for (const wanted of this.#wanted) {
      if (wanted.subject !== subject) continue;
      wanted.live?.unsubscribe();
      wanted.live = null;
    }
  }

  /**
   * A right given back is announced by nobody, so it is tried: an empty line is harmless to all who
   * listen.
   */
  #probeLater(): void {
    if (this.#closing || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#probe();
    }, this.#options.violationRetryMs ?? 5_000);
  }

  async #probe(): Promise<void> {
    const connection = this.#connection;
    if (this.#reason !== 'permissions-violation' || connection === null) return;
    const tried = [...this.#violated];
    this.#violated.clear();
    for (const detail of tried) {
      const [operation, subject] = detail.split(' ');
      if (operation === 'publish') this.#hand(subject!, '');
    }
    for (const wanted of this.#wanted)
      if (wanted.live === null || wanted.live.isClosed()) this.#listen(connection, wanted);
    await this.flush();
    // The server's refusals stand before its PONG, and the client's status queue has been read by
    // the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#reason !== 'permissions-violation') return;
    if (this.#violated.size === 0) this.#become(null);
    else this.#probeLater();
  }

  #listen(connection: NatsConnection, wanted: Wanted): void {
    const { subject, queue, handler } = wanted;
    wanted.live = connection.subscribe(subject, {
      ...(queue === null ? {} : { queue }),
      callback: (error, message) => {
        if (error !== null) return; // told by the status as well
        try {
          // The client writes an absent reply as an empty one.
          handler(message.data, message.reply || null);
        } catch (thrown) {
          this.#hooks.onAlarm?.('handler-failed', `${subject}: ${String(thrown)}`);
        }
      },
    });
  }

  #alarm(reason: BusReason, detail: string): void {
    this.#hooks.onAlarm?.(reason, detail);
    this.#become(reason);
  }

  /** `detail` is the text of the failed attempt: another one under the same reason is told as well. */
  #become(reason: BusReason | null, detail: string | null = null): void {
    const news = detail !== null && detail !== this.#detail;
    if ((this.#reason === reason && !news) || this.#reason === 'closed') return;
    this.#reason = reason;
    this.#detail = detail;
    this.#hooks.onStatus?.(reason === null, reason, detail);
    if (reason === null) for (const run of this.#readyListeners) run();
  }
}

/** An exact subject of ours or an inbox, without wildcard, blank or control octet (N1, N2). */
function isPublishable(subject: string): boolean {
  return isVitalSubject(subject) ? !subject.includes('*') : isReplySubject(subject);
}

/** What a failed attempt says, with what lies behind it: the client wraps the error of the socket. */
function textOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error && texts.length < 4; at = at.cause)
    if (!texts.includes(at.message)) texts.push(at.message);
  return texts.length === 0 ? String(error) : texts.join(': ');
}

function isRefusal(error: unknown): boolean {
  return error instanceof errors.AuthorizationError;
}

/** C14: a server that takes less than our largest payload would lose exactly the large messages. */
function payloadFinding(connection: NatsConnection): BusError | null {
  const most = connection.info?.max_payload ?? 0;
  if (most >= natsLimits.payloadBytesMax) return null;
  const ours = natsLimits.payloadBytesMax;
  const text = `the NATS server takes ${most} octets, our largest payload has ${ours}`;
  return new BusError('bus-max-payload', text);
}

function clientOptions(options: BusOptions): ConnectionOptions {
  const authenticator = authenticatorOf(options);
  return {
    servers: [...options.servers],
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    maxReconnectAttempts: -1,
    reconnectTimeWait: options.reconnectWaitMsMax ?? 2_000,
    ignoreAuthErrorAbort: true,
    // Servers named by gossip were not checked for loopback or TLS (N9).
    ignoreClusterUpdates: true,
    pingInterval: options.pingIntervalMs ?? 2_000,
    maxPingOut: 2,
    timeout: 5_000,
    noAsyncTraces: true,
    ...(usesTls(options) ? { tls: tlsOf(options) } : {}),
    ...(authenticator === null ? {} : { authenticator }),
    ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
  };
}

function tlsOf(options: BusOptions): TlsOptions {
  const { ca, cert, key } = options.tls ?? {};
  return {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
  };
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), patience]);
  clearTimeout(timer);
}
