// What the outside knows about each letter: what its sender was told, what phones and senders received, what the engine
// was told about its effects. Nothing here comes from the engine's own state.
import type { Letter } from '../letters.js';
import type { Life } from '../life.js';

/** Something a life was told; durable for sure once two more of its batches have landed. */
export interface Told {
  readonly life: Life;
  readonly at: number;
}

/** A life that serves decides at once: into the open group, which is at most the second to land. */
export const told = (life: Life): Told => ({ life, at: life.landings });

/** Decided and durable before the batch that is landing now. */
export const wasDurable = (one: Told | null, landing: boolean): boolean =>
  one !== null && one.life.landings - (landing ? 1 : 0) >= one.at + 2;

/** One request of a sender that a proxy held. */
export interface Held {
  readonly fate: Fate;
  /** Its body is not the first one. */
  readonly conflict: boolean;
  /** Its hold ended: the sender heard 503. */
  overdue: boolean;
  /** The life that answered 202, and the one that heard of the end of the hold. */
  promisedBy: Life | null;
  toldLate: Told | null;
}

export interface Fate {
  readonly letter: Letter;
  readonly held: Held[];
  /** Local id it became. */
  local: string | null;
  heard202: boolean;
  refused: boolean;
  /** A phone answered 200 to it. */
  delivered: boolean;
  /** Its owner fetched it and said so. */
  retrieved: boolean;
  /** The engine was told of a success. */
  success: Told | null;
  /** The engine was told of a success of what is told at once. */
  toldEarly: boolean;
  /** The engine was told that the 202 did not reach the sender. */
  unacknowledged: Told | null;
  operated: boolean;
  /** A rule of its recipient's let it vanish behind a 202. */
  swallowed: boolean;
  /** Its sender asked for it back; and was told that he has it, or that it is noted. */
  askedBack: boolean;
  takenBack: boolean;
  withdrawn: boolean;
  /** Its user asked for it out of its turn. */
  requested: boolean;
  /** What a phone said of it went through us. */
  passed: Told | null;
  /** All its holds had ended when it was born, and the engine knew: the life in which that was. */
  bornUnheard: Life | null;
  /** Reports that reached the sender. */
  reports: number;
  reportRefused: boolean;
  /** Identity of its report on the wire, and of its deliveries. */
  reportIdentity: string | null;
  earlyIdentity: string | null;
  deliveryIdentity: string | null;
}

export const newFate = (letter: Letter): Fate => ({
  letter,
  held: [],
  local: null,
  heard202: false,
  refused: false,
  delivered: false,
  retrieved: false,
  success: null,
  unacknowledged: null,
  operated: false,
  swallowed: false,
  askedBack: false,
  takenBack: false,
  withdrawn: false,
  requested: false,
  passed: null,
  bornUnheard: null,
  toldEarly: false,
  reports: 0,
  reportRefused: false,
  reportIdentity: null,
  earlyIdentity: null,
  deliveryIdentity: null,
});

/** An effect as the outside sees it. */
export interface EffectSeen {
  readonly landedAtMs: number;
  /** The engine was told an answer of it, with its token. */
  answered: boolean;
  /** A life that sent it. */
  sentBy: Life | null;
}
