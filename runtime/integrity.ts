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

/** A value as it is stored: format, checksum over key and payload, payload. */
export function sealRow(key: string, payload: Uint8Array): { value: Buffer; sum: Sum } {
  const value = Buffer.allocUnsafe(head + payload.length);
  value[0] = format;
  value.set(payload, head);
  const digest = checksum(key, value.subarray(head));
  digest.copy(value, 1, 0, 8);
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

function checksum(key: string, payload: Uint8Array): Buffer {
  const keyOctets = Buffer.byteLength(key);
  const input = Buffer.allocUnsafe(keyOctets + 1 + payload.length);
  input.write(key, 0, 'latin1');
  input[keyOctets] = 0;
  input.set(payload, keyOctets + 1);
  return hash('sha256', input, 'buffer');
}
