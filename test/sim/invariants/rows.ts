// Invariants of the durable rows, asked of every batch that lands: I1 (nothing accepted vanishes), I2 (attempts are not
// renumbered), I3 (an attempt ends for a reason), I7, I8, I9, I12 (one message for one identity),
// I13 (each step has its event, and none goes before somebody has it), D1 (never early).
import type { ActorRow } from '../../../runtime/index.js';
import { epochMs } from '../epoch.js';
import type { Stage } from '../stage.js';
import { type EffectSeen, type Fate, type Held, wasDurable } from './book.js';
import { MoveChecks } from './moves.js';
import type { Notices } from './notices.js';
import { QuotaChecks } from './quotas.js';
import { armedIn, dueOf } from './timers.js';
import { contextOf, type Landing, letterIndexOf, messageOf, type Stored } from './view.js';

/** Patience with an attempt, by the policy and by the outbox. */
const patienceMs = ({ letter }: Fate): number => (letter.large ? 180_000 : 40_000);
const stormTouches = 80;
const stepsMax = 400;

export class RowChecks {
  /** Every effect that ever was durable. */
  readonly effects = new Map<string, EffectSeen>();
  private readonly touches = new Map<string, { sinceMs: number; count: number }>();

  private readonly moves: MoveChecks;
  private readonly quotas: QuotaChecks;

  constructor(
    private readonly simulation: Stage,
    private readonly fates: readonly Fate[],
    private readonly notices: Notices,
  ) {
    this.moves = new MoveChecks(simulation);
    this.quotas = new QuotaChecks(simulation);
  }

  check(landing: Landing): void {
    for (const local of landing.parked) this.parked(local);
    for (const [stored, effectId] of landing.added) this.added(stored, effectId);
    for (const [stored, effectId] of landing.removed) this.removed(stored, effectId);
    for (const stored of landing.touched) this.touched(stored);
    this.moves.check(landing);
    this.quotas.check(landing);
    for (const [stored, number] of landing.taken) this.taken(stored, number);
    for (const [local, said] of landing.notices)
      if (said === null) this.notices.over(local);
      else this.notices.decided(local, said, landing);
    this.notices.within.landed(landing);
    for (const [aor, user] of landing.users) this.counted(aor, user?.messages ?? 0);
  }

  // Only a step that throws parks a message; what it would have done comes later, or never.
  private parked(local: string): void {
    if (this.simulation.options.rates.stepFails === 0) this.violated('I8', `${local} was parked`);
  }

  /** Numbers of the events that were heard, by message. */
  readonly heard = new Map<string, number>();

  // ---- I13: each step has its event ----

  private told(stored: Stored, before: ActorRow | null, row: ActorRow): void {
    if (this.simulation.options.audit !== true) return;
    for (let number = (before?.revision ?? 0) + 1; number <= row.revision; number += 1)
      if (!stored.told.has(number))
        this.violated('I13', `step ${number} of ${stored.local} has no event`);
    for (const number of stored.events)
      if (number > row.revision)
        this.violated('I13', `event ${number} of ${stored.local} is about no step`);
  }

