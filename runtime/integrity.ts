// What LevelDB 1.20 does not do for us: every row carries its own checksum, every partition knows how many rows it
// has and their sum, so that a wrong, missing or returned row is noticed (reliability R7, R8).
import { hash } from 'node:crypto';

const format = 1;
const head = 9;

/** The first 8 octets of SHA-256, as two halves: a number mod 2^64 without BigInt. */
export interface Sum {
  readonly high: number;
  readonly low: number;
}

export const zero: Sum = { high: 0, low: 0 };

/** A row whose checksum does not fit, or of a format we do not know. */
export class DamagedRow extends Error {
  override readonly name = 'DamagedRow';
  constructor(
    readonly key: string,
    readonly why: 'checksum' | 'format' | 'short',
  ) {
    super(`row ${JSON.stringify(key)} is damaged (${why})`);
  }
}

/** What `read` returns, or null when a row it needs is damaged: one bad row is no store error (reliability R5). */
export function unlessDamaged<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DamagedRow) return null;
    throw cause;
  }
}

/** A value as it is stored: format, checksum over payload and key, payload. JSON is written in place. */
export function sealRow(key: string, payload: Uint8Array | string): { value: Buffer; sum: Sum } {
  const octets = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const end = head + octets;
  const room = Buffer.allocUnsafe(end + 1 + key.length);
  room[0] = format;
  if (typeof payload === 'string') room.write(payload, head);
  else room.set(payload, head);
  // The key stands behind the payload while the sum is taken, so that nothing is copied twice.
  room[end] = 0;
  room.write(key, end + 1, 'latin1');
  hash('sha256', room.subarray(head), 'buffer').copy(room, 1, 0, 8);
  const value = room.subarray(0, end);
  return { value, sum: sumOf(value) };
}

/** The payload of a stored value. Throws DamagedRow when it is not what was written under this key. */
export function openRow(key: string, value: Uint8Array): Buffer {
  const row = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (row.length < head) throw new DamagedRow(key, 'short');
  if (row[0] !== format) throw new DamagedRow(key, 'format');
  const payload = row.subarray(head);
  if (checksum(key, payload).compare(row, 1, head, 0, 8) !== 0)
    throw new DamagedRow(key, 'checksum');
  return payload;
}

/** The checksum a stored value carries. */
export function sumOf(value: Uint8Array): Sum {
  const row = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { high: row.readUInt32BE(1), low: row.readUInt32BE(5) };
}

export function add(a: Sum, b: Sum): Sum {
  const low = a.low + b.low;
  return { high: (a.high + b.high + (low > 0xffffffff ? 1 : 0)) >>> 0, low: low >>> 0 };
}

export function subtract(a: Sum, b: Sum): Sum {
  const low = a.low - b.low;
  return { high: (a.high - b.high - (low < 0 ? 1 : 0)) >>> 0, low: low >>> 0 };
}

export const sameSum = (a: Sum, b: Sum): boolean => a.high === b.high && a.low === b.low;

const hex = (half: number): string => half.toString(16).padStart(8, '0');

export const writeSum = (sum: Sum): string => hex(sum.high) + hex(sum.low);

export const readSum = (text: string): Sum => ({
  high: Number.parseInt(text.slice(0, 8), 16),
  low: Number.parseInt(text.slice(8), 16),
});

// One scratch room for checking: a boot checks millions of rows.
let scratch = Buffer.allocUnsafe(4096);

function checksum(key: string, payload: Uint8Array): Buffer {
  const octets = payload.length + 1 + key.length;
  if (scratch.length < octets) scratch = Buffer.allocUnsafe(2 * octets);
  scratch.set(payload, 0);
  scratch[payload.length] = 0;
  scratch.write(key, payload.length + 1, 'latin1');
  return hash('sha256', scratch.subarray(0, octets), 'buffer');
}
