// What the gate costs: the shipped policies, and made ones of 10, 50 and 200 states, each judged as `policy check` does.
import { shippedPolicy, shippedPolicyIds } from '../../machines/index.js';
import { judge } from '../../runtime/index.js';
import { type Findings, figure } from './figures.js';
import type { Stage } from './stage.js';

/** A waiting message that ages through so many states, is pushed from each, and ends as the default policy ends it. */
export function policyOfStates(count: number): unknown {
  const source = structuredClone(shippedPolicy('delete-and-report')) as {
    readonly machine: { readonly states: Record<string, Record<string, unknown>> };
    readonly settings: { readonly delays: Record<string, unknown> };
  };
  const { stored } = source.machine.states;
  const inner = countOf(source.machine.states);
  const ages = Array.from({ length: Math.max(1, count - inner) }, (_, n) => `age${n}`);
  source.settings.delays['day'] = { days: 1 };
  source.machine.states['stored'] = {
    ...stored,
    initial: ages[0],
    states: Object.fromEntries(
      ages.map((age, n) => [age, n + 1 < ages.length ? { after: { day: ages[n + 1] } } : {}]),
    ),
  };
  return source;
}

const countOf = (states: Record<string, Record<string, unknown>>): number =>
  Object.values(states).reduce(
    (sum, one) =>
      sum + 1 + countOf((one['states'] ?? {}) as Record<string, Record<string, unknown>>),
    0,
  );

/** Milliseconds of processor time of each judgement; the first one, with all code still cold, is left out. */
function timesOf(source: unknown, runs: number): readonly number[] {
  if (!judge(source).ok) throw new TypeError('the gate refuses a policy of the benchmark');
  return Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    judge(source);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}

/** Runs the benchmark. */
export async function gate(stage: Stage): Promise<Findings> {
  const { runs } = stage.plan;
  stage.say('gate: the shipped policies, and made ones of 10, 50 and 200 states');
  const shipped = shippedPolicyIds.map((id) =>
    figure(`judging ${id}`, 'ms', timesOf(shippedPolicy(id), runs), { atMost: 200 }),
  );
  const made = [10, 50, 200].map((count) =>
    figure(`judging a policy of ${count} states`, 'ms', timesOf(policyOfStates(count), runs)),
  );
  const note =
    'processor time of one judgement; a policy of n states is the default one, whose waiting state ages in steps';
  return { title: 'The gate', figures: [...shipped, ...made], notes: [note], lost: [] };
}
