// What a step is: the types that the one adapter to XState (runtime/step.ts) gives and takes, and that the gate explores
// a policy with. Data only: whoever steps is handed in, so that machines/ runs no machine of its own.
import type { Policy } from './compile.js';
import type { Effect } from './effects.js';
import type { MessageEvent } from './events.js';
import type { Message, MessageContext } from './message.js';
import type { PlaceValue } from './resting.js';

/** A delayed transition that waits: XState's own id of it, the delay's name, and when it is due. */
export interface ArmedTimer {
  readonly id: string;
  readonly name: string;
  readonly dueMs: number;
}

/** What is stored of an actor: XState's persisted snapshot beside what XState does not keep. */
export interface ActorState {
  /** `getPersistedSnapshot` of the machine. */
  readonly snapshot: object;
  readonly timers: readonly ArmedTimer[];
}

/** An event from the closed list, or the firing of one of the actor's own armed timers. */
export type StepEvent = MessageEvent | { readonly type: 'timer'; readonly id: string };

export interface Step {
  readonly state: ActorState;
  readonly effects: readonly Effect[];
  /** States entered on the way, transient ones included, in order: `expired`, `reporting.sending`. */
  readonly path: readonly string[];
  /** False when the event found no transition: nothing is to be written. */
  readonly changed: boolean;
  readonly final: boolean;
  /** Whether the message is in its mailbox now. */
  readonly live: boolean;
  /** Where it stands, as a dotted path: `reporting.sending`. */
  readonly value: string;
}

/** Where a message is put that another chart has brought so far. */
export interface Placement {
  readonly value: PlaceValue;
  readonly context: MessageContext;
  /** Deadlines that run already, under the names the new place knows. */
  readonly waiting: readonly ArmedTimer[];
}

/** The real step functions of the engine. All throw on a machine that fails. */
export interface Stepper {
  begin(policy: Policy, message: Message, nowMs: number): Step;
  step(policy: Policy, stored: ActorState, event: StepEvent, nowMs: number): Step;
  /** Puts a message where it belongs on another chart, without a step: nothing is entered, so nothing is sent. */
  placed(policy: Policy, placement: Placement, nowMs: number): Step;
}
