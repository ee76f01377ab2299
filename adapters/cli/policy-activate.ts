// `policy activate`, `deactivate`, `history`: which policy new messages are stored under, what becomes of the living ones,
// and who decided that. The engine decides; this asks, waits for what it moves, and tells.
import {
  exitCodes,
  type HistoryRow,
  hostClock,
  type MigrationForecast,
  type MigrationRow,
} from '../../runtime/index.js';
import { askReading, askRunning, storeExits, storeFlags } from './ask.js';
import { readJsonFile } from './json-file.js';
import { columns, instant } from './output.js';
import { integerFlag } from './parse.js';
import { by, install, isFile, who } from './policy.js';
import { type Call, refusedExit, type Verb, VerbFailure } from './verb.js';

const reason = { reason: { value: 'TEXT', meaning: 'Why, for the audit record.' } } as const;
const modes = ['new', 'migrate', 'force'] as const;

/** How often the engine is asked how far it is, and for how long at most. */
const pollMs = 200;
const pollsMax = 3000;

type Underway = Omit<MigrationRow, 'map' | 'stranded'> | null;

interface Course {
  readonly history: readonly HistoryRow[];
  readonly migration: Underway;
}

interface Activated {
  readonly hash: string;
  readonly mode: (typeof modes)[number];
  readonly dryRun?: true;
  readonly forecast?: MigrationForecast;
}

export const policyActivate: Verb = {
  name: 'policy activate',
  purpose: 'Store new messages under a policy from now on.',
  text:
    'A file is installed first. With --mode new, the default, messages stored before keep the ' +
    'policy they were stored under. With --mode migrate the living messages of the policies it ' +
    'replaces are moved to it, each to the state of the same name or to the one that --map names; ' +
    'deadlines stay what they are. It is refused unless every state has a place to go; --dry-run ' +
    'says what would happen to the messages that live now, and moves none. --mode force ' +
    'goes on where states have no place: their messages end, and their senders are told if they ' +
    'asked. Nothing is restarted. To go back: policy deactivate.',
  arguments: [
    {
      name: 'FILE|ID|HASH',
      meaning: 'A policy file, or an installed policy by id or hash.',
    },
  ],
  flags: {
    ...storeFlags,
    mode: { value: modes.join('|'), meaning: 'What becomes of living messages. Default: new.' },
    map: {
      value: 'FILE',
      meaning: 'Where states and delays go, as JSON: {"states": {"old": "new"}, "delays": {}}.',
    },
    from: {
      value: 'POLICY,…',
      meaning:
        'Whose messages are moved, by id or hash. Default: the active policy and all others that ' +
        'nothing chooses any more.',
    },
    'dry-run': { meaning: 'Say what would happen; a file is installed, nothing else changes.' },
    ...by,
    ...reason,
  },
  examples: [
    'deferred-im policy activate deliver-late --by anna --reason "support asked for it"',
    'deferred-im policy activate my-policy.json --mode migrate --map map.json --dry-run',
    'deferred-im policy activate my-policy.json --mode migrate --map map.json --by anna',
  ],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const args = activationArgs(call);
    const name = call.args[0] ?? '';
    const policy = isFile(name) ? (await install(call, name)).hash : name;
    const done = (await askRunning(call, 'policy.activate', { policy, ...args })) as Activated;
    const told = done.forecast;
    if (told === undefined) {
      call.output.result(done, () => `new messages are stored under ${done.hash}\n`);
      return exitCodes.ok;
    }
    if (done.dryRun === true) {
      call.output.result(done, () => forecastText(told));
      return told.total || done.mode === 'force' ? exitCodes.ok : refusedExit;
    }
    const moved = await allMoved(call);
    call.output.result({ ...done, moved }, () => `${forecastText(told)}${movedText(done, moved)}`);
    return exitCodes.ok;
  },
};

function activationArgs(call: Call): object {
  const { mode, map, from } = call.flags;
  if (mode !== undefined && !modes.includes(mode as (typeof modes)[number]))
    throw usage(`--mode must be one of ${modes.join(', ')}`);
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(map === undefined ? {} : { map: mapIn(map) }),
    ...(from === undefined ? {} : { from: from.split(',') }),
    ...('dry-run' in call.flags ? { dryRun: true } : {}),
    ...audit(call),
  };
}

