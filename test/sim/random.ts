// Dice of the simulation: sfc32, a few nanoseconds for a number. Every actor and every kind of fault has a stream of its
// own, named by a salt, so that taking one fault away leaves the throws of the others alone (shrink.ts needs it).

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  constructor(
    private readonly seed: number,
    salt: string,
  ) {
    let mixed = 0x811c9dc5;
    for (let index = 0; index < salt.length; index += 1)
      mixed = Math.imul(mixed ^ salt.charCodeAt(index), 0x01000193);
    this.a = seed | 0;
    this.b = Math.trunc(seed / 0x1_0000_0000) | 0;
    this.c = mixed | 0;
    for (let round = 0; round < 12; round += 1) this.u32();
  }

  /** A stream of the same seed under another name. */
  named(salt: string): Random {
    return new Random(this.seed, salt);
  }

  u32(): number {
    const sum = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 to less than 1. */
  float(): number {
    return this.u32() / 0x1_0000_0000;
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** From `low` to less than `high`. */
  between(low: number, high: number): number {
    return low + this.float() * (high - low);
  }

  /** As `between`, small values as likely as large ones; `low` above 0. */
  spread(low: number, high: number): number {
    return low * (high / low) ** this.float();
  }

  /** A throw is made even when the chance is nil, so that the stream does not depend on rates. */
  chance(share: number): boolean {
    return this.float() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  octets(count: number): Uint8Array {
    const octets = new Uint8Array(count);
    for (let index = 0; index < count; index += 1) octets[index] = this.u32() & 255;
    return octets;
  }
}
