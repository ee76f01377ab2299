// The configuration: a value comes from the JSON file, over it the environment, over that the command line; every
// refusal names the setting and where its value came from. The settings themselves are the table of settings.ts.
import { readFileSync } from 'node:fs';
import { type Setting, type SettingName, type SettingType, settingsTable } from './settings.js';

type ValueOf<S extends Setting> = S['type'] extends { kind: 'texts' }
  ? readonly string[]
  : S['type'] extends { kind: 'integer' }
    ? number
    : S['type'] extends { kind: 'switch' }
      ? boolean
      : string;

type Optional<S extends Setting> = S extends { default: unknown } | { required: true }
  ? never
  : undefined;

/** A checked configuration, by dotted path. */
export type Config = {
  readonly [K in SettingName]:
    | ValueOf<(typeof settingsTable)[K]>
    | Optional<(typeof settingsTable)[K]>;
};

/** One thing wrong with the configuration. `where` is a file with a pointer, a variable, or a flag. */
export interface ConfigFinding {
  readonly setting: string;
  readonly where: string;
  readonly message: string;
}

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly sources: Readonly<Record<string, string>>;
    }
  | { readonly ok: false; readonly findings: readonly ConfigFinding[] };

export interface ConfigSources {
  /** Path of the JSON file, or null. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Flags by their name without dashes: `nats-servers`. */
  readonly flags: Readonly<Record<string, string>>;
}

/** `nats.allowPlain` → `DEFERRED_IM_NATS_ALLOW_PLAIN`. */
export const variableOf = (name: string): string => `DEFERRED_IM_${snake(name, '_').toUpperCase()}`;

/** `nats.allowPlain` → `nats-allow-plain`. */
export const flagOf = (name: string): string => snake(name, '-');

function snake(name: string, glue: string): string {
  let out = '';
  for (const sign of name) {
    if (sign === '.') out += glue;
    else if (sign >= 'A' && sign <= 'Z') out += glue + sign.toLowerCase();
    else out += sign;
  }
  return out;
}

interface Given {
  readonly value: unknown;
  readonly where: string;
}

/** Reads, merges and checks a configuration. */
export function readConfig(sources: ConfigSources): ConfigResult {
  const findings: ConfigFinding[] = [];
  const given = new Map<string, Given>();
  if (sources.file !== null) readFile(sources.file, given, findings);
  readEnvironment(sources.environment, given, findings);
  for (const [name, setting] of Object.entries(settingsTable)) {
    const value = sources.flags[flagOf(name)];
    if (value !== undefined)
      given.set(name, { value: fromText(setting.type, value), where: `--${flagOf(name)}` });
  }
  const values: Record<string, unknown> = {};
  const from: Record<string, string> = {};
  for (const [name, setting] of Object.entries(settingsTable) as [SettingName, Setting][]) {
    const one = given.get(name);
    from[name] = one?.where ?? (setting.default === undefined ? 'not set' : 'default');
    values[name] = one === undefined ? setting.default : one.value;
    const wrong = one === undefined ? missing(setting) : wrongValue(setting, one.value);
    if (wrong !== null)
      findings.push({ setting: name, where: one?.where ?? 'configuration', message: wrong });
  }
  if (findings.length === 0) findings.push(...togetherWrong(values, from));
  if (findings.length > 0) return { ok: false, findings };
  return { ok: true, config: values as unknown as Config, sources: from };
}

// What two settings must not say together.
function togetherWrong(
  values: Readonly<Record<string, unknown>>,
  from: Readonly<Record<string, string>>,
): ConfigFinding[] {
  const any = ['0.0.0.0', '::'].includes(String(values['msrp.address']));
  if (!any || values['msrp.host'] !== undefined) return [];
  const where = from['msrp.address'] ?? 'configuration';
  const message = 'is no address phones can connect to: set msrp.host as well';
  return [{ setting: 'msrp.address', where, message }];
}

const wrongValue = ({ type, check }: Setting, value: unknown): string | null =>
  mismatch(type, value) ?? (check === undefined ? null : firstWrong(check, value));

function firstWrong(check: NonNullable<Setting['check']>, value: unknown): string | null {
  for (const one of Array.isArray(value) ? value : [value]) {
    const wrong = check(String(one));
    if (wrong !== null) return Array.isArray(value) ? `${JSON.stringify(one)}: ${wrong}` : wrong;
  }
  return null;
}

const missing = (setting: Setting): string | null => (setting.required ? 'must be set' : null);

function readFile(path: string, given: Map<string, Given>, findings: ConfigFinding[]): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    findings.push({
      setting: '',
      where: path,
      message: cause instanceof Error ? cause.message : String(cause),
    });
    return;
  }
  walk(parsed, '', path, given, findings);
}

function walk(
  value: unknown,
  name: string,
  path: string,
  given: Map<string, Given>,
  findings: ConfigFinding[],
): void {
  const where = `${path}#/${name.replaceAll('.', '/')}`;
  if (Object.hasOwn(settingsTable, name)) {
    given.set(name, { value, where });
    return;
  }
  const inner =
    name === '' || Object.keys(settingsTable).some((known) => known.startsWith(`${name}.`));
  if (!inner) {
    findings.push({ setting: name, where, message: 'is not a setting' });
  } else if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    findings.push({ setting: name, where, message: 'must be an object' });
  } else {
    for (const [key, item] of Object.entries(value)) {
      walk(item, name === '' ? key : `${name}.${key}`, path, given, findings);
    }
  }
}

function readEnvironment(
  environment: ConfigSources['environment'],
  given: Map<string, Given>,
  findings: ConfigFinding[],
): void {
  const known = new Map(
    Object.keys(settingsTable).map((name) => [variableOf(name), name as SettingName]),
  );
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('DEFERRED_IM_') || value === undefined || reserved.has(variable))
      continue;
    const name = known.get(variable);
    if (name === undefined)
      findings.push({ setting: '', where: variable, message: 'is not a setting' });
    else given.set(name, { value: fromText(settingsTable[name].type, value), where: variable });
  }
}

// Variables of ours that are no settings.
const reserved = new Set(['DEFERRED_IM_FAILPOINT', 'DEFERRED_IM_CONFIG']);

function fromText(type: SettingType, value: string): unknown {
  switch (type.kind) {
    case 'integer':
      return isDigits(value) ? Number(value) : value;
    case 'switch':
      return value === 'true' ? true : value === 'false' ? false : value;
    case 'texts':
      return value === '' ? [] : value.split(',').map((one) => one.trim());
    default:
      return value;
  }
}

const isDigits = (value: string): boolean =>
  value.length > 0 && value.length <= 15 && [...value].every((sign) => sign >= '0' && sign <= '9');

function mismatch(type: SettingType, value: unknown): string | null {
  switch (type.kind) {
    case 'text':
      return typeof value === 'string' && value !== '' ? null : 'must be a text that is not empty';
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '')
        ? null
        : 'must be a list of texts';
    case 'switch':
      return typeof value === 'boolean' ? null : 'must be true or false';
    case 'choice':
      return type.values.includes(value as string)
        ? null
        : `must be one of ${type.values.join(', ')}`;
    default: {
      const fits =
        Number.isInteger(value) && (value as number) >= type.min && (value as number) <= type.max;
      return fits ? null : `must be a whole number from ${type.min} to ${type.max}`;
    }
  }
}
