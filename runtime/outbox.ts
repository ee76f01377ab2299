// Committed effects on their way to the world. One MESSAGE is pending per target URI (RFC 3428 section 8); an effect
// is repeated on the bus, same id and same bytes, until its outcome is committed or its patience ends. The chart owns
// what SIP answered; nothing here decides anything. What does not fit in memory is found again in the store.
import { pushPatienceMs } from '../machines/index.js';
import type { Failpoint } from './failpoints.js';
import { effectRepeatsMs, limits } from './limits.js';
import type { Cancel, Clock, EffectPort, OutgoingEffect } from './ports.js';
import { isReport, type PendingEffect } from './rows.js';

interface Entry {
  readonly local: string;
  readonly target: string;
  readonly effect: PendingEffect;
  cancel: Cancel | null;
  patienceMs: number;
  /** Reports count towards their window while they are out. */
  out: boolean;
}

/** A MESSAGE of somebody else's to the same target: it has its turn, and nothing else goes out meanwhile. */
interface Reserved {
  readonly begin: () => void;
}

interface Target {
  active: Entry | Reserved | null;
  /** Who reserves has a person waiting, and goes first; then it is the turn of an effect: neither starves the other. */
  readonly reserved: Reserved[];
  readonly waiting: Entry[];
  turnOfEffects: boolean;
  /** Reports that may go at once, refilled one a second. */
  tokens: number;
  refilledAtMs: number;
  /** Looks again at this instant: for the next token, or to be forgotten. */
  wait: { readonly endsMs: number; readonly cancel: Cancel } | null;
}

export interface OutboxHooks {
  /** What to send for an entry, from the store; null when the message is gone or damaged. */
  readonly load: (local: string, effect: PendingEffect) => OutgoingEffect | null;
  /** Nothing was heard in time, or nothing could be sent. */
  readonly unanswered: (effectId: string, status: number) => void;
  readonly sent: (type: PendingEffect['type']) => void;
  /** Memory has room again for what was left in the store. */
  readonly refill: () => void;
  readonly failpoint: (name: Failpoint) => void;
}

/** The longest wait a clock takes. */
const restMaxMs = 60_000;

// The phone of a large message may ring, and its octets take time.
const patienceOf = (outgoing: OutgoingEffect): number =>
  outgoing.type === 'deliver' ? pushPatienceMs(outgoing.message) : limits.effectPatienceMs;

const pointsOf = {
  deliver: { before: 'effect.before-publish', after: 'effect.after-publish' },
  notify: { before: 'effect.before-publish', after: 'effect.after-publish' },
  report: { before: 'report.before-publish', after: 'report.after-publish' },
} as const;

export class Outbox {
  private readonly entries = new Map<string, Entry>();
  private readonly targets = new Map<string, Target>();
  private readonly stalled = new Set<string>();
  private reportsOut = 0;
  private overflowed = false;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly port: EffectPort,
    private readonly hooks: OutboxHooks,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** An effect has become durable. */
  add(local: string, target: string, effect: PendingEffect): void {
    if (this.entries.has(effect.effectId) || this.stopped) return;
    if (this.entries.size >= limits.outboxMemoryMax && isReport(effect.type)) {
      this.overflowed = true;
      return;
    }
    const patienceMs = limits.effectPatienceMs;
    const entry: Entry = { local, target, effect, cancel: null, patienceMs, out: false };
    this.entries.set(effect.effectId, entry);
    const at = this.target(target);
    // A delivery has its turn and its patience runs; reports can wait. A notice that came before it goes before it.
    const first = at.waiting.findIndex((one) => one.effect.type !== 'notify');
    if (isReport(effect.type) || first === -1) at.waiting.push(entry);
    else at.waiting.splice(first, 0, entry);
    this.pump(target);
  }

  /**
   * Calls `begin` when no MESSAGE is pending at a target, and keeps it free until the result is called (RFC 3428 section
   * 8): for requests that are no effects. They are lost with the process.
   */
  reserve(name: string, begin: () => void): Cancel {
    const one: Reserved = { begin };
    const target = this.target(name);
    target.reserved.push(one);
    this.pump(name);
    return () => {
      if (target.active === one) target.active = null;
      else if (target.reserved.includes(one))
        target.reserved.splice(target.reserved.indexOf(one), 1);
      else return;
      this.pump(name);
    };
  }

  /** An effect needs no answer any more. */
  over(effectId: string): void {
    const entry = this.entries.get(effectId);
    if (entry === undefined) return;
    this.entries.delete(effectId);
    this.quiet(entry);
    const target = this.target(entry.target);
    if (target.active === entry) target.active = null;
    else target.waiting.splice(target.waiting.indexOf(entry), 1);
    this.pump(entry.target);
    this.pumpStalled();
    if (this.overflowed && this.entries.size < limits.outboxMemoryMax / 2) {
      this.overflowed = false;
      this.hooks.refill();
    }
  }

  /** The port can send again: what waited goes out, and what was out before it went away goes out once more. */
  wake(): void {
    for (const [name, { active }] of [...this.targets]) {
      if (active === null) this.pump(name);
      else if ('effect' in active) this.again(active);
    }
  }

  stop(): void {
    this.stopped = true;
    for (const entry of this.entries.values()) entry.cancel?.();
    for (const target of this.targets.values()) target.wait?.cancel();
  }

