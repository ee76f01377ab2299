// The model the engine is held against: the durable view, what the outside knows, and the checks on both. It is told
// everything that lands, goes over the wire, or reaches somebody.
import type { ActorRow, AuditEvent, Command, Reply, SentKey } from '../../../runtime/index.js';
import type { RowChange } from '../disk.js';
import { epochMs } from '../epoch.js';
import type { Letter } from '../letters.js';
import { octetsOf } from '../letters.js';
import type { Life } from '../life.js';
import { localOfEffect, type Push, readSend } from '../push.js';
import type { Stage } from '../stage.js';
import { type Fate, type Held, newFate, told, wasDurable } from './book.js';
import { Notices } from './notices.js';
import { ReplyChecks } from './replies.js';
import { RowChecks } from './rows.js';
import { SendChecks } from './sends.js';
import { letterIndexOf, messageOf, type Stored, View } from './view.js';
import { WishBook } from './wishes.js';

export class Model {
  readonly view = new View();
  readonly fates: readonly Fate[];
  private readonly rows: RowChecks;
  /** Held transactions: by node, index and label. */
  private readonly asked = new Map<string, Held>();
  private readonly tokens = new Map<string, string>();
  readonly wishes = new WishBook();
  private readonly notices: Notices;
  private readonly sends: SendChecks;
  private readonly replies: ReplyChecks;

