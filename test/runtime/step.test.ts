// The one adapter to XState, held equal to XState's own public functions over thousands of random
// steps; what is stored reopens as a live actor; and the shapes of XState's actions that the
// adapter reads.
import t from 'tap';
import { type AnyMachineSnapshot, createActor, initialTransition, setup, transition } from 'xstate';
import {
  answerClass,
  effectPrefix,
  initialContext,
  type Message,
  type MessageEvent,
  messageEventTypes,
  type Policy,
} from '../../machines/index.js';
import { begin, type Step, StepError, type StepEvent, step } from '../../runtime/index.js';
import { cpim, expiresAtMs, writtenAtMs } from '../support/messages.js';
import { compiled, nested, parallel, remembering, shipped } from '../support/policies.js';
import { seeded } from '../support/world.js';

const message: Message = {
  deferredId: '00abc@mailserver32.example.org',
  aor: 'sip:bob@example.org',
  asserted: 'sip:alice@example.com',
  fromUri: 'sip:alice@example.com',
  toUri: 'sip:bob@example.org',
  callId: 'asd88asd77a',
  contentType: 'message/cpim',
  octets: 747,
  bodyOffset: 392,
  receivedAtMs: writtenAtMs,
  dateMs: writtenAtMs,
  expiresSeconds: 3600,
  expiresAtMs,
  outlivesAtMs: writtenAtMs + 7_776_000_000,
  cpim: cpim(),
  reportException: null,
};

const policies: readonly (readonly [string, Policy])[] = [
  ['delete-and-report', shipped('delete-and-report')],
  ['deliver-late', shipped('deliver-late')],
  ['grace-then-delete', shipped('grace-then-delete')],
  ['hold-for-operator', shipped('hold-for-operator')],
  ['nested', compiled(nested)],
  ['parallel', compiled(parallel)],
  ['remembering', compiled(remembering)],
];

const plainJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function eventOf(type: MessageEvent['type'], random: () => number): MessageEvent {
  if (type === 'message.extended')
    return { type, expiresAtMs: expiresAtMs + Math.floor(random() * 3) * 86_400_000 };
  if (type !== 'delivery.answered' && type !== 'report.answered') return { type };
  const statuses = [200, 202, 404, 408, 415, 480, 503, 603, 0];
  const status = statuses[Math.floor(random() * statuses.length)] as number;
  return { type, status, class: answerClass(status) };
}

/** An event, now and then the firing of a timer that is armed. */
function randomEvent(timers: readonly { id: string }[], random: () => number): StepEvent {
  const timer = timers[Math.floor(random() * timers.length)];
  if (timer !== undefined && random() < 0.3) return { type: 'timer', id: timer.id };
  const type = messageEventTypes[Math.floor(random() * messageEventTypes.length)];
  return eventOf(type as MessageEvent['type'], random);
}

type Actions = readonly { type: string; params?: unknown }[];

const effectsIn = (actions: Actions) =>
  actions
    .filter((one) => one.type.startsWith(effectPrefix))
    .map((one) => ({ type: one.type.slice(effectPrefix.length), ...(one.params as object) }));

/** Ids of the delays armed after a step, as XState's own actions tell. */
function armedAfter(before: readonly string[], actions: Actions): readonly string[] {
  let ids = before;
  for (const { type, params } of actions) {
    const { id, sendId } = (params ?? {}) as { id?: string; sendId?: string };
    if (type === 'xstate.cancel') ids = ids.filter((one) => one !== sendId);
    if (type === 'xstate.raise') ids = [...ids.filter((one) => one !== id), id as string];
  }
  return ids;
}

/** What a step must agree on with XState. */
const ours = (one: Step) => ({
  value: (one.state.snapshot as AnyMachineSnapshot).value,
  context: (one.state.snapshot as AnyMachineSnapshot).context,
  status: (one.state.snapshot as AnyMachineSnapshot).status,
  effects: one.effects,
});

const theirs = (snapshot: AnyMachineSnapshot, actions: Actions) => ({
  value: snapshot.value,
  context: snapshot.context,
  status: snapshot.status,
  effects: effectsIn(actions),
});

interface Same {
  same(found: unknown, wanted: unknown, message: string): boolean;
}

