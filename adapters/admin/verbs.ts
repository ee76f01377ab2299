// What an operator can ask or do, as one table: the admin socket, the NATS admin subjects and the
// command line all run these. Requests are checked against their schema before anything happens;
// every answer is plain JSON.
import { type SchemaChecker, schemaChecker } from '../../machines/index.js';
import { type Engine, limits, type OperatorAct, RuntimeFault } from '../../runtime/index.js';
import { policyVerbs } from './policies.js';
import { preferenceVerbs } from './preferences.js';
import { ruleVerbs } from './rules.js';
import { shadowVerbs } from './shadow.js';
import {
  type Args,
  accepted,
  object,
  text,
  userOf,
  type Verb,
  type VerbAnswer,
  type VerbContext,
  VerbRefused,
} from './verb.js';

const id = { type: 'string', minLength: 1, maxLength: 320 } as const;
const author = { type: 'string', minLength: 1, maxLength: limits.authorCharactersMax } as const;
const seconds = { type: 'integer', minimum: 1, maximum: 4_294_967_295 } as const;
const instant = {
  type: 'string',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$',
  maxLength: 24,
} as const;
const page = { type: 'integer', minimum: 1, maximum: 1000 } as const;

const deeds: Readonly<Record<OperatorAct, string>> = {
  delete: 'Delete a waiting message, as its owner would.',
  expire: 'Let a waiting message expire now.',
  retry: 'Take a message out of quarantine and repeat the event it failed on.',
  force:
    'End a message in quarantine without the chart it failed on; its sender is told if that is owed.',
  release: 'Let a held message go to its recipient, marked as expired.',
  drop: 'End a held message undelivered; its sender is told if he asked.',
  withdraw: 'Take a waiting message back, as its sender would: no report follows.',
  extend: 'Move the expiry of a waiting or held message.',
};

const act = (deed: OperatorAct): Verb => ({
  meaning: deeds[deed],
  reads: false,
  schema: object({ id, by: author, ...(deed === 'extend' ? { seconds } : {}) }, ['id']),
  run: async ({ engine }, args) => {
    const deferredId = String(args['id']);
    const reply = accepted(
      await engine.submit({
        type: 'operator.acted',
        deferredId,
        act: deed,
        by: String(args['by'] ?? 'operator'),
        ...(args['seconds'] === undefined ? {} : { seconds: Number(args['seconds']) }),
      }),
    );
    const status = reply.kind === 'results' ? reply.results[0]?.status : undefined;
    if (status === 409)
      throw new VerbRefused('not-now', `${deed} has no effect on this message as it stands`);
    const done = { id: args['id'], done: status === 200, waiting: status === 202 };
    if (deed !== 'extend') return done;
    return { ...done, expiresAtMs: engine.show(deferredId)?.message.expiresAtMs ?? null };
  },
});

