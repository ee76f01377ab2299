// The checksums of LevelDB's tables, which LevelDB 1.20 writes and does not check. Rows have checksums of their own, but
// a scan passes over what only a lookup needs: separators of the index, restart points, filters. One wrong bit there and
// a row that every scan sees is not found by its key. Every octet of a table is part of a block, and every block is
// checked here (reliability R10, B10).
import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from './crc32c.js';
import { uncompressed } from './snappy.js';

interface Handle {
  readonly offset: number;
  readonly octets: number;
}

/** A table as it was before the store was opened. */
export interface SeenTable {
  readonly name: string;
  /** Changes with every writing; null when the table is not there. */
  readonly stamp: string | null;
}

/** The tables of a folder, to be asked for before LevelDB opens it. */
export const tablesIn = (folder: string): readonly SeenTable[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => ({ name, stamp: stampOf(join(folder, name)) }));

function stampOf(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.ino}/${stat.size}/${stat.mtimeNs}`;
}

/**
 * What is wrong with some tables of a folder; a table that is gone, merged into others, is nobody's damage. Nor is one
 * that was begun and never finished, on a full disk for instance: LevelDB gives its number to the next one it makes,
 * and may be writing that when we look.
 */
export async function damagedTables(
  folder: string,
  tables: readonly SeenTable[],
): Promise<readonly string[]> {
  const damage: string[] = [];
  for (const { name, stamp } of tables) {
    const path = join(folder, name);
    const table = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return null;
      throw cause;
    });
    const wrong = table === null ? null : wrongIn(table);
    if (wrong !== null && stampOf(path) === stamp) damage.push(`${name}: ${wrong}`);
  }
  return damage;
}

const footerOctets = 48;
const magic = Buffer.from('57fb808b247547db', 'hex');
/** Behind each block: how it is compressed, and the checksum of both. */
const trailerOctets = 5;

/** What is wrong with a table, or null. */
export function wrongIn(table: Buffer): string | null {
  const footer = table.subarray(Math.max(0, table.length - footerOctets));
  if (footer.length < footerOctets || !footer.subarray(40).equals(magic)) return 'it has no end';
  try {
    return wrongBlock(table, footer);
  } catch (cause) {
    if (cause instanceof RangeError) return cause.message;
    throw cause;
  }
}

function wrongBlock(table: Buffer, footer: Buffer): string | null {
  const reader = new VarintReader(footer);
  const meta = readHandle(reader);
  const index = readHandle(reader);
  const blocks = [meta, index];
  for (const handle of [meta, index]) {
    const wrong = checked(table, handle);
    if (wrong !== null) return wrong;
    blocks.push(...entriesOf(blockOf(table, handle)));
  }
  for (const handle of blocks) {
    const wrong = checked(table, handle);
    if (wrong !== null) return wrong;
  }
  const sum = blocks.reduce((octets, one) => octets + one.octets + trailerOctets, footerOctets);
  return sum === table.length ? null : 'its blocks do not make up the file';
}

function checked(table: Buffer, { offset, octets }: Handle): string | null {
  const end = offset + octets;
  if (end + trailerOctets > table.length) return `the block at ${offset} leaves the file`;
  return unmasked(table.readUInt32LE(end + 1)) === crc32c(table, offset, end + 1)
    ? null
    : `the block at ${offset} fails its checksum`;
}

/** LevelDB stores a checksum turned and shifted, so that checksums of checksums stay good. */
function unmasked(stored: number): number {
  const turned = (stored - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

function blockOf(table: Buffer, { offset, octets }: Handle): Buffer {
  const block = table.subarray(offset, offset + octets);
  return table[offset + octets] === 0 ? block : uncompressed(block);
}

/** The handles that a block of index entries holds. */
function entriesOf(block: Buffer): readonly Handle[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const entries = block.subarray(0, block.length - 4 - 4 * restarts);
  const reader = new VarintReader(entries);
  const handles: Handle[] = [];
  while (reader.at < entries.length) {
    reader.next();
    const keyOctets = reader.next();
    const valueOctets = reader.next();
    reader.at += keyOctets;
    const end = reader.at + valueOctets;
    handles.push(readHandle(reader));
    reader.at = end;
  }
  return handles;
}

const readHandle = (reader: VarintReader): Handle => ({
  offset: reader.next(),
  octets: reader.next(),
});

class VarintReader {
  at = 0;

  constructor(private readonly octets: Buffer) {}

  next(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const octet = this.octets.readUInt8(this.at);
      this.at += 1;
      value += (octet & 127) * scale;
      if (octet < 128) return value;
      if (scale > 2 ** 42) throw new RangeError('a number without end');
    }
  }
}