const usage = (message: string): VerbFailure =>
  new VerbFailure(exitCodes.usage, 'usage', `policy activate: ${message}`);

function mapIn(file: string): unknown {
  const read = readJsonFile(file);
  if (read.ok) return read.value;
  throw usage(`${file}: ${read.message}`);
}

const audit = (call: Call): object => ({
  ...who(call),
  ...(call.flags['reason'] === undefined ? {} : { reason: call.flags['reason'] }),
});

function forecastText({ from, total }: MigrationForecast): string {
  const rows = from.flatMap(({ id, hash, places }) =>
    places.map(({ state, to, messages, parked, deadlines }) => [
      `${id} ${hash.slice(0, 12)}`,
      state,
      to ?? 'nowhere',
      String(messages),
      parked === 0 ? '' : `${parked} parked`,
      deadlines.join(', '),
    ]),
  );
  const heads = ['POLICY', 'STATE', 'GOES TO', 'MESSAGES', '', 'DEADLINES'];
  const findings = from.flatMap((one) => one.findings);
  return [
    rows.length === 0 ? 'no living message is touched\n' : columns(heads, rows),
    ...findings.map(({ pointer, message }) => `map#${pointer}: ${message}\n`),
    total ? 'total: every state has a place to go\n' : `not total: ${findings.length} findings\n`,
  ].join('');
}

async function allMoved(call: Call): Promise<HistoryRow | null> {
  for (let polls = 0; polls < pollsMax; polls += 1) {
    const course = (await askRunning(call, 'policy.history', { limit: 1 })) as Course;
    if (course.migration === null) return course.history[0] ?? null;
    await new Promise<void>((resolve) => void hostClock.after(pollMs, resolve));
  }
  return null;
}

function movedText({ hash }: Activated, moved: HistoryRow | null): string {
  const stored = `new messages are stored under ${hash}\n`;
  if (moved === null) return `${stored}messages are still being moved: see policy history\n`;
  if (moved.act !== 'migrated') return stored;
  return `${stored}moved ${moved.moved ?? 0} messages, ended ${moved.ended ?? 0}\n`;
}

export const policyDeactivate: Verb = {
  name: 'policy deactivate',
  purpose: 'Go back to the policy that was active before.',
  text:
    'New messages are stored under the one before from now on; living messages keep the policy ' +
    'they have. Done again, it goes one further back.',
  flags: { ...storeFlags, ...by, ...reason },
  examples: ['deferred-im policy deactivate --by anna --reason "too many reports"'],
  exits: storeExits,
  run: async (call) => {
    const done = (await askRunning(call, 'policy.deactivate', audit(call))) as { hash: string };
    call.output.result(done, () => `new messages are stored under ${done.hash}\n`);
    return exitCodes.ok;
  },
};

export const policyHistory: Verb = {
  name: 'policy history',
  purpose: 'Show what was done about policies, by whom and why, the latest first.',
  flags: {
    ...storeFlags,
    limit: { value: 'N', meaning: 'At most N entries, 1 to 1000. Default: 100.' },
  },
  examples: ['deferred-im policy history --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const limit = integerFlag('policy history', call.flags, 'limit', 1, 1000);
    const args = limit === undefined ? {} : { limit };
    const course = (await askReading(call, 'policy.history', args)) as Course;
    call.output.result(course, () => courseText(course));
    return exitCodes.ok;
  },
};

function courseText({ history, migration }: Course): string {
  const heads = ['NO', 'WHEN', 'WHAT', 'HASH', 'BY', 'REASON'];
  const rows = history.map((one) => [
    String(one.number),
    instant(one.atMs),
    whatText(one),
    one.hash.slice(0, 12),
    one.by,
    one.reason,
  ]);
  const moving =
    migration === null
      ? ''
      : `moving to ${migration.to.slice(0, 12)}: ${migration.moved} moved, ${migration.ended} ended, partition ${migration.at.partition} of 64\n`;
  return `${columns(heads, rows)}${moving}`;
}

function whatText({ act, mode, moved, ended }: HistoryRow): string {
  if (act === 'migrated') return `migrated: ${moved ?? 0} moved, ${ended ?? 0} ended`;
  return mode === undefined || mode === 'new' ? act : `${act}, ${mode}`;
}
