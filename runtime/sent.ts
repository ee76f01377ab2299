// A message as its sender knows it: found by his asserted identity, his own IMDN Message-ID and the recipient, and told of
// as reports would tell it. Invariant: whoever sent nothing finds nothing, and how an unread message came to its end is
// never told: a deletion reads like an expiry (spec 6.5, C75).
import type { SenderStatus, SentKey, SentStatus } from './commands.js';
import { contextOf, messageOf } from './consequences.js';
import { effectIdOf } from './identity.js';
import { keys, sentDigest } from './keys.js';
import type { Ledger } from './ledger.js';
import { readActor } from './life.js';
import type { ActorRow, DedupRow } from './rows.js';

/** The message a sender names, or null: unknown, forgotten, or somebody else's. Throws DamagedRow. */
export function findSent(
  source: { readonly ledger: Ledger },
  { sender, imdnMessageId, aor }: SentKey,
): { readonly local: string; readonly row: ActorRow } | null {
  const digest = sentDigest(sender, imdnMessageId, aor);
  const known = source.ledger.readJson<DedupRow>(keys.dedup(aor, digest));
  const row = known === null ? null : readActor(source, known.local);
  // One that was stored without an asserted identity has no sender: From alone proves nothing.
  if (known === null || row === null || messageOf(row).asserted !== sender) return null;
  return { local: known.local, row };
}

/** What a sender is told of his message. */
export function statusOf(
  local: string,
  row: ActorRow,
  told: Exclude<SenderStatus, 'off'>,
): SentStatus {
  const message = messageOf(row);
  const state = shown(stateOf(row), message.declined === true ? 'nothing' : told);
  const running = state === 'stored' || state === 'accepted';
  return {
    state,
    acceptedAtMs: message.receivedAtMs,
    expiresAtMs: message.expiresAtMs,
    endedAtMs: running ? null : leftAtMs(local, row),
  };
}

function stateOf(row: ActorRow): SentStatus['state'] {
  if (row.live) return 'stored';
  if (row.outcome === 'delivered' || row.outcome === 'withdrawn') return row.outcome;
  // Taken back during a push that the phone then refused for good.
  return contextOf(row).ending === 'withdrawn' ? 'withdrawn' : 'expired';
}

// That it was delivered says that the recipient was there. Where he declines reports, what he does is told by nothing.
function shown(
  state: SentStatus['state'],
  told: 'full' | 'without-delivery' | 'nothing',
): SentStatus['state'] {
  if (told === 'full' || state === 'withdrawn') return state;
  return told === 'without-delivery' && state === 'expired' ? state : 'accepted';
}

// When it left its mailbox: with the first report about it, else with its end.
function leftAtMs(local: string, row: ActorRow): number | null {
  const report = effectIdOf('report', local, 1);
  return row.trail.find(({ effects }) => effects.includes(report))?.atMs ?? row.endedAtMs;
}
