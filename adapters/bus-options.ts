// What the configuration means for the bus, and what is wrong with the files it names: looked at before anything starts,
// by `serve` and by `config check` alike. Knows the configuration and the bus adapter, and keeps no secret.
import { readFileSync } from 'node:fs';
import type { Config, ConfigFinding } from './config.js';
import {
  type BusOptions,
  inboxPrefix,
  type SecretOption,
  secretFindings,
  serversFinding,
} from './nats/index.js';
import type { SettingName } from './settings.js';

/** Throws when the password file cannot be read; `busFindings` says so first. */
export function busOptions(config: Config): BusOptions {
  const passwordFile = config['nats.passwordFile'];
  const password = passwordFile === undefined ? {} : { password: passwordOf(passwordFile) };
  return { ...openOptions(config), ...password };
}

const passwordOf = (path: string): string => readFileSync(path, 'utf8').trim();

/** All but the password. */
function openOptions(config: Config): BusOptions {
  const tls = {
    ...(config['nats.tls.caFile'] === undefined ? {} : { ca: config['nats.tls.caFile'] }),
    ...(config['nats.tls.certFile'] === undefined ? {} : { cert: config['nats.tls.certFile'] }),
    ...(config['nats.tls.keyFile'] === undefined ? {} : { key: config['nats.tls.keyFile'] }),
  };
  const credentials = config['nats.credentialsFile'];
  const nkey = config['nats.nkeySeedFile'];
  return {
    servers: config['nats.servers'],
    name: 'deferred-im',
    inboxPrefix: inboxPrefix('engine'),
    allowPlaintext: config['nats.allowPlain'],
    ...(credentials === undefined ? {} : { credentials }),
    ...(nkey === undefined ? {} : { nkey }),
    ...(config['nats.user'] === undefined ? {} : { user: config['nats.user'] }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

const settingOf: Readonly<Record<SecretOption, SettingName>> = {
  credentials: 'nats.credentialsFile',
  nkey: 'nats.nkeySeedFile',
  ca: 'nats.tls.caFile',
  cert: 'nats.tls.certFile',
  key: 'nats.tls.keyFile',
};

/** What keeps the bus of this configuration from ever being reached; `sources` says where each value came from. */
export function busFindings(
  config: Config,
  sources: Readonly<Record<string, string>>,
): readonly ConfigFinding[] {
  const options = openOptions(config);
  const servers = serversFinding(options);
  const found: { setting: SettingName; message: string }[] = secretFindings(options).map(
    ({ option, message }) => ({ setting: settingOf[option], message }),
  );
  if (servers !== null) found.unshift({ setting: 'nats.servers', message: servers.message });
  const password = passwordFinding(config['nats.passwordFile']);
  if (password !== null) found.push({ setting: 'nats.passwordFile', message: password });
  return found.map((one) => ({ ...one, where: sources[one.setting] ?? 'configuration' }));
}

function passwordFinding(path: string | undefined): string | null {
  if (path === undefined) return null;
  try {
    return passwordOf(path) === '' ? 'is empty' : null;
  } catch (cause) {
    return `cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`;
  }
}
