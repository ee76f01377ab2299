// The configuration: one table of settings, each with its type, unit, default and meaning. A value comes from the
// JSON file, over it the environment, over that the command line; every refusal names the setting and where its
// value came from. docs/reference/config.md is made from this table.
import { readFileSync } from 'node:fs';
import { shippedPolicyIds } from '../machines/index.js';
import { serverUrlFinding } from './nats/index.js';

type SettingType =
  | { readonly kind: 'text' }
  | { readonly kind: 'texts' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'switch' }
  | { readonly kind: 'choice'; readonly values: readonly string[] };

export interface Setting {
  readonly type: SettingType;
  /** Undefined: no value; such a setting is optional, unless `required`. */
  readonly default?: string | readonly string[] | number | boolean;
  readonly required?: boolean;
  /** What else a text, or each text of a list, must satisfy: null, or what is wrong. */
  readonly check?: (value: string) => string | null;
  readonly meaning: string;
}

const text = { kind: 'text' } as const;
const texts = { kind: 'texts' } as const;
const flag = { kind: 'switch' } as const;
const integer = (min: number, max: number) => ({ kind: 'integer', min, max }) as const;
const choice = (...values: string[]) => ({ kind: 'choice', values }) as const;

const hostSigns = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-');

// It stands in every deferred Message-ID, which travels in SIP headers, XML and subjects.
const hostCheck = (value: string): string | null =>
  value.length <= 253 && value.split('.').every(isLabel)
    ? null
    : 'must be a host name of letters, digits, dots and hyphens, at most 253 signs';

const domainCheck = (value: string): string | null =>
  value === '' || hostCheck(value) !== null ? 'must be a domain: example.org' : null;

// What a user is called is the codec's to judge, later; here only what cannot be one.
const usersCheck = (value: string): string | null =>
  (value.startsWith('@') && domainCheck(value.slice(1)) === null) ||
  /^(?:sips?|tel):[!-~]{1,250}$/.test(value)
    ? null
    : 'must be a user (sip:bob@example.org) or a domain (@example.org)';

// It stands in the header Accept as it is.
const mediaTypeCheck = (value: string): string | null =>
  /^[a-z0-9.+-]{1,64}\/(?:[a-z0-9.+-]{1,64}|\*)$/.test(value)
    ? null
    : 'must be a media type in lower case: text/plain or text/*';

/** One part of a host name (RFC 1123 section 2.1). */
const isLabel = (label: string): boolean =>
  label.length > 0 &&
  label.length <= 63 &&
  [...label].every((sign) => hostSigns.has(sign)) &&
  !label.startsWith('-') &&
  !label.endsWith('-');

