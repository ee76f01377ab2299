// Reads an access-rules document as XCAP servers keep it: a common-policy ruleset (RFC 4745) with the actions of the
// OMA enabler. It becomes an ordered list of sender rules in which the first match says what the document's rules say
// together: a grant of any of them is a grant (RFC 4745 section 10), and what none grants is denied. Invariant:
// nothing is guessed. A value that cannot be read refuses the document; a part that has no meaning here is named in
// the notes, and a rule whose condition is not understood never holds (section 7).
import type { SenderRule } from '../../machines/index.js';
import { canonicalSenders, ruleExceptionsMax, senderRulesMax } from '../../machines/index.js';
import { type Failed, failed } from './finding.js';
import { accessRulesOctetsMax } from './limits.js';
import { canonicalAor } from './uri.js';
import { readXml, type XmlElement } from './xml.js';

const commonPolicy = 'urn:ietf:params:xml:ns:common-policy';
/** Namespace of `message-handling`, whose values are `block` and `polite-block`. */
export const accessRulesNamespace = 'urn:deferred-im:access-rules';

/** A part of the document that says nothing here, and where it stands. */
export interface AccessNote {
  readonly path: string;
  readonly message: string;
}

export interface AccessRules {
  readonly rules: readonly SenderRule[];
  readonly notes: readonly AccessNote[];
}

export interface AccessOptions {
  /** Senders no rule grants storage: denied, as RFC 4745 has it, or left to the setting `deferral`. */
  readonly unmatched?: 'deny' | 'deferral';
}

/** Reads one document of at most 64 KiB. Never throws. */
export function readAccessRules(
  octets: Uint8Array,
  { unmatched = 'deny' }: AccessOptions = {},
): { readonly ok: true; readonly access: AccessRules } | Failed {
  const xml = readXml(octets, { octetsMax: accessRulesOctetsMax, elementsMax: 8192 });
  if (!xml.ok) return xml;
  const { root } = xml;
  if (root.namespace !== commonPolicy || root.name !== 'ruleset')
    return failed('access-rules', 'the root is not a ruleset of common-policy', 0);
  try {
    const reader = new Reader();
    for (const child of root.children) reader.rule(child);
    return { ok: true, access: { rules: reader.ordered(unmatched), notes: reader.notes } };
  } catch (cause) {
    if (cause instanceof Unreadable) return failed('access-rules', cause.message, 0);
    throw cause;
  }
}

/** Ends the reading of a document; its message names what and where. */
class Unreadable extends Error {}

/** Whom a rule is about. */
type Senders = Pick<SenderRule, 'from' | 'except'>;

interface Reading {
  readonly senders: readonly Senders[];
  /** It is about identities no rule names (OMA `other-identity`). */
  readonly others: boolean;
  readonly block: 'block' | 'polite-block' | null;
  readonly storage: boolean | null;
}

class Reader {
  readonly notes: AccessNote[] = [];
  private readonly readings: Reading[] = [];
  private count = 0;

  rule(element: XmlElement): void {
    this.count += 1;
    const path = `ruleset/rule[${this.count}]`;
    if (element.namespace !== commonPolicy || element.name !== 'rule') {
      this.note(`ruleset/*[${this.count}]`, 'is no rule');
      return;
    }
    const parts = { conditions: null, actions: null } as Record<string, XmlElement | null>;
    for (const part of element.children) {
      if (part.name === 'transformations') continue;
      if (!Object.hasOwn(parts, part.name) || part.namespace !== commonPolicy)
        this.note(`${path}/*`, 'is not part of a rule');
      else if (parts[part.name] !== null) throw new Unreadable(`${path} has ${part.name} twice`);
      else parts[part.name] = part;
    }
    const about = this.conditions(parts['conditions'] ?? null, path);
    const actions = this.actions(parts['actions'] ?? null, path);
    if (about !== null) this.readings.push({ ...about, ...actions });
  }

  // ---- conditions ----

  /** Null: the rule never holds. */
  private conditions(
    element: XmlElement | null,
    path: string,
  ): Pick<Reading, 'senders' | 'others'> | null {
    const all = element?.children ?? [];
    if (all.length === 0) return { senders: [{ from: '*' }], others: false };
    const [only] = all;
    if (all.length > 1 || only === undefined)
      return this.never(path, 'asks for several conditions at once');
    if (only.name === 'anonymous-request')
      return { senders: [{ from: 'anonymous' }], others: false };
    if (only.name === 'other-identity') return { senders: [], others: true };
    if (only.name !== 'identity' || only.namespace !== commonPolicy)
      return this.never(path, 'asks for a condition that is not understood');
    const at = `${path}/conditions/identity`;
    return {
      senders: only.children.map((one, index) => this.identity(one, `${at}/*[${index + 1}]`)),
      others: false,
    };
  }

