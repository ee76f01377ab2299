// `policy`: files judged and drawn without an engine; policies of a store listed, shown and installed.
import { readFileSync, writeFileSync } from 'node:fs';
import {
  compilePolicy,
  graphOf,
  type Known,
  mermaid,
  type Policy,
  type PolicyFile,
  type PolicyFinding,
  shippedPolicy,
  shippedPolicyIds,
  textChart,
} from '../../machines/index.js';
import { exitCodes, type PolicySummary } from '../../runtime/index.js';
import { drawChart } from '../compose.js';
import { askReading, askRunning, storeExits, storeFlags } from './ask.js';
import { columns, instant } from './output.js';
import { findingLines, judgeFile, judgeSource } from './policy-check.js';
import { type Call, type Verb, VerbFailure } from './verb.js';

export const by = {
  by: {
    value: 'NAME',
    meaning: 'Who does it, for the audit record. Default: operator.',
  },
} as const;

export const policyList: Verb = {
  name: 'policy list',
  purpose: 'List the installed policies; the active one is marked.',
  flags: storeFlags,
  examples: ['deferred-im policy list --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const result = (await askReading(call, 'policy.list', {})) as {
      readonly policies: readonly PolicySummary[];
    };
    call.output.result(result, () =>
      columns(
        ['ACTIVE', 'ID', 'HASH', 'INSTALLED', 'TITLE'],
        result.policies.map((one) => [
          one.active ? '*' : '',
          one.id,
          one.hash.slice(0, 12),
          instant(one.installedAtMs),
          one.title,
        ]),
      ),
    );
    return 0;
  },
};

export const policyShow: Verb = {
  name: 'policy show',
  purpose: 'Print the file of an installed policy.',
  arguments: [{ name: 'ID|HASH', meaning: 'Its id, or its hash or the beginning of it.' }],
  flags: storeFlags,
  examples: ['deferred-im policy show delete-and-report --folder /var/lib/deferred-im'],
  exits: storeExits,
  run: async (call) => {
    const file = await askReading(call, 'policy.show', {
      policy: call.args[0],
    });
    call.output.result(file, () => `${JSON.stringify(file, null, 2)}\n`);
    return 0;
  },
};

const formats = ['text', 'svg', 'mermaid', 'json'] as const;
type Format = (typeof formats)[number];

export const policyChart: Verb = {
  name: 'policy chart',
  purpose: 'Draw the chart of a policy.',
  text:
    'A FILE is drawn as it stands; a shipped policy by its id; any other name is asked ' +
    'of the store.',
  arguments: [
    {
      name: 'FILE|ID|HASH',
      meaning: 'A policy file, or a policy by id or hash.',
    },
  ],
  flags: {
    ...storeFlags,
    format: {
      value: formats.join('|'),
      meaning: 'Default: text; `json` is the machine, as Stately opens it.',
    },
    out: { value: 'FILE', meaning: 'Write there instead of standard output.' },
  },
  examples: [
    'deferred-im policy chart deliver-late',
    'deferred-im policy chart my-policy.json --format svg --out my-policy.svg',
  ],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const { format = 'text', out } = call.flags;
    if (!formats.includes(format as Format))
      throw new VerbFailure(
        exitCodes.usage,
        'usage',
        `policy chart: --format must be one of ${formats.join(', ')}`,
      );
    const policy = await policyNamed(call);
    const chart = await drawn(policy, format as Format);
    if (out === undefined) call.output.result({ id: policy.id, format, chart }, () => chart);
    else writeChart(call, out, chart, policy);
    return 0;
  },
};

function writeChart(call: Call, out: string, chart: string, policy: PolicyFile): void {
  try {
    writeFileSync(out, chart);
  } catch (cause) {
    throw new VerbFailure(exitCodes.io, 'io', `${out}: ${(cause as Error).message}`);
  }
  call.output.result({ id: policy.id, out }, () => `${out}\n`);
}

