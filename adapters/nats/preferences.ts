// The one way in which an owner's wish becomes commands, by whatever face it came: change what he says, let go what
// waits from blocked senders where he asks for that, and tell what holds then.
import type { PreferenceChange } from '../../machines/index.js';
import {
  type IdResult,
  type PreferencesView,
  type Reply,
  type Runtime,
  refusals,
} from '../../runtime/index.js';

/** What an owner asks for. */
export interface Wish {
  /** Null: he only asks. */
  readonly set: PreferenceChange | null;
  readonly discardBlocked: boolean;
}

type Refused = Extract<Reply, { kind: 'refused' }>;

/** What holds now, and what became of the messages of blocked senders. */
export interface Told {
  readonly kind: 'told';
  readonly preferences: PreferencesView;
  readonly discarded?: readonly IdResult[];
}

/** Carries out a wish; refused whole where its change is. */
export async function changePreferences(
  runtime: Runtime,
  aor: string,
  { set, discardBlocked }: Wish,
): Promise<Told | Refused> {
  if (set !== null) {
    const by = { role: 'owner' } as const;
    const reply = await runtime.submit({ type: 'preferences.changed', aor, change: set, by });
    if (reply.kind === 'refused') return reply;
  }
  const gone = discardBlocked ? await runtime.submit({ type: 'messages.discarded', aor }) : null;
  if (gone?.kind === 'refused') return gone;
  const preferences = runtime.preferences(aor);
  if (preferences === null) return damaged;
  const discarded = gone?.kind === 'results' ? { discarded: gone.results } : {};
  return { kind: 'told', preferences, ...discarded };
}

const damaged: Refused = {
  kind: 'refused',
  status: refusals['damaged-row'].status,
  code: 'damaged-row',
  reason: refusals['damaged-row'].meaning,
  retryAfterSeconds: null,
};
