// Runs that failed once, kept for ever with what was found by them. Each is kept with the options it failed under, shrunk
// or whole: a seed alone means something else as soon as a kind of fault is added.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Options, optionsOf, type Rates, rateNames } from './options.js';

/** Options with the rates that are not nil alone. */
export interface Kept {
  readonly found: string;
  readonly seed: number;
  readonly options: Partial<Omit<Options, 'rates' | 'seed'>> & { readonly rates: Partial<Rates> };
}

const path = fileURLToPath(new URL('regressions.json', import.meta.url));

export const regressions = (): readonly Kept[] =>
  JSON.parse(readFileSync(path, 'utf8')) as readonly Kept[];

export function optionsOfKept({ seed, options }: Kept): Options {
  const rates = Object.fromEntries(rateNames.map((name) => [name, options.rates[name] ?? 0]));
  const unknown = { notices: false, holdsBlocked: false, quota: null };
  return { ...optionsOf(seed), ...unknown, ...options, rates: rates as Rates };
}

/** How a run is to be written into regressions.json. */
export function kept(options: Options, found: string): Kept {
  const { seed, rates, ...rest } = options;
  const wrong = Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate > 0));
  return { found, seed, options: { ...rest, rates: wrong } };
}
