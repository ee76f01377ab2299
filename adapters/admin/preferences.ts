// Operators' verbs about what users want. The change is read by the one reader that all faces share; an operator may
// also set the permission, and take over an access-rules document.
import { type PreferenceChange, readPreferenceChange } from '../../machines/index.js';
import { type IdResult, limits } from '../../runtime/index.js';
import {
  type Args,
  accepted,
  object,
  text,
  userOf,
  type Verb,
  type VerbContext,
  VerbRefused,
} from './verb.js';

const aor = text;
const by = { type: 'string', minLength: 1, maxLength: limits.authorCharactersMax } as const;
const discardBlocked = { type: 'boolean' } as const;
const documentCharactersMax = 65_536;

/** Verbs by name. */
export const preferenceVerbs: Readonly<Record<string, Verb>> = {
  'preferences.show': {
    meaning: 'What holds for a user, and which of it he has set himself.',
    reads: true,
    schema: object({ aor }, ['aor']),
    run: async (context, args) => viewOf(context, userOf(context, args)),
  },
  'preferences.set': {
    meaning: "Change a user's preferences; optionally let go what waits from blocked senders.",
    reads: false,
    schema: object({ aor, change: { type: 'object' }, by, discardBlocked }, ['aor', 'change']),
    run: async (context, args) => {
      const user = userOf(context, args);
      const { change } = args;
      // Discarding alone is an act too.
      const empty = Object.keys(change as object).length === 0 && args['discardBlocked'] === true;
      if (!empty) await apply(context, user, readOrRefuse(context, change), args);
      return outcome(context, user, args);
    },
  },
  'preferences.import': {
    meaning:
      "Replace a user's rules by those of an access-rules document (common-policy, RFC 4745).",
    reads: false,
    schema: object(
      {
        aor,
        document: { type: 'string', maxLength: documentCharactersMax },
        unmatched: { enum: ['deny', 'deferral'] },
        dryRun: { type: 'boolean' },
        by,
        discardBlocked,
      },
      ['aor', 'document'],
    ),
    run: async (context, args) => {
      const user = userOf(context, args);
      const unmatched = args['unmatched'] === 'deferral' ? 'deferral' : 'deny';
      const read = context.readAccessRules(Buffer.from(String(args['document'])), { unmatched });
      if (!read.ok) throw new VerbRefused('bad-document', read.finding.message);
      const { rules, notes } = read.access;
      if (args['dryRun'] === true)
        return { preferences: { ...viewOf(context, user), rules }, notes, dryRun: true };
      await apply(context, user, { rules }, args);
      return { ...(await outcome(context, user, args)), notes };
    },
  },
};

function viewOf({ engine }: VerbContext, user: string) {
  const view = engine.preferences(user);
  if (view === null) throw new VerbRefused('damaged-row', `the preferences of ${user} are damaged`);
  return view;
}

function readOrRefuse({ canonicalAor }: VerbContext, value: unknown): PreferenceChange {
  const read = readPreferenceChange(value, canonicalAor);
  if (read.ok) return read.change;
  const { pointer, message } = read.findings[0]!;
  throw new VerbRefused('bad-request', `/change${pointer} ${message}`);
}

async function apply(
  { engine }: VerbContext,
  user: string,
  change: PreferenceChange,
  args: Args,
): Promise<void> {
  const name = String(args['by'] ?? 'operator');
  accepted(
    await engine.submit({
      type: 'preferences.changed',
      aor: user,
      change,
      by: { role: 'operator', name },
    }),
  );
}

async function outcome(context: VerbContext, user: string, args: Args) {
  const discarded = args['discardBlocked'] === true ? await discard(context, user) : undefined;
  const preferences = viewOf(context, user);
  return discarded === undefined ? { preferences } : { preferences, discarded };
}

async function discard({ engine }: VerbContext, user: string): Promise<readonly IdResult[]> {
  const reply = accepted(await engine.submit({ type: 'messages.discarded', aor: user }));
  return reply.kind === 'results' ? reply.results : [];
}
