// Large messages on their way in: a call for somebody who is offline is answered, its message received, stored, and
// only then acknowledged (S2 9.3.2.4, spec 2.3). What does not come whole leaves no trace. Decides nothing about a
// message but whether its session may begin.
import type { HeaderLine } from '../../machines/index.js';
import type { Clock, InviteFacts, Reply, Runtime, WaitingCall } from '../../runtime/index.js';
import { Budget } from './assembly.js';
import type { MsrpHub } from './hub.js';
import { msrpLimits } from './limits.js';
import type { Doubtful, LargeCodec, Refused } from './ports.js';
import { type Received, Receiving, type Verdict } from './receiving.js';
import { Reception } from './reception.js';
import { readSdp, type SessionDescription, writeAnswer } from './sdp.js';

export interface IntakeOptions {
  readonly hub: MsrpHub;
  readonly runtime: Pick<Runtime, 'submit' | 'refusal'>;
  readonly codec: LargeCodec;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  /** Octets of the largest message that is taken. */
  readonly octetsMax: number;
  /** Told when a message is stored and its last SEND not yet answered, and when it was. */
  readonly failpoint?: (name: 'ack.before' | 'ack.after') => void;
  readonly onFailure: (where: string, cause: unknown) => void;
  /** A session was refused for what it says, or its message taken although its envelope says nothing. */
  readonly onDoubtful?: (doubtful: Doubtful) => void;
}

type Refusal = readonly [status: number, lines: readonly HeaderLine[]];

const busy: Refusal = [503, [['Retry-After', '30']]];

export class Intake {
  private readonly budget = new Budget(msrpLimits.octetsInMemoryMax);
  private closing = false;
  private readonly open = new Set<Reception>();
  private readonly storing = new Set<Promise<unknown>>();

  constructor(private readonly options: IntakeOptions) {}

  /** Sessions under way. */
  get sessions(): number {
    return this.open.size;
  }

  /** Takes a call, or refuses it. */
  heard(call: WaitingCall): void {
    const asserted = readAsserted(call.asserted);
    const facts = this.options.codec.readInvite(call.octets, asserted);
    if (!facts.ok) {
      this.doubt(facts);
      this.refuse(call, [facts.status, []]);
      return;
    }
    const offer = readSdp(call.body);
    const refusal = this.refusal({ ...facts, queued: call.queued }, offer);
    if (offer === null || refusal !== null) this.refuse(call, refusal ?? notAcceptable);
    else this.begin(call, asserted, offer);
  }

  private refuse(call: WaitingCall, refusal: Refusal): void {
    this.options.hub.counters.events.refused += 1;
    call.refuse(...refusal);
  }

  /** Takes nothing more, and resolves when what was complete is stored and answered. */
  async close(): Promise<void> {
    this.closing = true;
    await Promise.allSettled([...this.storing]);
    // Who waits for what was stored answers in the same turn of the loop: the sessions end after that.
    await new Promise((answered) => setImmediate(answered));
    for (const one of [...this.open]) one.end();
  }

  private refusal(facts: InviteFacts, offer: SessionDescription | null): Refusal | null {
    if (offer === null) return notAcceptable;
    const { setup, direction, secure } = offer.medium;
    if (secure && !this.options.hub.secure) return notAcceptable;
    // The sender connects, as RFC 4975 has it: nobody makes us open connections to places of his choice.
    if (setup === 'passive' || setup === 'holdconn') return notAcceptable;
    if (direction === 'recvonly' || direction === 'inactive') return notAcceptable;
    if (this.closing || !this.options.hub.room) return busy;
    const refused = this.options.runtime.refusal(facts);
    return refused === null ? null : refusalLines(refused);
  }

  private begin(call: WaitingCall, asserted: string | null, offer: SessionDescription): void {
    const { hub, clock, octetsMax } = this.options;
    const { setup, secure, fingerprint } = offer.medium;
    const { sessionId, ...own } = hub.newPath(secure);
    const peer = { uri: offer.medium.path.at(-1)!, secure, fingerprint };
    const sdp = writeAnswer(offer, {
      host: hub.host,
      ...own,
      setup: setup === null ? null : 'passive',
      direction: 'recvonly',
      maxSize: octetsMax,
      sessionNumber: Math.trunc(clock.now() / 1000),
    });
    const ok = call.accept(sdp, [['Date', this.options.codec.formatSipDate(clock.now())]]);
    const { events } = hub.counters;
    events[ok === null ? 'refused' : 'taken'] += 1;
    if (ok === null) return;
    const reception = new Reception(call, clock, {
      fruitless: () => {
        events.aborted += 1;
      },
      over: () => {
        hub.remove(sessionId);
        this.open.delete(reception);
      },
      ended: (deferredId, bye) => this.tell({ type: 'session.ended', deferredId, bye }),
    });
    const receiving = new Receiving(own.path, peer, octetsMax, this.budget, {
      complete: (message) => this.complete(call, asserted, ok, message, reception),
      lost: () => reception.lost(),
      random: () => hub.random(),
    });
    reception.begin(receiving);
    this.open.add(reception);
    hub.add(sessionId, receiving);
  }

