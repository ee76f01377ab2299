// What lies durable, message by message, kept up with every batch that lands: read from the rows alone, never from the
// engine's memory.
import type { ActorRow } from '../../../runtime/index.js';
import type { RowChange } from '../disk.js';

/** Everything durable about one message. */
export interface Stored {
  readonly local: string;
  row: ActorRow | null;
  before: ActorRow | null;
  body: Uint8Array | null;
  readonly timers: Set<number>;
  readonly outbox: Set<string>;
  readonly places: Set<string>;
  /** Steps whose events nobody has taken, and all that ever were durable. */
  readonly events: Set<number>;
  readonly told: Set<number>;
  /** The dedup row that names it. */
  dedup: string | null;
  /** Nothing of it is kept but that it came: its sender is blocked politely. */
  swallowed: boolean;
}

/** What a notice's row says that is asked about. */
export interface NoticeSaid {
  readonly aor: string;
  /** The one message it goes before, which is delivered late. */
  readonly about?: string;
  /** The message whose turn waits for its answer. */
  readonly turnOf?: string | null;
  /** The subscription it is said in. */
  readonly within?: { readonly id: string; readonly cseq: number; readonly ended: string | null };
}

/** What a user's row says that is asked about. */
export interface User {
  readonly messages: number;
  readonly generation: number;
}

/** A migration that is under way. */
export interface Moving {
  readonly to: string;
  readonly from: readonly string[];
  readonly mode: 'migrate' | 'force';
}

/** What one batch changed. */
export interface Landing {
  readonly touched: ReadonlySet<Stored>;
  readonly added: readonly (readonly [Stored, string])[];
  readonly removed: readonly (readonly [Stored, string])[];
  /** Events that were removed. */
  readonly taken: readonly (readonly [Stored, number])[];
  readonly parked: readonly string[];
  /** Notices: local ids, with whom they are for; null when they are over. */
  readonly notices: readonly (readonly [string, NoticeSaid | null])[];
  readonly users: readonly (readonly [string, User | null])[];
  /** The migration that has ended with it. */
  readonly moved: Moving | null;
}

// What stands before the payload of a row: format and checksum.
const headOctets = 9;

const json = (value: Uint8Array): unknown => JSON.parse(payloadOf(value));

const payloadOf = (value: Uint8Array): string =>
  value instanceof Buffer
    ? value.toString('utf8', headOctets)
    : Buffer.from(value).toString('utf8', headOctets);

export class View {
  readonly stored = new Map<string, Stored>();
  /** Waiting messages by user. */
  readonly waiting = new Map<string, Set<Stored>>();
  migration: Moving | null = null;
  private readonly dedups = new Map<string, string>();
  private readonly subscriptions = new Set<string>();
  private readonly placed = new Map<string, string>();

  /** Takes a batch in. */
  landed(changes: readonly RowChange[]): Landing {
    const touched = new Set<Stored>();
    const added: [Stored, string][] = [];
    const removed: [Stored, string][] = [];
    const parked: string[] = [];
    const taken: [Stored, number][] = [];
    const notices: [string, NoticeSaid | null][] = [];
    const users: [string, User | null][] = [];
    let moved: Moving | null = null;
    for (const { key, before, after } of changes) {
      const rest = key.slice(5);
      switch (key[3]) {
        case 'a': {
          const stored = this.touch(rest, touched);
          stored.before = stored.row;
          stored.row = after === null ? null : (json(after) as ActorRow);
          this.place(stored);
          break;
        }
        case 'b':
          this.touch(rest, touched).body = after;
          break;
        case 't': {
          const local = rest.slice(16);
          if (this.isOfSubscriptions(local, after)) break;
          const { timers } = this.touch(local, touched);
          if (after === null) timers.delete(Number(rest.slice(0, 15)));
          else timers.add(Number(rest.slice(0, 15)));
          break;
        }
        case 'o': {
          const stored = this.touch(rest.split('-')[1]!, touched);
          if (after !== null) added.push([stored, rest]);
          else if (before !== undefined) removed.push([stored, rest]);
          if (after === null) stored.outbox.delete(rest);
          else stored.outbox.add(rest);
          break;
        }
        case 'e':
          this.event(rest, after, touched, taken);
          break;
        case 'r':
          this.mailbox(key, after, touched);
          break;
        case 'd':
          this.dedup(rest, after, touched);
          break;
        case 'n':
          notices.push([rest, after === null ? null : (json(after) as NoticeSaid)]);
          break;
        case 'q':
          if (after !== null) parked.push(rest);
          break;
        case 'M':
          if (after === null) moved = this.migration;
          this.migration = after === null ? null : (json(after) as Moving);
          break;
        case 'u':
          users.push([decodeURIComponent(rest), after === null ? null : (json(after) as User)]);
          break;
        default:
      }
    }
    return { touched, added, removed, taken, parked, notices, users, moved };
  }

