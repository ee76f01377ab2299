// Counters since start. They are moved by notices, so they count what is durable.
import type { RuntimeStats } from './api.js';

type Counters = Map<string, number>;

export class Statistics {
  private readonly commands: Counters = new Map();
  private readonly effects: Counters = new Map();
  private readonly outcomes: Counters = new Map();
  private readonly events: Counters = new Map();
  private readonly audits: Counters = new Map();
  auditBacklog = 0;
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

  audit(what: 'written' | 'sent' | 'sent-again' | 'taken' | 'dropped'): void {
    bump(this.audits, what);
    if (what === 'written') this.auditBacklog += 1;
    if (what === 'taken') this.auditBacklog -= 1;
  }

  snapshot(storeId: string, outbox: number, timerLagMs: number): RuntimeStats {
    return {
      storeId,
      commits: this.commits,
      commands: Object.fromEntries(this.commands),
      effectsSent: Object.fromEntries(this.effects),
      outcomes: Object.fromEntries(this.outcomes),
      events: Object.fromEntries(this.events),
      audits: Object.fromEntries(this.audits),
      auditBacklog: this.auditBacklog,
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
