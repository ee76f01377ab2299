// Which submissions may have been seen: a Bloom filter over dedup digests, so that a new message costs no read to know
// that it is new. Filled at boot by the scan, and by every birth; of fixed size, and never wrong about what it denies.
// A full one only reads more often.

const wordBits = 24;
const mask = (1 << wordBits) - 1;

export class SeenFilter {
  /** 2^24 bits: 2 MiB; one read in two hundred too many with a million digests. */
  private readonly words = new Uint32Array(1 << (wordBits - 5));

  /** Remembers a digest of keys.ts: base32, uniformly distributed, so that its own letters are the hash. */
  add(digest: string): void {
    for (let at = 0; at < 20; at += 5) {
      const bit = bitAt(digest, at);
      this.words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  /** False: never added. True: perhaps. */
  mayHave(digest: string): boolean {
    for (let at = 0; at < 20; at += 5) {
      const bit = bitAt(digest, at);
      if ((this.words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

// Five letters hold 25 bits; one is dropped.
function bitAt(digest: string, at: number): number {
  let value = 0;
  for (let index = at; index < at + 5; index += 1)
    value = (value << 5) | letterValue(digest.charCodeAt(index));
  return value & mask;
}

const letterValue = (code: number): number => (code >= 97 ? code - 97 : code - 24);
