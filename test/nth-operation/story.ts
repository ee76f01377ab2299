// A story in which everything happens that a store and a bus are asked for: messages for four users, lists, deliveries
// that succeed, are refused or have to be repeated, deletions, expiries, reports that are taken at the second try, and
// the end of remembrance. Every step can be done again by whoever heard no answer.
import type { Message } from '../../machines/index.js';
import type { Command, OutgoingEffect } from '../../runtime/index.js';
import type { EngineUnderTest } from '../support/engine.js';
import {
  contact,
  daysMs,
  deleted,
  hoursMs,
  minutesMs,
  numbered,
  received,
  registered,
  writtenAtMs,
} from '../support/messages.js';

const user = (name: string): string => `sip:${name}@example.org`;
const [bob, carol, dave, erin] = ['bob', 'carol', 'dave', 'erin'].map(user) as [
  string,
  string,
  string,
  string,
];

export const messages = [bob, bob, bob, bob, carol, carol, dave, dave, erin, erin].map(
  (aor, index) =>
    numbered(index, { aor, toUri: aor, expiresSeconds: aor === dave ? 90 : 300 + index }),
);

/** The name a message has for its sender, in any run. */
export const nameOf = ({ cpim }: Message): string => cpim?.imdnMessageId ?? '';

/** A command that is answered, a question, or time that passes whatever happens to the engine. */
export interface Step {
  readonly kind: 'command' | 'question' | 'time';
  /** A sender's own; he sends again whatever he ever sent. */
  readonly submits?: true;
  /** `test` is the engine as it lives now. */
  readonly run: (test: EngineUnderTest) => Promise<unknown>;
}

const command = (make: () => Command): Step => ({
  kind: 'command',
  run: async ({ engine }) => {
    const reply = await engine.submit(make());
    if (reply.kind === 'refused') throw new Error(`refused: ${reply.code}`);
  },
});

const submit = (index: number): Step => ({
  ...command(() => received(messages[index] as (typeof messages)[0])),
  submits: true,
});

const register = (aor: string): Step =>
  command(() => {
    const binding = contact(writtenAtMs + hoursMs(5), `sip:${aor.slice(4, 7)}@192.0.2.7`);
    return registered([binding], aor);
  });

const empty = (aor: string): Step => command(() => deleted('all', aor));

const until = (ms: number): Step => ({
  kind: 'time',
  run: ({ clock }) => clock.advance(Math.max(0, writtenAtMs + ms - clock.now())),
});

const look = (aor: string): Step => ({
  kind: 'question',
  run: async ({ engine }) => {
    const { messages: listed } = await engine.list(aor, null, 10);
    for (const { deferredId } of listed) {
      engine.show(deferredId);
      engine.read(aor, deferredId);
    }
  },
});

export const story: readonly Step[] = [
  ...messages.map((_, index) => submit(index)),
  ...[look(bob), look(carol), register(bob), until(minutesMs(1)), register(erin)],
  ...[until(minutesMs(2)), look(erin), empty(carol), until(minutesMs(3)), look(dave)],
  // Reports that were not taken are sent again after five minutes.
  ...[
    submit(0),
    register(dave),
    until(minutesMs(9)),
    until(minutesMs(15)),
    until(minutesMs(21)),
    look(bob),
  ],
];

/** The same in short, for a world in which somebody hears of every step. */
export const shortStory: readonly Step[] = [
  ...[submit(0), submit(4), submit(6), empty(carol), register(bob)],
  ...[until(minutesMs(2)), until(minutesMs(9)), until(minutesMs(15)), until(minutesMs(21))],
];

/** After it every ended message is forgotten. */
export const oblivion: readonly Step[] = [until(daysMs(9)), until(daysMs(9) + minutesMs(2))];

/**
 * What the phones and senders answer: some messages are refused, some need a second push, reports are taken at the second
 * try.
 */
export function answerOf(effect: OutgoingEffect): number {
  if (effect.type === 'notify') return 200;
  const number = Number(/^id-(\d+)-/.exec(nameOf(effect.message))?.[1]);
  if (effect.type === 'report') return effect.cseq === 1 ? 503 : 200;
  if (number === 1) return 603;
  return number % 2 === 0 && effect.cseq === 1 ? 480 : 200;
}