/** Every verb, by name. */
export const verbs: Readonly<Record<string, Verb>> = {
  'messages.list': {
    meaning: "A user's waiting messages, or all messages the store remembers.",
    reads: true,
    schema: object({ aor: text, after: id, limit: page }),
    run: async (context, args) => {
      const limit = Number(args['limit'] ?? 100);
      const after = args['after'] === undefined ? null : String(args['after']);
      if (args['aor'] === undefined) return listAll(context, after, limit);
      return context.engine.list(userOf(context, args), after, limit);
    },
  },
  'messages.show': {
    meaning: 'The life of one message, step by step.',
    reads: true,
    schema: object({ id }, ['id']),
    run: async ({ engine }, args) => {
      const life = engine.show(String(args['id']));
      if (life === null)
        throw new VerbRefused('no-such-message', `no message ${JSON.stringify(args['id'])} here`);
      return life;
    },
  },
  'messages.delete': act('delete'),
  'messages.expire': act('expire'),
  'messages.retry': act('retry'),
  'messages.withdraw': act('withdraw'),
  'messages.force': act('force'),
  'messages.release': act('release'),
  'messages.drop': act('drop'),
  'messages.extend': act('extend'),
  ...preferenceVerbs,
  ...policyVerbs,
  ...ruleVerbs,
  ...shadowVerbs,
  'store.stats': {
    meaning: 'Counters since start and sizes now.',
    reads: true,
    schema: object({}),
    run: async ({ engine }) => engine.stats(),
  },
  'clock.confirm': {
    meaning: 'Believe the wall clock as it stands.',
    reads: false,
    schema: object({}),
    run: async ({ engine }) => {
      engine.confirmClock();
      return { now: engine.time.now() };
    },
  },
  'clock.set': {
    meaning: 'Move the virtual clock of a test ahead to an instant.',
    reads: false,
    schema: object({ to: instant }, ['to']),
    run: ({ engine }, args) => moveClock(engine, Date.parse(String(args['to']))),
  },
  'clock.advance': {
    meaning: 'Move the virtual clock of a test ahead by so many seconds.',
    reads: false,
    schema: object({ seconds }, ['seconds']),
    run: ({ engine }, args) =>
      moveClock(engine, (engine.virtualNow ?? 0) + Number(args['seconds']) * 1000),
  },
  readiness: {
    meaning: 'Whether the engine serves, and if not why.',
    reads: true,
    schema: object({}),
    run: async ({ engine, readiness }) => {
      const now = engine.virtualNow;
      return now === null ? readiness() : { ...readiness(), clock: 'virtual', now };
    },
  },
};

async function moveClock(engine: Engine, toMs: number): Promise<{ readonly now: number }> {
  const now = engine.virtualNow;
  if (now === null)
    throw new VerbRefused('clock-real', "time is the host's: only a virtual clock is moved");
  if (!(toMs >= now))
    throw new VerbRefused('clock-back', `the clock stands at ${now} and is moved ahead alone`);
  await engine.moveClock(toMs);
  return { now: engine.time.now() };
}

async function listAll(
  { engine }: VerbContext,
  after: string | null,
  limit: number,
): Promise<unknown> {
  const ids = await engine.ids(after, limit);
  const messages = ids.flatMap((one) => {
    const life = engine.show(one);
    if (life === null) return [];
    const { message, state, outcome, policyId, parked } = life;
    const { aor, asserted, octets, receivedAtMs, expiresAtMs } = message;
    return [
      {
        deferredId: one,
        aor,
        asserted,
        state,
        outcome,
        policyId,
        parked,
        octets,
        receivedAtMs,
        expiresAtMs,
      },
    ];
  });
  return { messages, next: ids.length === limit ? (ids.at(-1) ?? null) : null };
}

const checkers = new Map<string, SchemaChecker>();

function checkerOf(name: string, verb: Verb): SchemaChecker {
  const known = checkers.get(name);
  if (known !== undefined) return known;
  const made = schemaChecker(verb.schema);
  checkers.set(name, made);
  return made;
}

/** Runs one verb; never throws for what a request can cause. */
export async function runVerb(
  context: VerbContext,
  name: string,
  args: unknown,
): Promise<VerbAnswer> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined)
    return { ok: false, code: 'no-such-verb', message: `no verb ${JSON.stringify(name)}` };
  const checked = checkerOf(name, verb)(args);
  if (!checked.ok) {
    const { pointer, message } = checked.findings[0]!;
    return { ok: false, code: 'bad-request', message: `${name}: ${pointer || '/'} ${message}` };
  }
  try {
    return { ok: true, result: await verb.run(context, args as Args) };
  } catch (cause) {
    if (cause instanceof VerbRefused)
      return { ok: false, code: cause.code, message: cause.message };
    if (cause instanceof RuntimeFault && cause.code === 'DEFERRED_IM_CLOSED')
      return { ok: false, code: 'closing', message: cause.message };
    throw cause;
  }
}
