// Random slips of the pen in a shipped policy, by seed. Each mutant is caught by the gate, or it survives; a survivor must
// be harmless, and why is found by comparing what it does with what the original does, on everything either can do.
import {
  type Exploration,
  firstDifference,
  messageEventTypes,
  shippedPolicy,
} from '../../../machines/index.js';
import { judge } from '../../../runtime/index.js';
import type { Loose } from '../../support/policies.js';

export interface Mutant {
  readonly seed: number;
  readonly base: string;
  /** What was changed, in words. */
  readonly slip: string;
  readonly source: unknown;
}

export type Fate =
  | { readonly kind: 'caught'; readonly by: string }
  /** Nobody outside can tell it from the original. */
  | { readonly kind: 'alike' }
  /** It does something else, and keeps every promise in all it can do. */
  | {
      readonly kind: 'sound';
      readonly after: string;
      readonly does: string;
      readonly was: string;
      /** What its author is told all the same. */
      readonly warned: readonly string[];
    };

/** What becomes of a mutant; null stands for a survivor that was not explored to its end, which must not be. */
export function fateOf({ source }: Mutant, original: Exploration): Fate | null {
  const { ok, findings, known } = judge(source);
  if (!ok) return { kind: 'caught', by: findings[0]!.code };
  if (known === null) return null;
  const difference = firstDifference(original, known.exploration);
  if (difference === null) return { kind: 'alike' };
  const { path, first: was, second: does } = difference;
  const warned = findings.map((one) => one.message);
  return { kind: 'sound', after: path.join(', '), does, was, warned };
}

/** A small generator with a state of 32 bits (xorshift). */
function dice(seed: number): (sides: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % sides;
  };
}

/** One mutant of a shipped policy; the same for the same seed. */
export function mutantOf(base: string, seed: number): Mutant {
  const roll = dice(seed);
  for (let attempt = 0; ; attempt += 1) {
    const source: Loose = structuredClone(shippedPolicy(base));
    const slip = slips[roll(slips.length)]!(source, roll);
    if (slip !== null) return { seed, base, slip, source };
    if (attempt > 100) throw new TypeError(`no mutant of ${base} for seed ${seed}`);
  }
}

type Roll = (sides: number) => number;
type Slip = (policy: Loose, roll: Roll) => string | null;

interface Place {
  readonly path: string;
  readonly state: Loose;
}

function placesIn(policy: Loose): readonly Place[] {
  const found: Place[] = [];
  const walk = (states: Loose, above: string) => {
    for (const [key, state] of Object.entries<Loose>(states ?? {})) {
      found.push({ path: above + key, state });
      walk(state.states, `${above}${key}.`);
    }
  };
  walk(policy.machine.states, '');
  return found;
}

interface Taken {
  /** Where it stands: `stored on message.deleted`. */
  readonly where: string;
  readonly all: Loose[];
  readonly index: number;
  readonly put: (all: Loose[]) => void;
}

/** Every transition, with a way to write its list back. */
function transitionsIn(policy: Loose): readonly Taken[] {
  return placesIn(policy).flatMap(({ path, state }) => {
    const lists: [string, Loose, (value: Loose) => void][] = [
      ...['on', 'after'].flatMap((field) =>
        Object.entries<Loose>(state[field] ?? {}).map(
          ([name, value]): [string, Loose, (value: Loose) => void] => [
            `${path} ${field} ${name}`,
            value,
            (next) => {
              if (next === undefined) delete state[field][name];
              else state[field][name] = next;
            },
          ],
        ),
      ),
      ...(state.always === undefined
        ? []
        : [
            [
              `${path} always`,
              state.always,
              (next: Loose) => {
                if (next === undefined) delete state.always;
                else state.always = next;
              },
            ] as [string, Loose, (value: Loose) => void],
          ]),
    ];
    return lists.flatMap(([where, value, put]) => {
      const all = (Array.isArray(value) ? value : [value]).map((one) =>
        typeof one === 'string' ? { target: one } : one,
      );
      return all.map(
        (_, index): Taken => ({
          where,
          all,
          index,
          put: (next) => put(next.length === 0 ? undefined : next.length === 1 ? next[0] : next),
        }),
      );
    });
  });
}

const pick = <T>(all: readonly T[], roll: Roll): T | undefined =>
  all.length === 0 ? undefined : all[roll(all.length)];

const withoutOne = <T>(all: readonly T[], index: number): T[] =>
  all.filter((_, at) => at !== index);

