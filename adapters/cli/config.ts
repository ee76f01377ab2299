// `config`: what the engine would run with, and where each value came from. Names of secret files
// are printed, their contents never read.
import { exitCodes } from '../../runtime/index.js';
import { columns } from './output.js';
import { configFlags, configOf, findingLines } from './serve.js';
import { type Call, type Verb, VerbFailure } from './verb.js';

function readOrFail({ flags }: Call) {
  const read = configOf(flags);
  if (read.ok) return read;
  throw new VerbFailure(
    exitCodes.usage,
    'config-invalid',
    `config: ${read.findings.length} findings`,
    findingLines(read.findings),
  );
}

export const configCheck: Verb = {
  name: 'config check',
  purpose: 'Check the configuration: file, environment and flags together.',
  flags: configFlags,
  examples: ['deferred-im config check --config /etc/deferred-im.json'],
  run: async (call) => {
    readOrFail(call);
    call.output.result({ findings: [] }, () => 'config: 0 findings\n');
    return 0;
  },
};

export const configPrint: Verb = {
  name: 'config print',
  purpose: 'Print every setting with its value and where that came from.',
  flags: configFlags,
  examples: ['deferred-im config print --config /etc/deferred-im.json --json'],
  run: async (call) => {
    const { config, sources } = readOrFail(call);
    const settings = Object.entries(config).map(([name, value]) => ({
      name,
      value: value ?? null,
      from: sources[name] ?? 'default',
    }));
    call.output.result({ settings }, () =>
      columns(
        ['SETTING', 'VALUE', 'FROM'],
        settings.map(({ name, value, from }) => [name, shown(value), from]),
      ),
    );
    return 0;
  },
};

function shown(value: unknown): string {
  if (value === null) return '-';
  return Array.isArray(value) ? value.map(String).join(',') || '-' : String(value);
}