  private never(path: string, why: string): null {
    this.note(`${path}/conditions`, `${why}: the rule never holds`);
    return null;
  }

  private identity(element: XmlElement, path: string): Senders {
    if (element.namespace === commonPolicy && element.name === 'one')
      return { from: addressOf(element, 'id', path) };
    if (element.namespace !== commonPolicy || element.name !== 'many')
      throw new Unreadable(`${path} is neither one nor many`);
    const domain = element.attributes.get('domain');
    const from = domain === undefined ? 'authenticated' : sendersOf(`@${domain}`, path);
    const except = element.children.map((one, index) =>
      exceptionOf(one, `${path}/except[${index + 1}]`),
    );
    if (except.length > ruleExceptionsMax)
      throw new Unreadable(`${path} has more than ${ruleExceptionsMax} exceptions`);
    return except.length === 0 ? { from } : { from, except };
  }

  // ---- actions ----

  private actions(element: XmlElement | null, path: string): Pick<Reading, 'block' | 'storage'> {
    let block: Reading['block'] = null;
    let storage: boolean | null = null;
    for (const action of element?.children ?? []) {
      const at = `${path}/actions/${action.name.slice(0, 64)}`;
      if (action.namespace === accessRulesNamespace && action.name === 'message-handling')
        block = handlingOf(action, at);
      else if (action.name === 'allow-offline-storage') storage = booleanOf(action, at);
      else if (action.name === 'allow-reject-invite')
        block = booleanOf(action, at) ? (block ?? 'block') : block;
      else this.note(at, 'has no meaning for messages that are kept');
    }
    return { block, storage };
  }

  private note(path: string, message: string): void {
    if (this.notes.length < notesMax) this.notes.push({ path, message });
  }

  // ---- the list ----

  /** Rules in the order in which the first match says what all of them say together. */
  ordered(unmatched: 'deny' | 'deferral'): readonly SenderRule[] {
    // A document that never speaks of storage denies none.
    const denies = unmatched === 'deny' && this.readings.some((one) => one.storage !== null);
    const of = (holds: (one: Reading) => boolean, action: SenderRule['action']) =>
      this.readings
        .filter(holds)
        .flatMap((one) => one.senders.map((senders) => ({ ...senders, action })));
    const others = (holds: (one: Reading) => boolean, action: SenderRule['action']) =>
      this.readings.some((one) => one.others && holds(one))
        ? [{ from: 'authenticated', action }]
        : [];
    const rules: SenderRule[] = [
      ...of((one) => one.block === 'polite-block', 'polite-block'),
      ...of((one) => one.block === 'block', 'block'),
      ...of((one) => one.storage === true, 'store'),
      // Whoever a rule names without a grant has none, and is nobody of the others.
      ...of((one) => one.storage === false, 'no-storage'),
      ...(denies ? of((one) => one.storage === null && one.block === null, 'no-storage') : []),
      ...others((one) => one.block === 'polite-block', 'polite-block'),
      ...others((one) => one.block === 'block', 'block'),
      ...others((one) => one.storage === true, 'store'),
      ...(denies ? [{ from: '*', action: 'no-storage' } as const] : []),
    ];
    if (rules.length > senderRulesMax)
      throw new Unreadable(
        `it comes to ${rules.length} rules, and a user may have ${senderRulesMax}`,
      );
    return rules;
  }
}

const notesMax = 100;

function addressOf(element: XmlElement, attribute: string, path: string): string {
  const value = element.attributes.get(attribute);
  if (value === undefined) throw new Unreadable(`${path} has no ${attribute}`);
  if (element.children.length > 0) throw new Unreadable(`${path} holds conditions of its own`);
  return sendersOf(value, path);
}

function sendersOf(value: string, path: string): string {
  const senders = canonicalSenders(value, canonicalAor);
  if (senders === null || senders === '*')
    throw new Unreadable(`${path} names no address or domain`);
  return senders;
}

function exceptionOf(element: XmlElement, path: string): string {
  if (element.namespace !== commonPolicy || element.name !== 'except')
    throw new Unreadable(`${path} is no exception`);
  const domain = element.attributes.get('domain');
  return domain === undefined ? addressOf(element, 'id', path) : sendersOf(`@${domain}`, path);
}

function handlingOf(element: XmlElement, path: string): 'block' | 'polite-block' {
  const value = wordOf(element, path);
  if (value === 'block' || value === 'polite-block') return value;
  throw new Unreadable(`${path} is neither block nor polite-block`);
}

/** `xs:boolean`. */
function booleanOf(element: XmlElement, path: string): boolean {
  const value = wordOf(element, path);
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new Unreadable(`${path} is neither true nor false`);
}

function wordOf(element: XmlElement, path: string): string {
  if (element.children.length > 0) throw new Unreadable(`${path} holds elements`);
  return element.text.trim();
}
