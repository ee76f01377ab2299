// The one adapter to XState: a pure function from a stored actor and an event to the next stored actor and its
// effects. It implements XState's ActorScope once and reuses it, so that no actor object is made for a step; a
// differential test holds it equal to XState's public `transition()`. It reads no clock: `nowMs` is given.
import { type AnyActorScope, type AnyMachineSnapshot, createActor, createMachine } from 'xstate';
import {
  type ActorState,
  type ArmedTimer,
  type Effect,
  effectActions,
  effectPrefix,
  initialContext,
  type Message,
  type Placement,
  type PlaceValue,
  type Policy,
  placeName,
  pushPatienceMs,
  type Step,
  type StepEvent,
} from '../machines/index.js';

export type { ActorState, ArmedTimer, Step, StepEvent };

/** A step that could not be taken; the message goes to quarantine (reliability R23). */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/** The first step of a message: from nothing into the machine's initial state. */
export function begin(policy: Policy, message: Message, nowMs: number): Step {
  const frame = { policy, message, nowMs, waiting: [], before: null };
  const known = firstSteps.get(policy);
  if (known !== undefined && known !== null) return bornAs(known, frame);
  const input = initialContext(message) as never;
  const first = run(frame, () => policy.machine.getInitialSnapshot(scope, input));
  if (known === undefined)
    firstSteps.set(policy, sameForAll(policy) ? { step: first, delays: delays() } : null);
  return first;
}

// Where no guard and no action has a say, the first step of every message is the same but for its facts and instants:
// it is taken once for each policy and copied from then on. The differential test holds the copy to the original.
interface FirstStep {
  readonly step: Step;
  readonly delays: readonly { readonly id: string; readonly delayMs: number }[];
}

const firstSteps = new WeakMap<Policy, FirstStep | null>();

function sameForAll(policy: Policy): boolean {
  const { states, transitions } = policy.graph;
  const entered = new Set(['']);
  for (const path of entered) {
    const state = states.find((one) => one.path === path);
    if (state === undefined || state.kind === 'parallel' || state.kind === 'final') return false;
    if (state.entry.length > 0) return false;
    if (transitions.some((one) => one.from === path && one.trigger === 'always')) return false;
    if (state.initial !== null) entered.add(state.initial);
  }
  return true;
}

const delays = (): FirstStep['delays'] =>
  executed.flatMap(({ type, params }) => {
    const { id, delay } = params as { id: string; delay: number };
    return type === 'xstate.raise' ? [{ id, delayMs: delay }] : [];
  });

function bornAs(first: FirstStep, frame: Frame): Step {
  const { nowMs, message } = frame;
  const { expiresAtMs } = message;
  const instants = { nowMs, expiresAtMs, patienceMs: pushPatienceMs(message) };
  const timers = first.delays.flatMap(({ id, delayMs }) => timerFor(instants, id, delayMs) ?? []);
  const snapshot = { ...first.step.state.snapshot, context: initialContext(frame.message) };
  return { ...first.step, state: { snapshot, timers } };
}

/** One macrostep. Throws StepError when the machine fails; deterministic, so a repetition fails alike. */
export function step(policy: Policy, stored: ActorState, event: StepEvent, nowMs: number): Step {
  const before = restoredOnce(policy, stored);
  const { message } = before.context as { message: Message };
  const fired = event.type === 'timer' ? event.id : null;
  const waiting = stored.timers.filter((timer) => timer.id !== fired);
  const input = event.type === 'timer' ? { type: event.id } : event;
  const frame = { policy, message, nowMs, waiting, before };
  const next = run(frame, () => policy.machine.transition(before, input as never, scope));
  // A timer that fired is gone even when nothing came of it.
  return fired === null ? next : { ...next, changed: true };
}

/**
 * Puts a message where it belongs on another chart, without a step: nothing is entered, so nothing is sent twice. A
 * deadline that runs stays what it is; one that did not run before begins now.
 */
export function placed(
  policy: Policy,
  { value, context, waiting }: Placement,
  nowMs: number,
): Step {
  const snapshot = attempt(() => policy.machine.resolveState({ value, context } as never));
  const { message } = context;
  const at = { nowMs, expiresAtMs: message.expiresAtMs, patienceMs: pushPatienceMs(message) };
  const timers = new Map<string, ArmedTimer>();
  for (const { after } of (snapshot as unknown as WithNodes)._nodes) {
    for (const { eventType: id } of after) {
      const name = id.split('.', 3)[2] ?? '';
      const known = waiting.find((one) => one.name === name);
      const timer =
        known === undefined ? timerFor(at, id, policy.delaysMs[name] ?? 0) : { ...known, id };
      if (timer !== null) timers.set(id, timer);
    }
  }
  const name = placeName(snapshot.value);
  return {
    state: {
      snapshot: policy.machine.getPersistedSnapshot(snapshot) as object,
      timers: [...timers.values()],
    },
    effects: [],
    path: [name],
    changed: true,
    final: snapshot.status === 'done',
    live: snapshot.hasTag('live'),
    value: name,
  };
}

// What XState says of the states that are active.
interface WithNodes {
  readonly _nodes: readonly { readonly after: readonly { readonly eventType: string }[] }[];
}

// A search takes many steps from one stored actor. Snapshots are never changed, so that one may be stepped from again.
let restored: {
  readonly policy: Policy;
  readonly stored: ActorState;
  readonly snapshot: AnyMachineSnapshot;
} | null = null;

function restoredOnce(policy: Policy, stored: ActorState): AnyMachineSnapshot {
  if (restored?.stored === stored && restored.policy === policy) return restored.snapshot;
  const snapshot = attempt(() => restore(policy, stored));
  restored = { policy, stored, snapshot };
  return snapshot;
}