const slips: readonly Slip[] = [
  function forgetTransition(policy, roll) {
    const one = pick(transitionsIn(policy), roll)!;
    one.put(withoutOne(one.all, one.index));
    return `${one.where}: alternative ${one.index + 1} is forgotten`;
  },
  function wrongTarget(policy, roll) {
    const one = pick(
      transitionsIn(policy).filter(({ all, index }) => all[index].target),
      roll,
    )!;
    const to = pick(placesIn(policy), roll)!.path;
    one.all[one.index].target = `#${policy.id}.${to}`;
    one.put(one.all);
    return `${one.where}: alternative ${one.index + 1} leads to ${to}`;
  },
  function forgetGuard(policy, roll) {
    const one = pick(
      transitionsIn(policy).filter(({ all, index }) => all[index].guard),
      roll,
    );
    if (one === undefined) return null;
    delete one.all[one.index].guard;
    one.put(one.all);
    return `${one.where}: alternative ${one.index + 1} has lost its guard`;
  },
  function wrongParameter(policy, roll) {
    const holders = transitionsIn(policy).flatMap((one) => {
      const { guard, actions } = one.all[one.index];
      return [guard, actions]
        .filter((item) => item?.params !== undefined)
        .map((item) => ({ one, item }));
    });
    const found = pick(holders, roll);
    if (found === undefined) return null;
    const [name] = Object.keys(found.item.params);
    const values: Loose[] =
      name === 'class'
        ? ['success', 'temporary', 'unsuitable', 'refused']
        : name === 'max'
          ? [1, 2, 3]
          : ['deleted', 'expired', 'outlived', 'evicted', 'withdrawn', 'dropped'];
    const value = pick(values, roll);
    if (found.item.params[name!] === value) return null;
    found.item.params[name!] = value;
    found.one.put(found.one.all);
    return `${found.one.where}: ${name} is ${value}`;
  },
  function swapAlternatives(policy, roll) {
    const one = pick(
      transitionsIn(policy).filter(({ index }) => index > 0),
      roll,
    )!;
    const { all, index } = one;
    [all[index - 1], all[index]] = [all[index], all[index - 1]];
    one.put(all);
    return `${one.where}: alternatives ${index} and ${index + 1} change places`;
  },
  function forgetEntry(policy, roll) {
    const one = pick(
      placesIn(policy).filter(({ state }) => state.entry),
      roll,
    )!;
    delete one.state.entry;
    return `${one.path}: its entry action is forgotten`;
  },
  function wrongEntry(policy, roll) {
    const one = pick(
      placesIn(policy).filter(({ state }) => state.type === undefined),
      roll,
    )!;
    const action = pick(['deliver', 'report', 'notify', 'markExpired'], roll)!;
    if (one.state.entry?.type === action) return null;
    one.state.entry = action;
    return `${one.path}: its entry action is ${action}`;
  },
  function wrongEvent(policy, roll) {
    const one = pick(
      placesIn(policy).filter(({ state }) => state.on),
      roll,
    )!;
    const from = pick(Object.keys(one.state.on), roll)!;
    const to = pick(messageEventTypes, roll)!;
    if (to in one.state.on) return null;
    one.state.on[to] = one.state.on[from];
    delete one.state.on[from];
    return `${one.path}: ${from} is written ${to}`;
  },
  function otherTag(policy, roll) {
    const one = pick(
      placesIn(policy).filter(({ state }) => state.type !== 'final'),
      roll,
    )!;
    const had = one.state.tags !== undefined;
    if (had) delete one.state.tags;
    else one.state.tags = ['live'];
    return `${one.path}: ${had ? 'is not live' : 'is live'}`;
  },
  function wrongDelay(policy, roll) {
    const states = placesIn(policy).filter(({ state }) => state.after);
    const one = pick(states, roll)!;
    const from = pick(Object.keys(one.state.after), roll)!;
    const to = pick(['expiry', 'answerTimeout', ...Object.keys(policy.settings.delays)], roll)!;
    if (to in one.state.after) return null;
    one.state.after[to] = one.state.after[from];
    delete one.state.after[from];
    return `${one.path}: waits for ${to} in place of ${from}`;
  },
  function otherLength(policy, roll) {
    const name = pick(Object.keys(policy.settings.delays), roll)!;
    const value = pick([{ seconds: 1 }, { seconds: 9 }, { hours: 1 }, { days: 400 }], roll)!;
    policy.settings.delays[name] = value;
    return `the delay ${name} is ${JSON.stringify(value)}`;
  },
  function otherSetting(policy) {
    const { settings } = policy;
    settings.deliverAfterExpiry = settings.deliverAfterExpiry !== true;
    return `deliverAfterExpiry is ${settings.deliverAfterExpiry}`;
  },
  function doneTwice(policy, roll) {
    const one = pick(
      placesIn(policy).filter(({ state }) => state.entry),
      roll,
    )!;
    one.state.entry = [one.state.entry, one.state.entry];
    return `${one.path}: its entry action stands twice`;
  },
];
