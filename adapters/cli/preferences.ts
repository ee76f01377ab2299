// `preferences`: what a served user wants of his deferred messages, shown, changed, set back, and taken over from an
// access-rules document as XCAP servers keep it.
import { readFileSync } from 'node:fs';
import { exitCodes, type IdResult, type PreferencesView } from '../../runtime/index.js';
import { askReading, askRunning, storeExits, storeFlags } from './ask.js';
import { readJsonFile } from './json-file.js';
import { columns, instant, pairs } from './output.js';
import { type Call, type Flag, type Verb, VerbFailure } from './verb.js';

const user = {
  name: 'AOR',
  meaning: 'Address of the served user: sip:bob@example.org',
} as const;

const by: Readonly<Record<string, Flag>> = {
  by: { value: 'NAME', meaning: 'Who does it; kept with the preferences. Default: operator.' },
};

const discard: Readonly<Record<string, Flag>> = {
  'discard-blocked': {
    meaning: 'Then delete what waits from senders who are blocked. Without it all of it stays.',
  },
};

export const preferencesShow: Verb = {
  name: 'preferences show',
  purpose: 'Show what holds for a user, and which of it he has set himself.',
  arguments: [user],
  flags: storeFlags,
  examples: ['deferred-im preferences show sip:bob@example.org --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const [aor] = call.args;
    print(call, (await askReading(call, 'preferences.show', { aor })) as PreferencesView);
    return 0;
  },
};

/** Fields with a fixed choice of values, by their flag. */
const choices = {
  deferral: ['on', 'off'],
  delivery: ['push', 'notice'],
  notices: ['once', 'off'],
  reports: ['send', 'never', 'forbidden'],
  permission: ['on', 'off'],
} as const;

const choiceMeanings: Readonly<Record<keyof typeof choices, string>> = {
  deferral: 'Keep messages of senders no rule speaks of.',
  delivery: 'On return: the messages, or a notice that they wait.',
  notices: 'Send a notice on return.',
  reports: 'Reports in his name to senders who asked.',
  permission: "The operator's word: may messages be stored for him at all.",
};

/** Flags that put one rule before the others, by what it does. */
const ruleFlags = {
  store: { action: 'store', meaning: 'Keep messages of SENDER, whatever deferral says.' },
  'no-storage': { action: 'no-storage', meaning: 'Keep none of SENDER: he hears 480.' },
  block: { action: 'block', meaning: 'Refuse SENDER openly: he hears 403.' },
  'block-politely': {
    action: 'polite-block',
    meaning: 'Answer SENDER 202, keep nothing, send nothing.',
  },
} as const;

const setFlags: Readonly<Record<string, Flag>> = {
  ...storeFlags,
  ...Object.fromEntries(
    Object.entries(choices).map(([name, values]) => [
      name,
      {
        value: [...values, 'default'].join('|'),
        meaning: choiceMeanings[name as keyof typeof choices],
      },
    ]),
  ),
  expired: {
    value: 'POLICY|default',
    meaning: 'Policy of his new messages; one that preferences.expiredChoices offers.',
  },
  ...Object.fromEntries(
    Object.entries(ruleFlags).map(([name, { meaning }]) => [name, { value: 'SENDER', meaning }]),
  ),
  drop: { value: 'SENDER', meaning: 'Take away the rule for SENDER.' },
  rules: { value: 'FILE', meaning: 'All rules anew, from a JSON list of {from, except, action}.' },
  ...discard,
  ...by,
};

export const preferencesSet: Verb = {
  name: 'preferences set',
  purpose: "Change a user's preferences; what is not named stays.",
  text:
    'SENDER is an address of record, @domain, authenticated (whoever the proxy vouches for), anonymous, or * for ' +
    'everybody. Rules have an order: the first that speaks of a sender holds, and a new one stands before the ' +
    'others. A change is for new messages: nothing that waits is touched by it.',
  arguments: [user],
  flags: setFlags,
  examples: [
    'deferred-im preferences set sip:bob@example.org --deferral off',
    'deferred-im preferences set sip:bob@example.org --block @spam.example --discard-blocked',
  ],
  exits: storeExits,
  run: async (call) => {
    const change = changeOf(call);
    if (Object.keys(change).length === 0 && !('discard-blocked' in call.flags))
      throw new VerbFailure(
        exitCodes.usage,
        'usage',
        'preferences set: nothing to set; see --help',
      );
    return changed(call, 'preferences.set', { change });
  },
};

