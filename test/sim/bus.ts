// Core NATS between the engine and the proxies: it may lose, repeat, delay and so reorder every line, part one client
// from the others, come up again without what was under way, and take a client's permission away. It promises nothing.
import type { Bus, BusReason } from '../../adapters/nats/bus.js';
import type { BusClient } from './bus-client.js';
import type { Random } from './random.js';
import type { Stage } from './stage.js';

export class SimulatedBus {
  private readonly clients = new Set<BusClient>();
  private readonly random: Random;
  /** Grows with every restart: what was under way before is gone. */
  private era = 0;

  constructor(private readonly simulation: Stage) {
    this.random = simulation.random.named('bus');
  }

  connect(client: BusClient): void {
    this.clients.add(client);
  }

  leave(client: BusClient): void {
    this.clients.delete(client);
  }

  restart(): void {
    this.era += 1;
  }

  publish(
    from: BusClient,
    subject: string,
    payload: Uint8Array | string,
    reply: string | null = null,
  ): boolean {
    if (from.owner.dead || from.reason !== null) return false;
    if (from.parted) return true;
    const octets = typeof payload === 'string' ? Buffer.from(payload) : payload;
    for (const client of this.clients) {
      if (client !== from && client.handlers.has(subject))
        this.carry(client, subject, octets, reply);
    }
    return true;
  }

  private carry(to: BusClient, subject: string, octets: Uint8Array, reply: string | null): void {
    const { simulation, random } = this;
    const lost = random.chance(simulation.rate('lineLost'));
    const twice = random.chance(simulation.rate('lineTwice'));
    if (lost) {
      simulation.trace('bus', 'loses', subject);
      return;
    }
    this.send(to, subject, octets, reply);
    if (twice) this.send(to, subject, octets, reply);
  }

  private send(to: BusClient, subject: string, octets: Uint8Array, reply: string | null): void {
    const { simulation, random, era } = this;
    const slow = random.chance(simulation.rate('lineSlow'));
    const delay = slow ? random.spread(5, 5000) : random.spread(0.05, 2);
    const arrive = () => {
      if (era !== this.era || to.parted || to.reason !== null || !this.clients.has(to)) return;
      to.handlers.get(subject)?.(octets, reply);
    };
    simulation.scheduler.after(delay, arrive, to.owner);
  }

  /** The connection as the adapter sees it. */
  face(client: BusClient): Bus {
    return {
      publish: (subject, payload) =>
        this.simulation.published(client, subject, payload) &&
        this.publish(client, subject, payload),
      subscribe: (subject, _queue, handler) => {
        client.handlers.set(subject, (octets, reply) => {
          this.simulation.heard(client, subject, octets);
          handler(octets, reply);
        });
        return () => client.handlers.delete(subject);
      },
      ready: () => client.reason === null,
      reason: () => client.reason,
      onReady: (run) => client.readyListeners.push(run),
      flush: () => Promise.resolve(true),
      close: () => Promise.resolve(),
    };
  }

  /** A client learns that it cannot send, or that it can again. */
  tell(client: BusClient, reason: BusReason | null): void {
    client.reason = reason;
    if (reason !== null) return;
    const wake = () => {
      for (const run of client.readyListeners) run();
    };
    this.simulation.scheduler.after(0, wake, client.owner);
  }
}
