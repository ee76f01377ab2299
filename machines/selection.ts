// Which policy a message is stored under, as data: an ordered list of rules of which the first that fits holds. A rule that
// can never hold, or names what is not there, is refused like a fault of a policy; rules of which order alone decides are
// told. Pure.
import { createRequire } from 'node:module';
import type { MessageKind } from './message.js';
import { domainOf } from './preferences.js';
import { schemaChecker } from './validate.js';

export interface SelectionRule {
  readonly description?: string;
  readonly servedUsers?: readonly string[];
  readonly servedDomains?: readonly string[];
  readonly senderDomains?: readonly string[];
  readonly contentTypes?: readonly string[];
  readonly kinds?: readonly MessageKind[];
  /** Id or hash of an installed policy. */
  readonly policy: string;
}

export interface SelectionRules {
  readonly rules: readonly SelectionRule[];
}

/** What of a message the rules look at. */
export interface Selected {
  readonly aor: string;
  /** Canonical identity the proxy vouches for, or null. */
  readonly asserted: string | null;
  readonly contentType: string;
  readonly kind: MessageKind;
}

/** What speaks against a set of rules, or is worth knowing of it; pointers are into the file. */
export interface RuleFinding {
  readonly code:
    | 'schema'
    | 'unknown-policy'
    | 'unreachable-rule'
    | 'overlapping-rules'
    | 'outside-domain'
    | 'superseded-policy';
  readonly severity: 'error' | 'warning';
  readonly pointer: string;
  readonly message: string;
}

const require = createRequire(import.meta.url);

/** The published JSON Schema of a set of rules. */
export const rulesSchema = require('./schemas/rules.schema.json') as object;
const checkSchema = schemaChecker(rulesSchema);

/** What is known of a policy that a rule names: not installed, or the id of the one its messages were moved to. */
export type KnownPolicy = null | { readonly successor: string | null };

/** Judges parsed JSON as a set of rules; `known` says what there is of a policy of this name. Never throws. */
export function checkRules(
  source: unknown,
  known: (policy: string) => KnownPolicy,
): readonly RuleFinding[] {
  const checked = checkSchema(source);
  if (!checked.ok)
    return checked.findings.map(({ pointer, message }) => finding('schema', pointer, message));
  const { rules } = source as SelectionRules;
  return rules.flatMap((rule, index) => [
    ...aboutPolicy(rule.policy, `/rules/${index}/policy`, known(rule.policy)),
    ...withinItself(rule, `/rules/${index}`),
    ...amongOthers(rules, rule, index),
  ]);
}

function aboutPolicy(name: string, pointer: string, known: KnownPolicy): readonly RuleFinding[] {
  if (known === null)
    return [finding('unknown-policy', pointer, `No installed policy is called "${name}".`)];
  if (known.successor === null) return [];
  const message = `The messages of "${name}" were moved away: what fits is stored under "${known.successor}".`;
  return [finding('superseded-policy', pointer, message)];
}

// Conditions are anded: a user outside all the domains can never be meant.
function withinItself(rule: SelectionRule, pointer: string): readonly RuleFinding[] {
  const { servedUsers = [], servedDomains } = rule;
  if (servedDomains === undefined) return [];
  const outside = servedUsers.filter((user) => !servedDomains.includes(domainOf(user)));
  if (outside.length === 0) return [];
  const none = outside.length === servedUsers.length;
  const message = none
    ? 'It never holds: none of its users belongs to its domains.'
    : `Not of its domains, and never meant: ${outside.join(', ')}.`;
  return [finding(none ? 'unreachable-rule' : 'outside-domain', `${pointer}/servedUsers`, message)];
}

/** Position of the first rule that fits, or -1. */
export const firstRule = (rules: readonly SelectionRule[], message: Selected): number =>
  rules.findIndex((rule) => fits(rule, message));

function fits(rule: SelectionRule, { aor, asserted, contentType, kind }: Selected): boolean {
  const sender = asserted === null ? null : domainOf(asserted);
  return (
    (rule.servedUsers?.includes(aor) ?? true) &&
    (rule.servedDomains?.includes(domainOf(aor)) ?? true) &&
    (rule.senderDomains === undefined ||
      (sender !== null && rule.senderDomains.includes(sender))) &&
    (rule.contentTypes?.some((type) => coversType(type, contentType)) ?? true) &&
    (rule.kinds?.includes(kind) ?? true)
  );
}

function amongOthers(
  rules: readonly SelectionRule[],
  rule: SelectionRule,
  index: number,
): readonly RuleFinding[] {
  const before = rules.slice(0, index);
  const pointer = `/rules/${index}`;
  const cover = before.findIndex((one) => covers(one, rule));
  if (cover !== -1)
    return [
      finding(
        'unreachable-rule',
        pointer,
        `It never holds: rule ${cover} takes everything it would take.`,
      ),
    ];
  return before.flatMap((one, at) =>
    one.policy !== rule.policy && overlaps(one, rule)
      ? [
          finding(
            'overlapping-rules',
            pointer,
            `Some messages fit this and rule ${at}: they are stored under ${one.policy}, as the first one holds.`,
          ),
        ]
      : [],
  );
}

/** True when a content type is the other one, or of its kind: `text/plain` is of `text/*`. */
export const coversType = (wide: string, type: string): boolean =>
  wide === type || (wide.endsWith('/*') && type.startsWith(wide.slice(0, -1)));

type Words = readonly string[] | undefined;
type Same = (one: string, other: string) => boolean;

const equal: Same = (one, other) => one === other;

// Every word of the second is one the first takes; a list that is absent takes all.
const takesAll = (wide: Words, narrow: Words, same: Same = equal): boolean =>
  wide === undefined || (narrow?.every((word) => wide.some((one) => same(one, word))) ?? false);

const takesSome = (one: Words, other: Words, same: Same = equal): boolean =>
  one === undefined ||
  other === undefined ||
  one.some((word) => other.some((name) => same(word, name) || same(name, word)));

// Users stand for their domains.
const domainsOf = (rule: SelectionRule): Words =>
  rule.servedDomains ?? rule.servedUsers?.map(domainOf);

function covers(wide: SelectionRule, rule: SelectionRule): boolean {
  return (
    takesAll(wide.servedUsers, rule.servedUsers) &&
    takesAll(wide.servedDomains, domainsOf(rule)) &&
    takesAll(wide.senderDomains, rule.senderDomains) &&
    takesAll(wide.contentTypes, rule.contentTypes, coversType) &&
    takesAll(wide.kinds, rule.kinds)
  );
}

function overlaps(one: SelectionRule, other: SelectionRule): boolean {
  return (
    takesSome(one.servedUsers, other.servedUsers) &&
    takesSome(domainsOf(one), domainsOf(other)) &&
    takesSome(one.senderDomains, other.senderDomains) &&
    takesSome(one.contentTypes, other.contentTypes, coversType) &&
    takesSome(one.kinds, other.kinds)
  );
}

const warnings: ReadonlySet<RuleFinding['code']> = new Set([
  ...(['overlapping-rules', 'outside-domain', 'superseded-policy'] as const),
]);

const finding = (code: RuleFinding['code'], pointer: string, message: string): RuleFinding => ({
  ...{ code, pointer, message },
  severity: warnings.has(code) ? 'warning' : 'error',
});
