// What an effect says when it goes out, read from the store at that moment: its identities, its message, its octets. The
// same at every repetition (reliability R16), because all of it is stored or derived. Decides nothing.
import { largeContacts, readUser } from './accounts.js';
import type { ListedMessage, Listing } from './commands.js';
import { mayTellEarly, messageOf } from './consequences.js';
import type { Identities } from './identity.js';
import { keys } from './keys.js';
import type { Ledger } from './ledger.js';
import { readActor } from './life.js';
import type { OutgoingEffect, OutgoingNotice } from './ports.js';
import { isReport, type NoticeRow, type PendingEffect } from './rows.js';
import { saidWithin } from './subscriptions.js';

export interface LoadingSource {
  readonly ledger: Ledger;
  readonly identities: Identities;
  readonly now: () => number;
  /** What waits for a user, oldest first. */
  readonly list: (aor: string, limit: number) => Promise<Listing>;
  /** The row of one message in its user's list; none when it waits no longer. */
  readonly listed: (local: string) => readonly ListedMessage[];
}

export class Loading {
  constructor(private readonly source: LoadingSource) {}

  /** What to send for an effect; null when nothing is left to be said. Throws DamagedRow. */
  load(local: string, effect: PendingEffect): OutgoingEffect | null {
    const { type } = effect;
    if (type === 'notify' || type === 'inform') return this.notice(local, effect);
    return this.message(local, effect);
  }

  // Nothing waits any more: nothing is said, but to who has subscribed.
  private notice(local: string, effect: PendingEffect): OutgoingNotice | null {
    const { ledger, list } = this.source;
    const row = ledger.readJson<NoticeRow>(keys.notice(local));
    if (row === null) return null;
    const { aor } = row;
    if (row.about !== undefined) return this.announcement(local, effect, row);
    const waiting = readUser(this.source, aor).messages;
    const within = row.within === undefined ? null : saidWithin(this.source, row);
    if (within === null && (row.within !== undefined || waiting === 0)) return null;
    return {
      type: 'notify',
      ...this.outgoing(local, effect),
      ...within,
      ...{ aor, waiting, list: (limit) => list(aor, limit) },
    };
  }

  private announcement(
    local: string,
    effect: PendingEffect,
    { aor, about = '' }: NoticeRow,
  ): OutgoingNotice | null {
    const messages = this.source.listed(about);
    if (messages.length === 0) return null;
    const list = async (): Promise<Listing> => ({ messages, next: null });
    return { type: 'notify', ...this.outgoing(local, effect), aor, waiting: 1, list };
  }

  private message(local: string, effect: PendingEffect): OutgoingEffect | null {
    const row = readActor(this.source, local);
    if (row === null) return null;
    // It may have waited for the bus, or behind others, while its message ended or its sender heard 503.
    if (effect.type === 'early-report' && !mayTellEarly(row)) return null;
    const base = { ...this.outgoing(local, effect), message: messageOf(row) };
    if (isReport(effect.type)) {
      const kind = effect.type === 'early-report' ? effect.type : 'report';
      const imdnMessageId = this.source.identities.reportMessageId(local, kind);
      return { ...base, type: 'report', status: effect.status ?? 'failed', imdnMessageId };
    }
    const octets = this.source.ledger.read(keys.body(local));
    if (octets === null) return null;
    const { late, announced } = effect;
    const marks = announced === undefined ? { late } : { late, announced };
    const delivery = { ...base, type: 'deliver', octets, ...marks } as const;
    if (base.message.kind !== 'large') return delivery;
    const user = readUser(this.source, base.message.aor);
    return { ...delivery, contacts: largeContacts(user, this.source.now()) };
  }

  private outgoing(local: string, { type, effectId, node, atMs, attempt }: PendingEffect) {
    const { identities } = this.source;
    const token = identities.token(effectId);
    return { effectId, token, node, atMs, ...identities.dialog(type, local), cseq: attempt };
  }
}
