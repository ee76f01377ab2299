// What the world may say to a message in a situation. The list is as the runtime keeps it: people and operators reach only
// what is in a mailbox; an answer that is not a success counts only while an attempt is out; a success may come late;
// the maximum lifetime is told once; a delay fires only while it is armed.
import type { AnswerClass, MessageEvent } from '../events.js';
import type { StepEvent } from '../stepping.js';
import type { Situation } from './situation.js';
import { instants } from './situation.js';

export type StimulusKind =
  /** The first step of a message. */
  | 'birth'
  /** It was moved here from another policy. */
  | 'move'
  /** The recipient's turn has come. */
  | 'turn'
  /** Somebody wants something done with it, or something was done. */
  | 'command'
  /** The answer to one of our own requests. */
  | 'answer'
  | 'timer'
  /** The maximum lifetime is over. */
  | 'lifetime'
  /** The proxy says that the sender never heard our 202: nothing is owed any more. The chart hears nothing of it. */
  | 'released';

export interface Stimulus {
  readonly kind: StimulusKind;
  /** Event type or delay. */
  readonly name: string;
  /** As it is shown in a path: `delivery.answered (success)`, `after expiry`. */
  readonly label: string;
  /** What the step is given; null when it is given nothing. */
  readonly event: StepEvent | null;
  readonly class: AnswerClass | null;
}

export const birth: Stimulus = {
  ...{ kind: 'birth', name: 'message.received', label: 'message.received' },
  ...{ event: null, class: null },
};

/** By this name trails know it, and paths show it. */
export const moved: Stimulus = {
  ...{ kind: 'move', name: 'policy.migrated', label: 'policy.migrated' },
  ...{ event: null, class: null },
};

const released: Stimulus = {
  ...{ kind: 'released', name: 'message.unacknowledged', label: 'message.unacknowledged' },
  ...{ event: null, class: null },
};

const plain = (kind: StimulusKind, event: MessageEvent): Stimulus => ({
  ...{ kind, name: event.type, label: event.type, event, class: null },
});

const turns = [
  plain('turn', { type: 'recipient.registered' }),
  plain('turn', { type: 'message.requested' }),
];
const commands = [
  plain('command', { type: 'message.deleted' }),
  plain('command', { type: 'message.retrieved' }),
  plain('command', { type: 'message.withdrawn' }),
  plain('command', { type: 'message.evicted' }),
  plain('command', { type: 'message.released' }),
  plain('command', { type: 'message.dropped' }),
];
const extended = plain('command', {
  type: 'message.extended',
  expiresAtMs: instants.expiresAtMs + 1,
});
const lifetime = plain('lifetime', { type: 'message.outlived' });

const statusOf: Readonly<Record<AnswerClass, number>> = {
  success: 200,
  temporary: 480,
  unsuitable: 415,
  refused: 603,
};

const answers = (type: 'delivery.answered' | 'report.answered'): readonly Stimulus[] =>
  (Object.entries(statusOf) as [AnswerClass, number][]).map(([kind, status]) => ({
    ...{ kind: 'answer', name: type, label: `${type} (${kind})`, class: kind },
    event: { type, status, class: kind },
  }));

const deliveryAnswers = answers('delivery.answered');
const reportAnswers = answers('report.answered');

/** Everything that may happen next, in a fixed order: the commonest first, so that paths read well. */
export function stimuliAt(situation: Situation): readonly Stimulus[] {
  const { live, armed, pushing, reporting, context, outlived } = situation;
  return [
    ...(live ? [...turns, ...commands] : []),
    ...(live && situation.expires ? [extended] : []),
    ...answersTo(deliveryAnswers, pushing, context.attempts),
    ...answersTo(reportAnswers, reporting, context.reportAttempts),
    ...armed.map(firing),
    ...(outlived ? [] : [lifetime]),
    ...(context.reported ? [] : [released]),
  ];
}

const answersTo = (all: readonly Stimulus[], isOut: boolean, attempts: number) =>
  isOut ? all : attempts > 0 ? all.slice(0, 1) : [];

const firing = ({ id, name }: { readonly id: string; readonly name: string }): Stimulus => ({
  kind: 'timer',
  name,
  label: `after ${name}`,
  event: { type: 'timer', id },
  class: null,
});