  private taken(stored: Stored, number: number): void {
    if ((this.heard.get(stored.local) ?? 0) < number)
      this.violated('I13', `event ${number} of ${stored.local} is gone, and nobody has it`);
  }

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }

  private touched(stored: Stored): void {
    const { row, before } = stored;
    this.storm(stored.local);
    if (before !== null && before.outcome !== null) this.ended(before, row);
    else if (before !== null && row === null)
      this.violated('I1', `message ${letterIndexOf(before)} vanished from ${before.value}`);
    if (row === null && stored.swallowed) {
      if (stored.body !== null || stored.outbox.size + stored.places.size > 0)
        this.violated('P1', `${stored.local} is swallowed, and kept`);
      return;
    }
    if (row === null) {
      const left = stored.outbox.size + stored.timers.size + stored.places.size;
      if (left > 0 || stored.body !== null || stored.dedup !== null)
        this.violated('I8', `rows of ${stored.local} are left without their message`);
      return;
    }
    if (before === null) this.born(stored, row);
    this.agree(stored, row);
    this.told(stored, before, row);
    if (before?.bye !== undefined && JSON.stringify(before.bye) !== JSON.stringify(row.bye))
      this.violated('I7', `the BYE kept beside message ${letterIndexOf(row)} was written anew`);
    this.early(before, row);
    if (before?.live && !row.live && row.outcome !== 'delivered') this.leaves(row);
    this.outcome(before, row);
  }

  private born(stored: Stored, row: ActorRow): void {
    const fate = this.fates[letterIndexOf(row)];
    if (fate === undefined) {
      this.violated('I6', `a message nobody sent: ${stored.local}`);
      return;
    }
    if (fate.local !== null && fate.local !== stored.local)
      this.violated('I12', `letter ${fate.letter.index} became two messages`);
    fate.local = stored.local;
    const wanted = this.simulation.model.wishes.fateOf(fate.letter);
    if (wanted !== null && wanted !== 'kept')
      this.violated('P1', `letter ${fate.letter.index} is kept, and should be ${wanted}`);
    if (this.wasUnheardAtBirth(fate)) fate.bornUnheard = this.simulation.process.life;
    const { expiresAtMs } = fate.letter;
    // A Date too far ahead of a clock that was set back is cut.
    const cut = this.simulation.wall.behindMs > 0 ? expiresAtMs : messageOf(row).expiresAtMs;
    if (expiresAtMs !== null && cut !== expiresAtMs)
      this.violated('D1', `letter ${fate.letter.index} got another instant of expiry`);
  }

  // It may be born in this very batch.
  private isUnheardSinceBirth(fate: Fate): boolean {
    const { local, bornUnheard, held } = fate;
    if (local === null) return this.wasUnheardAtBirth(fate);
    const { life } = this.simulation.process;
    return bornUnheard !== null && bornUnheard === life && held.every(isOver);
  }

  // Every hold of it had ended, and the engine that stores it had been told so.
  private wasUnheardAtBirth({ held }: Fate): boolean {
    const { life } = this.simulation.process;
    const asked = held.filter((one) => !one.conflict);
    return asked.length > 0 && asked.every(({ toldLate }) => toldLate?.life === life);
  }

  private ended(before: ActorRow, row: ActorRow | null): void {
    const index = letterIndexOf(before);
    if (row === null) {
      const now = epochMs + this.simulation.scheduler.nowMs + this.simulation.wall.toleranceMs;
      if ((before.forgetAtMs ?? 0) > now)
        this.violated('I7', `message ${index} was forgotten early`);
      return;
    }
    const same =
      row.outcome === before.outcome &&
      row.value === before.value &&
      row.endedAtMs === before.endedAtMs &&
      row.forgetAtMs === before.forgetAtMs;
    if (!same)
      this.violated('I7', `message ${index} went on after ${before.outcome}: ${row.value}`);
  }

  // ---- I8: rows agree with each other and with the chart ----

  private agree(stored: Stored, row: ActorRow): void {
    const index = letterIndexOf(row);
    const wrong = (what: string) =>
      this.violated('I8', `message ${index} in ${row.value}: ${what}`);
    const pending = row.pending.map((one) => one.effectId);
    if (pending.length !== stored.outbox.size || pending.some((one) => !stored.outbox.has(one)))
      wrong(`outbox has ${[...stored.outbox].join(' ')}, the message ${pending.join(' ')}`);
    if (stored.places.size !== (row.live ? 1 : 0)) wrong(`stands in ${stored.places.size} places`);
    if ((stored.body !== null) !== row.live) wrong(row.live ? 'has no body' : 'keeps its body');
    if (stored.dedup === null) wrong('cannot be found by its identity');
    const dueMs = dueOf(row);
    const timers = [...stored.timers];
    if (dueMs === null ? timers.length > 0 : timers.length !== 1 || timers[0] !== dueMs)
      wrong(`timer rows ${timers.join(' ')}, due ${dueMs}`);
    const armed = row.actor.timers.map((one) => one.name).sort();
    const allowed = armedIn(row);
    if (!allowed.some((names) => names.join() === armed.join()))
      wrong(`arms ${armed.join(' ') || 'nothing'}`);
    if (row.outcome !== null && pending.length > 0) wrong('has ended and still wants something');
  }

  private counted(aor: string, messages: number): void {
    const waiting = this.simulation.model.view.waiting.get(aor)?.size ?? 0;
    if (waiting !== messages)
      this.violated('I8', `${aor} counts ${messages} messages, ${waiting} wait`);
  }

  // ---- I9 ----

  private storm(local: string): void {
    const { nowMs } = this.simulation.scheduler;
    const touches = this.touches.get(local) ?? { sinceMs: nowMs, count: 0 };
    this.touches.set(local, touches);
    if (nowMs - touches.sinceMs > 10_000) {
      touches.sinceMs = nowMs;
      touches.count = 0;
    }
    touches.count += 1;
    if (touches.count > stormTouches) this.violated('I9', `${local} is written again and again`);
    const row = this.simulation.model.view.stored.get(local)?.row;
    if (row && row.revision > stepsMax) this.violated('I9', `${local} took ${row.revision} steps`);
  }

  // ---- D1 ----

  private early(before: ActorRow | null, row: ActorRow): void {
    const index = letterIndexOf(row);
    const fate = this.fates[index];
    const { expiresAtMs } = messageOf(row);
    const expired = (one: ActorRow | null) =>
      one !== null && (contextOf(one).expired || contextOf(one).ending === 'expired');
    if (
      fate === undefined ||
      fate.operated ||
      expiresAtMs === null ||
      !expired(row) ||
      expired(before)
    )
      return;
    const { scheduler, wall } = this.simulation;
    const early = expiresAtMs - (epochMs + scheduler.nowMs);
    if (early > wall.toleranceMs) this.violated('D1', `message ${index} expired ${early} ms early`);
  }

  // ---- I3: what is recorded is true ----

  // It left its mailbox undelivered: that must have been decided before any success was heard.
  private leaves(row: ActorRow): void {
    const fate = this.fates[letterIndexOf(row)];
    if (fate === undefined) return;
    if (wasDurable(fate.success, true))
      this.violated(
        'I3',
        `message ${fate.letter.index} became ${row.value} after a success was heard`,
      );
    fate.success = null;
  }

  private outcome(before: ActorRow | null, row: ActorRow): void {
    if (row.outcome === null || before?.outcome === row.outcome) return;
    const fate = this.fates[letterIndexOf(row)];
    if (fate === undefined) return;
    const { index } = fate.letter;
    if (row.outcome === 'delivered' && !fate.delivered && !fate.retrieved)
      this.violated('I3', `message ${index} is recorded as delivered, and nobody has it`);
    if (row.outcome === 'withdrawn' && !fate.askedBack)
      this.violated('W1', `message ${index} is withdrawn, and its sender never asked for it`);
    if (row.outcome === 'reported' && fate.reports === 0)
      this.violated('I3', `message ${index} is recorded as reported, and its sender heard nothing`);
  }

  // ---- effects ----

  private added(stored: Stored, effectId: string): void {
    const number = Number(effectId.split('-')[2]);
    const kind = effectId[0]!;
    if (this.effects.has(effectId)) this.violated('I2', `${effectId} was begun twice`);
    else if (number > 1 && !this.effects.has(`${kind}-${stored.local}-${number - 1}`))
      this.violated('I2', `${effectId} leaves a number out`);
    this.effects.set(effectId, {
      landedAtMs: this.simulation.scheduler.nowMs,
      answered: false,
      sentBy: null,
    });
    const fate = this.simulation.model.fateOf(stored);
    if (fate === null) return;
    if (kind === 'r' && number === 1) this.reportDecided(fate);
    if (kind === 'p' && !fate.letter.wantsStored)
      this.violated('I3', `an early report about ${fate.letter.index}, which nobody may get`);
    if (kind === 'p' && number > 1 && wasDurable(fate.unacknowledged, true))
      this.violated('A4', `stored again about ${fate.letter.index}, whose sender heard an error`);
    if (kind === 'd') this.deliveryDecided(stored, fate);
  }

  private reportDecided(fate: Fate): void {
    const { index, wantsReport } = fate.letter;
    if (!wantsReport) this.violated('I3', `a report about ${index}, which nobody may get`);
    if (wasDurable(fate.success, true))
      this.violated('I3', `a report about ${index}, which was delivered`);
    if (wasDurable(fate.unacknowledged, true))
      this.violated('A4', `a report about ${index}, whose sender heard an error`);
    if (fate.withdrawn || fate.takenBack)
      this.violated('W1', `a report about ${index}, which its sender has taken back`);
    if (wasDurable(fate.passed, true))
      this.violated('I2', `a report about ${index}, whose delivery its sender has heard of`);
    if (this.isUnheardSinceBirth(fate))
      this.violated('A4', `a report about ${index}, stored when every hold had ended`);
    if (this.isKnownUnheard(fate))
      this.violated('A4', `a report about ${index}, whose every 202 was known to come too late`);
  }

  // Answers are remembered by the wall clock for a minute: asked only where it does not leap.
  private isKnownUnheard(fate: Fate): boolean {
    const { rates } = this.simulation.options;
    if (rates.clockLeapsPerMinute > 0 || rates.pausesPerMinute > 0) return false;
    const asked = fate.held.filter((one) => !one.conflict);
    return asked.length > 0 && asked.every(cameTooLate);
  }

  private deliveryDecided(stored: Stored, fate: Fate): void {
    const { row } = stored;
    if (row === null) return;
    if (wasDurable(fate.success, true))
      this.violated('I4', `message ${fate.letter.index} is sent again after a success`);
    if (fate.withdrawn)
      this.violated('W1', `message ${fate.letter.index} is sent, and was taken back`);
    this.heldBack(fate);
    if (contextOf(row).attempts === 1 && !fate.requested) this.inOrder(stored, row);
    this.simulation.model.deliveredInTime(stored, row);
  }

  // What waits from a blocked sender stays where it is, where the operator wants that (X5).
  private heldBack(fate: Fate): void {
    if (this.simulation.options.holdsBlocked !== true || fate.requested) return;
    const wanted = this.simulation.model.wishes.fateOf(fate.letter);
    if (wanted === 'blocked' || wanted === 'swallowed')
      this.violated('P1', `message ${fate.letter.index} is sent to one who blocks its sender`);
  }

  // Older ones of the same user have had their turn.
  private inOrder(stored: Stored, row: ActorRow): void {
    for (const other of this.simulation.model.view.waiting.get(messageOf(row).aor) ?? []) {
      if (other === stored || other.row === null || other.row.arrival >= row.arrival) continue;
      if (contextOf(other.row).attempts === 0 && !this.wasPassedBy(other.row))
        this.violated('I11', `message ${letterIndexOf(row)} overtakes ${letterIndexOf(other.row)}`);
    }
  }

  // Large ones wait for a phone that takes them, some for a notice's reader, some for a block to be lifted.
  private wasPassedBy(row: ActorRow): boolean {
    const { options, model, policyIdOf } = this.simulation;
    const letter = this.fates[letterIndexOf(row)]?.letter;
    if (letter === undefined || letter.large || this.wasHeld(row)) return true;
    if (policyIdOf(row.policy) === 'notify-and-pull' || model.wishes.mayWantNotices(letter.aor))
      return true;
    return options.holdsBlocked === true && model.wishes.fateOf(letter) !== 'kept';
  }

  // What an operator held, or gave a new turn in the middle of a run, was passed by.
  private wasHeld(row: ActorRow): boolean {
    if (row.parked !== null) return true;
    const held =
      row.value === 'expired' && this.simulation.policyIdOf(row.policy) === 'hold-for-operator';
    const given = ['message.released', 'message.extended', 'policy.migrated', 'policy.forced'];
    return held || row.trail.some((one) => given.includes(one.event));
  }

  // An attempt is over when it was answered, fetched otherwise, or its patience has ended: never by expiry (M7).
  private removed(stored: Stored, effectId: string): void {
    const seen = this.effects.get(effectId);
    const fate = this.simulation.model.fateOf(stored);
    if (seen === undefined || fate === null || seen.answered || fate.retrieved) return;
    if (effectId[0] === 'd' && fate.success !== null) return;
    if (effectId[0] === 'p' && (fate.toldEarly || isEarlyOver(stored))) return;
    const { scheduler, wall } = this.simulation;
    const waitedMs = scheduler.nowMs - seen.landedAtMs + wall.toleranceMs + wall.behindMs;
    // It counts from the decision, which a commit that stalls may keep for long from landing.
    const slackMs = this.simulation.options.rates.commitStalls > 0 ? 13_000 : 25;
    if (waitedMs < patienceMs(fate) - slackMs)
      this.violated(
        'I3',
        `${effectId} was given up after ${Math.trunc(waitedMs)} ms without an answer`,
      );
  }
}

// What is told at once is pointless when the message waits no more, or its sender has heard an error; then it is put off.
function isEarlyOver({ row }: Stored): boolean {
  if (row === null || !row.live || !contextOf(row).acknowledged) return true;
  return row.early !== undefined || row.pending.some(({ type }) => type === 'early-report');
}

const isOver = ({ conflict, overdue }: Held): boolean => conflict || overdue;

// Promised by a life that was told, and has written more since: another life knows nothing of it.
const cameTooLate = ({ promisedBy, toldLate }: Held): boolean =>
  promisedBy !== null && toldLate?.life === promisedBy && wasDurable(toldLate, true);
