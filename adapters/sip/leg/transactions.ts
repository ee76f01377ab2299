// The four transactions of RFC 3261 section 17 over UDP, with the repair of RFC 6026: who repeats what, how long, and
// when a silence is an answer. Each is told what was heard and says what is to be sent; none knows what it is about.
import type { Cancel, Clock } from '../../../runtime/index.js';
import { legLimits } from './limits.js';
import type { HeardRequest, HeardResponse } from './wire.js';

type Timer = Pick<Clock, 'after'>;

// Repeats with T1, 2 T1, 4 T1 … up to a longest wait, until stopped.
function repeating(clock: Timer, transmit: () => void, waitMsMax: number): Cancel {
  let cancel: Cancel = () => {};
  const again = (waitMs: number): void => {
    cancel = clock.after(waitMs, () => {
      transmit();
      again(Math.min(2 * waitMs, waitMsMax));
    });
  };
  again(legLimits.t1Ms);
  return () => cancel();
}

export interface ClientHooks {
  readonly transmit: () => void;
  /** An INVITE is being looked at: it may ring for long. */
  readonly provisional: () => void;
  /** The final answer; null when none came. A 2xx to an INVITE may come again, and from another phone. */
  readonly final: (response: HeardResponse | null) => void;
  /** Acknowledges a final answer that is no 2xx, each time it comes (section 17.1.1.3). */
  readonly acknowledge: (response: HeardResponse) => void;
  /** Nothing more will come. */
  readonly over: () => void;
}

/** Client transaction: an INVITE (section 17.1.1), or any other request (17.1.2). */
export class ClientTransaction {
  private state: 'calling' | 'proceeding' | 'answered' | 'over' = 'calling';
  private stopRepeating: Cancel;
  private stopWaiting: Cancel;

  constructor(
    private readonly clock: Timer,
    private readonly invite: boolean,
    private readonly hooks: ClientHooks,
  ) {
    hooks.transmit();
    // Timers A and E; an INVITE's waits grow without a bound of their own.
    const waitMsMax = invite ? legLimits.patienceMs : legLimits.t2Ms;
    this.stopRepeating = repeating(clock, hooks.transmit, waitMsMax);
    // Timers B and F.
    this.stopWaiting = clock.after(legLimits.patienceMs, () => this.silence());
  }

  hear(response: HeardResponse): void {
    if (this.state === 'over') return;
    if (response.status < 200) this.heardProvisional();
    else this.heardFinal(response);
  }

  private heardProvisional(): void {
    if (this.state !== 'calling') return;
    this.state = 'proceeding';
    if (!this.invite) return;
    this.stopRepeating();
    this.stopWaiting();
    this.stopWaiting = () => {};
    this.hooks.provisional();
  }

  private heardFinal(response: HeardResponse): void {
    const first = this.state !== 'answered';
    if (this.invite && response.status >= 300) this.hooks.acknowledge(response);
    if (!first) {
      if (this.invite && response.status < 300) this.hooks.final(response);
      return;
    }
    this.stopRepeating();
    this.stopWaiting();
    this.state = 'answered';
    // Timers D, K and M: repetitions of the answer are still ours.
    const lingerMs = this.invite ? legLimits.patienceMs : legLimits.t4Ms;
    this.stopWaiting = this.clock.after(lingerMs, () => this.end());
    this.hooks.final(response);
  }

  /** Waits 64 T1 longer for the final answer, after CANCEL, and then no more (section 9.1). */
  giveUp(): void {
    if (this.state !== 'proceeding') return;
    this.stopWaiting();
    this.stopWaiting = this.clock.after(legLimits.patienceMs, () => this.end());
  }

  private silence(): void {
    this.hooks.final(null);
    this.end();
  }

  /** Stops every timer; nothing more is heard. */
  end(): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.stopRepeating();
    this.stopWaiting();
    this.hooks.over();
  }
}

export interface ServerHooks {
  readonly transmit: (response: Uint8Array) => void;
  /** A final answer to an INVITE was not acknowledged within 64 T1. */
  readonly unacknowledged: () => void;
  readonly over: () => void;
}

/** Server transaction: an INVITE (section 17.2.1, 13.3.1.4 for its 2xx), or any other request (17.2.2). */
export class ServerTransaction {
  private response: Uint8Array | null = null;
  private final = false;
  private stopRepeating: Cancel = () => {};
  private stopWaiting: Cancel = () => {};
  private acknowledged = false;
  private ended = false;

  constructor(
    private readonly clock: Timer,
    readonly request: HeardRequest,
    private readonly hooks: ServerHooks,
  ) {}

  private get invite(): boolean {
    return this.request.method === 'INVITE';
  }

  get answered(): boolean {
    return this.final;
  }

  /** The same request came again. */
  repeated(): void {
    if (this.response !== null && !this.acknowledged) this.hooks.transmit(this.response);
  }

  respond(status: number, response: Uint8Array): void {
    if (this.final || this.ended) return;
    this.response = response;
    this.hooks.transmit(response);
    if (status < 200) return;
    this.final = true;
    // Timer G, or the 2xx of section 13.3.1.4; timers H, J and L.
    if (this.invite)
      this.stopRepeating = repeating(
        this.clock,
        () => this.hooks.transmit(response),
        legLimits.t2Ms,
      );
    this.stopWaiting = this.clock.after(legLimits.patienceMs, () => {
      if (this.invite && !this.acknowledged) this.hooks.unacknowledged();
      this.end();
    });
  }

  /** The ACK came; its repetitions mean nothing more. */
  acknowledge(): void {
    this.acknowledged = true;
    this.stopRepeating();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.stopRepeating();
    this.stopWaiting();
    this.hooks.over();
  }
}
