// `policy rules`: which policy a new message is stored under, by whom it is for, who sent it and what it is.
import type { RuleFinding, SelectionRule } from '../../machines/index.js';
import { type BoundRules, exitCodes } from '../../runtime/index.js';
import { askReading, askRunning, storeExits, storeFlags } from './ask.js';
import { readJsonFile } from './json-file.js';
import { columns, instant } from './output.js';
import { by, isFile, who } from './policy.js';
import { type Verb, VerbFailure } from './verb.js';

interface Shown {
  readonly active: BoundRules['active'] | null;
  readonly rules: readonly SelectionRule[];
}

export const policyRulesShow: Verb = {
  name: 'policy rules show',
  purpose: 'Show the rules that choose the policy of new messages.',
  text:
    'The first rule that fits a message holds; where none fits it is stored under the active ' +
    'policy. A user who chose what expiry means for his messages is asked before the rules.',
  flags: storeFlags,
  examples: ['deferred-im policy rules show --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const shown = (await askReading(call, 'policy.rules-show', {})) as Shown;
    call.output.result(shown, () => shownText(shown));
    return exitCodes.ok;
  },
};

function shownText({ active, rules }: Shown): string {
  if (active === null) return 'no rules: new messages are stored under the active policy\n';
  const rows = rules.map((rule, index) => [
    String(index),
    conditionsText(rule),
    rule.policy,
    active.policies[index]?.slice(0, 12) ?? '',
  ]);
  const head = `rules ${active.hash}, since ${instant(active.atMs)}, by ${active.by}\n`;
  return `${head}${columns(['RULE', 'FITS', 'POLICY', 'BOUND TO'], rows)}`;
}

function conditionsText({ policy: _policy, description: _text, ...conditions }: SelectionRule) {
  const parts = Object.entries(conditions).map(
    ([name, words]) => `${name}: ${(words as readonly string[]).join(' or ')}`,
  );
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

export const policyRulesCheck: Verb = {
  name: 'policy rules check',
  purpose: 'Check a file of selection rules as the engine would before it takes them up.',
  text:
    'Each finding names the place as a JSON pointer, what is wrong, and its code. Policies are ' +
    'looked for in the store.',
  arguments: [{ name: 'FILE', meaning: 'Selection rules, as JSON.' }],
  flags: storeFlags,
  examples: ['deferred-im policy rules check rules.json --folder /var/lib/deferred-im'],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const file = call.args[0] ?? '';
    const asked = { rules: objectIn(file) };
    const { findings } = (await askReading(call, 'policy.rules-check', asked)) as {
      readonly findings: readonly RuleFinding[];
    };
    call.output.result({ findings }, () =>
      [
        ...findings.map(
          (one) => `${file}#${one.pointer}: ${one.severity}: ${one.message} (${one.code})\n`,
        ),
        `policy rules check: ${findings.length} findings\n`,
      ].join(''),
    );
    const refused = findings.some(({ severity }) => severity === 'error');
    return refused ? exitCodes['policy-invalid'] : exitCodes.ok;
  },
};

export const policyRulesActivate: Verb = {
  name: 'policy rules activate',
  purpose: 'Choose the policy of new messages by other rules from now on.',
  text:
    'Messages stored before keep the policy they have. Each rule is bound to the version its ' +
    'policy has now; installing another changes nothing before the rules are activated again. ' +
    'To go back, activate the hash of rules that were active before: policy history has it. To ' +
    'have none, activate {"rules": []}.',
  arguments: [{ name: 'FILE|HASH', meaning: 'Selection rules, as JSON, or the hash of old ones.' }],
  flags: { ...storeFlags, ...by, reason: { value: 'TEXT', meaning: 'Why, for the audit record.' } },
  examples: [
    'deferred-im policy rules activate rules.json --by anna --reason "a held domain"',
    'deferred-im policy rules activate 5fb2…64 digits --by anna',
  ],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const name = call.args[0] ?? '';
    const { reason } = call.flags;
    const done = (await askRunning(call, 'policy.rules-activate', {
      ...(isFile(name) ? { rules: objectIn(name) } : { hash: name }),
      ...who(call),
      ...(reason === undefined ? {} : { reason }),
    })) as { readonly hash: string; readonly warnings: readonly string[] };
    call.output.result(done, () =>
      [
        ...done.warnings.map((one) => `warning: ${one}\n`),
        `the policy of new messages is chosen by ${done.hash}\n`,
      ].join(''),
    );
    return exitCodes.ok;
  },
};

function objectIn(file: string): unknown {
  const read = readJsonFile(file);
  if (read.ok) return read.value;
  throw new VerbFailure(exitCodes.usage, 'usage', `policy rules: ${file} ${read.message}`);
}
