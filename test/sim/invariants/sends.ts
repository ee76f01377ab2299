// Invariants of what goes over the wire: one identity for each report and each delivery (I2), the body that came in (I5), no
// push after a success (I4) or after its sender has it back (W1), one MESSAGE pending for each target (RFC 3428 section 8).
import type { Push } from '../push.js';
import type { Stage } from '../stage.js';
import { type Fate, wasDurable } from './book.js';
import type { RowChecks } from './rows.js';

export class SendChecks {
  constructor(
    private readonly simulation: Stage,
    private readonly rows: RowChecks,
  ) {}

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }

  /** An effect about a message goes out. */
  check(fate: Fate, push: Push): void {
    if (push.effectId[0] === 'r') this.sentReport(fate, push);
    else if (push.effectId[0] === 'p') this.sentEarly(fate, push);
    else this.sentDelivery(fate, push);
  }

  private sentReport(fate: Fate, push: Push): void {
    const identity = `${push.callId} ${push.messageId}`;
    fate.reportIdentity ??= identity;
    if (fate.reportIdentity !== identity)
      this.violated('I2', `the report about ${fate.letter.index} has two identities`);
    if (push.body !== `failed imdn-${fate.letter.index}`)
      this.violated('I2', `the report about ${fate.letter.index} names another message`);
    this.onePending(push);
  }

  private sentEarly(fate: Fate, push: Push): void {
    const identity = `${push.callId} ${push.messageId}`;
    fate.earlyIdentity ??= identity;
    if (fate.earlyIdentity !== identity)
      this.violated('I2', `the early report about ${fate.letter.index} has two identities`);
    if (push.body !== `stored imdn-${fate.letter.index}`)
      this.violated('I2', `the early report about ${fate.letter.index} says ${push.body}`);
    this.onePending(push);
  }

  private sentDelivery(fate: Fate, push: Push): void {
    const { letter } = fate;
    const identity = `${push.callId} ${push.messageId}`;
    fate.deliveryIdentity ??= identity;
    if (fate.deliveryIdentity !== identity)
      this.violated('I2', `message ${letter.index} is sent under two identities`);
    if (push.body !== letter.body)
      this.violated('I5', `message ${letter.index} is sent with another body`);
    if (push.ruri !== letter.aor)
      this.violated('I5', `message ${letter.index} is sent to ${push.ruri}`);
    if (wasDurable(fate.success, false))
      this.violated('I4', `message ${letter.index} is sent again after a success`);
    if (fate.withdrawn) this.violated('W1', `message ${letter.index} is sent, and was taken back`);
    this.onePending(push);
  }

  // RFC 3428 section 8: one MESSAGE pending for each target; asked of what one life has sent.
  private onePending(push: Push): void {
    const { life } = this.simulation.process;
    const seen = this.rows.effects.get(push.effectId);
    if (life === null || seen === undefined) return;
    seen.sentBy = life;
    // Reports of both kinds go to senders.
    const isDelivery = (effectId: string) => effectId[0] === 'd';
    const kind = isDelivery(push.effectId);
    for (const other of this.simulation.model.view.stored.values()) {
      // What is parked waits for nothing: its push was given up.
      if (other.row?.parked != null) continue;
      for (const effectId of other.outbox) {
        if (isDelivery(effectId) !== kind || effectId === push.effectId) continue;
        if (this.rows.effects.get(effectId)?.sentBy !== life) continue;
        const letter = this.simulation.model.fateOf(other)?.letter;
        const target = kind ? letter?.aor : letter?.from;
        if (target === push.ruri)
          this.violated('I4', `${push.effectId} is sent while ${effectId} is pending`);
      }
    }
  }
}
