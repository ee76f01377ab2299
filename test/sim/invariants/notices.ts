// Invariants of notices: none for an empty mailbox (C62), one for each return and what arrived since (spec 3.1), under one
// identity, naming messages of that user alone, and none to a user who wants none.
import { type Push, readNotice } from '../push.js';
import type { Stage } from '../stage.js';
import { type Told, told, wasDurable } from './book.js';
import { SubscriptionChecks } from './subscriptions.js';
import { type Landing, messageOf, type NoticeSaid, type Stored } from './view.js';

interface Notice {
  readonly aor: string;
  /** Arrival of the newest message that waited for sure when it was decided. */
  readonly upTo: string;
  /** His contacts then: another one is another return. Below 0 where it goes before one late message, and is no notice of all. */
  readonly generation: number;
  identity: string | null;
}

/** A notice that has arrived: until he returns anew, or more arrives, he knows. */
interface Known {
  readonly upTo: string;
  readonly generation: number;
  readonly told: Told;
}

export class Notices {
  /** Decided and without an outcome, by local id. */
  private readonly pending = new Map<string, Notice>();
  private readonly past = new Set<string>();
  private readonly known = new Map<string, Known>();
  /** Those that are said in subscriptions. */
  readonly within: SubscriptionChecks;

  constructor(private readonly simulation: Stage) {
    this.within = new SubscriptionChecks(simulation, (aor) =>
      [...this.pending.values()].some((one) => one.aor === aor),
    );
  }

  /** In the batch that brings it something else may be born after the decision. */
  decided(local: string, said: NoticeSaid, { touched, users }: Landing): void {
    const { aor, about, within } = said;
    if (within !== undefined) {
      this.within.decided(local, { aor, turnOf: said.turnOf ?? null, ...within });
      return;
    }
    if (about !== undefined) {
      this.pending.set(local, { aor, upTo: '', generation: -1, identity: null });
      return;
    }
    const { model } = this.simulation;
    const waiting = [...(model.view.waiting.get(aor) ?? [])];
    // What leaves in the same batch may have waited when it was decided.
    const left = [...touched].some((one) => {
      const row = one.row ?? one.before;
      return row !== null && messageOf(row).aor === aor;
    });
    if (waiting.length === 0 && !left)
      this.violated(`a notice for ${aor}, for whom nothing waits`, 'C62');
    const generation = users.find(([name]) => name === aor)?.[1]?.generation ?? 0;
    const covers = (one: Notice) =>
      one.aor === aor && one.generation === generation && one.upTo >= newest(waiting);
    for (const one of this.pending.values())
      if (covers(one)) this.violated(`two notices for ${aor} at once`);
    if (model.wishes.wantsNone(aor)) this.violated(`a notice for ${aor}, who wants none`, 'P1');
    const upTo = newest(waiting.filter((one) => !(touched.has(one) && one.before === null)));
    const known = this.known.get(aor);
    const knows = known?.generation === generation && known.upTo >= newest(waiting);
    if (knows && wasDurable(known.told, true))
      this.violated(`${aor} is told again of what he knows`);
    this.pending.set(local, { aor, upTo, generation, identity: null });
  }

  over(local: string): void {
    if (this.pending.delete(local)) this.past.add(local);
    else this.within.over(local);
  }

  sent(local: string, push: Push): void {
    const notice = this.pending.get(local);
    // What it says is read when it is sent: its answer may come meanwhile, and the proxy knows it by its id.
    if (notice === undefined && this.past.has(local)) return;
    if (notice === undefined) {
      this.violated(`${push.effectId} is sent, and nothing durable wants it`, 'I6');
      return;
    }
    const identity = `${push.callId} ${push.cseq}`;
    notice.identity ??= identity;
    if (notice.identity !== identity) this.violated(`${push.effectId} has two identities`, 'I2');
    if (push.ruri !== notice.aor) this.violated(`${push.effectId} goes to ${push.ruri}`, 'I5');
    this.content(notice, push);
  }

  private content({ aor, generation }: Notice, push: Push): void {
    const { waiting, ids } = readNotice(push);
    if (waiting < 1 && generation >= 0)
      this.violated(`${push.effectId} says that nothing waits`, 'C62');
    for (const id of ids) {
      const stored = this.simulation.model.view.stored.get(id.slice(0, id.indexOf('@')));
      const row = stored?.row ?? stored?.before ?? null;
      if (row !== null && messageOf(row).aor !== aor)
        this.violated(`${push.effectId} names a message of somebody else`);
    }
  }

  /** The engine hears that a notice arrived. */
  answered(local: string, status: number): void {
    const notice = this.pending.get(local);
    const { life } = this.simulation.process;
    if (notice === undefined || notice.generation < 0) return;
    if (status < 200 || status >= 300) return;
    if (life === null || !life.serving) return;
    const { upTo, generation } = notice;
    this.known.set(notice.aor, { upTo, generation, told: told(life) });
  }

  /** He registers, so he may be told anew. */
  returned(aor: string): void {
    this.known.delete(aor);
  }

  private violated(why: string, code = 'N1'): void {
    this.simulation.violated(code, why);
  }
}

const newest = (waiting: readonly Stored[]): string =>
  waiting.reduce((last, { row }) => (row !== null && row.arrival > last ? row.arrival : last), '');
