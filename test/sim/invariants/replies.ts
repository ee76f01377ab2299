// Invariants of what the engine answers: an acceptance is there (I1), what is swallowed is blocked (P1), who has a message
// back has it (W1), and what an operator hears of a message is so (O1).
import type { Command, IdResult, Reply } from '../../../runtime/index.js';
import type { Stage } from '../stage.js';
import type { Fate } from './book.js';
import { contextOf } from './view.js';

export class ReplyChecks {
  constructor(private readonly simulation: Stage) {}

  private violated(code: string, why: string): void {
    this.simulation.violated(code, why);
  }

  private get model(): Stage['model'] {
    return this.simulation.model;
  }

  /** A command has been answered. */
  check(command: Command, reply: Reply): void {
    if (command.type === 'preferences.changed' && reply.kind === 'preferences')
      this.model.wishes.replied(command, reply.preferences);
    else if (command.type === 'message.withdrawn' && reply.kind === 'withdrawal')
      this.promisedBack(reply.deferredId, reply.ended);
    else if (
      command.type === 'operator.acted' &&
      command.act !== 'retry' &&
      reply.kind === 'results'
    )
      this.acted(command.deferredId, reply.results);
    else if (command.type === 'message.received') this.received(command, reply);
  }

  private received(command: Extract<Command, { type: 'message.received' }>, reply: Reply): void {
    const { callId } = command.message;
    if (reply.kind === 'swallowed') this.swallowed(this.model.fateOfCall(callId));
    if (reply.kind !== 'accepted') return;
    if (this.model.fateOfId(reply.deferredId)?.letter.incoming.callId !== callId)
      this.violated('I1', `accepted as ${reply.deferredId}, which is not there`);
  }

  // 200: it has left its mailbox.
  private acted(deferredId: string, results: readonly IdResult[]): void {
    const row = this.model.view.stored.get(deferredId.slice(0, deferredId.indexOf('@')))?.row;
    if (results[0]?.status === 200 && row?.live)
      this.violated('O1', `${deferredId} is said to be gone, and is ${row.value}`);
  }

  private swallowed(fate: Fate | null): void {
    if (fate === null) return;
    const { letter } = fate;
    const sure = this.model.wishes.fateOf(letter);
    if (
      !this.model.wishes.everSaid(letter.aor, 'polite-block') ||
      (sure !== null && sure !== 'swallowed')
    )
      this.violated('P1', `letter ${letter.index} is swallowed, and nobody blocks its sender`);
    fate.swallowed = true;
  }

  // Its sender hears that he has it back, or that it is noted while a push is under way.
  private promisedBack(deferredId: string, ended: boolean): void {
    const fate = this.model.fateOfId(deferredId);
    const stored = this.model.view.stored.get(deferredId.slice(0, deferredId.indexOf('@')));
    const row = stored?.row ?? stored?.before ?? null;
    if (fate === null || row === null) return;
    if (ended && row.outcome !== 'withdrawn')
      this.violated(
        'W1',
        `letter ${fate.letter.index} is said to be taken back, and is ${row.value}`,
      );
    if (ended) fate.withdrawn = true;
    else if (contextOf(row).ending === 'withdrawn') fate.takenBack = true;
  }
}
