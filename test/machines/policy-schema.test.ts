// The published schema, as an editor has it: it takes every sound policy, and no word that is not in the vocabulary.
import t from 'tap';
import {
  actionVocabulary,
  builtInDelays,
  guardVocabulary,
  messageEventTypes,
  type OwnVocabulary,
  publishedPolicySchema,
  schemaChecker,
  shippedPolicyIds,
} from '../../machines/index.js';
import { run } from '../adapters/cli/command.js';
import { changed, type Loose, shipped } from '../support/policies.js';
import { soundCases } from './gate/cases.js';

const takes = schemaChecker({ ...publishedPolicySchema(), $id: 'https://test.invalid/published' });

t.test('the published schema takes every shipped policy and every sound one', async (t) => {
  for (const id of shippedPolicyIds) t.strictSame(takes(shipped(id).file), { ok: true }, id);
  for (const { name, source } of soundCases()) t.strictSame(takes(source), { ok: true }, name);
});

t.test('a word that is misspelt is refused where it stands', async (t) => {
  const cases: readonly (readonly [string, (states: Loose) => void])[] = [
    ['a guard', (states) => (states.expired.always[0].guard = 'reportOwned')],
    ['a guard with parameters', (s) => (s.stored.on['delivery.answered'].guard.type = 'answerd')],
    ['a choice', (s) => (s.stored.on['delivery.answered'].guard.params.class = 'sucess')],
    ['a parameter too many', (s) => (s.stored.on['delivery.answered'].guard.params.late = 1)],
    ['no parameter', (s) => (s.stored.on['delivery.answered'].guard = 'answered')],
    ['an action', (states) => (states.delivering.entry = 'delivr')],
    ['an event', (states) => (states.stored.on['message.delted'] = 'dropped')],
    ['a tag', (states) => (states.stored.tags = ['alive'])],
  ];
  for (const [what, change] of cases)
    t.notOk(takes(changed(({ machine }) => void change(machine.states))).ok, what);
});

t.test('every name is there, and is explained', async (t) => {
  const { definitions } = publishedPolicySchema() as Loose;
  const explained = (all: Loose[]) =>
    new Map(all.map((one) => [one.const ?? one.properties.type.const, one.description]));
  const [guards, actions] = [definitions.guard, definitions.action].map(({ oneOf }) =>
    explained(oneOf),
  );
  for (const [name, { meaning }] of Object.entries(guardVocabulary))
    t.equal(guards!.get(name), meaning);
  for (const [name, { meaning }] of Object.entries(actionVocabulary))
    t.equal(actions!.get(name), meaning);
  t.strictSame(Object.keys(definitions.onEvents.properties), [...messageEventTypes]);
  for (const [name, meaning] of Object.entries(builtInDelays))
    t.equal(definitions.afterDelays.properties[name].description, meaning);
  for (const one of Object.values<Loose>(definitions.onEvents.properties))
    t.ok(one.description.length > 10);
});

t.test('words of a program are in its own schema, and not in the general one', async (t) => {
  const own: OwnVocabulary = {
    guards: {
      inTier: {
        ...{ meaning: 'The sender belongs to this tier.', reads: 'message', holds: () => true },
        params: { tier: { kind: 'choice', values: ['gold', 'plain'] } },
      },
    },
  };
  const schema = { ...publishedPolicySchema(own), $id: 'https://test.invalid/own' };
  const takesOwn = schemaChecker(schema);
  const asking = (tier: string) =>
    changed(({ machine }) => {
      machine.states.expired.always[0].guard = { type: 'inTier', params: { tier } };
    });
  t.ok(takesOwn(asking('gold')).ok);
  t.notOk(takesOwn(asking('silver')).ok);
  t.notOk(takes(asking('gold')).ok);
});

t.test('policy schema prints it', async (t) => {
  const { code, out } = await run('policy', 'schema');
  t.equal(code, 0);
  t.strictSame(JSON.parse(out), JSON.parse(JSON.stringify(publishedPolicySchema())));
});
