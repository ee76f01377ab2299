// The chunks of one MSRP message put together: any order, interleaved with others, repeated, overlapping; of
// overlapping octets those that came last count (RFC 4975 section 7.3.1). The message is complete when its last
// chunk was seen and no octet is missing; before that nothing of it is anybody's business. Memory is asked for
// before it is taken. Knows no frames and no sessions.
import type { ByteRange } from './fields.js';
import { Spans } from './spans.js';

/** Octets that may be held; shared by all messages under way. */
export class Budget {
  private used = 0;

  constructor(private readonly octetsMax: number) {}

  /** False when there is not that much left. */
  take(octets: number): boolean {
    if (this.used + octets > this.octetsMax) return false;
    this.used += octets;
    return true;
  }

  give(octets: number): void {
    this.used -= octets;
  }

  get held(): number {
    return this.used;
  }
}

/** Why a chunk was not taken: more than the limit, or a range that cannot be true. */
export type AssemblyFault = 'too-large' | 'contradiction' | 'too-many-gaps' | 'no-memory';

export class Assembly {
  private buffer: Buffer = Buffer.alloc(0);
  /** Octets that are there. */
  private readonly spans = new Spans();
  private total: number | null = null;
  private sawLast = false;
  /** Where the next octets of the chunk being read belong, counted from 0. */
  private at = 0;

  constructor(
    private readonly octetsMax: number,
    private readonly budget: Budget,
  ) {}

  /** A chunk begins. */
  begin(range: ByteRange): AssemblyFault | null {
    if (range.start - 1 > this.octetsMax || (range.total ?? 0) > this.octetsMax) return 'too-large';
    this.at = range.start - 1;
    return range.total === null ? null : this.settleTotal(range.total);
  }

  /** Octets of the chunk that was begun. */
  write(octets: Uint8Array): AssemblyFault | null {
    const end = this.at + octets.length;
    if (end > this.octetsMax) return 'too-large';
    if (this.total !== null && end > this.total) return 'contradiction';
    if (!this.grow(end)) return 'no-memory';
    this.buffer.set(octets, this.at);
    const from = this.at;
    this.at = end;
    return octets.length === 0 || this.spans.add(from, end) ? null : 'too-many-gaps';
  }

  /** The chunk that was begun ends, and it is the message's last one. */
  last(): AssemblyFault | null {
    this.sawLast = true;
    return this.settleTotal(this.at);
  }

  /** Every octet is there and the last chunk was seen. */
  get complete(): boolean {
    return this.sawLast && this.total !== null && this.spans.covers(this.total);
  }

  /** The whole message; only when it is complete. */
  content(): Buffer {
    if (!this.complete) throw new TypeError('the message is not complete');
    return this.buffer.subarray(0, this.total ?? 0);
  }

  /** Gives its memory back; it is not to be used afterwards. */
  drop(): void {
    this.budget.give(this.buffer.length);
    this.buffer = Buffer.alloc(0);
    // Octets that are gone must never count as present.
    this.spans.clear();
  }

  private settleTotal(total: number): AssemblyFault | null {
    if ((this.total !== null && this.total !== total) || this.spans.reach > total)
      return 'contradiction';
    this.total = total;
    return null;
  }

  // Twice as much each time, or all that was announced: an octet is copied a bounded number of times.
  private grow(needed: number): boolean {
    if (needed <= this.buffer.length) return true;
    const doubled = Math.max(needed, 2 * this.buffer.length, 4096);
    const size = Math.min(this.octetsMax, this.total ?? doubled);
    if (!this.budget.take(size - this.buffer.length)) return false;
    const larger = Buffer.alloc(size);
    this.buffer.copy(larger);
    this.buffer = larger;
    return true;
  }
}