  // A user's subscriptions have a timer of their own.
  private isOfSubscriptions(local: string, after: Uint8Array | null): boolean {
    if (this.subscriptions.has(local)) return true;
    if (after === null || this.stored.has(local)) return false;
    const { aor, digest } = json(after) as { readonly aor?: string; readonly digest?: string };
    if (aor === undefined || digest !== undefined) return false;
    this.subscriptions.add(local);
    return true;
  }

  private touch(local: string, touched: Set<Stored>): Stored {
    let stored = this.stored.get(local);
    if (stored === undefined) {
      stored = {
        local,
        row: null,
        before: null,
        body: null,
        dedup: null,
        swallowed: false,
        timers: new Set(),
        outbox: new Set(),
        places: new Set(),
        events: new Set(),
        told: new Set(),
      };
      this.stored.set(local, stored);
    }
    if (!touched.has(stored)) {
      touched.add(stored);
      stored.before = stored.row;
    }
    return stored;
  }

  private event(
    rest: string,
    after: Uint8Array | null,
    touched: Set<Stored>,
    taken: [Stored, number][],
  ): void {
    const [local = '', digits = ''] = rest.split('!');
    const number = Number.parseInt(digits, 36);
    const stored = this.touch(local, touched);
    if (after === null) {
      stored.events.delete(number);
      taken.push([stored, number]);
    } else {
      stored.events.add(number);
      stored.told.add(number);
    }
  }

  private mailbox(key: string, after: Uint8Array | null, touched: Set<Stored>): void {
    const local = after === null ? this.placed.get(key) : (json(after) as { local: string }).local;
    if (local === undefined) return;
    const { places } = this.touch(local, touched);
    if (after === null) {
      places.delete(key);
      this.placed.delete(key);
    } else {
      places.add(key);
      this.placed.set(key, local);
    }
  }

  private dedup(digest: string, after: Uint8Array | null, touched: Set<Stored>): void {
    const row = after === null ? null : (json(after) as { local: string; swallowed?: object });
    const local = row === null ? this.dedups.get(digest) : row.local;
    if (local === undefined) return;
    const stored = this.touch(local, touched);
    stored.dedup = after === null ? null : digest;
    stored.swallowed ||= row?.swallowed !== undefined;
    if (after === null) this.dedups.delete(digest);
    else this.dedups.set(digest, local);
  }

  private place(stored: Stored): void {
    const row = stored.row ?? stored.before;
    if (row === null) return;
    const { aor } = messageOf(row);
    const waiting = this.waiting.get(aor) ?? new Set<Stored>();
    this.waiting.set(aor, waiting);
    if (stored.row?.live) waiting.add(stored);
    else waiting.delete(stored);
  }
}

interface Context {
  readonly message: {
    readonly aor: string;
    readonly callId: string;
    readonly expiresAtMs: number | null;
    readonly outlivesAtMs: number;
    readonly deferredId: string;
  };
  readonly ending: string | null;
  readonly expired: boolean;
  readonly attempts: number;
  readonly acknowledged: boolean;
}

export const contextOf = (row: ActorRow): Context =>
  (row.actor.snapshot as unknown as { context: Context }).context;

export const messageOf = (row: ActorRow): Context['message'] => contextOf(row).message;

/** Number of the letter a message was. */
export const letterIndexOf = (row: ActorRow): number =>
  Number.parseInt(messageOf(row).callId.slice('call-'.length), 10);
