// What a benchmark brings home: figures with their runs, aims held against medians, and what was lost. Plain data, so
// that text, Markdown and JSON come from the same place. Knows nothing about how anything was measured.

/** An aim of the order, and whether the median reached it. */
export interface Aim {
  /** `>= 0.60`, as it stands in the tables. */
  readonly text: string;
  readonly reached: boolean;
}

/** One measured quantity: one value for each run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly aim: Aim | null;
}

/** All that one benchmark found. */
export interface Findings {
  readonly title: string;
  readonly figures: readonly Figure[];
  /** How it was measured: sizes, settings that differ from the defaults, oddities of this run. */
  readonly notes: readonly string[];
  /** Numbers of 202 and of stored messages that do not agree; empty when nothing was lost. */
  readonly lost: readonly string[];
}

export interface Wanted {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure of several runs; `wanted` is held against the median. */
export function figure(
  name: string,
  unit: string,
  values: readonly number[],
  wanted: Wanted = {},
): Figure {
  const middle = median(values);
  const min = Math.min(...values);
  const max = Math.max(...values);
  return { name, unit, values, median: middle, min, max, aim: aimOf(middle, wanted) };
}

function aimOf(value: number, { atLeast, atMost }: Wanted): Aim | null {
  if (atLeast !== undefined) return { text: `>= ${shown(atLeast)}`, reached: value >= atLeast };
  if (atMost !== undefined) return { text: `<= ${shown(atMost)}`, reached: value <= atMost };
  return null;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new TypeError('a median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** `a[i] / b[i]`: both sides of one pair ran next to each other. */
export const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, index) => value / b[index]!);

/** The value below which a share of all lies; `sorted` ascending. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** As many digits as one can read: 12,345 · 123 · 12.3 · 0.603. */
export function shown(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** What the senders heard and what a store holds. */
export interface Balance {
  readonly where: string;
  /** Answered 202. */
  readonly accepted: number;
  /** Answered otherwise, or not at all: each may still have been kept. */
  readonly unsure: number;
  readonly stored: number;
}

/** Nothing when all that was answered 202 is there and no more than can be explained; else the sentence to print. */
export function imbalance({ where, accepted, unsure, stored }: Balance): readonly string[] {
  if (stored >= accepted && stored <= accepted + unsure) return [];
  const what = stored < accepted ? 'lost' : 'stored without being sent';
  return [
    `${where}: ${accepted} answered 202, ${stored} in the store: ${Math.abs(accepted - stored)} ${what}`,
  ];
}
