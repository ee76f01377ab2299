// Subscriptions to the notices of a mailbox (RFC 6665; the package is message-summary, RFC 3842): a row for each user
// who has any, in his partition, decided like everything else, so that they outlive a crash. Invariants: one NOTIFY of
// a subscription is under way at a time; what changes meanwhile is said by one more; a subscription that ends on our
// side says so last. The count in the user's row lets all others pass at no cost.
import { readUser, writeUser } from './accounts.js';
import { keys, localId, partitionOf } from './keys.js';
import { launch } from './notice-effect.js';
import type { OutgoingNotice, OutgoingSubscription } from './ports.js';
import type { NoticeRow, Subscription, SubscriptionEnd, SubscriptionsRow } from './rows.js';
import type { Turn } from './turn.js';

/** Reads the subscriptions of a user; null when he has none. */
export const readSubscriptions = (
  turn: Pick<Turn, 'ledger'>,
  aor: string,
): SubscriptionsRow | null => turn.ledger.readJson<SubscriptionsRow>(keys.subscriptions(aor));

const subscribed = (turn: Turn, aor: string): boolean =>
  (readUser(turn, aor).subscriptions ?? 0) > 0;

/** A subscription that is over; what it says last is still to be said. */
export const endedBy = (one: Subscription, why: SubscriptionEnd): Subscription => ({
  ...one,
  ended: why,
});

/** Says where its mailbox stands now, or as soon as the NOTIFY under way is answered. */
export function speak(turn: Turn, aor: string, one: Subscription): Subscription {
  if (one.pending !== null) return { ...one, again: true };
  const { id, node, ended, turnOf } = one;
  const told = one.told + 1;
  const within = { id, cseq: told, ended };
  const pending = launch(turn, { aor, atMs: turn.nowMs, node, turnOf, within });
  return { ...one, told, pending, again: false, turnOf: null };
}

/** A message joined the mailbox of a user, or left it: whoever subscribed is told. */
export function boxChanged(turn: Turn, aor: string): void {
  const row = subscribed(turn, aor) ? readSubscriptions(turn, aor) : null;
  if (row === null) return;
  const all = row.all.map((one) => (one.ended === null ? speak(turn, aor, one) : one));
  writeSubscriptions(turn, aor, row, all);
}

/**
 * A notice is due to a user: it is said in all his subscriptions, and the turn of this message waits for the first of
 * them. The local id of that notice, or `later` when another one is still under way; null when he has none.
 */
export function informOf(turn: Turn, aor: string, turnOf: string): string | null {
  const row = subscribed(turn, aor) ? readSubscriptions(turn, aor) : null;
  const first = row?.all.find((one) => one.ended === null);
  if (row === null || first === undefined) return null;
  const spoken = speak(turn, aor, { ...first, turnOf });
  const all = row.all.map((one) => {
    if (one === first) return spoken;
    return one.ended === null ? speak(turn, aor, one) : one;
  });
  writeSubscriptions(turn, aor, row, all);
  return spoken.again ? 'later' : spoken.pending;
}

/** The subscriptions of a user that are over by now. */
export function lapse(turn: Turn, aor: string): void {
  const row = readSubscriptions(turn, aor);
  if (row === null) return;
  const isOver = (one: Subscription) => one.ended === null && one.expiresAtMs <= turn.nowMs;
  const all = row.all.map((one) => (isOver(one) ? speak(turn, aor, endedBy(one, 'timeout')) : one));
  writeSubscriptions(turn, aor, row, all);
}

/** What an answered NOTIFY leaves to be done. */
export interface Informed {
  /** He has heard it. */
  readonly heard: boolean;
  /** Turns that wait for it no longer. */
  readonly turnsOf: readonly string[];
}

