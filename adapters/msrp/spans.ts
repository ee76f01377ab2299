// Which octets of a message are there: spans in order, apart from each other, never more of them than a bound. Knows
// nothing of what they hold.
import { msrpLimits } from './limits.js';

interface Span {
  from: number;
  to: number;
}

export class Spans {
  private readonly spans: Span[] = [];

  /** Adds the octets from one up to, and without, another, counted from 0; false when there are too many gaps by now. */
  add(from: number, to: number): boolean {
    const first = this.firstTouching(from);
    let after = first;
    const merged = { from, to };
    for (; after < this.spans.length && this.spans[after]!.from <= to; after += 1) {
      merged.from = Math.min(merged.from, this.spans[after]!.from);
      merged.to = Math.max(merged.to, this.spans[after]!.to);
    }
    this.spans.splice(first, after - first, merged);
    return this.spans.length <= msrpLimits.gapsMax;
  }

  /** Whether all octets of a message of that many are there. */
  covers(total: number): boolean {
    if (total === 0) return true;
    const only = this.spans.length === 1 ? this.spans[0]! : null;
    return only !== null && only.from === 0 && only.to === total;
  }

  /** Behind the last octet that is there. */
  get reach(): number {
    return this.spans.at(-1)?.to ?? 0;
  }

  clear(): void {
    this.spans.length = 0;
  }

  // Index of the first span that ends at or after an octet: by halves, as a message may have many.
  private firstTouching(from: number): number {
    let low = 0;
    let high = this.spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.spans[middle]!.to < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
