// Words a program brings itself: guards over the facts of a message or over marks, and actions that set what they declare.
// What an action declares is what is done, so that the gate can hold a policy to it; a guard that looks at the message is
// answered both ways there. Names of the closed vocabulary cannot be taken.
import { oracle } from './gate/oracle.js';
import { actions, endingWith, guards, update } from './implementations.js';
import type { Ending, Message, MessageContext } from './message.js';
import {
  actionVocabulary,
  builtInDelays,
  guardVocabulary,
  type ParameterType,
  type VocabularyEntry,
} from './vocabulary.js';

/** Values of parameters, as they stand in the policy file. */
export type Parameters = Readonly<Record<string, string | number>>;

/** Marks of a program's own on a message; one that was never set is false. */
export type Marks = Readonly<Record<string, boolean>>;

/** A predicate of a program's own. It must be pure, and say `true` or `false` at once. */
export type OwnGuard = {
  readonly meaning: string;
  readonly params?: Readonly<Record<string, ParameterType>>;
} & (
  | {
      /** It looks at marks alone: the gate asks it as the engine does. */
      readonly reads: 'marks';
      readonly holds: (marks: Marks, params: Parameters) => boolean;
    }
  | {
      /** It looks at the facts of the message: the gate tries both answers. */
      readonly reads: 'message';
      readonly holds: (message: Message, params: Parameters) => boolean;
    }
);

/** What an action of a program's own does to a message. */
export interface Sets {
  /** The message counts as expired from now on. */
  readonly expired?: true;
  /** As `noteEnding` does. */
  readonly ending?: Ending;
  readonly marks?: Marks;
}

export interface OwnAction {
  readonly meaning: string;
  readonly params?: Readonly<Record<string, ParameterType>>;
  /** All it does, given its parameters. Anything else a program wants done follows from the audit events. */
  readonly sets: (params: Parameters) => Sets;
}

export interface OwnVocabulary {
  readonly guards?: Readonly<Record<string, OwnGuard>>;
  readonly actions?: Readonly<Record<string, OwnAction>>;
}

/** All that a policy may name, with the code behind it. */
export interface Vocabulary {
  readonly guards: Readonly<Record<string, VocabularyEntry>>;
  readonly actions: Readonly<Record<string, VocabularyEntry>>;
  readonly guardCode: Readonly<Record<string, unknown>>;
  readonly actionCode: Readonly<Record<string, unknown>>;
}

/** The closed vocabulary of every engine. */
export const builtInVocabulary: Vocabulary = {
  ...{ guards: guardVocabulary, actions: actionVocabulary },
  ...{ guardCode: guards, actionCode: actions },
};

/** The closed vocabulary with a program's own words. Throws a TypeError that names the word which cannot be taken. */
export function vocabularyWith({ guards: g = {}, actions: a = {} }: OwnVocabulary): Vocabulary {
  for (const [name, one] of Object.entries(g)) checkWord('guard', name, one.holds);
  for (const [name, one] of Object.entries(a)) checkWord('action', name, one.sets);
  return {
    guards: joined(guardVocabulary, map(g, entryOf)),
    actions: joined(actionVocabulary, map(a, entryOf)),
    guardCode: joined(guards, map(g, guardCode)),
    actionCode: joined(actions, map(a, actionCode)),
  };
}

const nameShape = /^[a-z][A-Za-z0-9]{0,63}$/;
const asynchronous = Object.getPrototypeOf(async () => {}).constructor as new () => unknown;

function checkWord(kind: string, name: string, code: unknown): void {
  const wrong = (why: string) => new TypeError(`the ${kind} "${name}" ${why}`);
  if (!nameShape.test(name))
    throw wrong('is no name: a lower-case letter, then letters and digits');
  if (name in Object.prototype) throw wrong('has a name that every object has');
  if (name in guardVocabulary || name in actionVocabulary || name in builtInDelays)
    throw wrong('is a word of the vocabulary already');
  if (typeof code !== 'function') throw wrong('has no code');
  if (code instanceof asynchronous) throw wrong('is async; a step waits for nothing');
}

const entryOf = ({ meaning, params = {} }: OwnGuard | OwnAction): VocabularyEntry => ({
  ...{ meaning, params },
});

interface Args {
  readonly context: MessageContext;
}

// What is not a boolean fails the step, and the message is parked with this sentence.
const guardCode =
  (one: OwnGuard, name: string) =>
  ({ context }: Args, params: Parameters = {}): boolean => {
    const guessed = one.reads === 'message' ? oracle(`${name} ${JSON.stringify(params)}`) : null;
    if (guessed !== null) return guessed;
    const { message, marks = {} } = context;
    const said: unknown =
      one.reads === 'marks' ? one.holds(marks, params) : one.holds(message, params);
    if (typeof said === 'boolean') return said;
    const what = said instanceof Promise ? 'a promise' : String(said);
    throw new TypeError(`the guard "${name}" said ${what}, neither true nor false`);
  };

const actionCode = (one: OwnAction) =>
  update(({ context }, params: Parameters = {}) => {
    const { expired, ending, marks } = one.sets(params);
    return {
      ...(expired === undefined ? {} : { expired }),
      ...(ending === undefined ? {} : { ending: endingWith(context, ending) }),
      ...(marks === undefined ? {} : { marks: { ...context.marks, ...marks } }),
    };
  });

function map<T, U>(all: Readonly<Record<string, T>>, of: (one: T, name: string) => U) {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, of(one, name)]));
}

// Without a prototype, as the built-in tables are.
const joined = <T>(table: Readonly<Record<string, T>>, own: Readonly<Record<string, T>>) =>
  Object.freeze(Object.assign(Object.create(null), table, own)) as Readonly<Record<string, T>>;