/** The answer to a NOTIFY: the next one, if something has changed, or the end of its subscription. */
export function informed(turn: Turn, local: string, notice: NoticeRow, status: number): Informed {
  const { aor, turnOf, within } = notice;
  const heard = status >= 200 && status < 300;
  const row = readSubscriptions(turn, aor);
  const one = row?.all.find(({ id, pending }) => id === within?.id && pending === local);
  if (row === null || one === undefined) return { heard, turnsOf: turnsOf(turnOf, null) };
  const over = endsSubscription(status) || (within?.ended ?? null) !== null;
  // A turn that waits for the next NOTIFY goes on waiting where this one was heard.
  const waits = heard && !over && one.again;
  const idle = { ...one, pending: null, turnOf: waits ? one.turnOf : null };
  const next = over ? [] : [one.again ? speak(turn, aor, idle) : idle];
  const left = turnsOf(turnOf, waits ? null : one.turnOf);
  // Unheard here, he may still hear it elsewhere: a turn waits for what is under way in another subscription.
  const heir =
    heard || left.length === 0 ? undefined : row.all.find((other) => canHear(other, one));
  const inherits = (other: Subscription) =>
    other === heir ? { ...other, turnOf: left.at(-1)! } : other;
  const all = row.all.flatMap((other) => (other === one ? next : [inherits(other)]));
  writeSubscriptions(turn, aor, row, all);
  return { heard, turnsOf: heir === undefined ? left : left.slice(0, -1) };
}

const canHear = (other: Subscription, one: Subscription): boolean =>
  other !== one && other.ended === null && other.pending !== null && other.turnOf === null;

const turnsOf = (...all: (string | null)[]): readonly string[] => all.filter((one) => one !== null);

/** Answers that end a dialog, or its subscription (RFC 5057 section 5.1, RFC 3261 section 12.2.1.2); 0: not sent at all. */
const ending: ReadonlySet<number> = new Set([
  0, 404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 502, 604,
]);

const endsSubscription = (status: number): boolean => ending.has(status);

type Said = Pick<OutgoingNotice, 'callId' | 'fromTag' | 'cseq'> & {
  readonly within: OutgoingSubscription;
};

/** What a NOTIFY says of its subscription, the same at every repetition; null when that is gone. */
export function saidWithin(
  turn: Pick<Turn, 'ledger'>,
  { aor, atMs, within }: NoticeRow,
): Said | null {
  const one = readSubscriptions(turn, aor)?.all.find(({ id }) => id === within?.id);
  if (one === undefined || within === undefined) return null;
  const { remoteTag, localUri, remoteUri, target, routes, eventId, list, expiresAtMs } = one;
  const state = within.ended ?? Math.max(0, Math.ceil((expiresAtMs - atMs) / 1000));
  return {
    ...{ callId: one.callId, fromTag: one.localTag, cseq: within.cseq },
    within: { remoteTag, localUri, remoteUri, target, routes, eventId, list, state },
  };
}

/** Writes the row with its timer, and the count in the user's row. */
export function writeSubscriptions(
  turn: Turn,
  aor: string,
  before: SubscriptionsRow | null,
  all: readonly Subscription[],
): void {
  const local = before?.local ?? localId(partitionOf(aor), turn.random(17));
  const living = all.filter((one) => one.ended === null);
  const dues = living.map((one) => one.expiresAtMs);
  const wakeMs = dues.length === 0 ? null : Math.min(...dues);
  if (before !== null && before.wakeMs !== wakeMs && before.wakeMs !== null)
    turn.ledger.remove(keys.timer(local, before.wakeMs));
  if (wakeMs !== null && wakeMs !== before?.wakeMs) {
    turn.ledger.put(keys.timer(local, wakeMs), { aor });
    turn.notices.push({ type: 'armed', local, dueMs: wakeMs });
  }
  const row: SubscriptionsRow = { version: 1, local, wakeMs, all };
  if (all.length === 0) turn.ledger.remove(keys.subscriptions(aor));
  else turn.ledger.put(keys.subscriptions(aor), row);
  count(turn, aor, living.length);
}

function count(turn: Turn, aor: string, living: number): void {
  const { subscriptions = 0, ...user } = readUser(turn, aor);
  if (subscriptions === living) return;
  writeUser(turn, aor, living === 0 ? user : { ...user, subscriptions: living });
}
