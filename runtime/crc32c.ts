// CRC-32C (Castagnoli), the checksum of LevelDB's files; zlib knows only the other polynomial. Eight octets at a time:
// a boot reads every table once.

const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
];

for (let octet = 0; octet < 256; octet += 1) {
  let crc = octet;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  t0[octet] = crc;
}
for (let octet = 0; octet < 256; octet += 1) {
  let crc = t0[octet]!;
  for (const table of tables.slice(1)) {
    crc = t0[crc & 255]! ^ (crc >>> 8);
    table[octet] = crc;
  }
}

/** The checksum of the octets from `from` up to `to`. */
export function crc32c(octets: Uint8Array, from = 0, to = octets.length): number {
  let crc = -1;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    crc ^= octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[octets[at + 4]!]! ^
      t2[octets[at + 5]!]! ^
      t1[octets[at + 6]!]! ^
      t0[octets[at + 7]!]!;
  }
  for (; at < to; at += 1) crc = t0[(crc ^ octets[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
