// Counters since start. They are moved by notices, so they count what is durable.
import type { RuntimeStats } from './api.js';
import type { PartitionFound } from './recovery.js';
import type { Notice } from './turn.js';

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

  /** A group is durable. */
  landed(commands: number, syncMs: number): void {
    this.commits += 1;
    this.lastGroupSize = commands;
    this.lastSyncMs = syncMs;
  }

  /** A partition passed its checks. */
  found(found: Pick<PartitionFound, 'waiting' | 'parked' | 'audits'>): void {
    this.waiting += found.waiting;
    this.parked += found.parked;
    this.auditBacklog += found.audits;
  }

  /** Counts what has become true. */
  hear(notice: Notice): void {
    switch (notice.type) {
      case 'placed':
        this.waiting += notice.live ? 1 : -1;
        return;
      case 'ended':
        bump(this.outcomes, notice.outcome);
        return;
      case 'parked':
        this.parked += 1;
        return;
      case 'freed':
        this.parked -= 1;
        return;
      case 'counted':
        bump(this.events, notice.what);
        return;
      case 'damaged':
        bump(this.events, 'damaged-row');
        return;
      case 'audited':
        this.audit('written');
        return;
      case 'audit-over':
        this.audit('taken');
        return;
      case 'audit-dropped':
        this.audit('dropped');
        return;
      default:
    }
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
