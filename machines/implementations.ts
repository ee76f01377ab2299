// The code behind the vocabulary: predicates over context and event, and pure context updates. Nothing here
// reads a clock or does anything; the two effects leave the step as data.
import { assign, enqueueActions } from 'xstate';
import type { AnswerClass, MessageEvent } from './events.js';
import type { Ending, MessageContext } from './message.js';

interface GuardArgs {
  readonly context: MessageContext;
  readonly event: MessageEvent;
}

type Guard = (args: GuardArgs, params: never) => boolean;

const bare = <T extends object>(entries: T): T => Object.assign(Object.create(null), entries);

/** A failure report is owed: asked for, permitted, the sender heard our 202, and none was decided yet. */
export function reportOwed(context: MessageContext): boolean {
  const { message, acknowledged, reported, ending } = context;
  // Who took his message back during a push knows that it is gone, however the push ended.
  return message.reportException === null && acknowledged && !reported && ending !== 'withdrawn';
}

export const guards: Readonly<Record<string, Guard>> = bare({
  answered: ({ event }: GuardArgs, params: { class: AnswerClass }) =>
    'class' in event && event.class === params.class,
  ending: ({ context }: GuardArgs, params: { cause: Ending }) => context.ending === params.cause,
  expired: ({ context }: GuardArgs) => context.expired,
  reportOwed: ({ context }: GuardArgs) => reportOwed(context),
  deliveryTriesBelow: ({ context }: GuardArgs, params: { max: number }) =>
    context.attempts < params.max,
  reportTriesBelow: ({ context }: GuardArgs, params: { max: number }) =>
    context.reportAttempts < params.max,
});

/**
 * What ends a message of which this is noted. The first one stands; but who took his message back is owed nothing, whatever
 * was noted before, and an expiry, which may mean something else to a policy the message is moved to, gives way to all.
 */
export const endingWith = ({ ending }: MessageContext, cause: Ending): Ending =>
  ending === null || ending === 'expired' || cause === 'withdrawn' ? cause : ending;

/** Prefix of the actions that leave a step as effects. */
export const effectPrefix = 'effect.';

interface Enqueue {
  (action: { type: string; params: object }): void;
  assign(update: Partial<MessageContext>): void;
}

// XState's own types of these builders name the whole machine; the table is checked against the vocabulary instead.
type Update = (args: GuardArgs, params: never) => Partial<MessageContext>;
export const update = (change: Update) => assign(change as never);
const effect = (run: (context: MessageContext, enqueue: Enqueue) => void) =>
  enqueueActions((({ context, enqueue }: { context: MessageContext; enqueue: Enqueue }) =>
    run(context, enqueue)) as never);

export const actions: Readonly<Record<string, unknown>> = bare({
  deliver: effect((context, enqueue) => {
    const attempt = context.attempts + 1;
    enqueue.assign({ attempts: attempt });
    enqueue({ type: `${effectPrefix}deliver`, params: { attempt, late: context.expired } });
  }),
  report: effect((context, enqueue) => {
    const attempt = context.reportAttempts + 1;
    enqueue.assign({ reportAttempts: attempt, reported: true });
    enqueue({ type: `${effectPrefix}report`, params: { attempt, status: 'failed' } });
  }),
  notify: effect((_context, enqueue) => enqueue({ type: `${effectPrefix}notify`, params: {} })),
  markExpired: update(() => ({ expired: true })),
  noteEnding: update(({ context }, { cause }: { cause: Ending }) => ({
    ending: endingWith(context, cause),
  })),
  extend: update(({ context, event }) => {
    if (event.type !== 'message.extended') return {};
    return { message: { ...context.message, expiresAtMs: event.expiresAtMs }, expired: false };
  }),
});