/** A stored actor as XState's own snapshot, with `matches`, `hasTag`, `can` and `getMeta`. */
export function restore(policy: Policy, stored: ActorState): AnyMachineSnapshot {
  return policy.machine.restoreSnapshot(stored.snapshot as never, scope) as AnyMachineSnapshot;
}

/** Where a stored actor stands, without a step. */
export function standing(
  policy: Policy,
  stored: ActorState,
): { value: string; live: boolean; final: boolean } {
  const snapshot = restore(policy, stored);
  return {
    value: placeName(snapshot.value),
    live: snapshot.hasTag('live'),
    final: snapshot.status === 'done',
  };
}

// ---- the reused scope ----

interface ExecutedAction {
  readonly type: string;
  readonly params?: unknown;
}

const executed: ExecutedAction[] = [];
const microsteps: string[] = [];

const host = createActor(createMachine({}));
host.system.inspect((event) => {
  if (event.type !== '@xstate.microstep') return;
  microsteps.push(placeName((event.snapshot as AnyMachineSnapshot).value as PlaceValue));
});

// Everything a macrostep may ask of its host. Actions are collected, never executed; children do not exist.
const scope: AnyActorScope = {
  self: host,
  id: host.id,
  sessionId: host.sessionId,
  system: host.system,
  logger: () => {},
  defer: () => {
    throw new StepError('a policy may not defer work');
  },
  emit: () => {
    throw new StepError('a policy may not emit events');
  },
  stopChild: () => {
    throw new StepError('a policy has no children');
  },
  actionExecutor: (action) => {
    executed.push(action as ExecutedAction);
  },
};

/** What delays count from. */
interface Instants {
  readonly nowMs: number;
  readonly expiresAtMs: number | null;
  /** Of a push. */
  readonly patienceMs: number;
}

interface Frame {
  readonly policy: Policy;
  readonly message: Message;
  readonly nowMs: number;
  /** Timers still armed when the step begins. */
  readonly waiting: readonly ArmedTimer[];
  readonly before: AnyMachineSnapshot | null;
}

function run(frame: Frame, macrostep: () => unknown): Step {
  executed.length = 0;
  microsteps.length = 0;
  const snapshot = attempt(macrostep);
  const value = placeName(snapshot.value);
  const timers = snapshot.status === 'done' ? [] : armed(frame, expiryOf(snapshot));
  const effects = executed.flatMap(effectOf);
  return {
    state: { snapshot: frame.policy.machine.getPersistedSnapshot(snapshot) as object, timers },
    effects,
    path: distinct(microsteps.length === 0 ? [value] : microsteps),
    // An action without a transition or an update leaves the snapshot as it was.
    changed: snapshot !== frame.before || effects.length > 0,
    final: snapshot.status === 'done',
    live: snapshot.hasTag('live'),
    value,
  };
}

function attempt(macrostep: () => unknown): AnyMachineSnapshot {
  let snapshot: AnyMachineSnapshot;
  try {
    snapshot = macrostep() as AnyMachineSnapshot;
  } catch (cause) {
    throw new StepError(reason(cause), { cause });
  }
  if (snapshot.status === 'error') throw new StepError(reason(snapshot.error));
  return snapshot;
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function effectOf(action: ExecutedAction): Effect[] {
  if (action.type.startsWith('xstate.')) return [];
  const type = action.type.slice(effectPrefix.length);
  if (!action.type.startsWith(effectPrefix) || !effectActions.has(type)) {
    throw new StepError(`unknown action "${action.type}"`);
  }
  return [{ type, ...(action.params as object) } as Effect];
}

// A delay comes out of XState as a delayed raise, and leaving its state as a cancel; both name the same id.
function armed(frame: Frame, expiresAtMs: number | null): readonly ArmedTimer[] {
  // An expiry that was moved takes the timers along that wait for it.
  let timers = frame.waiting.map((timer) =>
    timer.name === 'expiry' && expiresAtMs !== null ? { ...timer, dueMs: expiresAtMs } : timer,
  );
  for (const action of executed) {
    if (action.type === 'xstate.cancel') {
      const { sendId } = action.params as { sendId: string };
      timers = timers.filter((timer) => timer.id !== sendId);
    } else if (action.type === 'xstate.raise') {
      const { id, delay } = action.params as { id: string; delay?: number };
      if (delay === undefined) throw new StepError('a policy may not raise events');
      const timer = timerFor(
        { nowMs: frame.nowMs, expiresAtMs, patienceMs: pushPatienceMs(frame.message) },
        id,
        delay,
      );
      timers = timers.filter((one) => one.id !== id);
      if (timer !== null) timers = [...timers, timer];
    }
  }
  return timers;
}

// XState names a delayed transition `xstate.after.<delay>.<state id>`; a delay's name has no dot.
function timerFor(at: Instants, id: string, delayMs: number): ArmedTimer | null {
  const name = id.split('.', 3)[2];
  if (!id.startsWith('xstate.after.') || name === undefined)
    throw new StepError(`unknown timer "${id}"`);
  if (name === 'answerTimeout') return { id, name, dueMs: at.nowMs + at.patienceMs };
  if (name !== 'expiry') return { id, name, dueMs: at.nowMs + delayMs };
  return at.expiresAtMs === null ? null : { id, name, dueMs: at.expiresAtMs };
}

const expiryOf = (snapshot: AnyMachineSnapshot): number | null =>
  (snapshot.context as { message: Message }).message.expiresAtMs;

function distinct(path: readonly string[]): readonly string[] {
  return path.filter((value, index) => value !== path[index - 1]);
}
