// What LevelDB 1.20 does not do for us: every row carries its own checksum, every partition knows how many rows it
// has and their sum, so that a wrong, missing or returned row is noticed (reliability R7, R8).
import { hash } from 'node:crypto';

const format = 1;
const sumOctets = 8;
const head = 1 + sumOctets;

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

/** A value as it is stored: format, checksum over payload and key, payload. */
export function sealRow(key: string, payload: Uint8Array | string): { value: Buffer; sum: Sum } {
  // No character of a text takes more than three octets: how many it does take is known when it is written.
  const octetsMax = typeof payload === 'string' ? 3 * payload.length : payload.length;
  const start = roomFor(head + octetsMax + 1 + key.length);
  const from = start + head;
  const end = from + place(payload, from);
  // The key stands behind the payload while the sum is taken; the next row is written over it.
  room[end] = 0;
  room.write(key, end + 1, 'latin1');
  const digest = digestOf(room.subarray(from, end + 1 + key.length));
  room[start] = format;
  for (let at = 0; at < sumOctets; at += 1) room[start + 1 + at] = digest.charCodeAt(at);
  roomUsed = end;
  return { value: room.subarray(start, end), sum: { high: half(digest, 0), low: half(digest, 4) } };
}

/** Octets written. */
function place(payload: Uint8Array | string, at: number): number {
  if (typeof payload === 'string') return room.write(payload, at);
  room.set(payload, at);
  return payload.length;
}

// Rows are sealed side by side in rooms that nothing else uses: one allocation for many of them.
const roomOctets = 64 * 1024;
let room = Buffer.allocUnsafeSlow(roomOctets);
let roomUsed = 0;

function roomFor(octets: number): number {
  if (roomUsed + octets > room.length) {
    room = Buffer.allocUnsafeSlow(Math.max(roomOctets, octets));
    roomUsed = 0;
  }
  return roomUsed;
}

/** SHA-256 as 32 characters, one for each octet: a string costs a fraction of a Buffer. */
const digestOf = (input: Uint8Array): string => hash('sha256', input, 'binary');

const half = (digest: string, at: number): number =>
  ((digest.charCodeAt(at) << 24) |
    (digest.charCodeAt(at + 1) << 16) |
    (digest.charCodeAt(at + 2) << 8) |
    digest.charCodeAt(at + 3)) >>>
  0;

/** The payload of a stored value. Throws DamagedRow when it is not what was written under this key. */
export function openRow(key: string, value: Uint8Array): Buffer {
  const row = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (row.length < head) throw new DamagedRow(key, 'short');
  if (row[0] !== format) throw new DamagedRow(key, 'format');
  const payload = row.subarray(head);
  const digest = checksum(key, payload);
  for (let at = 0; at < sumOctets; at += 1) {
    if (row[1 + at] !== digest.charCodeAt(at)) throw new DamagedRow(key, 'checksum');
  }
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

function checksum(key: string, payload: Uint8Array): string {
  const octets = payload.length + 1 + key.length;
  if (scratch.length < octets) scratch = Buffer.allocUnsafe(2 * octets);
  scratch.set(payload, 0);
  scratch[payload.length] = 0;
  scratch.write(key, payload.length + 1, 'latin1');
  return digestOf(scratch.subarray(0, octets));
}
