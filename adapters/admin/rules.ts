// Operators' verbs about selection rules: which policy a new message is stored under, by what it is.
import { checkRules } from '../../machines/index.js';
import { type Engine, limits } from '../../runtime/index.js';
import { accepted, object, text, type Verb, VerbRefused } from './verb.js';

const rules = { type: 'object' } as const;
const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const by = { type: 'string', minLength: 1, maxLength: limits.authorCharactersMax } as const;

/** Verbs by name. */
export const ruleVerbs: Readonly<Record<string, Verb>> = {
  'policy.rules-show': {
    meaning: 'The rules that choose the policy of new messages, and the version each is bound to.',
    reads: true,
    schema: object({}),
    run: async ({ engine }) => {
      const bound = engine.registry.course.rules;
      return bound === null
        ? { active: null, rules: [] }
        : { active: bound.active, rules: bound.rules };
    },
  },
  'policy.rules-check': {
    meaning:
      'What speaks against a set of rules: unknown policies, rules that never hold, overlaps.',
    reads: true,
    schema: object({ rules }, ['rules']),
    run: async ({ engine }, args) => ({ findings: findingsOf(engine, args['rules']) }),
  },
  'policy.rules-activate': {
    meaning: 'Take up a set of rules, after its checks; or one of before, by its hash.',
    reads: false,
    schema: object({ rules, hash, by, reason: text }),
    run: async ({ engine }, args) => {
      if ((args['rules'] === undefined) === (args['hash'] === undefined))
        throw new VerbRefused('bad-request', 'either rules or the hash of rules of before');
      const reply = accepted(
        await engine.submit({
          type: 'rules.activated',
          ...(args['rules'] === undefined ? {} : { source: args['rules'] }),
          ...(args['hash'] === undefined ? {} : { hash: String(args['hash']) }),
          by: String(args['by'] ?? 'operator'),
          reason: String(args['reason'] ?? ''),
        }),
      );
      if (reply.kind !== 'policy') return { hash: null, warnings: [] };
      return { hash: reply.hash, warnings: reply.warnings ?? [] };
    },
  },
};

const findingsOf = (engine: Engine, source: unknown) =>
  checkRules(source, (name) => engine.registry.known(name));
