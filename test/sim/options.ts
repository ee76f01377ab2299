// What a seed stands for: how many of everything, and how often each thing goes wrong. A fifth to half of the rates are
// nil in every seed, so that each kind of fault is also met alone (swarm testing).
import { Random } from './random.js';

/** Least and largest value of each rate, where it is not nil. Shares of occasions, or occasions a minute. */
const rateBounds = {
  // The store.
  commitFails: [0.002, 0.04],
  commitStalls: [0.01, 0.1],
  readFails: [0.0002, 0.002],
  storeFull: [0.1, 1],
  damagedAtBoot: [0.05, 0.3],
  // The process.
  killsPerMinute: [0.1, 2],
  killedAtPoint: [0.0003, 0.005],
  stopsPerMinute: [0.1, 1],
  pausesPerMinute: [0.1, 1],
  // The bus.
  lineLost: [0.005, 0.25],
  lineTwice: [0.005, 0.2],
  lineSlow: [0.01, 0.3],
  partitionsPerMinute: [0.1, 2],
  busRestartsPerMinute: [0.1, 1],
  revokedPerMinute: [0.1, 0.7],
  // The clock.
  clockStepsPerMinute: [0.1, 3],
  clockLeapsPerMinute: [0.05, 1],
  wrongAtBoot: [0.1, 0.5],
  driftShare: [0.0001, 0.01],
  // The proxies, and a neighbour on the bus who forges outcomes.
  forgedPerMinute: [0.2, 4],
  proxyRestartsPerMinute: [0.1, 1.5],
  proxyForgetsPerMinute: [0.1, 2],
  notSentByProxy: [0.01, 0.1],
  // The phones and those who report to.
  phoneBusy: [0.05, 0.5],
  phoneUnsuited: [0.02, 0.3],
  phoneRefuses: [0.02, 0.3],
  phoneSilent: [0.02, 0.4],
  phoneLate: [0.02, 0.3],
  phoneTwice: [0.02, 0.3],
  flapsPerMinute: [0.2, 6],
  reportBusy: [0.05, 0.6],
  reportRefused: [0.02, 0.3],
  // The senders.
  repeats: [0.05, 0.6],
  conflicts: [0.02, 0.3],
  // Users and operators.
  userActsPerMinute: [0.2, 4],
  operatorActsPerMinute: [0.1, 2],
  policySwitchesPerMinute: [0.1, 1.5],
} as const;

/** The same of what came later: thrown with dice of their own, so that older seeds stay what they were. */
const laterBounds = {
  // Senders take messages back; what phones say of a delivery goes through us.
  withdrawalsPerMinute: [0.3, 6],
  imdnPassed: [0.1, 1],
  // Users change what they want, and ask for messages out of their turn.
  preferencesPerMinute: [0.2, 3],
  requestsPerMinute: [0.2, 2],
  // Letters that came by a session and are pushed in one.
  largeLetters: [0.1, 0.6],
  // Letters whose life is over when they arrive.
  deadOnArrival: [0.05, 0.5],
} as const;

/** The same of what came after that. */
const latestBounds = {
  // Operators move what lives to another policy, or force it there.
  migrationsPerMinute: [0.2, 2],
  // Steps of a chart that throw: their messages are parked, and an operator frees them.
  stepFails: [0.005, 0.1],
  // Owners subscribe to the notices of their mailboxes, and their phones do not always take a NOTIFY; asked only with notices.
  subscriptionsPerMinute: [2, 15],
  notifyFails: [0.05, 0.7],
} as const;

export type RateName =
  | keyof typeof rateBounds
  | keyof typeof laterBounds
  | keyof typeof latestBounds;
const earlierNames = Object.keys(rateBounds) as readonly (keyof typeof rateBounds)[];
const laterNames = Object.keys(laterBounds) as readonly (keyof typeof laterBounds)[];
const latestNames = Object.keys(latestBounds) as readonly (keyof typeof latestBounds)[];
export const rateNames: readonly RateName[] = [...earlierNames, ...laterNames, ...latestNames];

export type Rates = Readonly<Record<RateName, number>>;

export interface Options {
  readonly seed: number;
  readonly rates: Rates;
  readonly messages: number;
  readonly recipients: number;
  readonly senders: number;
  readonly phones: number;
  readonly proxies: number;
  /** Length of the first phase. */
  readonly faultMs: number;
  readonly policyId: 'delete-and-report' | 'deliver-late' | 'notify-and-pull';
  /** Proxies are known by their answers to a beat each second; costs steps, so only some seeds have it. */
  readonly beats: boolean;
  /** The calm goes on until the store has forgotten every message. */
  readonly untilForgotten: boolean;
  /** Senders who ask for it are told at once that their message is stored. */
  readonly early?: boolean;
  /** Somebody hears of every step. */
  readonly audit?: boolean;
  /** Users may be told that messages wait, and fetch them. */
  readonly notices?: boolean;
  /** What waits from a sender who has been blocked since is held back. */
  readonly holdsBlocked?: boolean;
  /** How much may wait for a user, and what happens then; by default more than is ever sent here. */
  readonly quota?: Quota | null;
  /** Messages that are not sent at all: left out while a story is made shorter. */
  readonly without: readonly number[];
}

