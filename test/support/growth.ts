// Whether a reader stays linear: it is given an input of growing size, and what it costs is the time the processor
// spends, least of several runs, so that a busy machine does not change the answer.
import { processorMs } from './processor-time.js';

/** Sizes to which an input grows, in octets: each is twice the one before. */
export const growingSizes: readonly number[] = [8_192, 16_384, 32_768, 65_536];

const runs = 7;
const attempts = 3;
/** Below this nothing can be told apart. */
const leastTellingMs = 0.1;

/**
 * From the first size to the last an input grows eight times: so does the time of a linear reader, and that of a
 * quadratic one 64 times. So much more than linear is put down to the machine.
 */
const slack = 2.5;

export interface Growth {
  readonly fine: boolean;
  /** What was measured, for a failure. */
  readonly seen: string;
}

/** Least time of some runs, in milliseconds. */
function least(run: () => void): number {
  return Math.min(...Array.from({ length: runs }, () => processorMs(run)));
}

/**
 * Whether time grows no faster than the input does. A busy machine may spoil one attempt, not all of them; a quadratic
 * reader spoils every one.
 */
export function growth(run: (size: number) => void, sizes = growingSizes): Growth {
  let seen = '';
  for (let left = attempts; left > 0; left--) {
    const times = sizes.map((size) => least(() => run(size)));
    seen = times.map((ms) => ms.toFixed(3)).join(' → ');
    const [first = 0, last = 0] = [times[0], times.at(-1)];
    const grown = (sizes.at(-1) ?? 1) / (sizes[0] ?? 1);
    if (last < leastTellingMs || last < first * grown * slack)
      return { fine: true, seen: `${seen} ms` };
  }
  return { fine: false, seen: `${seen} ms` };
}
