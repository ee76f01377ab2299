// One batch of traffic in a lane: senders write to users who are absent, return, are busy or refuse; owners delete and
// fetch; an operator swaps policies. Everything is drawn from the round's seed.
import { subjects } from '../../adapters/nats/subjects.js';
import { shippedPolicy } from '../../machines/index.js';
import type { EngineProcess } from './engine.js';
import type { History, Letter } from './history.js';
import { letterOf } from './letter.js';
import type { Dice } from './plan.js';
import type { SimulatedProxy } from './proxy.js';

const senders = 4;
const recipients = 5;
/** Within this time a batch is written. */
const spreadMs = 400;
const refreshMs = 700;

/** What an owner's phone, or the owner himself, does. */
const habits = ['absent', 'absent', 'returns', 'busy', 'refuses', 'deletes', 'fetches'] as const;
type Habit = (typeof habits)[number];

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Two policies of short lives; which of them is active changes nothing but its name. */
export const policies: readonly object[] = ['kill-one', 'kill-two'].map((id) => {
  const text = JSON.stringify(shippedPolicy('delete-and-report'));
  const policy = JSON.parse(text.replaceAll('delete-and-report', id)) as Record<string, unknown>;
  const settings = { defaultExpirySeconds: 2, maxLifetimeSeconds: 60, dateSkewSeconds: 300 };
  const retries = { retryStepsSeconds: [10], delays: { reportRetry: { seconds: 10 } } };
  return { ...policy, settings: { ...settings, ...retries } };
});

export interface Traffic {
  readonly letters: readonly Letter[];
  /** Resolves when every sender has his last answer and every user has done his part. */
  readonly done: Promise<void>;
}

export interface Parties {
  readonly proxy: SimulatedProxy;
  readonly history: History;
  readonly dice: Dice;
  /** Makes the batch different from all others: `1-7-1`. */
  readonly name: string;
}

/** Begins a batch. */
export function begin(parties: Parties): Traffic {
  const { dice, name } = parties;
  const work: Promise<void>[] = [];
  const letters: Letter[] = [];
  for (let to = 0; to < recipients; to += 1) {
    // The first two are what every batch needs: somebody who never comes, and somebody who does.
    const habit = to === 0 ? 'absent' : to === 1 ? 'returns' : dice.pick(habits);
    const user = `sip:${habit}${to}-${name}@example.org`;
    const own = Array.from({ length: senders }, (_, from) => draw(parties, user, from));
    letters.push(...own);
    work.push(...own.map((letter) => later(dice, () => parties.proxy.submit(letter))));
    work.push(live(parties, habit, user, own));
  }
  return { letters, done: Promise.all(work).then(() => undefined) };
}

function draw({ dice, name }: Parties, to: string, from: number): Letter {
  return letterOf({
    id: `m${from}-${to.slice(4, to.indexOf('@'))}`,
    from: `sip:sender${from}-${name}@example.com`,
    to,
    asks: dice.next() < 0.8,
    expiresSeconds: dice.pick([1, 1, 2, null]),
  });
}

const later = async (dice: Dice, deed: () => Promise<void>): Promise<void> => {
  await pause(dice.between(0, spreadMs));
  await deed();
};

async function live(
  { proxy, dice }: Parties,
  habit: Habit,
  user: string,
  own: readonly Letter[],
): Promise<void> {
  await pause(dice.between(spreadMs / 4, 2 * spreadMs));
  switch (habit) {
    case 'returns':
      proxy.register(user, () => 200);
      // The engine may not have heard it: a phone refreshes.
      await pause(refreshMs);
      proxy.register(user, () => 200);
      return;
    case 'busy':
      proxy.register(user, () => 486);
      return;
    case 'refuses':
      proxy.register(user, () => 603);
      return;
    case 'deletes':
      await proxy.own(subjects.userDelete, { asserted: user, ids: 'all' });
      return;
    case 'fetches':
      await fetchAll(proxy, user, own);
      return;
    default:
  }
}

interface Listed {
  readonly deferredId: string;
  readonly from: string | null;
}

// Asked is as good as confirmed for the judge: the answer may have been lost with the engine.
async function fetchAll(
  proxy: SimulatedProxy,
  user: string,
  own: readonly Letter[],
): Promise<void> {
  const asserted = user;
  const list = await proxy.own<{ messages?: readonly Listed[] }>(subjects.userList, { asserted });
  const listed = list?.messages ?? [];
  const ids = listed.map((one) => one.deferredId);
  if (ids.length === 0) return;
  const fetched = await proxy.own<{ token?: string | null }>(subjects.userRetrieve, {
    ...{ asserted, ids },
  });
  const token = fetched?.token ?? null;
  if (token === null) return;
  for (const letter of own)
    if (listed.some(({ from }) => from?.includes(letter.from))) letter.confirmed = true;
  await proxy.own(subjects.userConfirm, { asserted, token });
}

/** Swaps the active policy, and moves what lives to it or not; null when nobody said that it is done. */
export async function swapPolicy(
  engine: EngineProcess,
  mode: 'new' | 'migrate',
): Promise<string | null> {
  const list = await engine.ask<{ policies: { id: string; active: boolean }[] }>('policy.list');
  const active = list?.policies.find((one) => one.active)?.id;
  const source = policies.find((one) => (one as { id?: string }).id !== active);
  const installed = await engine.ask<{ hash: string }>('policy.install', { source });
  if (installed === null) return null;
  const done = await engine.ask('policy.activate', { policy: installed.hash, mode });
  return done === null ? null : installed.hash;
}