/** One random life, side by side; `stored` puts every state through JSON, as the disk does. */
function compare(t: Same, policy: Policy, seed: number, stored: boolean): number {
  const random = seeded(seed);
  const keep = <T>(value: T): T => (stored ? plainJson(value) : value);
  let [snapshot, actions] = initialTransition(policy.machine, initialContext(message) as never);
  let mine = begin(policy, message, writtenAtMs);
  let timers = armedAfter([], actions as Actions);
  let steps = 0;
  for (; steps < 40 && !mine.final; steps += 1) {
    const event = randomEvent(mine.state.timers, random);
    const input = event.type === 'timer' ? { type: event.id } : event;
    const before = event.type === 'timer' ? timers.filter((id) => id !== event.id) : timers;
    [snapshot, actions] = transition(policy.machine, snapshot, input as never);
    mine = step(policy, keep(mine.state), event, writtenAtMs + steps);
    timers = mine.final ? [] : armedAfter(before, actions as Actions);
    const same =
      JSON.stringify(ours(mine)) === JSON.stringify(theirs(snapshot, actions as Actions)) &&
      JSON.stringify(mine.state.timers.map((one) => one.id)) === JSON.stringify(timers);
    if (same) continue;
    t.same(ours(mine), theirs(snapshot, actions as Actions), `seed ${seed}, step ${steps}`);
    t.same(
      mine.state.timers.map((one) => one.id),
      timers,
      `seed ${seed}, step ${steps}`,
    );
    return steps;
  }
  return steps;
}

t.test('differential: equal to XState over random lives', async (t) => {
  for (const [name, policy] of policies) {
    let steps = 0;
    for (let seed = 1; seed <= 400; seed += 1) steps += compare(t, policy, seed, seed % 2 === 0);
    t.ok(steps > 1000, `${name}: ${steps} steps`);
  }
});

/**
 * Every state a policy can be brought to, breadth first, by its value and what its guards look at.
 */
function reachableStates(policy: Policy): readonly Step[] {
  const seen = new Map<string, Step>();
  const queue = [begin(policy, message, writtenAtMs)];
  for (let next = queue.shift(); next !== undefined && seen.size < 120; next = queue.shift()) {
    const context = (next.state.snapshot as AnyMachineSnapshot).context;
    const { attempts, reportAttempts, ...rest } = context as Record<string, unknown>;
    const name = JSON.stringify([next.value, next.state.timers.map((one) => one.id), rest]);
    if (seen.has(name)) continue;
    seen.set(name, next);
    if (next.final) continue;
    const { state } = next;
    const answers = [200, 408, 415, 603].flatMap((status) =>
      (['delivery.answered', 'report.answered'] as const).map(
        (type): StepEvent => ({ type, status, class: answerClass(status) }),
      ),
    );
    const others = messageEventTypes
      .filter((type) => !type.endsWith('.answered'))
      .map((type) => eventOf(type, () => 0.4));
    const due = state.timers.map((one): StepEvent => ({ type: 'timer', id: one.id }));
    for (const event of [...answers, ...others, ...due])
      queue.push(step(policy, plainJson(state), event, writtenAtMs));
  }
  return [...seen.values()];
}

t.test('every stored snapshot reopens as a live actor', async (t) => {
  for (const [name, policy] of policies) {
    const states = reachableStates(policy);
    t.ok(states.length > 4, `${name}: ${states.length} kinds of state`);
    for (const one of states) {
      const snapshot = plainJson(one.state.snapshot);
      const actor = createActor(policy.machine, { snapshot: snapshot as never });
      const live = actor.getSnapshot() as AnyMachineSnapshot;
      const kept = one.state.snapshot as AnyMachineSnapshot;
      if (one.final) t.equal(live.status, 'done');
      t.same([live.value, live.context], [kept.value, kept.context], `${name} ${one.value}`);
      t.equal(live.hasTag('live'), one.live);
    }
  }
});

t.test('shape probes: what XState calls its actions', async (t) => {
  const policy = shipped('delete-and-report');
  const [first, begun] = initialTransition(policy.machine, initialContext(message) as never);
  t.match(begun, [
    {
      type: 'xstate.raise',
      params: {
        id: 'xstate.after.expiry.delete-and-report.stored',
        delay: 1,
        event: { type: 'xstate.after.expiry.delete-and-report.stored' },
      },
    },
  ]);
  const [, pushed] = transition(policy.machine, first, { type: 'recipient.registered' });
  t.match(
    pushed.map((one) => one.type),
    ['xstate.cancel', 'effect.deliver', 'xstate.raise', 'xstate.raise'],
  );
  t.match(pushed[0], { params: { sendId: 'xstate.after.expiry.delete-and-report.stored' } });
  t.match(pushed[1], { params: { attempt: 1, late: false } });
  const [same, none] = transition(policy.machine, first, { type: 'unheard.of' } as never);
  t.equal(same, first, 'an event without a transition returns the same snapshot');
  t.same(none, []);
});