export interface Quota {
  readonly mailbox: number;
  readonly pair: number;
  readonly atLimit: 'refuse' | 'drop-oldest';
}

/** The options a seed stands for. */
export function optionsOf(seed: number): Options {
  const random = new Random(seed, 'options');
  const nilShare = random.between(0.2, 0.5);
  const rates = {} as Record<RateName, number>;
  for (const name of earlierNames) {
    const nil = random.chance(nilShare);
    const [low, high] = rateBounds[name];
    const rate = random.spread(low, high);
    rates[name] = nil ? 0 : rate;
  }
  const later = laterOf(seed);
  const latest = latestOf(seed, later);
  return {
    seed,
    rates: { ...rates, ...later.rates, ...latest.rates },
    messages: 4 + random.below(20),
    recipients: 1 + random.below(4),
    senders: 1 + random.below(3),
    phones: 1 + random.below(2),
    proxies: 1 + random.below(2),
    faultMs: Math.trunc(random.spread(80_000, 600_000)),
    policyId: policyOf(random.chance(0.3), later, latest),
    beats: random.chance(0.1),
    untilForgotten: random.chance(0.02),
    early: random.chance(0.15),
    // Dice of its own: the other throws stay what they were.
    audit: new Random(seed, 'audit').chance(0.25),
    notices: later.notices,
    holdsBlocked: later.holdsBlocked,
    quota: latest.quota,
    without: [],
  };
}

const policyOf = (late: boolean, { pulls }: Later, { rates }: Latest): Options['policyId'] => {
  if (pulls || rates.subscriptionsPerMinute > 0) return 'notify-and-pull';
  return late ? 'deliver-late' : 'delete-and-report';
};

interface Later {
  readonly rates: Readonly<Record<keyof typeof laterBounds, number>>;
  readonly notices: boolean;
  readonly holdsBlocked: boolean;
  readonly pulls: boolean;
}

// Half of all seeds know nothing of it.
function laterOf(seed: number): Later {
  const random = new Random(seed, 'later');
  const dying = new Random(seed, 'dying');
  const any = random.chance(0.5);
  const rates = Object.fromEntries(
    laterNames.map((name) => {
      const dice = name === 'deadOnArrival' ? dying : random;
      const nil = dice.chance(0.5) || !any;
      const [low, high] = laterBounds[name];
      const rate = dice.spread(low, high);
      return [name, nil ? 0 : rate];
    }),
  ) as Later['rates'];
  const notices = random.chance(0.4) && any;
  const holdsBlocked = random.chance(0.5) && any;
  const pulls = random.chance(0.5) && notices;
  return { rates, notices, holdsBlocked, pulls };
}

interface Latest {
  readonly rates: Readonly<Record<keyof typeof latestBounds, number>>;
  readonly quota: Quota | null;
}

const ofNotices: readonly string[] = ['subscriptionsPerMinute', 'notifyFails'];

// Each kind in a fifth of the seeds; subscriptions in half of those that know notices.
function latestOf(seed: number, { notices }: Later): Latest {
  const random = new Random(seed, 'latest');
  const rates = Object.fromEntries(
    latestNames.map((name) => {
      const within = ofNotices.includes(name);
      const nil = !random.chance(within ? 0.6 : 0.2) || (within && !notices);
      const [low, high] = latestBounds[name];
      const rate = random.spread(low, high);
      return [name, nil ? 0 : rate];
    }),
  ) as Latest['rates'];
  const limited = random.chance(0.2);
  const quota: Quota = {
    mailbox: 1 + random.below(6),
    pair: 1 + random.below(4),
    atLimit: random.chance(0.6) ? 'drop-oldest' : 'refuse',
  };
  return { rates, quota: limited ? quota : null };
}

/** The options in words: what is not nil. */
export function describe(options: Options): string {
  const { rates, seed, without, quota, ...rest } = options;
  const parts = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
  if (quota != null) parts.push(`quota=${quota.mailbox}/${quota.pair}/${quota.atLimit}`);
  const wrong = rateNames
    .filter((name) => rates[name] > 0)
    .map((name) => `${name}=${Number(rates[name].toPrecision(2))}`);
  const left = without.length === 0 ? '' : `\n  without messages ${without.join(' ')}`;
  return `  ${parts.join(' ')}\n  ${wrong.join(' ') || 'nothing goes wrong'}${left}`;
}
