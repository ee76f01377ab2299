// From a failing seed to a story that a person can read: faults are taken away, then messages, then phones and proxies,
// as long as the same invariant still fails.
import { describe, type Options, rateNames } from './options.js';
import { runOptions } from './run.js';
import type { Outcome } from './simulation.js';

/** The smallest options found that fail in the same way. */
export function shrink(options: Options, code: string): Options {
  const fails = (tried: Options) => runOptions(tried).violation?.code === code;
  let smallest = options;
  const attempt = (tried: Options) => {
    if (!fails(tried)) return false;
    smallest = tried;
    return true;
  };
  for (let round = 0; round < 3; round += 1) {
    const before = smallest;
    for (const name of rateNames) {
      if (smallest.rates[name] > 0)
        attempt({ ...smallest, rates: { ...smallest.rates, [name]: 0 } });
    }
    for (let index = 0; index < options.messages; index += 1) {
      if (!smallest.without.includes(index))
        attempt({ ...smallest, without: [...smallest.without, index] });
    }
    if (smallest.phones > 1) attempt({ ...smallest, phones: 1 });
    if (smallest.proxies > 1) attempt({ ...smallest, proxies: 1 });
    if (smallest === before) break;
  }
  return smallest;
}

const storyLines = 120;

/** What happened, in words. */
export function story(options: Options): string {
  const outcome: Outcome = runOptions(options, { story: true });
  const lines = outcome.trace.all ?? [];
  const shown =
    lines.length <= storyLines
      ? lines
      : [
          ...lines.slice(0, 20),
          `        … ${lines.length - storyLines} lines …`,
          ...lines.slice(20 - storyLines),
        ];
  return [describe(options), ...shown].join('\n');
}
