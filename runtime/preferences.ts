// Where users' preferences are kept and read: one row for each user who has set anything. The only writer of that
// family. Most users have none, and the filter of what may be known says so without a read.
import {
  noPreferences,
  type PreferenceRecord,
  type Preferences,
  type Wishes,
  wishesOf,
} from '../machines/index.js';
import type { PreferencesView } from './commands.js';
import type { SeenFilter } from './filter.js';
import { keys, preferencesDigest } from './keys.js';
import type { Ledger } from './ledger.js';
import type { PreferencesRow } from './rows.js';
import type { RuntimeSettings, Turn } from './turn.js';

/** What reading preferences needs; a turn is one, and so is a question. */
export interface PreferencesSource {
  readonly ledger: Ledger;
  readonly seen: SeenFilter;
  readonly settings: Pick<RuntimeSettings, 'preferences' | 'reportRules'>;
}

/** What is kept of a user, or null. Throws DamagedRow. */
export function readPreferences(source: PreferencesSource, aor: string): PreferencesRow | null {
  if (!source.seen.mayHave(preferencesDigest(aor))) return null;
  return source.ledger.readJson<PreferencesRow>(keys.preferences(aor));
}

/** What holds for a user now: his settings over the operator's defaults. */
export function wishesFor(source: PreferencesSource, aor: string): Wishes {
  const record = readPreferences(source, aor);
  return record === null ? wishesOfNone(source, aor) : wished(source, record, aor);
}

const wished = ({ settings }: PreferencesSource, record: PreferenceRecord, aor: string): Wishes =>
  wishesOf(record, aor, settings.preferences, settings.reportRules.consent);

/** What holds where nothing was set: asked with every message, and the same for all where the operator excepts nobody. */
const unset = new WeakMap<PreferencesSource['settings'], Wishes>();

function wishesOfNone(source: PreferencesSource, aor: string): Wishes {
  const { settings } = source;
  if (settings.preferences.permittedExcept.length > 0) return wished(source, noPreferences, aor);
  let wishes = unset.get(settings);
  if (wishes === undefined) {
    wishes = wished(source, noPreferences, aor);
    unset.set(settings, wishes);
  }
  return wishes;
}

/** Writes what a user has set, or removes a row that says nothing. */
export function writePreferences(
  turn: Turn,
  aor: string,
  record: PreferenceRecord,
  by: string,
): void {
  const silent =
    Object.keys(record.own).length === 0 && record.rules.length === 0 && record.permission === null;
  turn.seen.add(preferencesDigest(aor));
  if (silent) turn.ledger.remove(keys.preferences(aor));
  else {
    const row: PreferencesRow = { version: 1, ...record, changedAtMs: turn.nowMs, by };
    turn.ledger.put(keys.preferences(aor), row);
  }
}

/** Writes a user's row as it is, for the synced write alone. */
export function touchPreferences(turn: Turn, aor: string): void {
  const row = readPreferences(turn, aor);
  if (row !== null) turn.ledger.put(keys.preferences(aor), row);
}

/** A user's preferences as they are shown: what holds, and where each field comes from. */
export function viewOf(source: PreferencesSource, aor: string): PreferencesView {
  const row = readPreferences(source, aor);
  const wishes = wishesFor(source, aor);
  const { deferral, delivery, notices, reports, expired, rules } = wishes;
  return {
    aor,
    ...{ deferral, delivery, notices, reports, expired, rules },
    set: Object.keys(row?.own ?? {}).sort() as (keyof Preferences)[],
    permission: wishes.permitted ? 'on' : 'off',
    permissionFrom: row === null || row.permission === null ? 'configuration' : 'operator',
    expiredChoices: source.settings.preferences.expiredChoices,
    changedAtMs: row?.changedAtMs ?? null,
    by: row?.by ?? null,
  };
}