// It is written into SIP headers as it stands.
const sipUriCheck = (value: string): string | null =>
  /^sips?:[A-Za-z0-9.!~*'()_+&=$-]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(value)
    ? null
    : 'must be a plain SIP URI, for instance sip:reports@example.org';

/** Every setting, by the dotted path it has in the file. */
export const settingsTable = {
  folder: {
    type: text,
    required: true,
    meaning: 'Data folder; made with mode 0700 when it is missing.',
  },
  watermarkFolder: {
    type: text,
    meaning:
      'Where the commit watermark is kept, best on another volume. Default: `<folder>.watermark`.',
  },
  host: {
    type: text,
    required: true,
    check: hostCheck,
    meaning: 'Right side of every deferred Message-ID: message-store host and operator domain.',
  },
  policy: {
    type: choice(...shippedPolicyIds),
    default: 'delete-and-report',
    meaning: 'Shipped policy a new store begins with.',
  },
  'nats.servers': {
    type: texts,
    default: ['nats://127.0.0.1:4222'],
    check: serverUrlFinding,
    meaning: 'NATS servers.',
  },
  'nats.user': { type: text, meaning: 'NATS user.' },
  'nats.passwordFile': { type: text, meaning: 'File that holds the NATS password.' },
  'nats.credentialsFile': { type: text, meaning: 'NATS credentials file (JWT and nkey seed).' },
  'nats.nkeySeedFile': { type: text, meaning: 'File that holds an nkey seed.' },
  'nats.tls.caFile': { type: text, meaning: 'CA certificate of the NATS servers.' },
  'nats.tls.certFile': { type: text, meaning: 'Client certificate.' },
  'nats.tls.keyFile': { type: text, meaning: 'Key of the client certificate.' },
  'nats.allowPlain': {
    type: flag,
    default: false,
    meaning: 'Speak to NATS servers beyond this host without TLS.',
  },
  'http.address': {
    type: choice('127.0.0.1', '::1'),
    default: '127.0.0.1',
    meaning: 'Loopback address of /metrics, /healthz and /readyz.',
  },
  'http.port': {
    type: integer(0, 65_535),
    default: 9464,
    meaning: 'Port of /metrics, /healthz and /readyz; 0 for a free one.',
  },
  'xcap.port': {
    type: integer(0, 65_535),
    meaning:
      'Port of the deferred-list document over HTTP (XCAP); 0 for a free one. Not set: there is none.',
  },
  'xcap.address': {
    type: text,
    default: '127.0.0.1',
    meaning: 'Address of it. Beyond loopback only with `xcap.secretFile`.',
  },
  'xcap.root': {
    type: text,
    default: '/',
    meaning: 'XCAP root: the path before `org.openmobilealliance.deferred-list`.',
  },
  'xcap.secretFile': {
    type: text,
    meaning:
      'File with the secret its front shows as `Authorization: Bearer`. Without it whoever reaches the port is the front.',
  },
  'quota.mailboxMessages': {
    type: integer(1, 1_000_000),
    default: 1000,
    meaning: 'Messages that may wait for one recipient.',
  },
  'quota.mailboxOctets': {
    type: integer(1000, 1_099_511_627_776),
    default: 33_554_432,
    meaning: 'Octets that may wait for one recipient.',
  },
  'quota.pairMessages': {
    type: integer(1, 1_000_000),
    default: 200,
    meaning: 'Messages of one sender that may wait for one recipient.',
  },
  'quota.strangersPercent': {
    type: integer(1, 100),
    default: 100,
    meaning:
      'How much of a mailbox all senders together may fill whom its user has not named by a rule that stores.',
  },
  'quota.atLimit': {
    type: choice('refuse', 'drop-oldest'),
    default: 'refuse',
    meaning: 'At any of these limits: refuse the new message, or drop the oldest ones in its way.',
  },
  'quota.freeOctets': {
    type: integer(0, 1_099_511_627_776),
    default: 67_108_864,
    meaning: 'Free octets on the volume below which nothing new is stored.',
  },
  'quota.messageOctets': {
    type: integer(1000, 1_099_511_627_776),
    meaning: 'Octets of one message that may be stored. Default: as many as can be taken in.',
  },
  'storage.domains': {
    type: texts,
    default: [],
    check: domainCheck,
    meaning: 'Domains of the users who are served; others hear 404. None: the proxy alone decides.',
  },
  'storage.permitted': {
    type: flag,
    default: true,
    meaning: "The operator's permission to store messages for users who are away.",
  },
  'storage.exceptFor': {
    type: texts,
    default: [],
    check: usersCheck,
    meaning:
      'Users (sip:bob@example.org) and domains (@example.org) for whom the opposite of storage.permitted holds.',
  },
  'storage.mediaTypes': {
    type: texts,
    default: [],
    check: mediaTypeCheck,
    meaning:
      'Content types that are stored, text/* for all of a kind; others hear 415 with Accept. None: all.',
  },
  'preferences.deferral': {
    type: choice('on', 'off'),
    default: 'on',
    meaning: 'Default of users: whether messages of senders no rule of theirs speaks of are kept.',
  },
  'preferences.delivery': {
    type: choice('push', 'notice'),
    default: 'push',
    meaning: 'Default of users: the messages themselves on return, or a notice.',
  },
  'preferences.notices': {
    type: choice('once', 'off'),
    default: 'once',
    meaning: 'Default of users: whether a notice is sent on return.',
  },
  'preferences.expiredChoices': {
    type: texts,
    default: [],
    meaning: 'Ids of installed policies a user may choose for his new messages.',
  },
  'preferences.blockedAtDelivery': {
    type: choice('deliver', 'hold'),
    default: 'deliver',
    meaning:
      'What was stored before its sender was blocked: delivered, or held while he is blocked.',
  },
  'report.trustedRoutes': {
    type: texts,
    default: [],
    check: hostCheck,
    meaning: 'Domains whose IMDN-Record-Route is followed.',
  },
  'report.withoutDateTime': {
    type: flag,
    default: true,
    meaning: 'Report a message that had no CPIM DateTime.',
  },
  'report.consent': {
    type: choice('send', 'never', 'forbidden'),
    default: 'send',
    meaning:
      "Default of users: reports in the recipient's name are sent, never sent, or answered at once by `forbidden`.",
  },
  'report.stored': {
    type: flag,
    default: false,
    meaning: 'Tell a sender who asked for `processing` that his message is stored.',
  },
  'report.anonymousDomains': {
    type: texts,
    default: [],
    check: hostCheck,
    meaning:
      'Trust domain: anonymous senders of these domains get reports at their asserted identity.',
  },
  'report.serviceIdentity': {
    type: text,
    check: sipUriCheck,
    meaning: 'SIP From and P-Asserted-Identity of reports. Default: the recipient of the message.',
  },
  'report.recordRoute': {
    type: text,
    check: sipUriCheck,
    meaning:
      'URI of this store, best `sip:deferred@DOMAIN`, put as IMDN-Record-Route on delivered messages that ask for notifications; these then come back through it. Default: none.',
  },
  'report.draft00': {
    type: flag,
    default: false,
    meaning: 'Read report requests in the unprefixed form of draft-ietf-simple-imdn-00 as well.',
  },
  senderStatus: {
    type: choice('full', 'without-delivery', 'off'),
    default: 'full',
    meaning:
      'What a sender who asks is told of his message. `full` tells that it was delivered, and so that the recipient was there.',
  },
  'audit.publish': {
    type: flag,
    default: false,
    meaning: 'Tell each step of each message on deferred-im.v1.event, for charging and audit.',
  },
  'audit.backlog': {
    type: integer(1, 100_000_000),
    default: 1_000_000,
    meaning: 'Events that may wait for somebody to take them; beyond it steps are not told.',
  },
  'msrp.address': {
    type: text,
    meaning:
      'Address on which MSRP sessions of large messages are taken. Not set: large messages are off.',
  },
  'msrp.port': {
    type: integer(0, 65_535),
    default: 2855,
    meaning: 'TCP port of MSRP; 0 for a free one.',
  },
  'msrp.host': {
    type: text,
    check: hostCheck,
    meaning:
      'Host by which phones reach that port, as their session descriptions name it. Default: `msrp.address`.',
  },
  'msrp.messageOctets': {
    type: integer(1000, 16_777_216),
    default: 1_048_576,
    meaning: 'Octets of the content of one large message; beyond it its sender hears 413.',
  },
  'sipLeg.address': {
    type: text,
    default: '127.0.0.1',
    meaning: 'Address of the SIP leg of large messages; only the proxies speak to it.',
  },
  'sipLeg.port': {
    type: integer(0, 65_535),
    default: 5065,
    meaning: 'UDP port of the SIP leg; 0 for a free one.',
  },
  requireImTag: {
    type: flag,
    default: false,
    meaning: 'Only contacts with the feature tag +g.oma.sip-im count as reachable.',
  },
  clockTrusted: {
    type: flag,
    default: false,
    meaning: 'The host runs NTP: follow a wall clock that jumps ahead, with an alarm.',
  },
  clock: {
    type: choice('host', 'virtual'),
    default: 'host',
    meaning:
      'Where time comes from. A virtual clock is moved by `clock set` and `clock advance`; only for a store made with `test`.',
  },
  test: {
    type: flag,
    default: false,
    meaning: 'Make a new store as one for tests, never to hold messages of people.',
  },
  acceptRollback: {
    type: flag,
    default: false,
    meaning: 'Serve a store that is older than its watermark; begins a new epoch.',
  },
  allowVolatileFolder: {
    type: flag,
    default: false,
    meaning: 'Accept a data folder on tmpfs, overlay, NFS or FUSE.',
  },
  ballastOctets: {
    type: integer(0, 1_073_741_824),
    default: 33_554_432,
    meaning: 'Size of the ballast file that is given back when the disk is full at start.',
  },
  logLevel: {
    type: choice('error', 'warn', 'info', 'debug'),
    default: 'info',
    meaning: 'Least severity that is logged.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settingsTable;

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
