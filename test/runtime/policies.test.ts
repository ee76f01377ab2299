// The shipped policies, each driven through every transition of its graph; every step goes through
// JSON, as it does through the disk. A transition nobody can take would be a line on the chart that
// means nothing.
import t from 'tap';
import type { AnyMachineSnapshot } from 'xstate';
import {
  answerClass,
  type GraphTransition,
  isWithin,
  type Message,
  messageEventTypes,
  type Policy,
  shippedPolicyIds,
} from '../../machines/index.js';
import { begin, type Step, type StepEvent, step } from '../../runtime/index.js';
import { expiresAtMs, writtenAtMs } from '../support/messages.js';
import { shipped } from '../support/policies.js';

const owed = {
  expiresAtMs,
  outlivesAtMs: writtenAtMs + 7_776_000_000,
  reportException: null,
} as Message;
const silent: Message = { ...owed, reportException: 'not-asked' };

const answers: readonly StepEvent[] = [200, 408, 415, 603].flatMap((status) =>
  (['delivery.answered', 'report.answered'] as const).map((type) => ({
    type,
    status,
    class: answerClass(status),
  })),
);

const others = messageEventTypes
  .filter((type) => !type.endsWith('.answered'))
  .map((type) =>
    type === 'message.extended'
      ? { type, expiresAtMs: expiresAtMs + 86_400_000 }
      : ({ type } as StepEvent),
  );

interface Taken {
  readonly before: Step;
  readonly event: StepEvent;
  readonly after: Step;
}

/** Every step that can be taken from every state that can be reached. */
function explore(policy: Policy, message: Message): readonly Taken[] {
  const seen = new Set<string>();
  const taken: Taken[] = [];
  const queue = [begin(policy, message, writtenAtMs)];
  for (let before = queue.shift(); before !== undefined; before = queue.shift()) {
    const stored = JSON.stringify(before.state);
    const { attempts, ...rest } = (before.state.snapshot as AnyMachineSnapshot).context;
    const name = JSON.stringify([before.value, rest]);
    if (seen.has(name) || before.final) continue;
    seen.add(name);
    const due = before.state.timers.map((one): StepEvent => ({ type: 'timer', id: one.id }));
    for (const event of [...answers, ...others, ...due]) {
      const after = step(policy, JSON.parse(stored), event, writtenAtMs);
      taken.push({ before, event, after });
      queue.push(after);
    }
  }
  return taken;
}

function nameOf(event: StepEvent): string {
  return event.type === 'timer' ? (event.id.split('.', 3)[2] as string) : event.type;
}

function fits(one: GraphTransition, { before, event, after }: Taken): boolean {
  if (one.trigger === 'always') {
    return after.path.some(
      (path, index) => isWithin(path, one.from) && isWithin(after.path[index + 1] ?? '-', one.to!),
    );
  }
  if (one.name !== nameOf(event) || !isWithin(before.value, one.from)) return false;
  if (one.to === null) return after.changed && after.path.at(-1) === before.value;
  return isWithin(after.path[0] ?? '', one.to);
}

// JSON has no way to share a part: each file repeats it, and here they are held together.
const sharedStates = [
  ...['reporting', 'deleted-by-user', 'refused'],
  ...['delivered', 'reported', 'report-refused', 'dropped', 'withdrawn'],
];

t.test('what the shipped policies share is the same in each of them', async (t) => {
  const [first, ...rest] = shippedPolicyIds.map((id) => {
    const { file } = shipped(id);
    const { states } = JSON.parse(JSON.stringify(file.machine).replaceAll(`#${id}.`, '#'));
    const { deliverAfterExpiry: _late, delays: _delays, ...settings } = file.settings ?? {};
    const answered = states.delivering.on['delivery.answered'];
    return {
      settings,
      answered,
      ...Object.fromEntries(sharedStates.map((one) => [one, states[one]])),
    };
  });
  t.ok(
    Object.values(first ?? {}).every((part) => part !== undefined),
    'nothing is left out',
  );
  for (const [index, other] of rest.entries())
    t.same(other, first, `${shippedPolicyIds[index + 1]}`);
});

for (const id of shippedPolicyIds) {
  t.test(`${id}: every transition can be taken`, async (t) => {
    const policy = shipped(id);
    const taken = [...explore(policy, owed), ...explore(policy, silent)];
    for (const one of policy.graph.transitions) {
      if (one.trigger === 'initial') continue;
      const what = `${one.from} ${one.trigger} ${one.name} #${one.order} -> ${one.to ?? 'stays'}`;
      t.ok(
        taken.some((step) => fits(one, step)),
        what,
      );
    }
    const ends = new Set(taken.filter((one) => one.after.final).map((one) => one.after.value));
    const finals = policy.graph.states.filter((state) => state.kind === 'final');
    t.same(ends, new Set(finals.map((state) => state.path)), 'every end is reached');
  });

  t.test(`RC7 ${id}: a report that is owed comes before the end, and no other`, async (t) => {
    const policy = shipped(id);
    for (const message of [owed, silent]) {
      for (const { before, after } of explore(policy, message)) {
        const reports = after.effects.filter((one) => one.type === 'report');
        const { reported, ending } = (after.state.snapshot as AnyMachineSnapshot).context;
        if (message === silent && reports.length > 0) t.fail(`reported from ${before.value}`);
        if (message === silent || !after.final) continue;
        // Taken back during a push that was refused for good: the sender knows.
        const quiet = ['delivered', 'withdrawn'].includes(after.value) || ending === 'withdrawn';
        if (quiet === reported) t.fail(`${before.value} -> ${after.value}, reported: ${reported}`);
      }
    }
    t.pass('explored');
  });

  t.test(`RC9 RC10 ${id}: what lives can be deleted; a repetition changes nothing`, async (t) => {
    const policy = shipped(id);
    for (const { event, after } of explore(policy, owed)) {
      if (after.final) continue;
      if (after.live) {
        const gone = step(policy, after.state, { type: 'message.deleted' }, writtenAtMs);
        t.ok(gone.changed || event.type.startsWith('message.'), `deleted in ${after.value}`);
      }
      if (event.type === 'timer' || !after.changed || event.type.endsWith('.answered')) continue;
      const again = step(policy, after.state, event, writtenAtMs);
      // Notices are made one by the engine, whatever a chart asks for.
      const repeated = again.effects.filter((one) => one.type !== 'notify');
      t.equal(repeated.length, 0, `${event.type} twice in ${after.value}`);
    }
  });
}
