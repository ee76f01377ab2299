// One life of the engine's process, from boot to its end: what the others need to know of it.
import type { Consumer, Publisher } from '../../adapters/nats/index.js';
import type { Engine, Opened, OutgoingDelivery } from '../../runtime/index.js';
import { BusClient } from './bus-client.js';
import type { Owner } from './scheduler.js';

/** One run of the process. */
export class Life implements Owner {
  dead = false;
  pausedUntilMs = 0;
  sleptMs = 0;
  /** Batches of this life that are durable. */
  landings = 0;
  /** Something was done to it that must end it. */
  expectsExit = false;
  closing = false;
  opened: Opened | null = null;
  publisher: Publisher | null = null;
  consumer: Consumer | null = null;
  /** Carries large messages. */
  leg: { send(effect: OutgoingDelivery): void } | null = null;
  client: BusClient;

  constructor(
    readonly number: number,
    readonly bornMs: number,
  ) {
    this.client = new BusClient('engine', this);
  }

  /** It is dead: whoever remembers it keeps no engine alive. */
  letGo(): void {
    this.opened = null;
    this.publisher = null;
    this.consumer = null;
    this.leg = null;
    this.client.handlers.clear();
    this.client.readyListeners.length = 0;
  }

  get engine(): Engine | null {
    return this.opened?.engine ?? null;
  }

  /** Every partition serves. */
  get whole(): boolean {
    const progress = this.opened?.progress();
    return progress !== undefined && progress.admitted === progress.of;
  }

  get serving(): boolean {
    return this.whole && !this.dead && !this.closing;
  }
}
