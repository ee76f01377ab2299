// A change of preferences as it comes from a user, an operator or an imported document: checked, its addresses made
// canonical, then applied to what was set before. Pure, and the one reader for every face, so that a setting means
// the same over SIP, NATS, the admin socket and the command line.
import { createRequire } from 'node:module';
import {
  noPreferences,
  type PreferenceRecord,
  type Preferences,
  preferenceOctetsMax,
  type SenderRule,
  senderRulesMax,
} from './preferences.js';
import { type SchemaFinding, schemaChecker } from './validate.js';

const require = createRequire(import.meta.url);

/** The published JSON Schema of a change. */
export const preferencesSchema = require('./schemas/preferences.schema.json') as object;
const checkSchema = schemaChecker(preferencesSchema);

type Nullable<T> = { readonly [K in keyof T]?: T[K] | null };

/** A change, its addresses canonical. A null field goes back to the default. */
export interface PreferenceChange extends Nullable<Preferences> {
  readonly reset?: true;
  readonly rules?: readonly SenderRule[];
  readonly add?: readonly SenderRule[];
  readonly drop?: readonly string[];
  /** Operators only. */
  readonly permission?: 'on' | 'off' | null;
}

export type ReadChange =
  | { readonly ok: true; readonly change: PreferenceChange }
  | { readonly ok: false; readonly findings: readonly SchemaFinding[] };

/** Reads a change from JSON. `canonicalAor` is the codec's; a finding points to what it cannot take. */
export function readPreferenceChange(
  value: unknown,
  canonicalAor: (uri: string) => string | null,
): ReadChange {
  const checked = checkSchema(value);
  if (!checked.ok) return checked;
  const findings: SchemaFinding[] = [];
  const senders = (text: string, pointer: string): string => {
    const canonical = canonicalSenders(text, canonicalAor);
    if (canonical === null) findings.push({ pointer, message: notSenders });
    return canonical ?? text;
  };
  const rulesAt = (name: 'rules' | 'add') => {
    const rules = (value as PreferenceChange)[name];
    return rules === undefined
      ? {}
      : { [name]: rules.map((rule, index) => ruleAt(rule, `/${name}/${index}`, senders)) };
  };
  const given = value as PreferenceChange;
  const drop = given.drop?.map((one, index) => senders(one, `/drop/${index}`));
  const change: PreferenceChange = {
    ...given,
    ...rulesAt('rules'),
    ...rulesAt('add'),
    ...(drop === undefined ? {} : { drop }),
  };
  return findings.length > 0 ? { ok: false, findings } : { ok: true, change };
}

const notSenders = 'must be an address of record, @domain, authenticated, anonymous or *';

function ruleAt(
  rule: SenderRule,
  pointer: string,
  senders: (text: string, pointer: string) => string,
): SenderRule {
  const { from, except, action } = rule;
  const others = except?.map((one, index) => senders(one, `${pointer}/except/${index}`));
  return {
    from: senders(from, `${pointer}/from`),
    ...(others === undefined ? {} : { except: others }),
    action,
  };
}

/** `*`, `anonymous`, `authenticated`, `@domain` in lower case, or the canonical AOR; null for anything else. */
export function canonicalSenders(
  text: string,
  canonicalAor: (uri: string) => string | null,
): string | null {
  if (text === '*' || text === 'anonymous' || text === 'authenticated') return text;
  if (!text.startsWith('@')) return canonicalAor(text);
  const aor = canonicalAor(`sip:x${text}`);
  return aor === null ? null : aor.slice('sip:x'.length);
}

/** What is set after a change, or null when it would be more or longer rules than one user may have. */
export function applyChange(
  before: PreferenceRecord,
  change: PreferenceChange,
): PreferenceRecord | null {
  const { reset, rules, add = [], drop = [], permission, ...fields } = change;
  // What an operator has set for a user is not the user's to reset.
  const base = reset === true ? { ...noPreferences, permission: before.permission } : before;
  const gone = new Set([...drop, ...add.map((one) => one.from)]);
  const left = (rules ?? base.rules).filter((one) => !gone.has(one.from));
  if (add.length + left.length > senderRulesMax) return null;
  const own = Object.entries({ ...base.own, ...fields }).filter(([, value]) => value !== null);
  const after = {
    own: Object.fromEntries(own) as Partial<Preferences>,
    rules: [...add, ...left],
    permission: permission === undefined ? base.permission : permission,
  };
  return Buffer.byteLength(JSON.stringify(after)) > preferenceOctetsMax ? null : after;
}
