// What the gate costs: the shipped policies, and made ones of 10, 50 and 200 states, each judged as `policy check` does. The
// first judgement of a process, which is what a command line pays, and the median of more.
import { type Judgement, shippedPolicy, shippedPolicyIds } from '../../machines/index.js';
import { judge } from '../../runtime/index.js';

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

interface Cost {
  readonly judgement: Judgement;
  readonly firstMs: number;
  readonly medianMs: number;
}

function costOf(source: unknown, runs: number): Cost {
  const times: number[] = [];
  let judgement: Judgement | null = null;
  for (let run = 0; run <= runs; run += 1) {
    const before = process.cpuUsage();
    judgement = judge(source);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  const sorted = times.slice(1).sort((a, b) => a - b);
  return {
    judgement: judgement!,
    firstMs: times[0]!,
    medianMs: sorted[Math.floor(sorted.length / 2)]!,
  };
}

function main(): void {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say('the gate, milliseconds of processor time for one policy');
  const cases = [
    ...shippedPolicyIds.map((id) => [id, shippedPolicy(id)] as const),
    ...[10, 50, 200].map((count) => [`${count} states`, policyOfStates(count)] as const),
  ];
  for (const [name, source] of cases) {
    const { judgement, firstMs, medianMs } = costOf(source, 9);
    const size = judgement.known?.behaviour;
    say(
      `  ${name.padEnd(20)} ${judgement.ok ? 'passes' : 'refused'} ${size?.situations} situations, ${size?.steps} edges: ${medianMs.toFixed(0)} ms, at first ${firstMs.toFixed(0)} ms`,
    );
  }
}

main();
