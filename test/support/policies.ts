// Policies for tests: changes to a shipped one, and machines that nest, run in parallel and
// remember.
import {
  type Compiled,
  compilePolicy,
  type Judgement,
  type Policy,
  type PolicyFile,
  shippedPolicy,
} from '../../machines/index.js';

/** JSON that may be changed at will. */
// biome-ignore lint/suspicious/noExplicitAny: a test writes what no type would allow.
export type Loose = any;

/** The default policy, changed. */
export function changed(change: (policy: Loose) => void, id = 'delete-and-report'): unknown {
  const copy: Loose = structuredClone(shippedPolicy(id));
  change(copy);
  return copy;
}

/** A policy around a machine of its own. */
export const policyOf = (machine: Loose, settings: Loose = {}): unknown => ({
  id: 'trial',
  title: 'Trial',
  description: 'A machine for a test.',
  settings,
  machine: { id: 'trial', ...machine },
});

/** Codes of the findings, or none for a policy that is accepted. */
export function codesOf(source: unknown): readonly string[] {
  const compiled: Compiled = compilePolicy(source);
  return compiled.ok ? [] : compiled.findings.map((one) => one.code);
}

/** Lets a policy in that compiles, in place of the gate. */
export function unjudged(source: unknown): Judgement {
  const compiled = compilePolicy(source);
  const policy = compiled.ok ? compiled.policy : null;
  return { ok: compiled.ok, findings: compiled.ok ? [] : compiled.findings, policy, known: null };
}

/** A policy that must compile. */
export function compiled(source: unknown): Policy {
  const result = compilePolicy(source);
  if (!result.ok) throw new Error(JSON.stringify(result.findings));
  return result.policy;
}

export const shipped = (id: string): Policy => compiled(shippedPolicy(id) as PolicyFile);

const end = { type: 'final', meta: { outcome: 'done' } };
const everywhere = { 'message.outlived': '.over', 'message.deleted': '.over' };

/**
 * Compound states within compound states, entry and exit actions, `always` on the way, delays at
 * every level.
 */
export const nested = policyOf(
  {
    initial: 'outer',
    on: everywhere,
    states: {
      outer: {
        tags: ['live'],
        initial: 'one',
        entry: ['deliver', { type: 'noteEnding', params: { cause: 'evicted' } }],
        exit: 'markExpired',
        after: { long: 'outer.two' },
        on: { 'message.evicted': { target: 'outer', reenter: true }, 'message.withdrawn': 'over' },
        states: {
          one: { on: { 'recipient.registered': 'two' }, after: { short: { target: 'two' } } },
          two: {
            initial: 'deep',
            after: { expiry: '#trial.passing' },
            states: {
              deep: {
                on: {
                  'delivery.answered': [
                    { guard: { type: 'answered', params: { class: 'success' } }, target: 'deeper' },
                    { target: '#trial.outer.one', actions: 'deliver' },
                  ],
                },
              },
              deeper: { type: 'final' },
            },
            onDone: { target: '#trial.passing' },
          },
        },
      },
      passing: {
        always: [{ guard: 'reportOwed', target: 'outer', actions: 'report' }, { target: 'over' }],
      },
      over: end,
    },
  },
  { delays: { short: { seconds: 30 }, long: { days: 40 } } },
);

/** Regions side by side, each with its own delay. */
export const parallel = policyOf(
  {
    initial: 'both',
    on: everywhere,
    states: {
      both: {
        tags: ['live'],
        type: 'parallel',
        states: {
          left: {
            initial: 'l1',
            states: {
              l1: { on: { 'recipient.registered': 'l2' }, after: { short: 'l2' } },
              l2: { entry: 'deliver', on: { 'message.evicted': 'l1' }, after: { long: 'l3' } },
              l3: { type: 'final' },
            },
          },
          right: {
            initial: 'r1',
            states: {
              r1: { on: { 'recipient.registered': 'r2', 'message.withdrawn': 'r3' } },
              r2: { on: { 'message.evicted': 'r1' }, after: { expiry: 'r3' } },
              r3: { type: 'final' },
            },
          },
        },
        onDone: 'over',
      },
      over: end,
    },
  },
  { delays: { short: { seconds: 30 }, long: { minutes: 5 } } },
);

/** Shallow and deep history of a state that is left and entered again. */
export const remembering = policyOf(
  {
    initial: 'work',
    on: everywhere,
    states: {
      work: {
        tags: ['live'],
        initial: 'first',
        on: { 'message.evicted': 'away' },
        states: {
          first: { on: { 'recipient.registered': 'second' } },
          second: {
            initial: 'a',
            states: {
              a: { on: { 'recipient.registered': 'b' } },
              b: { entry: 'deliver', on: { 'recipient.registered': '#trial.work.first' } },
            },
          },
          lately: { type: 'history', history: 'shallow' },
          exactly: { type: 'history', history: 'deep' },
        },
      },
      away: {
        tags: ['live'],
        on: { 'message.withdrawn': 'work.lately', 'message.retrieved': 'work.exactly' },
        after: { short: 'work.exactly' },
      },
      over: end,
    },
  },
  { delays: { short: { seconds: 30 } } },
);

/** The state that waits, in a policy that is to be changed. */
export const stored = (policy: Loose): Loose => policy.machine.states.stored;
