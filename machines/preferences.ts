// What a served user wants of his deferred messages and what his operator allows: the settings of spec chapters 7 and
// 13, and what they mean for one sender. Plain data and pure questions; who may change them, and where they are
// kept, is not known here.

import type { ReportConsent } from './exceptions.js';

/** What a rule does with the messages of its senders. */
export type SenderAction =
  /** Kept, also where deferral is off. */
  | 'store'
  /** Not kept: the sender hears 480 (`allow-offline-storage` is false). */
  | 'no-storage'
  /** Refused openly: 403. */
  | 'block'
  /** Answered 202; nothing is kept and nothing is ever sent (spec 7.3). */
  | 'polite-block';

/** One rule about some senders. Rules have an order: the first that speaks of a sender holds. */
export interface SenderRule {
  /**
   * A canonical AOR, `@domain`, `authenticated` (whoever the proxy vouches for, under his name), `anonymous`, or `*`
   * for everybody.
   */
  readonly from: string;
  /** AORs and `@domain`s the rule does not speak of. */
  readonly except?: readonly string[];
  readonly action: SenderAction;
}

/** What a user may set. Every field has a default of the operator's. */
export interface Preferences {
  /** Whether messages of senders no rule speaks of are kept. */
  readonly deferral: 'on' | 'off';
  /** On return: the messages themselves, or a notice that they wait. Asked when the user returns. */
  readonly delivery: 'push' | 'notice';
  /** Whether a notice is sent when the user returns. */
  readonly notices: 'once' | 'off';
  /** Reports in the user's name: as asked for, none, or saying that he forbids them (RFC 5438 section 14.2). */
  readonly reports: ReportConsent;
  /** Id of the policy his new messages are stored under; null for the active one. */
  readonly expired: string | null;
}

/** What the operator sets about preferences: defaults, and what users may choose from. */
export interface PreferenceRules {
  /** But for `reports`: that default is `consent` of the rules about reports. */
  readonly defaults: Omit<Preferences, 'reports'>;
  /** Whether messages may be stored at all. */
  readonly permitted: boolean;
  /** AORs and `@domain`s of served users for whom the opposite of `permitted` holds. */
  readonly permittedExcept: readonly string[];
  /** Ids of the policies a user may choose in `expired`. */
  readonly expiredChoices: readonly string[];
  /** What a message already stored for a user who has blocked its sender since meets in his delivery run. */
  readonly blockedAtDelivery: 'deliver' | 'hold';
}

export const defaultPreferenceRules: PreferenceRules = {
  defaults: { deferral: 'on', delivery: 'push', notices: 'once', expired: null },
  permitted: true,
  permittedExcept: [],
  expiredChoices: [],
  blockedAtDelivery: 'deliver',
};

/** Most rules of one user, and most exceptions of one rule. */
export const senderRulesMax = 256;

/** Octets that the settings of one user may have as JSON: they are read for every message to him. */
export const preferenceOctetsMax = 65_536;
export const ruleExceptionsMax = 32;

/** What one user has set, and what his operator has set for him; what is absent has the default. */
export interface PreferenceRecord {
  readonly own: Partial<Preferences>;
  readonly rules: readonly SenderRule[];
  /** The operator's word for this user, over the configuration's; null without one. */
  readonly permission: 'on' | 'off' | null;
}

export const noPreferences: PreferenceRecord = { own: {}, rules: [], permission: null };

/** What holds for a user now. */
export interface Wishes extends Preferences {
  readonly rules: readonly SenderRule[];
  /** Messages may be stored for him. */
  readonly permitted: boolean;
}

/** A user's settings over the operator's defaults. A choice the operator no longer offers counts as none. */
export function wishesOf(
  record: PreferenceRecord,
  aor: string,
  operator: PreferenceRules,
  consent: ReportConsent,
): Wishes {
  const { own, rules, permission } = record;
  const wanted = { ...operator.defaults, reports: consent, ...own };
  const offered = wanted.expired === null || operator.expiredChoices.includes(wanted.expired);
  const { permitted, permittedExcept } = operator;
  const configured = permittedExcept.some((one) => names(one, aor)) ? !permitted : permitted;
  return {
    ...wanted,
    expired: offered ? wanted.expired : operator.defaults.expired,
    rules,
    permitted: permission === null ? configured : permission === 'on',
  };
}

/** Whom a message comes from, as rules see it. */
export interface Sender {
  /** The asserted identity; rules about a name never believe a header (RFC 4745 section 7.1). */
  readonly asserted: string | null;
  /** He asked for privacy, or gave no name. */
  readonly anonymous: boolean;
}

/** What the first rule that speaks of a sender says; null when none does. */
export function ruleFor(rules: readonly SenderRule[], sender: Sender): SenderAction | null {
  return rules.find((rule) => speaksOf(rule, sender))?.action ?? null;
}

/** Rules about so many that they name nobody. */
const unnamed = new Set(['*', 'authenticated', 'anonymous']);

/** Whether the user has named this sender, or his domain, as one whose messages are kept; all others are strangers. */
export function isKnown(rules: readonly SenderRule[], sender: Sender): boolean {
  const rule = rules.find((one) => speaksOf(one, sender));
  return rule?.action === 'store' && !unnamed.has(rule.from);
}

function speaksOf({ from, except = [] }: SenderRule, sender: Sender): boolean {
  const { asserted } = sender;
  if (asserted !== null && except.some((one) => names(one, asserted))) return false;
  if (from === '*') return true;
  if (from === 'anonymous') return sender.anonymous || asserted === null;
  if (from === 'authenticated') return !sender.anonymous && asserted !== null;
  return asserted !== null && names(from, asserted);
}

// A whole AOR, or its domain: never a part of either. Whoever is blocked as `sip:` is blocked as `sips:` as well.
function names(pattern: string, aor: string): boolean {
  if (pattern.startsWith('@')) return domainOf(aor) === pattern.slice(1);
  return plain(pattern) === plain(aor);
}

const plain = (aor: string): string => (aor.startsWith('sips:') ? `sip:${aor.slice(5)}` : aor);

/** The host of an AOR, without its port; empty for a telephone number. */
export function domainOf(aor: string): string {
  const at = aor.indexOf('@');
  if (at === -1) return '';
  const place = aor.slice(at + 1);
  const end = place.indexOf(':', place.startsWith('[') ? place.indexOf(']') : 0);
  return end === -1 ? place : place.slice(0, end);
}

/** What becomes of a message for an offline user by his settings and his operator's. */
export type Admission = 'stored' | 'blocked' | 'swallowed' | 'deferral-off' | 'not-permitted';

/**
 * Access rules and blocking, then the user's setting for offline storage, then the operator's permission: the order of
 * spec 2.1.
 */
export function admissionOf(wishes: Wishes, sender: Sender): Admission {
  const rule = ruleFor(wishes.rules, sender);
  if (rule === 'block') return 'blocked';
  if (rule === 'polite-block') return 'swallowed';
  if (rule === 'no-storage' || (rule === null && wishes.deferral === 'off')) return 'deferral-off';
  return wishes.permitted ? 'stored' : 'not-permitted';
}