async function drawn(file: PolicyFile, format: Format): Promise<string> {
  const graph = graphOf(file.machine);
  switch (format) {
    case 'svg':
      return drawChart(graph, {
        title: file.title,
        description: file.description,
      });
    case 'mermaid':
      return mermaid(graph);
    case 'json':
      return `${JSON.stringify(file.machine, null, 2)}\n`;
    default:
      return textChart(graph, {
        color: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
        width: process.stdout.columns ?? 96,
      });
  }
}

/** A file beats a shipped id, which beats the store: what lies before one's eyes is meant. */
export async function policyNamed(call: Call): Promise<PolicyFile> {
  const name = call.args[0] ?? '';
  if (isFile(name)) return drawable(name);
  if (shippedPolicyIds.includes(name)) return shippedPolicy(name) as PolicyFile;
  const source = await askReading(call, 'policy.show', { policy: name });
  const compiled = compilePolicy(source);
  if (compiled.ok) return source as PolicyFile;
  throw invalid(name, compiled.findings);
}

/** The same, for verbs that let messages live under it: what the gate refuses ends them with its findings. */
export async function judgedNamed(call: Call, at = 0): Promise<PassedFile> {
  const name = call.args[at] ?? '';
  const named = { ...call, args: [name] };
  const judged = isFile(name) ? judgeFile(name) : judgeSource(name, await policyNamed(named));
  const { ok, policy, known, findings } = judged;
  if (!ok || policy === null || known === null) throw invalid(name, findings);
  return { source: judged.source as PolicyFile, policy, known };
}

/** A policy that has passed the gate, with what the gate knows of it. */
export interface PassedFile {
  readonly source: PolicyFile;
  readonly policy: Policy;
  readonly known: Known;
}

/** True when the word is a path and not an id or hash: ids have neither a slash nor a dot. */
export const isFile = (name: string): boolean =>
  name.includes('/') || name.includes('.') || readable(name);

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

// What is drawn must be built; what is installed must pass the gate as well.
function drawable(file: string): PolicyFile {
  const { policy, findings, source } = judgeFile(file);
  if (policy === null) throw invalid(file, findings);
  return source as PolicyFile;
}

function usable(file: string): unknown {
  const { ok, findings, source } = judgeFile(file);
  if (!ok) throw invalid(file, findings);
  return source;
}

const invalid = (name: string, findings: readonly PolicyFinding[]): VerbFailure =>
  new VerbFailure(
    exitCodes['policy-invalid'],
    'policy-refused',
    `${name} did not pass its checks`,
    findings.flatMap((one) => findingLines(name, one)),
  );

export const policyInstall: Verb = {
  name: 'policy install',
  purpose: 'Make a policy file known to the running engine, under its content hash.',
  text:
    'Nothing changes for any message before it is activated. A store that was made by an older ' +
    'release gets a policy that came later by its id.',
  arguments: [{ name: 'FILE|ID', meaning: 'A policy, as JSON, or the id of a shipped one.' }],
  flags: { ...storeFlags, ...by },
  examples: ['deferred-im policy install my-policy.json --folder /var/lib/deferred-im'],
  exits: [...storeExits, exitCodes['policy-invalid']],
  run: async (call) => {
    const installed = await install(call, call.args[0] ?? '');
    const { hash, warnings = [] } = installed;
    call.output.result(installed, () =>
      [...warnings.map((one) => `warning: ${one}`), `installed ${hash}`, ''].join('\n'),
    );
    return 0;
  },
};

interface InstalledAs {
  readonly hash: string;
  readonly warnings?: readonly string[];
}

export async function install(call: Call, name: string): Promise<InstalledAs> {
  const isShipped = !isFile(name) && shippedPolicyIds.includes(name);
  const source = isShipped ? shippedPolicy(name) : usable(name);
  const args = { source, ...who(call) };
  return (await askRunning(call, 'policy.install', args)) as InstalledAs;
}

export const who = ({ flags }: Call): { by?: string } =>
  flags['by'] === undefined ? {} : { by: flags['by'] };
