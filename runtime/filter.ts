// Which submissions may have been seen, and which users may have preferences: a Bloom filter over digests, so that
// what is new, or all default, costs no read. Filled at boot by the scan, and by every birth and change; of fixed size,
// and never wrong about what it denies. A full one only reads more often.

const filterBits = 24;
const mask = (1 << filterBits) - 1;
/** Words of a page: 4 KiB, made when the first bit in it is set, so that a small store has a small filter. */
const pageWordBits = 10;
const pageBits = pageWordBits + 5;

export class SeenFilter {
  /** 2^24 bits, 2 MiB in all; one read in two hundred too many with a million digests. */
  private readonly pages = new Array<Uint32Array | undefined>(1 << (filterBits - pageBits));

  /** Remembers a digest of keys.ts: base32, uniformly distributed, so that its own letters are the hash. */
  add(digest: string): void {
    for (let at = 0; at < 20; at += 5) {
      const bit = bitAt(digest, at);
      let page = this.pages[bit >>> pageBits];
      if (page === undefined) {
        page = new Uint32Array(1 << pageWordBits);
        this.pages[bit >>> pageBits] = page;
      }
      page[wordOf(bit)]! |= 1 << (bit & 31);
    }
  }

  /** False: never added. True: perhaps. */
  mayHave(digest: string): boolean {
    for (let at = 0; at < 20; at += 5) {
      const bit = bitAt(digest, at);
      const word = this.pages[bit >>> pageBits]?.[wordOf(bit)] ?? 0;
      if ((word & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

const wordOf = (bit: number): number => (bit >>> 5) & ((1 << pageWordBits) - 1);

// Five letters hold 25 bits; one is dropped.
function bitAt(digest: string, at: number): number {
  let value = 0;
  for (let index = at; index < at + 5; index += 1)
    value = (value << 5) | letterValue(digest.charCodeAt(index));
  return value & mask;
}

const letterValue = (code: number): number => (code >= 97 ? code - 97 : code - 24);
