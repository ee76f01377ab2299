// The world as its parts see each other: each part knows this face alone, and simulation.ts puts them together.
import type { Bus, BusReason } from '../../adapters/nats/bus.js';
import type { ActorRow, AuditEvent, Command, Reply } from '../../runtime/index.js';
import type { BusClient } from './bus-client.js';
import type { Disk, RowChange } from './disk.js';
import type { Fate } from './invariants/book.js';
import type { Stored, View } from './invariants/view.js';
import type { WishBook } from './invariants/wishes.js';
import type { Letter, Letters } from './letters.js';
import type { Life } from './life.js';
import type { Options, RateName } from './options.js';
import type { Answered, Push } from './push.js';
import type { Random } from './random.js';
import type { Scheduler } from './scheduler.js';

/** The wall clock of the engine's host. */
interface WallFace {
  readonly behindMs: number;
  readonly toleranceMs: number;
  now(): number;
  step(ms: number, believed: boolean): void;
  drifts(share: number): void;
  right(): void;
  wrong(ms: number): void;
}

interface BusFace {
  connect(client: BusClient): void;
  leave(client: BusClient): void;
  restart(): void;
  publish(
    from: BusClient,
    subject: string,
    payload: Uint8Array | string,
    reply?: string | null,
  ): boolean;
  face(client: BusClient): Bus;
  tell(client: BusClient, reason: BusReason | null): void;
}

/** The model: told everything, asked for what may be acted on. */
interface ModelFace {
  heardEvent(event: AuditEvent): void;
  heardOf(local: string): number;
  readonly view: View;
  readonly fates: readonly Fate[];
  fateOf(stored: Stored): Fate | null;
  fateOfId(deferredId: string): Fate | null;
  fateOfCall(callId: string): Fate | null;
  landed(changes: readonly RowChange[]): void;
  deliveredInTime(stored: Stored, row: ActorRow): void;
  submitted(life: Life, command: Command): void;
  replied(life: Life, command: Command, reply: Reply): void;
  died(): void;
  closed(life: Life): void;
  holds(transaction: string, letter: Letter, conflict: boolean): void;
  holdEnded(transaction: string): void;
  answered(letter: Letter, code: number): void;
  isAccepted(letter: Letter): boolean;
  conflictAnswered(letter: Letter, code: number): void;
  publishedPush(push: Push): void;
  rang(push: Push, code: number): void;
  letterOf(push: Push): Letter | null;
  idOf(letter: Letter): string | null;
  ownerOf(deferredId: string): string | null;
  reportArrived(push: Push): void;
  reportRefused(push: Push): void;
  listed(aor: string, rows: readonly { deferredId: string }[]): void;
  retrieved(octets: Uint8Array): void;
  anyWaiting(choice: number): string | null;
  anyPending(choice: number): string | null;
  anyParked(choice: number): string | null;
  readonly wishes: WishBook;
}

interface ProcessFace {
  readonly life: Life | null;
  readonly store: { readonly writing: boolean } | null;
  submit(command: Command): void;
  bringLarge(letter: Letter, octets: Uint8Array, answer: (code: number) => void): void;
  kill(why: string): void;
  stop(): void;
  pause(ms: number, hostSleeps: boolean): void;
}

interface ProxyFace {
  readonly client: BusClient;
  restart(): void;
  forget(): void;
  store(letter: Letter, octets: Uint8Array, answer: (code: number) => void): void;
  command(asserted: string, octets: Uint8Array, answer: (code: number) => void): void;
  reachable(aor: string): readonly ContactFace[];
  register(aor: string, contact: ContactFace, seconds: number): void;
  unregister(aor: string, uri: string): void;
}

export interface ContactFace {
  readonly uri: string;
  readonly ring: (push: Push, answer: Answered) => void;
}

interface PeopleFace {
  readonly phones: readonly { flap(): void }[];
  reported(push: Push, answer: Answered): void;
  readonly watchers: {
    notified(push: Push, answer: Answered): void;
    subscribes(random: Random): void;
  };
  userActs(): void;
  withdraws(random: Random): void;
  wishes(random: Random): void;
  requests(random: Random): void;
  noticed(aor: string): void;
}

export interface Stage {
  readonly options: Options;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly disk: Disk;
  readonly letters: Letters;
  readonly wall: WallFace;
  readonly bus: BusFace;
  readonly model: ModelFace;
  readonly process: ProcessFace;
  readonly proxies: readonly ProxyFace[];
  readonly people: PeopleFace;
  readonly damage: { beforeBoot(boot: () => void): void };
  readonly calm: boolean;
  /** All that is left is to be forgotten. */
  readonly nearlyOver: boolean;
  /** A rate as it is now: nothing goes wrong in the calm. */
  rate(name: RateName): number;
  trace(what: string, ...parts: readonly (string | number)[]): void;
  violated(code: string, why: string): void;
  policyIdOf(hash: string): string;
  /** The engine hands a line to the bus; false when it is dead. */
  published(client: BusClient, subject: string, payload: Uint8Array | string): boolean;
  /** A line reaches the engine. */
  heard(client: BusClient, subject: string, payload: Uint8Array): void;
}

export type { ProxyFace };