  constructor(private readonly simulation: Stage) {
    this.fates = simulation.letters.all.map(newFate);
    this.notices = new Notices(simulation);
    this.rows = new RowChecks(simulation, this.fates, this.notices);
    this.sends = new SendChecks(simulation, this.rows);
    this.replies = new ReplyChecks(simulation);
  }

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }

  fateOf(stored: Stored): Fate | null {
    const row = stored.row ?? stored.before;
    return row === null ? null : (this.fates[letterIndexOf(row)] ?? null);
  }

  // ---- what lands ----

  landed(changes: readonly RowChange[]): void {
    this.rows.check(this.view.landed(changes));
  }

  /** No delivery begins long after the expiry where a policy forbids it; asked only where clocks are right. */
  deliveredInTime(stored: Stored, row: ActorRow): void {
    const { options, scheduler, wall, policyIdOf } = this.simulation;
    const { rates } = options;
    const unsure = wall.behindMs > 0 || rates.driftShare > 0 || rates.pausesPerMinute > 0;
    const { expiresAtMs } = messageOf(row);
    if (unsure || expiresAtMs === null || policyIdOf(row.policy) !== 'delete-and-report') return;
    // Two commits may stall, one after the other.
    const slackMs = rates.commitStalls > 0 ? 13_000 : 100;
    if (epochMs + scheduler.nowMs > expiresAtMs + slackMs)
      this.violated('RC8', `${stored.local} is delivered after its expiry`);
  }

  // ---- what the engine is told ----

  submitted(life: Life, command: Command): void {
    switch (command.type) {
      case 'effect.answered':
        this.answeredEffect(life, command);
        return;
      case 'message.unacknowledged': {
        const fate = this.fateOfId(command.deferredId);
        if (fate !== null && life.serving) fate.unacknowledged = told(life);
        this.simulation.trace(
          'engine',
          'hears that the 202 came too late:',
          fate?.letter.index ?? -1,
        );
        return;
      }
      case 'message.received': {
        const index = Number.parseInt(command.message.callId.slice('call-'.length), 10);
        const fate = this.fates[index];
        if (fate !== undefined) fate.unacknowledged = null;
        return;
      }
      case 'preferences.changed':
        this.wishes.asked(command);
        return;
      case 'recipient.registered':
      case 'recipient.unregistered':
        this.notices.returned(command.aor);
        return;
      case 'message.withdrawn': {
        const fate = this.fateOfSent(command.sent);
        if (fate !== null) fate.askedBack = true;
        return;
      }
      case 'disposition.passed': {
        const fate = this.fateOfSent(command.sent);
        if (fate !== null && life.serving) fate.passed ??= told(life);
        return;
      }
      case 'messages.requested':
        for (const id of command.ids === 'all' ? [] : command.ids) {
          const fate = this.fateOfId(id);
          if (fate !== null) fate.requested = true;
        }
        return;
      case 'messages.retrieved':
        for (const id of command.ids) {
          const fate = this.fateOfId(id);
          if (fate !== null) fate.retrieved = true;
        }
        return;
      case 'operator.acted': {
        const fate = this.fateOfId(command.deferredId);
        if (fate !== null && command.act === 'expire') fate.operated = true;
        if (fate !== null && command.act === 'withdraw') fate.askedBack = true;
        return;
      }
      default:
    }
  }

  private answeredEffect(life: Life, command: Extract<Command, { type: 'effect.answered' }>): void {
    const { effectId, token, status } = command;
    if (effectId[0] === 'n' && this.tokens.get(effectId) === token)
      this.notices.answered(localOfEffect(effectId), status);
    if (effectId[0] === 's' && this.tokens.get(effectId) === token)
      this.notices.within.answered(localOfEffect(effectId), status);
    const seen = this.rows.effects.get(effectId);
    if (seen === undefined || this.tokens.get(effectId) !== token) return;
    seen.answered = true;
    const stored = this.view.stored.get(localOfEffect(effectId));
    const fate = stored === undefined ? null : this.fateOf(stored);
    if (fate === null || !stored?.row?.live || !life.serving) return;
    if (status < 200 || status >= 300) return;
    if (effectId[0] === 'p') fate.toldEarly = true;
    if (effectId[0] === 'd') fate.success ??= told(life);
  }

  replied(_life: Life, command: Command, reply: Reply): void {
    this.replies.check(command, reply);
  }

  /** Somebody outside hears of a step. */
  heardEvent({ eventId, number }: AuditEvent): void {
    const local = eventId.split('-')[1] ?? '';
    const last = this.rows.heard.get(local) ?? 0;
    if (this.view.stored.get(local)?.told.has(number) !== true)
      this.violated('I13', `${eventId} is told, and its step is not durable`);
    if (number > last + 1) this.violated('I13', `${eventId} is told after ${last}`);
    this.rows.heard.set(local, Math.max(last, number));
  }

  /** Steps of a message that somebody has heard of. */
  heardOf(local: string): number {
    return this.rows.heard.get(local) ?? 0;
  }

  private fateOfSent({ sender, imdnMessageId, aor }: SentKey): Fate | null {
    const found = this.fates.find(
      ({ letter }) =>
        letter.asserted === sender && letter.imdnMessageId === imdnMessageId && letter.aor === aor,
    );
    return found ?? null;
  }

  fateOfCall(callId: string): Fate | null {
    return this.fates[Number.parseInt(callId.slice('call-'.length), 10)] ?? null;
  }

  fateOfId(deferredId: string): Fate | null {
    const stored = this.view.stored.get(deferredId.slice(0, deferredId.indexOf('@')));
    return stored === undefined ? null : this.fateOf(stored);
  }

  died(): void {
    // A success that was not durable when its life ended is lost.
    for (const fate of this.fates) {
      if (fate.success?.life.dead && !wasDurable(fate.success, false)) fate.success = null;
      if (fate.passed?.life.dead && !wasDurable(fate.passed, false)) fate.passed = null;
      if (fate.unacknowledged?.life.dead && !wasDurable(fate.unacknowledged, false))
        fate.unacknowledged = null;
    }
  }

  closed(life: Life): void {
    if (this.simulation.process.store?.writing)
      this.violated('G1', `life ${life.number} closed too early`);
  }

  // ---- what goes over the wire ----

  /** A proxy holds a request of this letter. */
  holds(transaction: string, letter: Letter, conflict: boolean): void {
    const fate = this.fates[letter.index]!;
    const held = { fate, conflict, overdue: false, promisedBy: null, toldLate: null };
    this.asked.set(transaction, held);
    fate.held.push(held);
  }

  /** Its hold has ended, and the sender hears 503. */
  holdEnded(transaction: string): void {
    const held = this.asked.get(transaction);
    if (held !== undefined) held.overdue = true;
  }

  /** The engine hears that an answer came too late, or that a hold has ended. */
  heardLate(line: string): void {
    const [, node, index, label, code] = line.split(' ');
    const held = this.asked.get(`${node} ${index} ${label}`);
    const { life } = this.simulation.process;
    if (held?.overdue && code === '503' && life?.serving) held.toldLate ??= told(life);
  }

  /** The engine publishes an answer line. */
  publishedAnswer(line: string): void {
    const [, node, index, label, code] = line.split(' ');
    const asked = this.asked.get(`${node} ${index} ${label}`);
    if (asked === undefined || code !== '202') return;
    const { fate, conflict } = asked;
    if (conflict && !fate.swallowed)
      this.violated('A8', `another body of letter ${fate.letter.index} was accepted`);
    const stored = fate.local === null ? undefined : this.view.stored.get(fate.local);
    if (!stored?.row && !fate.swallowed)
      this.violated('I1', `letter ${fate.letter.index} answered 202, nothing is durable`);
    asked.promisedBy = this.simulation.process.life;
    // What was told before counts from here: a promise cannot be taken back before it is made.
    if (asked.toldLate !== null && asked.promisedBy === asked.toldLate.life)
      asked.toldLate = told(asked.toldLate.life);
  }

  /** The engine publishes a send line. */
  publishedSend(line: string): void {
    this.publishedPush(readSend(line));
  }

  /** An effect goes out, over the bus or in a session. */
  publishedPush(push: Push): void {
    const { effectId } = push;
    // Handed on while its sender is held: nothing durable wants it.
    if (effectId[0] === 'i') return;
    if (effectId[0] === 's') {
      this.tokens.set(effectId, push.token);
      this.notices.within.sent(localOfEffect(effectId), push);
      return;
    }
    if (effectId[0] === 'n') {
      this.tokens.set(effectId, push.token);
      this.notices.sent(localOfEffect(effectId), push);
      return;
    }
    const stored = this.view.stored.get(localOfEffect(effectId));
    if (stored === undefined || !stored.outbox.has(effectId)) {
      this.violated('I6', `${effectId} is sent, and nothing durable wants it`);
      return;
    }
    this.tokens.set(effectId, push.token);
    const fate = this.fateOf(stored);
    if (fate === null) return;
    if (push.cseq !== Number(effectId.split('-')[2]))
      this.violated('I2', `${effectId} has CSeq ${push.cseq}`);
    this.sends.check(fate, push);
  }

  // ---- what reaches somebody ----

  answered(letter: Letter, code: number): void {
    const fate = this.fates[letter.index]!;
    if (code === 202) fate.heard202 = true;
    else if (code >= 400 && code < 500 && code !== 408 && code !== 480) this.refused(fate, code);
  }

  // Only a message that ended unheard is refused, and only to one who never heard that it was accepted.
  private refused(fate: Fate, code: number): void {
    const { index } = fate.letter;
    const stored = fate.local === null ? undefined : this.view.stored.get(fate.local);
    const unheard = code === 410 && stored?.row?.outcome === 'dropped';
    const blocked = code === 403 && this.wishes.everSaid(fate.letter.aor, 'block');
    if (!unheard && !blocked)
      this.violated('L2', `letter ${index} is refused with ${code} for no reason`);
    if (fate.heard202 && !fate.swallowed)
      this.violated('I1', `letter ${index} was accepted and is refused with ${code}`);
    fate.refused = true;
  }

  isAccepted(letter: Letter): boolean {
    return this.fates[letter.index]!.heard202;
  }

  conflictAnswered(letter: Letter, code: number): void {
    if (code === 202 && !this.fates[letter.index]!.swallowed)
      this.violated('A8', `another body of letter ${letter.index} was accepted`);
  }

  rang(push: Push, code: number): void {
    const stored = this.view.stored.get(localOfEffect(push.effectId));
    const fate = stored === undefined ? null : this.fateOf(stored);
    if (fate !== null && code === 200) fate.delivered = true;
  }

  reportArrived(push: Push): void {
    const stored = this.view.stored.get(localOfEffect(push.effectId));
    const fate = stored === undefined ? null : this.fateOf(stored);
    if (fate !== null && push.effectId[0] === 'r') fate.reports += 1;
  }

  reportRefused(push: Push): void {
    const stored = this.view.stored.get(localOfEffect(push.effectId));
    const fate = stored === undefined ? null : this.fateOf(stored);
    if (fate !== null && push.effectId[0] === 'r') fate.reportRefused = true;
  }

  listed(aor: string, rows: readonly { deferredId: string }[]): void {
    let last = '';
    for (const { deferredId } of rows) {
      const stored = this.view.stored.get(deferredId.slice(0, deferredId.indexOf('@')));
      const row = stored?.row ?? stored?.before ?? null;
      if (row === null) continue;
      if (messageOf(row).aor !== aor) this.violated('I8', `${aor} lists another user's message`);
      if (row.arrival <= last) this.violated('I11', `${aor} lists messages out of order`);
      last = row.arrival;
    }
  }

  retrieved(octets: Uint8Array): void {
    const index = Number(Buffer.from(octets).toString().split('\r')[0]?.split(' ')[2]);
    const letter = this.simulation.letters.all[index];
    if (letter === undefined || !octetsOf(letter).equals(octets))
      this.violated('I5', `letter ${index} is fetched with other octets`);
  }

  /** A waiting message for an operator to act on. */
  anyWaiting(choice: number): string | null {
    const ids: string[] = [];
    for (const stored of this.view.stored.values())
      if (stored.row?.live) ids.push(messageOf(stored.row).deferredId);
    return ids.length === 0 ? null : ids[choice % ids.length]!;
  }

  /** The letter a push brings, or null. */
  letterOf(push: Push): Letter | null {
    if (push.effectId[0] !== 'd') return null;
    const stored = this.view.stored.get(localOfEffect(push.effectId));
    return (stored === undefined ? null : this.fateOf(stored)?.letter) ?? null;
  }

  /** The deferred id of a letter that is stored. */
  idOf(letter: Letter): string | null {
    const { local } = this.fates[letter.index]!;
    const row = local === null ? null : (this.view.stored.get(local)?.row ?? null);
    return row === null ? null : messageOf(row).deferredId;
  }

  ownerOf(deferredId: string): string | null {
    return this.fateOfId(deferredId)?.letter.aor ?? null;
  }

  /** A message whose step failed. */
  anyParked(choice: number): string | null {
    const ids: string[] = [];
    for (const { row } of this.view.stored.values())
      if (row?.parked != null) ids.push(messageOf(row).deferredId);
    return ids.length === 0 ? null : ids[choice % ids.length]!;
  }

  /** An effect without an outcome. */
  anyPending(choice: number): string | null {
    const ids: string[] = [];
    for (const { outbox } of this.view.stored.values()) ids.push(...outbox);
    return ids.length === 0 ? null : ids[choice % ids.length]!;
  }
}