  private target(name: string): Target {
    let target = this.targets.get(name);
    if (target === undefined) {
      target = {
        active: null,
        reserved: [],
        waiting: [],
        turnOfEffects: false,
        tokens: limits.reportBurst,
        refilledAtMs: this.clock.mono(),
        wait: null,
      };
      this.targets.set(name, target);
    }
    return target;
  }

  private pump(name: string): void {
    const target = this.targets.get(name);
    if (target === undefined || target.active !== null || this.stopped) return;
    if (target.turnOfEffects && this.beginEffect(name, target)) return;
    if (this.beginReserved(target) || this.beginEffect(name, target)) return;
    if (target.waiting.length === 0) this.forgetIdle(name, target);
  }

  private beginReserved(target: Target): boolean {
    const reserved = target.reserved.shift();
    if (reserved === undefined) return false;
    target.turnOfEffects = true;
    target.active = reserved;
    reserved.begin();
    return true;
  }

  private beginEffect(name: string, target: Target): boolean {
    const next = target.waiting[0];
    if (next === undefined || !this.port.ready()) return false;
    if (isReport(next.effect.type) && !this.mayReport(name, target)) return false;
    target.waiting.shift();
    target.turnOfEffects = false;
    target.active = next;
    this.dispatch(next);
    return true;
  }

  // A target is remembered until its burst is whole again, and then no longer.
  private forgetIdle(name: string, target: Target): void {
    this.refillTokens(target);
    if (target.tokens >= limits.reportBurst) {
      target.wait?.cancel();
      this.targets.delete(name);
      return;
    }
    this.rest(name, target, (limits.reportBurst - target.tokens) * limits.reportIntervalMs);
  }

  private rest(name: string, target: Target, forMs: number): void {
    const endsMs = this.clock.mono() + forMs;
    if (target.wait !== null && target.wait.endsMs <= endsMs) return;
    target.wait?.cancel();
    const cancel = this.clock.after(Math.min(forMs, restMaxMs), () => {
      target.wait = null;
      this.pump(name);
    });
    target.wait = { endsMs, cancel };
  }

  // Limits defer a report, they never drop it (reliability X4).
  private mayReport(name: string, target: Target): boolean {
    this.refillTokens(target);
    if (this.reportsOut >= limits.reportWindow) {
      this.stalled.add(name);
      return false;
    }
    if (target.tokens < 1) {
      this.rest(name, target, limits.reportIntervalMs);
      return false;
    }
    target.tokens -= 1;
    return true;
  }

  private refillTokens(target: Target): void {
    const now = this.clock.mono();
    const earned = Math.floor((now - target.refilledAtMs) / limits.reportIntervalMs);
    if (earned <= 0) return;
    target.tokens = Math.min(limits.reportBurst, target.tokens + earned);
    target.refilledAtMs += earned * limits.reportIntervalMs;
  }

  private pumpStalled(): void {
    for (const name of [...this.stalled]) {
      if (this.reportsOut >= limits.reportWindow) return;
      this.stalled.delete(name);
      this.pump(name);
    }
  }

  private dispatch(entry: Entry): void {
    const outgoing = this.hooks.load(entry.local, entry.effect);
    // The reading may have ended everything.
    if (this.stopped) return;
    if (outgoing === null) {
      this.hooks.unanswered(entry.effect.effectId, 500);
      return;
    }
    if (isReport(entry.effect.type)) {
      entry.out = true;
      this.reportsOut += 1;
    }
    this.hooks.sent(entry.effect.type);
    this.transmit(outgoing);
    entry.patienceMs = patienceOf(outgoing);
    this.repeat(entry, 0, this.clock.mono() + entry.patienceMs);
  }

  private transmit(outgoing: OutgoingEffect): void {
    const points = pointsOf[outgoing.type];
    this.hooks.failpoint(points.before);
    this.port.send(outgoing);
    this.hooks.failpoint(points.after);
  }

  // Sent or answered while the port went away, it may be lost: the receiver knows it by its id (C12).
  private again(entry: Entry): void {
    if (entry.cancel === null || !this.port.ready()) return;
    entry.cancel();
    const outgoing = this.hooks.load(entry.local, entry.effect);
    if (outgoing !== null) this.transmit(outgoing);
    this.repeat(entry, 0, this.clock.mono() + entry.patienceMs);
  }

  private repeat(entry: Entry, round: number, patienceEndsMs: number): void {
    // An answer given within the sending may have ended everything.
    if (this.stopped) return;
    const left = patienceEndsMs - this.clock.mono();
    const delay = Math.min(effectRepeatsMs[round] ?? left, left, restMaxMs);
    entry.cancel = this.clock.after(Math.max(0, delay), () => {
      // While the bus is away no patience runs: it begins anew when something can be sent.
      const ready = this.port.ready();
      const ends = ready ? patienceEndsMs : this.clock.mono() + entry.patienceMs;
      if (ready && this.clock.mono() >= ends) {
        entry.cancel = null;
        this.hooks.unanswered(entry.effect.effectId, 408);
        return;
      }
      const outgoing = ready ? this.hooks.load(entry.local, entry.effect) : null;
      if (outgoing !== null) this.transmit(outgoing);
      this.repeat(entry, ready ? round + 1 : 0, ends);
    });
  }

  private quiet(entry: Entry): void {
    entry.cancel?.();
    entry.cancel = null;
    if (!entry.out) return;
    entry.out = false;
    this.reportsOut -= 1;
  }
}
