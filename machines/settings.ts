// The settings of a policy: what they mean, their units, and what holds where a file is silent.

/** Seconds, or `none` for no limit of this kind. */
export type SecondsOrNone = number | 'none';

/** A length of time with its unit, exactly one of them. */
export type Duration =
  | { readonly seconds: number }
  | { readonly minutes: number }
  | { readonly hours: number }
  | { readonly days: number };

export interface PolicySettings {
  /** Life of a message whose sender named none. */
  readonly defaultExpirySeconds: SecondsOrNone;
  /** Longest life a sender may ask for; the earlier of the two wins. */
  readonly maxExpirySeconds: SecondsOrNone;
  /** After this a message ends whatever happens; never `none`, so that nothing stays for ever. */
  readonly maxLifetimeSeconds: number;
  /** How far a SIP Date may lie ahead of receipt before it is cut. */
  readonly dateSkewSeconds: number;
  /** Waits between pushes to a user who stays registered; the last one repeats. */
  readonly retryStepsSeconds: readonly number[];
  /** Declares that this policy delivers messages whose expiry has passed, marked as such. */
  readonly deliverAfterExpiry: boolean;
  /** Delays of the chart, by name. */
  readonly delays: Readonly<Record<string, Duration>>;
}

export const defaultSettings: PolicySettings = {
  defaultExpirySeconds: 604_800,
  maxExpirySeconds: 2_592_000,
  maxLifetimeSeconds: 7_776_000,
  dateSkewSeconds: 300,
  retryStepsSeconds: [60, 300, 1800],
  deliverAfterExpiry: false,
  delays: {},
};

const millisecondsPer = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 };

/** Milliseconds of a duration. */
export function durationMs(duration: Duration): number {
  const [unit, count] = Object.entries(duration)[0] as [keyof typeof millisecondsPer, number];
  return count * millisecondsPer[unit];
}

/** A policy's settings with the defaults filled in. */
export function withDefaults(given: Partial<PolicySettings> | undefined): PolicySettings {
  return { ...defaultSettings, ...given };
}
