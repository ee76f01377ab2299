// The reference page of a policy file: every field of the published schema with its meaning, read from the schema itself.
import { defaultSettings, policySchema } from '../../machines/index.js';
import { code, page, table } from './reference-pages.js';

interface Field {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly $ref?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly oneOf?: readonly Field[];
}

interface Schema extends Field {
  readonly definitions: Readonly<Record<string, Field>>;
}

const schema = policySchema as Schema;

export function policyFilePage(): string {
  const { settings, machine } = schema.properties as Record<string, Field>;
  const { duration, state, transition } = schema.definitions as Record<string, Field>;
  return page('Policy file', '`machines/schemas/policy.schema.json`', [
    'A policy is one JSON file. `deferred-im policy schema` prints the schema: an editor that is given it completes and explains. Names of guards, actions, delays and tags are in the [vocabulary](vocabulary.md), events in [Events](events.md); what a policy must satisfy is in [The gate](gate.md). What stands in `machine` is a machine config of XState 5 and opens in its tools unchanged.',
    ...section('The file', schema),
    ...section('Settings', settings, true),
    `A length of time has one unit: ${Object.keys(duration?.properties ?? {})
      .map(code)
      .join(', ')}.`,
    ...section('The machine', machine),
    ...section('A state', state),
    'A transition is a target, or an object, or a list of them:',
    ...section('A transition', transition?.oneOf?.[1]),
  ]);
}

function section(title: string, field: Field | undefined, withDefault = false): readonly string[] {
  const rows = Object.entries(field?.properties ?? {}).map(([name, one]) => [
    code(name),
    formOf(one),
    ...(withDefault
      ? [code(JSON.stringify(defaultSettings[name as keyof typeof defaultSettings]))]
      : []),
    one.description ?? '',
  ]);
  const head = ['Field', 'Form', ...(withDefault ? ['Default'] : []), 'Meaning'];
  return [`## ${title}`, table(head, rows)];
}

function formOf({ type, $ref, enum: choice, minimum, maximum }: Field): string {
  if (choice !== undefined) return choice.map(code).join(', ');
  if ($ref !== undefined) return forms[$ref.slice($ref.lastIndexOf('/') + 1)] ?? '';
  return minimum === undefined ? String(type) : `${type}, ${minimum} to ${maximum}`;
}

const forms: Readonly<Record<string, string>> = {
  secondsOrNone: 'seconds, or `none`',
  duration: 'a length of time',
  key: 'name of a state',
  target: 'target',
  named: 'a name, or `{ "type", "params" }`',
  actions: 'one action, or a list',
  keyed: 'transitions by name',
  transitions: 'one transition, or a list',
  states: 'states by name',
};
