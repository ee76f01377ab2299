// Counters since start. They are moved by notices, so they count what is durable.
import type { RuntimeStats } from './api.js';

type Counters = Map<string, number>;

export class Statistics {
  private readonly commands: Counters = new Map();
  private readonly effects: Counters = new Map();
  private readonly outcomes: Counters = new Map();
  private readonly events: Counters = new Map();
  commits = 0;
  waiting = 0;
  parked = 0;
  lastGroupSize = 0;
  lastSyncMs = 0;

  command(type: string): void {
    bump(this.commands, type);
  }

  effect(type: string): void {
    bump(this.effects, type);
  }

  outcome(label: string): void {
    bump(this.outcomes, label);
  }

  event(what: string): void {
    bump(this.events, what);
  }

  snapshot(storeId: string, outbox: number, timerLagMs: number): RuntimeStats {
    return {
      storeId,
      commits: this.commits,
      commands: Object.fromEntries(this.commands),
      effectsSent: Object.fromEntries(this.effects),
      outcomes: Object.fromEntries(this.outcomes),
      events: Object.fromEntries(this.events),
      outbox,
      waiting: this.waiting,
      parked: this.parked,
      timerLagMs,
      lastGroupSize: this.lastGroupSize,
      lastSyncMs: this.lastSyncMs,
    };
  }
}

function bump(counters: Counters, name: string): void {
  counters.set(name, (counters.get(name) ?? 0) + 1);
}
