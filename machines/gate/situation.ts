// A situation: one abstract state of a message under a policy. It is where the chart stands, the part of the context that
// some guard may still ask for, which delays are armed, and the little of the world that bounds what may happen next.
// Each situation keeps one real actor state that stands for all it abstracts from; the step is taken on that one.
import type { MessageContext } from '../message.js';
import type { PlaceValue } from '../resting.js';
import type { ActorState, Step } from '../stepping.js';
import type { Relevance } from './relevance.js';

/** What of the world outlasts a step and bounds what it may say. */
export interface Surroundings {
  /** A push waits for its answer. */
  readonly pushing: boolean;
  /** A report waits for its answer. */
  readonly reporting: boolean;
  /** The maximum lifetime has been told; it is told once. */
  readonly outlived: boolean;
  /** The message expires some time. */
  readonly expires: boolean;
}

/** Where a message stands as far as its chart knows: many situations share one. */
export interface Standing {
  /** By it standings are told apart. */
  readonly key: string;
  /** Dotted path, as the step tells it. */
  readonly value: string;
  /** Innermost states that are active. */
  readonly leaves: readonly string[];
  readonly context: MessageContext;
  /** Names of the armed delays with the ids XState gives them. */
  readonly armed: readonly { readonly id: string; readonly name: string }[];
  readonly live: boolean;
  readonly final: boolean;
  readonly actor: ActorState;
}

export interface Situation extends Standing, Surroundings {
  readonly id: number;
}

/** The instants of every abstract message: only their order counts. */
export const instants = { nowMs: 0, expiresAtMs: 1e12, outlivesAtMs: 2e12 } as const;

/** True when a failure report was asked for and may be sent, and the sender heard our 202. */
const isAsked = ({ message, acknowledged }: MessageContext): boolean =>
  message.reportException === null && acknowledged;

/** What is known of a place: its innermost states, and what of the context matters from there on. */
export interface KnownPlace {
  readonly leaves: readonly string[];
  readonly relevance: Relevance;
}

/** Where a message stands after a step. */
export function standingOf(
  step: Pick<Step, 'state' | 'value' | 'live' | 'final'>,
  placeOf: (name: string, value: PlaceValue) => KnownPlace,
): Standing {
  const snapshot = step.state.snapshot as Stored;
  const { leaves, relevance } = placeOf(step.value, snapshot.value);
  const context = representative(snapshot.context, relevance);
  const timers = step.state.timers
    .map((one) => ({ ...one, dueMs: instants.nowMs }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const { attempts, reportAttempts, reported, expired, ending, marks } = context;
  const { expiresAtMs } = context.message;
  const key = [
    step.value,
    snapshot.historyValue === undefined ? '' : JSON.stringify(snapshot.historyValue),
    ...[isAsked(context), attempts, reportAttempts, reported, expired, ending, expiresAtMs],
    marks === undefined ? '' : JSON.stringify(marks),
    timers.map((one) => one.id).join(),
  ].join('|');
  const actor = { snapshot: { ...snapshot, context }, timers };
  const { value, live, final } = step;
  return { key, value, leaves, context, armed: timers, live, final, actor };
}

interface Stored {
  readonly value: PlaceValue;
  readonly context: MessageContext;
  readonly historyValue?: unknown;
}

// What no guard can ask for any more is set to one value, counters stop where no guard tells them apart.
function representative(context: MessageContext, relevant: Relevance): MessageContext {
  const { message } = context;
  const expiresAtMs = message.expiresAtMs === null ? null : instants.expiresAtMs;
  const asked = relevant.asked && isAsked(context);
  return {
    ...context,
    message: { ...message, expiresAtMs, reportException: asked ? null : 'not-asked' },
    acknowledged: true,
    attempts: Math.min(context.attempts, relevant.attemptsMax),
    reportAttempts: Math.min(context.reportAttempts, relevant.reportAttemptsMax),
    expired: relevant.expired && context.expired,
    ending: relevant.ending ? context.ending : null,
  };
}
