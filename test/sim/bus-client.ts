// One connection to the simulated bus, of the engine, a proxy or a user.
import type { BusHandler, BusReason } from '../../adapters/nats/bus.js';
import type { Owner } from './scheduler.js';

/** One connection. */
export class BusClient {
  readonly handlers = new Map<string, BusHandler>();
  readonly readyListeners: (() => void)[] = [];
  /** Why it knows that it cannot send, or null. */
  reason: BusReason | null = null;
  /** Nothing it sends arrives, and nothing reaches it, whatever it knows. */
  parted = false;

  constructor(
    readonly name: string,
    readonly owner: Owner,
  ) {}
}
