// The verb that lives recorded histories again under a candidate policy: a page of messages at a time, and nothing written.
import type { Policy } from '../../machines/index.js';
import { type Engine, hostClock, limits, shadowOf } from '../../runtime/index.js';
import { object, type Verb, VerbRefused } from './verb.js';

const id = { type: 'string', minLength: 1, maxLength: 320 } as const;

/** Verbs by name. */
export const shadowVerbs: Readonly<Record<string, Verb>> = {
  'policy.shadow': {
    meaning:
      'Which messages of a page would have ended differently under a candidate policy, by their recorded histories.',
    reads: true,
    schema: object({ source: { type: 'object' }, after: id }, ['source']),
    run: async ({ engine }, args) => {
      const policy = candidateOf(engine, args['source']);
      const after = args['after'] === undefined ? null : String(args['after']);
      const ids = await engine.ids(after, limits.shadowPageMessages);
      const shadows: ReturnType<typeof compared>[] = [];
      for (const one of ids) {
        shadows.push(compared(engine, policy, one));
        // A long life takes a while: whatever else there is goes first.
        await new Promise<void>((resolve) => hostClock.soon(resolve));
      }
      const full = ids.length === limits.shadowPageMessages;
      return {
        compared: shadows.filter((one) => one !== null).length,
        skipped: shadows.filter((one) => one === null).length,
        differences: shadows.flatMap((one) => (one === null || !one.differs ? [] : [one.told])),
        next: full ? (ids.at(-1) ?? null) : null,
      };
    },
  },
};

function candidateOf(engine: Engine, source: unknown): Policy {
  const compiled = engine.registry.compile(source);
  if (compiled.ok) return compiled.policy;
  const { pointer, message } = compiled.findings[0]!;
  throw new VerbRefused('policy-refused', `${pointer}: ${message}`);
}

function compared(engine: Engine, policy: Policy, deferredId: string) {
  const [row, life] = [engine.actor(deferredId), engine.show(deferredId)];
  const shadow =
    row === null ? null : shadowOf(policy, row, engine.time.now(), engine.registry.get(row.policy));
  if (shadow === null || life === null) return null;
  const { lived, would, differs } = shadow;
  const { policyId, message } = life;
  const told = { deferredId, policyId, receivedAtMs: message.receivedAtMs, lived, would };
  return { differs, told };
}
