// What a store folder holds when nobody serves it: rows and octets of each family, and one typical row of each, from
// which the bare loop learns what to write. Reads through runtime/store.ts, decides nothing.
import { openRow } from '../../runtime/integrity.js';
import { openStore } from '../../runtime/store.js';

/** The rows of one family. */
export interface Family {
  readonly rows: number;
  readonly keyOctets: number;
  readonly payloadOctets: number;
  /** A row as long as they are on average, as base64. */
  readonly typicalPayload: string;
}

export interface Contents {
  readonly rows: number;
  readonly octets: number;
  /** By the letter of runtime/keys.ts. */
  readonly families: Readonly<Record<string, Family>>;
}

interface Gathered {
  rows: number;
  keyOctets: number;
  payloadOctets: number;
  readonly samples: Buffer[];
}

const samplesMax = 200;

/** Counts a store; `clear` rows of other people's letters stay in this process. */
export async function readContents(folder: string): Promise<Contents> {
  const store = await openStore({ folder });
  const gathered = new Map<string, Gathered>();
  try {
    for await (const [key, value] of store.scan('0', '~'))
      gather(gathered, key, openRow(key, value));
  } finally {
    await store.close();
  }
  return contentsOf(gathered);
}

/** The same of sealed rows in memory. */
export function countRows(rows: Iterable<readonly [string, Uint8Array]>): Contents {
  const gathered = new Map<string, Gathered>();
  for (const [key, value] of rows)
    if (key >= '0' && key < '~') gather(gathered, key, openRow(key, value));
  return contentsOf(gathered);
}

function contentsOf(gathered: ReadonlyMap<string, Gathered>): Contents {
  const families = Object.fromEntries(
    [...gathered].map(([letter, one]) => [letter, familyOf(one)]),
  );
  let [rows, octets] = [0, 0];
  for (const one of gathered.values()) {
    rows += one.rows;
    octets += one.keyOctets + one.payloadOctets;
  }
  return { rows, octets, families };
}

function gather(gathered: Map<string, Gathered>, key: string, payload: Buffer): void {
  const letter = key[3] ?? '?';
  const one = gathered.get(letter) ?? { rows: 0, keyOctets: 0, payloadOctets: 0, samples: [] };
  gathered.set(letter, one);
  one.rows += 1;
  one.keyOctets += key.length;
  one.payloadOctets += payload.length;
  if (one.samples.length < samplesMax) one.samples.push(Buffer.from(payload));
}

function familyOf({ rows, keyOctets, payloadOctets, samples }: Gathered): Family {
  const average = payloadOctets / rows;
  const distance = (one: Buffer) => Math.abs(one.length - average);
  const typical = samples.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  return { rows, keyOctets, payloadOctets, typicalPayload: typical.toString('base64') };
}

/** Messages in a store: one actor row each. */
export const messagesIn = (contents: Contents): number => contents.families['a']?.rows ?? 0;

/** Messages that wait: one row of a mailbox each. */
export const waitingIn = (contents: Contents): number => contents.families['r']?.rows ?? 0;
