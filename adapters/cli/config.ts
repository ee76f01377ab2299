// `config`: what the engine would run with, and where each value came from. Of secret files the names are printed; `check`
// looks whether they can be used, and says nothing of what they hold.
import { exitCodes } from '../../runtime/index.js';
import { columns } from './output.js';
import { configFlags, configOf, findingLines, usableConfigOf } from './serve.js';
import { type Verb, VerbFailure } from './verb.js';

function readOrFail(read: ReturnType<typeof configOf>) {
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
  purpose:
    'Check the configuration: file, environment and flags together, and the secret files it names.',
  flags: configFlags,
  examples: ['deferred-im config check --config /etc/deferred-im.json'],
  run: async (call) => {
    readOrFail(usableConfigOf(call.flags));
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
    const { config, sources } = readOrFail(configOf(call.flags));
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
