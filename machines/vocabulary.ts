// The closed vocabulary of policies: every guard, action and delay a policy may name, with the type of its
// parameters and one sentence of meaning. The schema check, the reference page and the implementations all
// hang on this table; a name that is not here does not exist. Tables have no prototype, so that `constructor`
// and its kin are unknown names (reliability F3).
import { effectTypes } from './effects.js';
import { endings } from './message.js';

/** One parameter: a choice of words, or a whole number within bounds. */
export type ParameterType =
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number };

export interface VocabularyEntry {
  readonly meaning: string;
  readonly params: Readonly<Record<string, ParameterType>>;
}

type Table = Readonly<Record<string, VocabularyEntry>>;

const table = (entries: Table): Table => Object.freeze(Object.assign(Object.create(null), entries));

const ending: ParameterType = { kind: 'choice', values: endings };
const tries: ParameterType = { kind: 'integer', min: 1, max: 100 };

export const guardVocabulary: Table = table({
  answered: {
    meaning: 'The answer just heard is of this class.',
    params: {
      class: { kind: 'choice', values: ['success', 'temporary', 'unsuitable', 'refused'] },
    },
  },
  ending: {
    meaning: 'This ending was noted while an attempt was in flight.',
    params: { cause: ending },
  },
  expired: { meaning: 'The expiry instant has passed.', params: {} },
  reportOwed: {
    meaning: 'A failure report was asked for, may be sent, and none was decided yet.',
    params: {},
  },
  deliveryTriesBelow: {
    meaning: 'Fewer delivery attempts than this were begun.',
    params: { max: tries },
  },
  reportTriesBelow: {
    meaning: 'Fewer report attempts than this were begun.',
    params: { max: tries },
  },
});

export const actionVocabulary: Table = table({
  deliver: {
    meaning: 'Effect: push the message to its recipient; counts the attempt.',
    params: {},
  },
  report: {
    meaning:
      'Effect: send the failure report to the sender; counts the attempt, keeps the identity.',
    params: {},
  },
  notify: {
    meaning:
      'Effect: tell the recipient that messages wait for him. However many ask for it, he gets one notice for each return. It is no delivery.',
    params: {},
  },
  markExpired: { meaning: 'Remember that the expiry instant has passed.', params: {} },
  noteEnding: {
    meaning:
      'Remember what takes effect when the attempt in flight has its answer; the first one stands, but `withdrawn` stands before all and `expired` gives way to all.',
    params: { cause: ending },
  },
  extend: {
    meaning:
      'Move the expiry instant to where the operator put it; the message counts as not expired again.',
    params: {},
  },
});

/** Delays every policy knows; others are declared in its settings. */
export const builtInDelays: Readonly<Record<string, string>> = Object.freeze(
  Object.assign(Object.create(null), {
    expiry:
      'Until the expiry instant, fixed at storage or moved by an operator; never, for a message that does not expire.',
    answerTimeout:
      'How long an attempt waits for its answer: 40 s, Timer F and 8 s of grace; a large message 180 s.',
  }),
);

/** Tags a state may carry. */
export const stateTags: Readonly<Record<string, string>> = Object.freeze(
  Object.assign(Object.create(null), {
    live: 'The message is in its mailbox: listed, counted, deletable, and its body is kept.',
  }),
);

/** Actions that become effects. */
export const effectActions: ReadonlySet<string> = new Set(effectTypes);