  private complete(
    call: WaitingCall,
    asserted: string | null,
    ok: readonly HeaderLine[],
    received: Received,
    reception: Reception,
  ): Promise<Verdict | null> {
    const read = this.options.codec.readLarge(call.octets, asserted, { ...received, ok });
    if (!read.ok) {
      this.doubt(read);
      reception.refused(read.status, read.reason);
      return Promise.resolve(verdictOf(read.status, read.reason));
    }
    if (read.unreadable) this.takenUnread(read.unreadable);
    const { runtime, onFailure } = this.options;
    const { queued } = call;
    const { message } = read;
    const command = { type: 'message.received', message, node: null, queued } as const;
    reception.storing();
    const stored = runtime
      .submit(command)
      .then((reply) => {
        if (reply.kind !== 'refused') this.options.hub.counters.events.stored += 1;
        return this.decided(reply, reception);
      })
      .catch((cause: unknown) => {
        onFailure('large', cause);
        return null;
      })
      .finally(() => reception.decided());
    this.storing.add(stored);
    return stored.finally(() => this.storing.delete(stored));
  }

  private doubt({ status, code, offset }: Refused): void {
    const place = offset === undefined ? {} : { offset };
    this.options.onDoubtful?.({ event: 'message.refused', status, code, ...place });
  }

  // As in page mode it is kept as any other content, and its operator hears why it asks for nothing (ADR 0020).
  private takenUnread({ code, offset }: { readonly code: string; readonly offset: number }): void {
    this.options.hub.counters.events.unreadable += 1;
    this.options.onDoubtful?.({ event: 'cpim.unreadable', code, offset });
  }

  private decided(reply: Reply, reception: Reception): Verdict {
    if (reply.kind === 'refused') {
      reception.refused(reply.status, reply.reason);
      return verdictOf(reply.status, reply.reason);
    }
    // A polite block takes it, and keeps nothing (spec 7.3).
    if (reply.kind === 'swallowed') {
      reception.stored(null);
      return { status: 200, comment: 'OK' };
    }
    if (reply.kind !== 'accepted') throw new TypeError(`a message became ${reply.kind}`);
    const { deferredId } = reply;
    // A repetition whose first copy was heard takes nothing back.
    const again = reply.duplicate && reply.acknowledgedAgain !== true;
    reception.stored(deferredId);
    this.options.failpoint?.('ack.before');
    const unheard = () => this.tell({ type: 'message.unacknowledged', deferredId });
    return {
      status: 200,
      comment: 'OK',
      heard: () => this.options.failpoint?.('ack.after'),
      ...(again ? {} : { unheard }),
    };
  }

  private tell(command: Parameters<Runtime['submit']>[0]): void {
    const told = this.options.runtime.submit(command).catch((cause: unknown) => {
      if (!this.closing) this.options.onFailure('large', cause);
    });
    this.storing.add(told);
    void told.finally(() => this.storing.delete(told));
  }
}

const notAcceptable: Refusal = [488, []];

const refusalLines = (refused: Extract<Reply, { kind: 'refused' }>): Refusal => {
  const { retryAfterSeconds, status } = refused;
  return [status, retryAfterSeconds === null ? [] : [['Retry-After', String(retryAfterSeconds)]]];
};

// `-`: the proxy vouches for nobody.
const readAsserted = (field: string): string | null =>
  field === '-' ? null : Buffer.from(field, 'base64').toString('utf8');

/** A SIP status as MSRP says it: no 5xx exists there, and everything but size means "not here" (RFC 4975 10). */
function verdictOf(status: number, reason: string): Verdict {
  const known = status === 400 || status === 413 || status === 415;
  return { status: known ? status : 403, comment: reason };
}
