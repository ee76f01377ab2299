// Which rules choose the policy of a new message. A set of rules is stored under its content hash and taken up in one
// commit; each rule is bound to the version its policy has then, so that installing another one changes nothing.
import {
  canonicalJson,
  checkRules,
  policyHash,
  type SelectionRules,
} from '../../machines/index.js';
import type { Command, Reply } from '../commands.js';
import { keys } from '../keys.js';
import type { ActiveRulesRow, RulesRow } from '../rows.js';
import type { Turn } from '../turn.js';
import { remember, sentenceOf } from './activation.js';
import { refuse } from './receive.js';

type RulesActivated = Extract<Command, { type: 'rules.activated' }>;

/** Takes up a set of rules, given as a file or by the hash of one that was taken up before. */
export function activateRules(turn: Turn, command: RulesActivated): Reply {
  const { registry, nowMs, ledger } = turn;
  const source = sourceOf(turn, command);
  if (source === null) return refuse('no-such-rules');
  const findings = checkRules(source, (name) => registry.known(name));
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return refuse('rules-refused', sentenceOf(errors));
  const rules = source as SelectionRules;
  const bound = rules.rules.map(({ policy }) => registry.named(policy)!.hash);
  for (const one of bound) {
    const judged = registry.rejudge(one);
    if (!judged.ok) return refuse('policy-refused', sentenceOf(judged.findings));
  }
  const hash = policyHash(canonicalJson(rules));
  const { by, reason } = command;
  const row: RulesRow = { source: rules, installedAtMs: nowMs, by };
  const before = registry.course.rules?.active.hash ?? null;
  const active: ActiveRulesRow = { hash, policies: bound, atMs: nowMs, by, reason, before };
  ledger.put(keys.rules(hash), row);
  ledger.put(keys.active('rules'), active);
  registry.course.rule({ active, rules: rules.rules });
  remember(turn, { act: 'rules-activated', hash, by, reason, before });
  return {
    ...{ kind: 'policy', hash },
    warnings: findings.map(({ pointer, message }) => `${pointer}: ${message}`),
  };
}

function sourceOf(turn: Turn, { source, hash }: RulesActivated): unknown {
  if (source !== undefined) return source;
  return turn.ledger.readJson<RulesRow>(keys.rules(hash ?? ''))?.source ?? null;
}
