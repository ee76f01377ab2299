// The questions of queries.ts as an engine answers them. A read that fails is a store error like any other: whoever
// asked, the process ends (reliability R5); a single damaged row is only missing from the answer (B10).
import { readUser } from './accounts.js';
import type { MessageLife, Runtime } from './api.js';
import type {
  Binding,
  Listing,
  PreferencesView,
  SenderStatus,
  SentKey,
  SentStatus,
} from './commands.js';
import { messageOf } from './consequences.js';
import { unlessDamaged } from './integrity.js';
import { keys } from './keys.js';
import { readActor } from './life.js';
import { limits } from './limits.js';
import { viewOf } from './preferences.js';
import { idsOf, lifeOf, listOf, localsOf, ownRow, type Source } from './queries.js';
import type { ActorRow } from './rows.js';
import { findSent, statusOf } from './sent.js';
import type { RuntimeSettings } from './turn.js';

export class Questions {
  constructor(
    private readonly source: Source,
    private readonly failed: (cause: unknown) => void,
    /** Reads under way: the store is closed after them (B20). */
    private readonly underWay: Set<Promise<unknown>>,
  ) {}

  list(aor: string, after: string | null, limit: number): Promise<Listing> {
    return this.asked(listOf(this.source, aor, after, limit));
  }

  /** Deferred ids of a user's waiting messages, oldest first. */
  async owned(aor: string, limit: number): Promise<readonly string[]> {
    const locals = await this.asked(localsOf(this.source, aor, null, limit));
    return locals.map((local) => this.source.identities.deferredId(local));
  }

  /**
   * The oldest messages of a full mailbox that must go so that one of `octets` fits: none when even all that may go do
   * not make room. Those in flight or parked stay.
   */
  async victims(
    aor: string,
    octets: number,
    settings: RuntimeSettings,
  ): Promise<readonly string[]> {
    const user = this.reading(() => readUser(this.source, aor));
    let messages = user.messages + 1 - settings.mailboxMessagesMax;
    let room = user.octets + octets - settings.mailboxOctetsMax;
    const chosen: string[] = [];
    const locals = await this.asked(localsOf(this.source, aor, null, limits.bulkIdsMax));
    for (const local of locals) {
      if (messages <= 0 && room <= 0) break;
      const row = this.reading(() => unlessDamaged(() => readActor(this.source, local)));
      if (row === null || !row.live || row.parked !== null || row.pending.length > 0) continue;
      chosen.push(local);
      messages -= 1;
      room -= messageOf(row).octets;
    }
    return messages <= 0 && room <= 0 ? chosen : [];
  }

  ids(after: string | null, limit: number): Promise<readonly string[]> {
    return this.asked(idsOf(this.source, after, limit));
  }

  read(aor: string, deferredId: string): ReturnType<Runtime['read']> {
    return this.reading(() => {
      const own = ownRow(this.source, aor, deferredId);
      if (own === null) return null;
      const octets = unlessDamaged(() => this.source.ledger.read(keys.body(own.local)));
      return octets === null ? null : { message: messageOf(own.row), octets };
    });
  }

  show(deferredId: string): MessageLife | null {
    return this.reading(() => lifeOf(this.source, deferredId));
  }

  actor(deferredId: string): ActorRow | null {
    const local = this.source.identities.localOf(deferredId);
    if (local === null) return null;
    return this.reading(() => unlessDamaged(() => readActor(this.source, local)));
  }

  sent(sent: SentKey, told: SenderStatus): SentStatus | 'unknown' | 'not-told' {
    if (told === 'off') return 'not-told';
    const found = this.reading(() => unlessDamaged(() => findSent(this.source, sent)));
    return found === null ? 'unknown' : statusOf(found.local, found.row, told);
  }

  bindings(aor: string): readonly Binding[] {
    const now = this.source.now();
    const user = this.reading(() => readUser(this.source, aor));
    return user.bindings.filter((binding) => binding.expiresAtMs > now);
  }

  preferences(aor: string): PreferencesView | null {
    return this.reading(() => unlessDamaged(() => viewOf(this.source, aor)));
  }

  /** One read; what fails ends the process. */
  reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      this.failed(cause);
      throw cause;
    }
  }

  private async asked<T>(answer: Promise<T>): Promise<T> {
    this.underWay.add(answer);
    try {
      return await answer;
    } catch (cause) {
      this.failed(cause);
      throw cause;
    } finally {
      this.underWay.delete(answer);
    }
  }
}
