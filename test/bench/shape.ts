// What the engine writes for one message, learned from a store it has filled: rows that are new with each message, and
// rows of a user that are written over. Plain data between stores.ts and the bare loop.
import type { Contents } from './contents.js';

export interface RowShape {
  readonly letter: string;
  readonly keyOctets: number;
  /** A typical payload, as base64. */
  readonly payload: string;
}

export interface Shape {
  /** Written once for each message: actor, body, dedup, mailbox place, timer. */
  readonly fresh: readonly RowShape[];
  /** Written again with each message of a user: his account, and the account of the pair. */
  readonly again: readonly RowShape[];
}

/** Reads the shape off a store with `messages` messages, none of which has ended. */
export function shapeOf({ families }: Contents, messages: number): Shape {
  const fresh: RowShape[] = [];
  const again: RowShape[] = [];
  for (const [letter, { rows, keyOctets, typicalPayload }] of Object.entries(families)) {
    if (!/[a-z]/.test(letter) || letter === 'm') continue;
    const one = { letter, keyOctets: Math.round(keyOctets / rows), payload: typicalPayload };
    for (let times = 0; times < Math.round(rows / messages); times += 1) fresh.push(one);
    if (rows < messages / 2) again.push(one);
  }
  return { fresh, again };
}

/** The shape as a sentence of the report. */
export function shapeText({ fresh, again }: Shape): string {
  const row = ({ letter, keyOctets, payload }: RowShape): string =>
    `${letter} ${keyOctets}+${Buffer.from(payload, 'base64').length}`;
  return `rows per message (family key+payload octets): new ${fresh.map(row).join(', ')}; written over ${again.map(row).join(', ')}`;
}
