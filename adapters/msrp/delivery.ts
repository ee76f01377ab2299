// Large messages on their way out: INVITE to a device that takes them, MSRP, BYE. The outcome of the whole is one SIP
// status, as for any push: 200 when every chunk was taken, the phone's own refusal, or 480 for a session that came to
// nothing, so that the message stays (spec 3.3). A repeated effect is answered from memory, never sent twice at once.
import type {
  Cancel,
  Clock,
  LargeRequest,
  OutgoingDelivery,
  ProxyPlace,
} from '../../runtime/index.js';
import type { MsrpHub } from './hub.js';
import { msrpLimits } from './limits.js';
import type { CallingLeg, LargeCodec } from './ports.js';
import { accepts, type MessageMedium, readSdp, writeOffer } from './sdp.js';
import { Sending } from './sending.js';

export interface DeliveryOptions {
  readonly hub: MsrpHub;
  readonly leg: CallingLeg;
  readonly codec: LargeCodec;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  /** The proxy to call through for a node, or null when none is known. */
  readonly proxyFor: (node: string | null) => ProxyPlace | null;
  readonly answered: (effectId: string, token: string, status: number) => void;
  readonly onFailure: (where: string, cause: unknown) => void;
}

export class Delivery {
  private readonly pushes = new Map<string, Push>();
  /** Finished ones, oldest first. */
  private readonly outcomes = new Map<string, number>();

  constructor(private readonly options: DeliveryOptions) {}

  get underWay(): number {
    return this.pushes.size;
  }

  /** Carries out an effect; a repetition changes nothing. */
  send(effect: OutgoingDelivery): void {
    const { effectId, token } = effect;
    const outcome = this.outcomes.get(effectId);
    if (outcome !== undefined) this.options.answered(effectId, token, outcome);
    if (outcome !== undefined || this.pushes.has(effectId)) return;
    const request = this.requestOf(effect);
    const proxy = this.options.proxyFor(effect.node);
    const contact = request?.contacts.at(-effect.cseq % Math.max(1, request.contacts.length));
    if (request === null) this.settle(effect, 513);
    else if (proxy === null || contact === undefined || !this.options.hub.room)
      // Not sent at all, and not remembered: the next repetition may find a way.
      this.options.answered(effectId, token, 0);
    else this.begin(effect, request, proxy, contact);
  }

  /** Ends what is under way; its messages stay. */
  close(): void {
    for (const push of [...this.pushes.values()]) push.end();
  }

  private requestOf(effect: OutgoingDelivery): LargeRequest | null {
    try {
      return this.options.codec.largeRequest(effect);
    } catch (cause) {
      this.options.onFailure(effect.effectId, cause);
      return null;
    }
  }

  private begin(
    effect: OutgoingDelivery,
    request: LargeRequest,
    proxy: ProxyPlace,
    contact: string,
  ): void {
    const { events } = this.options.hub.counters;
    events.called += 1;
    const push = new Push(this.options, request, (status) => {
      events[status === 200 ? 'delivered' : 'undelivered'] += 1;
      this.pushes.delete(effect.effectId);
      this.settle(effect, status);
    });
    this.pushes.set(effect.effectId, push);
    push.begin(proxy, contact);
  }

  private settle({ effectId, token }: OutgoingDelivery, status: number): void {
    this.outcomes.set(effectId, status);
    if (this.outcomes.size > msrpLimits.pushesRemembered)
      this.outcomes.delete(this.outcomes.keys().next().value!);
    this.options.answered(effectId, token, status);
  }
}

/** A session broke, or could not be had: the message is tried again like after any passing trouble. */
const broken = 480;

/** One push: a call and its session. */
class Push {
  private readonly path: string;
  private readonly sessionId: string;
  private call: { end(): void } | null = null;
  private readonly sending: Sending;
  private over = false;
  private stopWaiting: Cancel = () => {};

  constructor(
    private readonly options: DeliveryOptions,
    private readonly request: LargeRequest,
    private readonly tell: (status: number) => void,
  ) {
    const { hub } = options;
    ({ path: this.path, sessionId: this.sessionId } = hub.newPath());
    this.sending = new Sending(this.path, request, {
      delivered: () => this.finish(200),
      refused: (status) => this.finish(statusOf(status)),
      lost: () => this.finish(broken),
      random: () => hub.random(),
    });
  }

  begin(proxy: ProxyPlace, contact: string): void {
    const { hub, clock, leg } = this.options;
    const sdp = writeOffer({
      host: hub.host,
      port: hub.port,
      path: this.path,
      fingerprint: null,
      setup: 'actpass',
      direction: 'sendonly',
      maxSize: null,
      sessionNumber: Math.trunc(clock.now() / 1000),
    });
    const { uri, headers, cseq } = this.request;
    this.wait(msrpLimits.sessionMsMax);
    // Before the call: a phone that connects by itself may be here sooner than its answer (RFC 6135).
    hub.add(this.sessionId, this.sending);
    this.call = leg.call(
      { proxy, uri, contact, headers, cseq, sdp },
      {
        accepted: (answer) => this.accepted(answer),
        refused: (status) => this.finish(status),
        hungUp: () => this.hungUp(),
      },
    );
  }

  end(): void {
    this.finish(broken);
  }

  // His BYE goes another way than his last answers, and may be quicker: what he has whole is not sent again for that.
  private hungUp(): void {
    if (this.sending.awaitsAnswers) this.wait(msrpLimits.lastAnswersMsMax);
    else this.finish(broken);
  }

  private accepted(answer: Uint8Array): void {
    const medium = readSdp(answer)?.medium ?? null;
    const type = this.request.contentType.split(';', 1)[0]!.trim().toLowerCase();
    if (medium === null || this.over) this.finish(488);
    else if (!accepts(medium, type)) this.finish(415);
    else if ((medium.maxSize ?? Infinity) < this.request.content.length) this.finish(413);
    else if (medium.direction === 'sendonly' || medium.direction === 'inactive') this.finish(488);
    else this.open(medium);
  }

  private open(medium: MessageMedium): void {
    const { hub } = this.options;
    const peer = medium.path[0]!;
    if (peer.secure) {
      this.finish(488);
      return;
    }
    this.sending.answered(medium.path);
    // RFC 4975 section 8: who offered connects, unless the phone said that it does (RFC 6135).
    if (medium.setup === 'active' || this.sending.bound) return;
    const connection = hub.connect(peer, this.sending);
    if (connection === null) this.finish(broken);
    else this.sending.begin(connection);
  }

  private wait(forMs: number): void {
    this.stopWaiting();
    const part = Math.min(forMs, 60_000);
    const rest = forMs - part;
    this.stopWaiting = this.options.clock.after(part, () =>
      rest > 0 ? this.wait(rest) : this.finish(broken),
    );
  }

  private finish(status: number): void {
    if (this.over) return;
    this.over = true;
    this.stopWaiting();
    this.sending.end();
    this.options.hub.remove(this.sessionId);
    this.call?.end();
    this.tell(status);
  }
}

/** An MSRP status as the chart understands it: what the phone will never take is unsuitable, all else may pass. */
function statusOf(status: number): number {
  if (status === 413 || status === 415) return status;
  return status === 403 || status === 400 || status === 501 ? 488 : broken;
}