t.test('timers: expiry is absolute, others count from the step', async (t) => {
  const policy = shipped('delete-and-report');
  const first = begin(policy, message, writtenAtMs);
  t.match(first.state.timers, [{ name: 'expiry', dueMs: expiresAtMs }]);
  const nowMs = writtenAtMs + 5000;
  const pushed = step(policy, first.state, { type: 'recipient.registered' }, nowMs);
  t.same(Object.fromEntries(pushed.state.timers.map((one) => [one.name, one.dueMs])), {
    expiry: expiresAtMs,
    answerTimeout: nowMs + 40_000,
  });
  t.match(pushed, { live: true, final: false, changed: true, value: 'delivering' });
  t.same(pushed.effects, [{ type: 'deliver', attempt: 1, late: false }]);
  const forever = begin(policy, { ...message, expiresAtMs: null }, writtenAtMs);
  t.same(forever.state.timers, [], 'a message that does not expire has no timer');
});

t.test('the path names the states passed through', async (t) => {
  const policy = shipped('delete-and-report');
  const first = begin(policy, message, writtenAtMs);
  const gone = step(policy, first.state, { type: 'message.deleted' }, writtenAtMs);
  t.same(gone.path, ['deleted-by-user', 'reporting.sending']);
  const idle = step(
    policy,
    first.state,
    { type: 'report.answered', status: 200, class: 'success' },
    0,
  );
  t.equal(idle.changed, false);
});

t.test('a step is pure: the stored state is not touched, a repetition is equal', async (t) => {
  for (const [name, policy] of policies) {
    const first = begin(policy, message, writtenAtMs);
    const before = JSON.stringify(first.state);
    const once = step(policy, first.state, { type: 'recipient.registered' }, writtenAtMs);
    const twice = step(policy, first.state, { type: 'recipient.registered' }, writtenAtMs);
    t.equal(JSON.stringify(once), JSON.stringify(twice), name);
    t.equal(JSON.stringify(first.state), before);
  }
});

/** A policy around a machine that no check would let pass. */
const unchecked = (config: object, parts: object = {}): Policy => ({
  ...shipped('delete-and-report'),
  machine: setup(parts as never).createMachine({
    ...config,
    context: ({ input }: { input: unknown }) => input,
  } as never) as never,
});

const trial = (states: object, parts: object = {}, options: object = { maxIterations: 64 }) =>
  unchecked({ id: 'x', initial: 'a', options, states }, parts);

const poke: StepEvent = { type: 'message.evicted' };
const toB = { on: { 'message.evicted': { target: 'b' } } };

t.test('F6 a guard or action that throws is a StepError', async (t) => {
  const fails = () => {
    throw new Error('out of order');
  };
  const guarded = trial(
    { a: { on: { 'message.evicted': { guard: 'bad', target: 'b' } } }, b: {} },
    { guards: { bad: fails } },
  );
  const first = begin(guarded, message, 0);
  t.throws(() => step(guarded, first.state, poke, 0), StepError);
  const unknown = trial({ a: toB, b: { entry: 'sendMail' } });
  t.throws(() => step(unknown, begin(unknown, message, 0).state, poke, 0), StepError);
});

t.test('F1 an endless loop at run time is a StepError, not a hang', async (t) => {
  const endless = trial({ a: toB, b: { always: 'c' }, c: { always: 'b' } });
  const first = begin(endless, message, 0);
  t.throws(() => step(endless, first.state, poke, 0), StepError);
  const atOnce = trial({ a: { always: 'b' }, b: { always: 'a' } });
  t.throws(() => begin(atOnce, message, 0), StepError);
});

t.test('after a failed step the next one is whole', async (t) => {
  const endless = trial({ a: toB, b: { always: 'c', entry: 'x' }, c: { always: 'b' } });
  const policy = shipped('delete-and-report');
  const first = begin(policy, message, writtenAtMs);
  const expected = step(policy, first.state, { type: 'recipient.registered' }, writtenAtMs);
  t.throws(() => step(endless, begin(endless, message, 0).state, poke, 0), StepError);
  const again = step(policy, first.state, { type: 'recipient.registered' }, writtenAtMs);
  t.same(again, expected, 'nothing of the failed step is left in the scope');
});

t.test('F3 a stored snapshot that makes no sense is a StepError', async (t) => {
  const policy = shipped('delete-and-report');
  const { state } = begin(policy, message, writtenAtMs);
  const wrong = { ...state, snapshot: { ...state.snapshot, value: 'nowhere' } };
  t.throws(() => step(policy, wrong, poke, 0), StepError);
});
