// What users want, changed. A new setting is for new messages: nothing that is stored moves by it (spec 7.2). Letting
// go what waits from blocked senders is an act of its own.
import {
  applyChange,
  noPreferences,
  type PreferenceChange,
  ruleFor,
} from '../../machines/index.js';
import type { Command, IdResult, Reply } from '../commands.js';
import { contextOf, messageOf, plainCause } from '../consequences.js';
import { advance, rewrite } from '../life.js';
import { readPreferences, viewOf, wishesFor, writePreferences } from '../preferences.js';
import type { ActorRow } from '../rows.js';
import type { Turn } from '../turn.js';
import { refuse } from './receive.js';
import { own } from './user.js';

type Changed = Extract<Command, { type: 'preferences.changed' }>;

/** Applies a change whole, or refuses it whole. */
export function changePreferences(turn: Turn, { aor, change, by }: Changed): Reply {
  if (by.role === 'owner' && !allowed(turn, change)) return refuse('not-yours-to-set');
  const after = applyChange(readPreferences(turn, aor) ?? noPreferences, change);
  if (after === null) return refuse('too-many-rules');
  const name = by.role === 'owner' ? 'owner' : by.name;
  writePreferences(turn, aor, after, name);
  turn.notices.push({ type: 'preferences', aor, by: name });
  return { kind: 'preferences', preferences: viewOf(turn, aor) };
}

// The permission is the operator's word, and `expired` may only be what he offers.
function allowed(turn: Turn, { permission, expired }: PreferenceChange): boolean {
  const { expiredChoices } = turn.settings.preferences;
  return (
    permission === undefined &&
    (expired === undefined || expired === null || expiredChoices.includes(expired))
  );
}

interface Discarded {
  readonly aor: string;
  readonly ids: readonly string[];
}

/** Deletes those of the messages whose sender is blocked now; what is in flight waits for its answer. */
export function discard(turn: Turn, { aor, ids }: Discarded): Reply {
  const { rules } = wishesFor(turn, aor);
  const results = ids.flatMap((id): IdResult[] => {
    const found = own(turn, aor, id);
    if (found === null) return [];
    const { asserted, hidden = false } = messageOf(found.row);
    const rule = ruleFor(rules, { asserted, anonymous: hidden });
    if (rule !== 'block' && rule !== 'polite-block') return [];
    const row = rule === 'block' ? found.row : silenced(turn, found.local, found.row);
    const heard = plainCause('message.deleted');
    const after = advance(turn, found.local, row, { type: 'message.deleted' }, heard);
    return [{ id, status: after.live ? (after === row ? 409 : 202) : 200 }];
  });
  return { kind: 'results', results };
}

// A report would tell the sender what a polite block hides (spec 7.3).
function silenced(turn: Turn, local: string, row: ActorRow): ActorRow {
  const context = contextOf(row);
  const message = { ...context.message, reportException: 'recipient-blocks' } as const;
  const snapshot = { ...row.actor.snapshot, context: { ...context, message } };
  return rewrite(turn, local, row, { ...row, actor: { ...row.actor, snapshot } });
}
