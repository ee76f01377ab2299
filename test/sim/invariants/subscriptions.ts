// Invariants of notices that are said in subscriptions (N2): one NOTIFY of a subscription at a time, numbered without a gap,
// under one identity, and none after the last; one that failed while messages wait is no telling: another NOTIFY is under
// way, or a MESSAGE takes its place in the same batch (spec 13).
import { type Push, readNotice } from '../push.js';
import type { Stage } from '../stage.js';
import { type Landing, messageOf } from './view.js';

interface Said {
  readonly aor: string;
  readonly turnOf: string | null;
  /** The subscription, and the number of the NOTIFY within it. */
  readonly id: string;
  readonly cseq: number;
  readonly ended: string | null;
}

interface Dialog {
  cseq: number;
  over: boolean;
  callId: string | null;
}

export class SubscriptionChecks {
  /** Decided and without an outcome, by local id. */
  private readonly pending = new Map<string, Said>();
  private readonly past = new Map<string, Said>();
  private readonly dialogs = new Map<string, Dialog>();
  /** Those whose every answer was a failure. */
  private readonly failed = new Map<string, boolean>();
  /** Failed ones that are over with the batch that lands now. */
  private unheard: Said[] = [];

  constructor(
    private readonly simulation: Stage,
    private readonly toldOtherwise: (aor: string) => boolean,
  ) {}

  decided(local: string, said: Said): void {
    const { id, cseq, ended } = said;
    for (const one of this.pending.values())
      if (one.id === id) this.violated(`two NOTIFYs at once in ${id}`);
    const dialog = this.dialogs.get(id) ?? { cseq: 0, over: false, callId: null };
    if (dialog.over) this.violated(`a NOTIFY after the last one in ${id}`);
    if (cseq !== dialog.cseq + 1) this.violated(`NOTIFY ${cseq} follows ${dialog.cseq} in ${id}`);
    dialog.cseq = cseq;
    dialog.over = ended !== null;
    this.dialogs.set(id, dialog);
    this.pending.set(local, said);
  }

  sent(local: string, push: Push): void {
    const said = this.pending.get(local) ?? this.past.get(local);
    const dialog = said === undefined ? undefined : this.dialogs.get(said.id);
    if (said === undefined || dialog === undefined) {
      this.violated(`${push.effectId} is sent, and nothing durable wants it`, 'I6');
      return;
    }
    dialog.callId ??= push.callId;
    if (dialog.callId !== push.callId || push.cseq !== said.cseq)
      this.violated(`${push.effectId} goes as ${push.callId} ${push.cseq}, NOTIFY ${said.cseq}`);
    this.content(said, push);
  }

  private content({ aor }: Said, push: Push): void {
    for (const id of readNotice(push).ids) {
      const stored = this.simulation.model.view.stored.get(id.slice(0, id.indexOf('@')));
      const row = stored?.row ?? stored?.before ?? null;
      if (row !== null && messageOf(row).aor !== aor)
        this.violated(`${push.effectId} names a message of somebody else`);
    }
  }

  /** The engine hears of an answer to it. */
  answered(local: string, status: number): void {
    const failed = status < 200 || status >= 300;
    this.failed.set(local, failed && this.failed.get(local) !== false);
  }

  over(local: string): void {
    const said = this.pending.get(local);
    if (said === undefined) return;
    this.pending.delete(local);
    this.past.set(local, said);
    if (this.failed.get(local) === true && said.turnOf !== null) this.unheard.push(said);
  }

  /** All of a batch has been looked at. */
  landed({ touched }: Landing): void {
    const { unheard } = this;
    if (unheard.length === 0) return;
    this.unheard = [];
    for (const { aor, id } of unheard) {
      // One that was born or left in the same batch may have waited, or not, when it was decided.
      const moved = [...touched].some(
        ({ row, before }) => row?.live !== before?.live && messageOf((row ?? before)!).aor === aor,
      );
      const waits = (this.simulation.model.view.waiting.get(aor)?.size ?? 0) > 0;
      const told =
        this.toldOtherwise(aor) || [...this.pending.values()].some((one) => one.aor === aor);
      if (waits && !moved && !told)
        this.violated(`${aor} was not reached in ${id}, and is told in no other way`);
    }
  }

  private violated(why: string, code = 'N2'): void {
    this.simulation.violated(code, why);
  }
}
