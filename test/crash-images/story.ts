// One life of a story with everything that writes to a store: messages stored, pushed, answered, refused, expired,
// reported, deleted and forgotten, several at once so that groups form. The dice are seeded; the order in which the
// disk answers is not.
import type { Engine, OutgoingEffect } from '../../runtime/index.js';
import { contact, deleted, numbered, received, registered } from '../support/messages.js';
import type { RecordingEffects } from '../support/world.js';
import type { StoryClock } from './story-clock.js';

export interface Life {
  readonly engine: Engine;
  readonly clock: StoryClock;
  readonly effects: RecordingEffects;
  readonly random: () => number;
  readonly rounds: number;
  /** Largest text of a message. */
  readonly bodyOctets: number;
  /** Number of this life: messages of different lives have different names. */
  readonly life: number;
  readonly accepted: (deferredId: string) => void;
}

const users = ['bob', 'carol', 'dave', 'erin', 'frank'].map((name) => `sip:${name}@example.org`);
const senders = ['alice', 'mallory', 'trent'].map((name) => `sip:${name}@example.com`);

/** Lives it; everything that was begun is durable when it returns. */
export async function live(life: Life): Promise<void> {
  const { clock, effects, engine, random } = life;
  const answers: Promise<unknown>[] = [];
  effects.heard = (effect) => answers.push(answer(life, effect));
  for (let round = 0; round < life.rounds; round += 1) {
    const count = 1 + Math.floor(random() * 5);
    const work = Array.from({ length: count }, (_, index) => act(life, round * 10 + index));
    await Promise.all(work);
    await Promise.all(answers.splice(0));
    // Minutes for expiries and repetitions; now and then more than the week for which an ended message is remembered.
    const minutes = random() < 0.1 ? 8 * 24 * 60 : random() * 20;
    await clock.advance(Math.floor(minutes * 60_000));
    await settled(engine);
  }
  effects.heard = () => {};
}

// A command is answered after every group before its own: when this one is, nothing is on its way.
async function settled(engine: Engine): Promise<void> {
  await engine.submit({ type: 'effect.answered', effectId: 'd-none-1', token: '', status: 200 });
}

async function act(life: Life, number: number): Promise<void> {
  const { engine, random } = life;
  const dice = random();
  if (dice < 0.7) await write(life, number);
  else if (dice < 0.8) await engine.submit(register(life));
  else if (dice < 0.85) await engine.submit({ type: 'recipient.unregistered', aor: user(random) });
  else await engine.submit(deleted('all', user(random)));
}

async function write({ engine, random, clock, ...life }: Life, number: number): Promise<void> {
  const aor = user(random);
  const sender = senders[Math.floor(random() * senders.length)] as string;
  const message = numbered(life.life * 100_000 + number, {
    ...{ aor, toUri: aor, asserted: sender, fromUri: sender, fromAor: sender },
    dateMs: clock.now(),
    expiresSeconds: 30 + Math.floor(random() * 3600),
    text: String.fromCharCode(97 + (number % 26)).repeat(Math.ceil(random() * life.bodyOctets)),
  });
  const reply = await engine.submit(received(message));
  if (reply.kind === 'accepted') life.accepted(reply.deferredId);
}

function register({ random, clock }: Life) {
  const binding = contact(clock.now() + 1 + Math.floor(random() * 7_200_000));
  return registered([binding], user(random));
}

const user = (random: () => number): string => users[Math.floor(random() * users.length)] as string;

// Mostly a phone or a sender takes it; sometimes it is busy, refuses for good, or says nothing.
async function answer({ engine, random }: Life, effect: OutgoingEffect): Promise<void> {
  const dice = random();
  if (dice > 0.95) return;
  const status = dice < 0.6 ? 200 : dice < 0.8 ? 480 : 603;
  const { effectId, token } = effect;
  await engine.submit({ type: 'effect.answered', effectId, token, status });
}
