// SUBSCRIBE of the owner of a mailbox (RFC 6665): begins, renews or ends one of his subscriptions, and tells him at once
// where he stands. Nobody else has subscriptions to it: a dialog is looked for among the owner's own.
import type { Command, Reply } from '../commands.js';
import { keys, localId, partitionOf } from '../keys.js';
import { limits } from '../limits.js';
import type { Subscription } from '../rows.js';
import { endedBy, lapse, readSubscriptions, speak, writeSubscriptions } from '../subscriptions.js';
import type { Turn } from '../turn.js';
import { refuse } from './receive.js';

type Requested = Extract<Command, { type: 'subscription.requested' }>;

export function subscribe(turn: Turn, command: Requested): Reply {
  const { aor, watcher, begins } = command;
  const row = readSubscriptions(turn, aor);
  const { callId, localTag } = watcher;
  const known = row?.all.find((one) => one.callId === callId && one.localTag === localTag) ?? null;
  const seconds = Math.min(command.seconds, limits.subscriptionSecondsMax);
  // The request that ended it, or fetched once: its answer was lost, and what it asks for is on its way.
  if (known !== null && isSameEnd(known, watcher.cseq, seconds))
    return { kind: 'subscribed', seconds };
  if (known === null ? !begins : known.ended !== null) return refuse('no-such-subscription');
  // RFC 3261 section 12.2.2; the same request once more is answered as before.
  if (known !== null && watcher.cseq < known.cseq) return refuse('out-of-order');
  const others = (row?.all ?? []).filter((one) => one !== known);
  const kept = known === null ? madeRoom(turn, aor, others) : others;
  const fresh = renewed(turn, command, seconds, known);
  writeSubscriptions(turn, aor, row, [...kept, speak(turn, aor, fresh)]);
  return { kind: 'subscribed', seconds };
}

const isSameEnd = ({ ended, cseq }: Subscription, asked: number, seconds: number): boolean =>
  ended === 'timeout' && seconds === 0 && cseq === asked;

function renewed(
  turn: Turn,
  { aor, watcher, node }: Requested,
  seconds: number,
  known: Subscription | null,
): Subscription {
  const before = known ?? {
    id: localId(partitionOf(aor), turn.random(17)),
    ...{ told: 0, pending: null, again: false, turnOf: null },
  };
  const expiresAtMs = turn.nowMs + seconds * 1000;
  return { ...before, ...watcher, node, expiresAtMs, ended: seconds === 0 ? 'timeout' : null };
}

// A phone that was started anew leaves its old subscription behind: the one that lapses first gives way. Those that have
// ended wait for one more answer; of them the oldest are forgotten, and last those whose answer a turn waits for.
function madeRoom(
  turn: Turn,
  aor: string,
  others: readonly Subscription[],
): readonly Subscription[] {
  const living = others.filter((one) => one.ended === null);
  const over = endedOf(others).slice(1 - limits.subscriptionsMax);
  if (living.length < limits.subscriptionsMax) return [...over, ...living];
  const first = living.reduce((least, one) => (one.expiresAtMs < least.expiresAtMs ? one : least));
  const rest = living.filter((one) => one !== first);
  return [...over, speak(turn, aor, endedBy(first, 'probation')), ...rest];
}

const endedOf = (all: readonly Subscription[]): readonly Subscription[] => {
  const ended = all.filter((one) => one.ended !== null);
  const waitedFor = (one: Subscription): boolean => one.turnOf !== null;
  return [...ended.filter((one) => !waitedFor(one)), ...ended.filter(waitedFor)];
};

/** The timer of a user's subscriptions; false when the timer row is none of theirs. */
export function subscriptionsDue(turn: Turn, local: string, dueMs: number): boolean {
  const timer = turn.ledger.readJson<{ readonly aor?: string; readonly digest?: string }>(
    keys.timer(local, dueMs),
  );
  if (timer?.aor === undefined || timer.digest !== undefined) return false;
  const row = readSubscriptions(turn, timer.aor);
  if (row?.local !== local || row.wakeMs !== dueMs) return false;
  lapse(turn, timer.aor);
  return true;
}
