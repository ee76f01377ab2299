// Files that let us in: looked into before anything starts, each by the name of its setting, by `serve` and by
// `config check` alike.
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import t, { type Test } from 'tap';
import { busFindings } from '../../../adapters/bus-options.js';
import { readConfig } from '../../../adapters/config.js';
import type { SettingName } from '../../../adapters/settings.js';
import { run, start, temporaryFolder } from '../cli/command.js';

/** A seed of 32 zero octets as nkeys write it: base32 of prefix, seed and CRC-16. */
const seed = nkeySeed(Buffer.alloc(32));

function findings(settings: Partial<Record<SettingName, string | readonly string[]>>) {
  const flags = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [dashed(name), String(value)]),
  );
  const read = readConfig({
    ...{ file: null, environment: {} },
    flags: { folder: '/data', host: 'store.example.org', ...flags },
  });
  if (!read.ok) return read.findings.map(({ setting, message }) => `${setting} ${message}`);
  return busFindings(read.config, read.sources).map(
    ({ setting, where, message }) => `${where}: ${setting} ${message}`,
  );
}

const dashed = (name: string) =>
  name.replaceAll('.', '-').replaceAll(/[A-Z]/g, (sign) => `-${sign.toLowerCase()}`);

function files(t: Test) {
  const folder = temporaryFolder(t);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    missing: join(folder, 'missing'),
    junk: write('junk', 'no secret at all\n'),
    seed: write('seed', `${seed}\n`),
    certificate: write('ca.pem', rootCertificates[0] ?? ''),
    key: write('key.pem', key),
    empty: write('empty', '\n'),
  };
}

t.test('each file is named by its setting, and says why it is of no use', async (t) => {
  const at = files(t);
  for (const name of ['caFile', 'certFile', 'keyFile'] as const) {
    const setting = `nats.tls.${name}` as const;
    t.match(findings({ [setting]: at.missing }), [/: nats\.tls\..* cannot be read: ENOENT$/]);
    t.match(findings({ [setting]: at.junk }), [/ holds no (certificate|private key)$/], name);
  }
  const others = ['nats.credentialsFile', 'nats.nkeySeedFile', 'nats.passwordFile'] as const;
  for (const setting of others)
    t.same(findings({ [setting]: at.missing }), [
      `--${dashed(setting)}: ${setting} cannot be read: ENOENT`,
    ]);
  t.match(findings({ 'nats.credentialsFile': at.junk }), [/ holds no JWT and nkey seed$/]);
  t.match(findings({ 'nats.nkeySeedFile': at.junk }), [/ holds no nkey seed$/]);
  t.match(findings({ 'nats.passwordFile': at.empty }), [/ is empty$/]);
  t.match(findings({ 'nats.tls.certFile': at.certificate }), [/ has no key beside it$/]);
  t.match(findings({ 'nats.tls.keyFile': at.key }), [/ has no certificate beside it$/]);
  const pair = { 'nats.tls.certFile': at.certificate, 'nats.tls.keyFile': at.key };
  t.match(findings(pair), [/ is not the key of the certificate$/]);
});

t.test('what can be used is not complained of', async (t) => {
  const at = files(t);
  t.same(findings({}), []);
  t.same(findings({ 'nats.nkeySeedFile': at.seed, 'nats.tls.caFile': at.certificate }), []);
  t.same(findings({ 'nats.user': 'engine', 'nats.passwordFile': at.junk }), []);
});

t.test('servers and domains that cannot be any', async (t) => {
  t.match(findings({ 'nats.servers': 'foo' }), [/^nats\.servers "foo": a NATS server is written/]);
  t.match(findings({ 'nats.servers': 'nats://a@b:1' }), [/credentials do not belong/]);
  t.match(findings({ 'nats.servers': 'nats://nats.example.org' }), [/plain NATS beyond loopback/]);
  t.match(findings({ 'report.trustedRoutes': 'example.net,exa mple' }), [
    /"exa mple": must be a host/,
  ]);
  for (const host of ['...', 'a..b', '.a', '-a.b', 'a-'])
    t.match(findings({ host }), [/^host must be a host name/], host);
});

t.test('serve refuses to start with them, and config check finds them', async (t) => {
  const at = files(t);
  const common = ['--folder', join(temporaryFolder(t), 'store'), '--host', 'store.example.org'];
  const bad = ['--nats-nkey-seed-file', at.junk, '--nats-tls-ca-file', at.missing];
  const checked = await run('config', 'check', ...common, ...bad);
  t.equal(checked.code, 64);
  t.match(checked.err, /nats\.nkeySeedFile holds no nkey seed/);
  t.match(checked.err, /nats\.tls\.caFile cannot be read: ENOENT/);
  t.notMatch(checked.err, readFileSync(at.junk, 'utf8').trim());
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [bad, /nats\.nkeySeedFile holds no nkey seed/],
    [['--nats-servers', 'nats://192.0.2.1:4222'], /nats\.servers plain NATS beyond loopback/],
    [['--nats-servers', 'http://127.0.0.1'], /nats\.servers "http.*a NATS server is written/],
  ];
  for (const [flags, why] of cases) {
    const served = start(t, ['serve', ...common, '--allow-volatile-folder', 'true', ...flags]);
    t.equal((await served.ended).code, 64);
    t.match(served.err(), why);
    t.equal(served.out(), '');
  }
});

t.test('a server that cannot be reached is waited for, and the log says why', async (t) => {
  const common = ['--folder', join(temporaryFolder(t), 'store'), '--host', 'store.example.org'];
  const away = ['--nats-servers', 'nats://127.0.0.1:9', '--http-port', '0'];
  const served = start(t, ['serve', ...common, '--allow-volatile-folder', 'true', ...away]);
  await served.up;
  const status = served
    .err()
    .split('\n')
    .filter((line) => line.includes('"bus.status"'))
    .map((line) => JSON.parse(line) as object);
  t.match(status[0], { ready: false, reason: 'disconnected', detail: /refused/i });
});

function nkeySeed(octets: Buffer): string {
  // Prefix `SU`: a seed of a user.
  const body = Buffer.concat([Buffer.from([0x95, 0x00]), octets]);
  let crc = 0;
  for (const octet of body) {
    crc ^= octet << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  let bits = '';
  for (const octet of [...body, crc & 0xff, crc >> 8]) bits += octet.toString(2).padStart(8, '0');
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return (bits.match(/.{1,5}/g) ?? [])
    .map((part) => letters[Number.parseInt(part.padEnd(5, '0'), 2)])
    .join('');
}
