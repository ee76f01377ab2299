// Operators' verbs about policies: what is installed, what new messages are stored under, and the moving of living ones.
// What is decided is decided by the runtime; a forecast only tells what that would be.
import { type MigrationMap, type PolicyFinding, readMigrationMap } from '../../machines/index.js';
import {
  type Engine,
  limits,
  type MigrationForecast,
  type MigrationRow,
} from '../../runtime/index.js';
import {
  type Args,
  accepted,
  object,
  text,
  type Verb,
  type VerbContext,
  VerbRefused,
} from './verb.js';

const policy = { type: 'string', minLength: 1, maxLength: 320 } as const;
const by = { type: 'string', minLength: 1, maxLength: limits.authorCharactersMax } as const;
const page = { type: 'integer', minimum: 1, maximum: limits.policyHistoryRows } as const;
const from = { type: 'array', maxItems: 64, items: policy } as const;

/** Verbs by name. */
export const policyVerbs: Readonly<Record<string, Verb>> = {
  'policy.list': {
    meaning: 'Installed policies, the active one marked, and the migration that is under way.',
    reads: true,
    schema: object({}),
    run: async ({ engine }) => ({ policies: engine.policies(), migration: underWay(engine) }),
  },
  'policy.show': {
    meaning: 'The file of an installed policy.',
    reads: true,
    schema: object({ policy }, ['policy']),
    run: async ({ engine }, args) => engine.policy(resolvePolicy(engine, String(args['policy']))),
  },
  'policy.install': {
    meaning: 'Make a policy file known under its content hash, after its checks.',
    reads: false,
    schema: object({ source: { type: 'object' }, by }, ['source']),
    run: async ({ engine }, args) => {
      const reply = accepted(
        await engine.submit({
          type: 'policy.installed',
          source: args['source'],
          by: authorOf(args),
        }),
      );
      if (reply.kind !== 'policy') return { hash: null };
      const { hash, warnings = [] } = reply;
      return { hash, ...(warnings.length === 0 ? {} : { warnings }) };
    },
  },
  'policy.activate': {
    meaning:
      'Store new messages under a policy from now on. With `mode` `migrate` or `force` the living messages of the policies it replaces are moved to it, by `map`; `dryRun` only tells what that would do.',
    reads: false,
    schema: object(
      {
        policy,
        mode: { enum: ['new', 'migrate', 'force'] },
        map: { type: 'object' },
        from,
        dryRun: { type: 'boolean' },
        by,
        reason: text,
      },
      ['policy'],
    ),
    run: (context, args) => activate(context, args),
  },
  'policy.deactivate': {
    meaning: 'Store new messages under the policy that was active before.',
    reads: false,
    schema: object({ by, reason: text }),
    run: async ({ engine }, args) => {
      const reply = accepted(
        await engine.submit({
          ...{ type: 'policy.deactivated', by: authorOf(args), reason: reasonOf(args) },
        }),
      );
      return { hash: reply.kind === 'policy' ? reply.hash : null };
    },
  },
  'policy.history': {
    meaning: 'What was done about policies, by whom and why, the latest first.',
    reads: true,
    schema: object({ limit: page }),
    run: async ({ engine }, args) => ({
      history: [...engine.registry.course.history].reverse().slice(0, Number(args['limit'] ?? 100)),
      migration: underWay(engine),
    }),
  },
};

async function activate({ engine }: VerbContext, args: Args): Promise<unknown> {
  const hash = resolvePolicy(engine, String(args['policy']));
  const mode = (args['mode'] ?? 'new') as 'new' | 'migrate' | 'force';
  if (mode === 'new') {
    if (args['dryRun'] === true || args['map'] !== undefined || args['from'] !== undefined)
      throw new VerbRefused('bad-request', 'a map, from and dryRun go with migrate or force');
    return { hash: await submit(engine, { hash, mode }, args), mode };
  }
  const map = mapOf(args['map'] ?? {});
  const told = await foretold(engine, hash, map, args);
  if (args['dryRun'] === true) return { hash, mode, dryRun: true, forecast: told };
  if (mode === 'migrate' && !told.total)
    throw new VerbRefused('migration-not-total', sentenceOf(told));
  const sources = told.from.map((one) => one.hash);
  const activated = await submit(engine, { hash, mode, from: sources, map }, args);
  return { hash: activated, mode, forecast: told };
}

interface Activation {
  readonly hash: string;
  readonly mode: 'new' | 'migrate' | 'force';
  readonly from?: readonly string[];
  readonly map?: MigrationMap;
}

async function submit(engine: Engine, activation: Activation, args: Args): Promise<string> {
  const audit = { by: authorOf(args), reason: reasonOf(args) };
  accepted(await engine.submit({ type: 'policy.activated', ...activation, ...audit }));
  return activation.hash;
}

function mapOf(source: unknown): MigrationMap {
  const read = readMigrationMap(source);
  if (read.ok) return read.map;
  const { pointer, message } = read.findings[0]!;
  throw new VerbRefused('bad-request', `the state map: ${pointer || '/'} ${message}`);
}

async function foretold(
  engine: Engine,
  to: string,
  map: MigrationMap,
  args: Args,
): Promise<MigrationForecast> {
  const named = args['from'] as readonly string[] | undefined;
  const sources = named?.map((one) => resolvePolicy(engine, one));
  return engine.forecast({ to, map, ...(sources === undefined ? {} : { from: sources }) });
}

function sentenceOf({ from: sources }: MigrationForecast): string {
  const findings = sources.flatMap((one) => one.findings);
  return findings.map(({ pointer, message }: PolicyFinding) => `${pointer}: ${message}`).join(' ');
}

/** How far a migration is; null when none is under way. */
function underWay(engine: Engine): Omit<MigrationRow, 'map' | 'stranded'> | null {
  const { migration } = engine.registry.course;
  if (migration === null) return null;
  const { map: _map, stranded: _stranded, ...told } = migration;
  return told;
}

const authorOf = (args: Args): string => String(args['by'] ?? 'operator');
const reasonOf = (args: Args): string => String(args['reason'] ?? '');

// A policy is named by its hash, the beginning of it, or its id when only one version is installed.
function resolvePolicy(engine: Engine, name: string): string {
  const found = engine.registry.meant(name);
  if (found.length === 1) return found[0]!.hash;
  const many = found.map(({ file, hash }) => `${file.id} ${hash.slice(0, 12)}`).join(', ');
  if (found.length === 0)
    throw new VerbRefused(
      'no-such-policy',
      `no installed policy is called ${JSON.stringify(name)}`,
    );
  throw new VerbRefused('ambiguous-policy', `${JSON.stringify(name)} may be ${many}`);
}
