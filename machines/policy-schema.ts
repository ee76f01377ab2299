// The published JSON Schema of a policy file: the one the engine checks by, with every name of the vocabulary written out,
// so that an editor completes and explains them. Names that a program brings itself are in the schema made for it, and in
// no other. Pure.
import { policySchema } from './compile.js';
import { type MessageEventType, messageEventMeanings } from './events.js';
import { type OwnVocabulary, vocabularyWith } from './own-vocabulary.js';
import {
  builtInDelays,
  type ParameterType,
  stateTags,
  type VocabularyEntry,
} from './vocabulary.js';

type Json = Readonly<Record<string, unknown>>;
type Words = Readonly<Record<string, VocabularyEntry>>;

/** JSON Schema (draft 7) of a policy file that names the vocabulary, and `own` words where a program brings any. */
export function publishedPolicySchema(own: OwnVocabulary = {}): object {
  const { guards, actions } = vocabularyWith(own);
  const { definitions, ...head } = policySchema as { readonly definitions: Json };
  const { named: _any, keyed, transition, state, ...others } = definitions as Record<string, Json>;
  const { machine } = (head as unknown as { readonly properties: Record<string, Json> }).properties;
  return {
    ...head,
    properties: { ...((head as Json)['properties'] as Json), machine: heard(machine!) },
    definitions: {
      ...others,
      actions: oneOrMore('action'),
      guard: wordsOf(guards),
      action: wordsOf(actions),
      transition: guarded(transition!),
      onEvents: eventsOf(keyed!),
      afterDelays: delaysOf(keyed!),
      state: tagged(heard(state!)),
    },
  };
}

const refTo = (name: string): Json => ({ $ref: `#/definitions/${name}` });

const oneOrMore = (name: string): Json => ({
  oneOf: [refTo(name), { type: 'array', maxItems: 16, items: refTo(name) }],
});

// A word without parameters may stand alone; with them it is an object, and nothing else goes in.
function wordsOf(words: Words): Json {
  const all = Object.entries(words);
  const bare = all.filter(([, { params }]) => Object.keys(params).length === 0);
  return { oneOf: [...bare.map(bareWord), ...all.map(wordWithParams)] };
}

const bareWord = ([name, { meaning }]: [string, VocabularyEntry]): Json => ({
  ...{ const: name, description: meaning },
});

function wordWithParams([name, { meaning, params }]: [string, VocabularyEntry]): Json {
  const names = Object.keys(params);
  const needed = names.length === 0 ? [] : ['params'];
  return {
    ...{ type: 'object', description: meaning, additionalProperties: false },
    required: ['type', ...needed],
    properties: {
      type: { const: name, description: meaning },
      params: {
        ...{ type: 'object', additionalProperties: false, required: names },
        properties: Object.fromEntries(names.map((one) => [one, parameter(params[one]!)])),
      },
    },
  };
}

const parameter = (type: ParameterType): Json =>
  type.kind === 'choice'
    ? { enum: type.values }
    : { type: 'integer', minimum: type.min, maximum: type.max };

function guarded(transition: Json): Json {
  const [target, whole] = transition['oneOf'] as readonly [Json, Json];
  const properties = whole['properties'] as Record<string, Json>;
  const guard = { ...properties['guard'], ...refTo('guard') };
  return { oneOf: [target, { ...whole, properties: { ...properties, guard } }] };
}

function heard(holder: Json): Json {
  const properties = holder['properties'] as Record<string, Json>;
  const on = { ...properties['on'], ...refTo('onEvents') };
  const after = { ...properties['after'], ...refTo('afterDelays') };
  return { ...holder, properties: { ...properties, on, after } };
}

const eventsOf = ({ maxProperties }: Json): Json => ({
  ...{ type: 'object', maxProperties, additionalProperties: false },
  properties: described(messageEventMeanings satisfies Record<MessageEventType, string>),
});

// Beside those that are built in there are those that the settings declare.
const delaysOf = (keyed: Json): Json => ({ ...keyed, properties: described(builtInDelays) });

const described = (meanings: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(
    Object.entries(meanings).map(([name, description]) => [
      name,
      { description, ...refTo('transitions') },
    ]),
  );

function tagged(state: Json): Json {
  const properties = state['properties'] as Record<string, Json>;
  const items = {
    oneOf: Object.entries(stateTags).map(([name, meaning]) => ({
      ...{ const: name, description: meaning },
    })),
  };
  return { ...state, properties: { ...properties, tags: { ...properties['tags'], items } } };
}