export const preferencesReset: Verb = {
  name: 'preferences reset',
  purpose: "Set a user back to the operator's defaults, without rules.",
  text: 'The permission an operator has set for him stays; `preferences set --permission default` takes it away.',
  arguments: [user],
  flags: { ...storeFlags, ...by },
  examples: ['deferred-im preferences reset sip:bob@example.org --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: (call) => changed(call, 'preferences.set', { change: { reset: true } }),
};

export const preferencesImport: Verb = {
  name: 'preferences import',
  purpose: "Take over a user's rules from an access-rules document (common-policy, RFC 4745).",
  text:
    'Replaces all his rules. What of the document has no meaning here is listed, and nothing is guessed: a value that ' +
    'cannot be read refuses it whole. Senders to whom no rule grants allow-offline-storage are denied, as RFC 4745 ' +
    'has it, unless --unmatched says deferral.',
  arguments: [user, { name: 'FILE', meaning: 'The XML document, at most 64 KiB.' }],
  flags: {
    ...storeFlags,
    unmatched: {
      value: 'deny|deferral',
      meaning:
        'Senders no rule grants storage: denied, or as the setting deferral says. Default: deny.',
    },
    'dry-run': { meaning: 'Show the rules it comes to and change nothing.' },
    ...discard,
    ...by,
  },
  examples: ['deferred-im preferences import sip:bob@example.org rules.xml --dry-run'],
  exits: storeExits,
  run: async (call) => {
    const [, file] = call.args;
    const unmatched = call.flags['unmatched'];
    const args = {
      document: documentOf(String(file)),
      ...(unmatched === undefined ? {} : { unmatched }),
      ...('dry-run' in call.flags ? { dryRun: true } : {}),
    };
    return changed(call, 'preferences.import', args);
  },
};

function changeOf({ flags }: Call): Record<string, unknown> {
  const change: Record<string, unknown> = {};
  for (const name of [...Object.keys(choices), 'expired']) {
    const value = flags[name];
    if (value !== undefined) change[name] = value === 'default' ? null : value;
  }
  const add = Object.entries(ruleFlags).flatMap(([name, { action }]) => {
    const from = flags[name];
    return from === undefined ? [] : [{ from, action }];
  });
  if (add.length > 0) change['add'] = add;
  if (flags['drop'] !== undefined) change['drop'] = [flags['drop']];
  if (flags['rules'] !== undefined) change['rules'] = rulesOf(flags['rules']);
  return change;
}

function rulesOf(path: string): unknown {
  const read = readJsonFile(path);
  if (read.ok) return read.value;
  throw new VerbFailure(exitCodes.usage, 'usage', `--rules: ${path} ${read.message}`);
}

function documentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = (cause as Error).message;
    throw new VerbFailure(exitCodes.usage, 'usage', `${path} cannot be read: ${why}`);
  }
}

interface Changed {
  readonly preferences: PreferencesView;
  readonly discarded?: readonly IdResult[];
  readonly notes?: readonly { readonly path: string; readonly message: string }[];
}

async function changed(call: Call, verb: string, args: object): Promise<number> {
  const name = call.flags['by'];
  const result = (await askRunning(call, verb, {
    aor: call.args[0],
    ...args,
    ...(name === undefined ? {} : { by: name }),
    ...('discard-blocked' in call.flags ? { discardBlocked: true } : {}),
  })) as Changed;
  for (const { path, message } of result.notes ?? []) call.output.remark(`${path} ${message}`);
  if (result.discarded !== undefined)
    call.output.remark(`discarded: ${result.discarded.length} messages`);
  print(call, result.preferences, result);
  return 0;
}

function print({ output }: Call, view: PreferencesView, value: unknown = view): void {
  output.result(value, () => `${fields(view)}\n${rules(view)}`);
}

function fields(view: PreferencesView): string {
  const own = new Set<string>(view.set);
  const from = (name: string) => (own.has(name) ? 'set' : 'default');
  const names = ['deferral', 'delivery', 'notices', 'reports', 'expired'] as const;
  return pairs([
    ['user', view.aor],
    ...names.map(
      (name) => [name, `${view[name] ?? 'as the active policy'} (${from(name)})`] as const,
    ),
    ['permission', `${view.permission} (${view.permissionFrom})`],
    ['changed', view.changedAtMs === null ? '-' : `${instant(view.changedAtMs)} by ${view.by}`],
  ]);
}

function rules(view: PreferencesView): string {
  if (view.rules.length === 0) return 'no rules about senders\n';
  const rows = view.rules.map(({ from, except = [], action }, index) => [
    String(index + 1),
    from,
    action,
    except.join(', ') || '-',
  ]);
  return columns(['RULE', 'FROM', 'ACTION', 'EXCEPT'], rows);
}
