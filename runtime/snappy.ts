// Snappy, read only: LevelDB compresses blocks of its tables with it, those of the index too. Raw format, no frames.

/** The octets behind a compressed block. Throws RangeError when it is none. */
export function uncompressed(block: Buffer): Buffer {
  const { value: octets, at: begin } = readLength(block);
  if (octets > octetsMax) throw new RangeError('a compressed block is too long');
  const out = Buffer.alloc(octets);
  let at = begin;
  let end = 0;
  while (at < block.length) {
    const tag = block.readUInt8(at);
    const piece = (tag & 3) === 0 ? literal(block, at, tag) : copy(block, at, tag);
    if (end + piece.octets > octets) throw new RangeError('a compressed block overflows');
    if (piece.back === 0) block.copy(out, end, piece.at, piece.at + piece.octets);
    else repeat(out, end, piece);
    end += piece.octets;
    at = piece.back === 0 ? piece.at + piece.octets : piece.at;
  }
  if (end !== octets || at !== block.length) throw new RangeError('a compressed block is cut');
  return out;
}

/** A block holds 16 KiB and one row more; nothing of ours is as long as this. */
const octetsMax = 64 * 1024 * 1024;

interface Piece {
  /** How far back the octets stand that are to be repeated; 0: they follow at `at`. */
  readonly back: number;
  readonly octets: number;
  readonly at: number;
}

function literal(block: Buffer, at: number, tag: number): Piece {
  const short = tag >>> 2;
  if (short < 60) return { back: 0, octets: short + 1, at: at + 1 };
  const width = short - 59;
  return { back: 0, octets: block.readUIntLE(at + 1, width) + 1, at: at + 1 + width };
}

function copy(block: Buffer, at: number, tag: number): Piece {
  if ((tag & 3) === 1) {
    const back = ((tag >>> 5) << 8) | block.readUInt8(at + 1);
    return { back: nonZero(back), octets: 4 + ((tag >>> 2) & 7), at: at + 2 };
  }
  const width = (tag & 3) === 2 ? 2 : 4;
  const back = block.readUIntLE(at + 1, width);
  return { back: nonZero(back), octets: (tag >>> 2) + 1, at: at + 1 + width };
}

function nonZero(back: number): number {
  if (back === 0) throw new RangeError('a compressed block repeats nothing');
  return back;
}

// The two may overlap: octet by octet, as the format says.
function repeat(out: Buffer, end: number, { back, octets }: Piece): void {
  if (back > end) throw new RangeError('a compressed block begins before its beginning');
  for (let index = end; index < end + octets; index += 1) out[index] = out[index - back] as number;
}

function readLength(block: Buffer): { readonly value: number; readonly at: number } {
  let value = 0;
  for (let at = 0; at < 5; at += 1) {
    const octet = block.readUInt8(at);
    value += (octet & 127) * 128 ** at;
    if (octet < 128) return { value, at: at + 1 };
  }
  throw new RangeError('a compressed block has no length');
}
