// The questions of queries.ts as an engine answers them. A read that fails is a store error like any other: whoever
// asked, the process ends (reliability R5); a single damaged row is only missing from the answer (B10).
import type { IncomingMessage } from '../machines/index.js';
import { type Excess, excessOf, readUser } from './accounts.js';
import type { MessageLife, Runtime } from './api.js';
import { hostClock } from './clock.js';
import type {
  Binding,
  Listing,
  PreferencesView,
  SenderStatus,
  SentKey,
  SentStatus,
} from './commands.js';
import { messageOf } from './consequences.js';
import { isStranger, senderOf } from './decide/receive.js';
import { unlessDamaged } from './integrity.js';
import { type Judging, pauseOf } from './judging.js';
import { keys } from './keys.js';
import { readActor } from './life.js';
import { limits } from './limits.js';
import {
  forecast,
  type MigrationForecast,
  type MigrationRequest,
  populationOf,
} from './population.js';
import { viewOf, wishesFor } from './preferences.js';
import { idsOf, lifeOf, listOf, localsOf, ownRow, type Source } from './queries.js';
import type { ActorRow } from './rows.js';
import { findSent, statusOf } from './sent.js';
import { findSwallowed, swallowedStatus } from './swallowed.js';

export class Questions {
  constructor(
    private readonly source: Source,
    private readonly failed: (cause: unknown) => void,
    /** Reads under way: the store is closed after them (B20). */
    private readonly underWay: Set<Promise<unknown>>,
    private readonly judging: Judging,
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
   * The oldest messages that must go so that a message fits: first those of its own sender where he has too many, then
   * those of strangers, then any; a stranger makes room among strangers alone (ADR 0029). None when even all that may go do not make room: nothing goes in vain. Those in
   * flight or parked stay.
   */
  async victims(message: IncomingMessage): Promise<readonly string[]> {
    const { aor } = message;
    const limited = this.reading(() => unlessDamaged(() => this.limitedBy(message)));
    // What cannot be counted makes no room; the writer says what is damaged.
    if (limited === null) return [];
    const locals = await this.asked(localsOf(this.source, aor, null, limits.bulkIdsMax));
    return chosenOf(
      remembering(locals, (local) => this.movable(local)),
      limited,
    );
  }

  private limitedBy(message: IncomingMessage): Limited {
    const { aor } = message;
    const sender = senderOf(message);
    const stranger = isStranger(this.source, message, wishesFor(this.source, aor));
    const counted = { sender, stranger, octets: message.octets.length };
    const excess = excessOf(this.source, aor, counted, this.source.settings);
    return { sender, stranger, excess: { ...excess } };
  }

  private movable(local: string): Waiting | null {
    const row = this.reading(() => unlessDamaged(() => readActor(this.source, local)));
    const stays = row === null || !row.live || row.parked !== null || row.pending.length > 0;
    return stays ? null : { local, row };
  }

  ids(after: string | null, limit: number): Promise<readonly string[]> {
    return this.asked(idsOf(this.source, after, limit));
  }

  /** What a migration would do with the messages that live now. */
  async forecast(asked: Omit<MigrationRequest, 'chosenIds'>): Promise<MigrationForecast> {
    const { registry, settings } = this.source;
    const population = await this.asked(populationOf(this.source));
    const chosenIds = settings.preferences.expiredChoices;
    const pause = () => pauseOf(hostClock);
    return this.judging.inLine(() =>
      forecast(registry, population, { ...asked, chosenIds }, pause),
    );
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
    if (found !== null) return statusOf(found.local, found.row, told);
    const swallowed = this.reading(() => unlessDamaged(() => findSwallowed(this.source, sent)));
    return swallowed === null ? 'unknown' : swallowedStatus(swallowed.row, this.source.now(), told);
  }

  bindings(aor: string): readonly Binding[] {
    const now = this.source.now();
    const user = this.reading(() => unlessDamaged(() => readUser(this.source, aor)));
    return user?.bindings.filter((binding) => binding.expiresAtMs > now) ?? [];
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

interface Waiting {
  readonly local: string;
  readonly row: ActorRow;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** By how much a message is too much, and whose it is. */
interface Limited {
  readonly sender: string;
  readonly stranger: boolean;
  readonly excess: Mutable<Excess>;
}

// Rows are read when they are come to, and once: mostly the first is enough.
function remembering(
  locals: readonly string[],
  read: (local: string) => Waiting | null,
): Iterable<Waiting> {
  const known: Waiting[] = [];
  let next = 0;
  return {
    *[Symbol.iterator]() {
      yield* known.slice();
      while (next < locals.length) {
        const one = read(locals[next++]!);
        if (one === null) continue;
        known.push(one);
        yield one;
      }
    },
  };
}

// Whoever is chosen for one limit counts for the others as well.
function chosenOf(
  rows: Iterable<Waiting>,
  { excess, sender, stranger }: Limited,
): readonly string[] {
  const chosen = new Set<string>();
  const pick = (tooMany: () => boolean, fits: (row: ActorRow) => boolean): void => {
    for (const { local, row } of rows) {
      if (!tooMany()) return;
      if (chosen.has(local) || !fits(row)) continue;
      chosen.add(local);
      leave(excess, row, sender);
    }
  };
  const strangers = () => excess.strangerMessages > 0 || excess.strangerOctets > 0;
  const all = () => excess.messages > 0 || excess.octets > 0;
  pick(
    () => excess.pair > 0,
    (row) => row.sender === sender,
  );
  pick(strangers, (row) => row.stranger === true);
  pick(all, (row) => !stranger || row.stranger === true);
  return excess.pair > 0 || strangers() || all() ? [] : [...chosen];
}

function leave(excess: Mutable<Excess>, row: ActorRow, sender: string): void {
  const { octets } = messageOf(row);
  excess.messages -= 1;
  excess.octets -= octets;
  if (row.sender === sender) excess.pair -= 1;
  if (row.stranger !== true) return;
  excess.strangerMessages -= 1;
  excess.strangerOctets -= octets;
}
