// The configuration table: file under environment under flags, and for every setting what a bad
// value is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { flagOf, readConfig, variableOf } from '../../../adapters/config.js';
import { type Setting, type SettingName, settingsTable } from '../../../adapters/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'deferred-im-config-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const required = { folder: '/data', host: 'store.example.org' };
const names = Object.keys(settingsTable) as SettingName[];

let count = 0;
function file(content: unknown): string {
  count += 1;
  const path = join(folder, `${count}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** `{ nats: { user: 'x' } }` for `nats.user`. */
function nested(name: string, value: unknown): object {
  return name.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

const plainUris = ['a', 'b', 'c'].map((user): [unknown, string] => [
  `sip:${user}@d`,
  `sip:${user}@d`,
]);

/** Values of settings that are checked more closely than by their type. */
const special: Readonly<Record<string, readonly [unknown, string][]>> = {
  'nats.servers': [
    [['nats://a:1'], 'nats://a:1'],
    [['tls://b', 'nats://[::1]:4222'], 'tls://b,nats://[::1]:4222'],
    [['nats://d:3'], ' nats://d:3'],
  ],
  ...Object.fromEntries(
    (
      [
        ['storage.domains', (letter) => `${letter}.example.org`],
        ['storage.exceptFor', (letter) => `@${letter}.example.org`],
        ['storage.mediaTypes', (letter) => `text/${letter}`],
        ['msrp.networks', (letter) => `2001:db8:${letter}::/48`],
      ] as readonly [string, (letter: string) => string][]
    ).map(([name, text]) => [
      name,
      [
        [[text('a')], text('a')],
        [[text('b'), text('c')], `${text('b')},${text('c')}`],
        [[text('d')], ` ${text('d')}`],
      ] as [unknown, string][],
    ]),
  ),
  'report.serviceIdentity': plainUris,
  'report.recordRoute': plainUris,
};

function valuesOf({ type }: Setting): readonly [unknown, string][] {
  switch (type.kind) {
    case 'integer':
      return [
        [type.min, String(type.min)],
        [type.max, String(type.max)],
        [type.min + 1, String(type.min + 1)],
      ];
    case 'switch':
      return [
        [true, 'true'],
        [false, 'false'],
        [true, 'true'],
      ];
    case 'choice':
      return [0, 1, 2].map((index) => {
        const value = type.values[index % type.values.length] ?? '';
        return [value, value];
      });
    case 'texts':
      return [
        [['a'], 'a'],
        [['b', 'c'], 'b,c'],
        [['d'], ' d'],
      ];
    default:
      return [
        ['one', 'one'],
        ['two', 'two'],
        ['three', 'three'],
      ];
  }
}

t.test('file < environment < flags, for every setting, with its source', async (t) => {
  for (const name of names) {
    const [low, middle, high] = special[name] ?? valuesOf(settingsTable[name]);
    const path = file(merge(required, nested(name, low?.[0])));
    const variable = variableOf(name);
    const flag = flagOf(name);
    const sources = [
      [
        { file: path, environment: {}, flags: {} },
        low?.[0],
        `${path}#/${name.replaceAll('.', '/')}`,
      ],
      [{ file: path, environment: { [variable]: middle?.[1] }, flags: {} }, middle?.[0], variable],
      [
        {
          file: path,
          environment: { [variable]: middle?.[1] },
          flags: { [flag]: high?.[1] ?? '' },
        },
        high?.[0],
        `--${flag}`,
      ],
    ] as const;
    for (const [given, value, where] of sources) {
      const read = readConfig(given);
      if (!read.ok) t.fail(`${name}: ${JSON.stringify(read.findings)}`);
      else t.same([read.config[name], read.sources[name]], [value, where], `${name} from ${where}`);
    }
  }
});

function merge(a: object, b: object): object {
  return { ...a, ...b };
}

t.test('defaults', async (t) => {
  const read = readConfig({ file: file(required), environment: {}, flags: {} });
  if (!read.ok) throw new Error('refused');
  for (const name of names) {
    const setting: Setting = settingsTable[name];
    if (setting.required) continue;
    t.same(read.config[name], setting.default, name);
    t.equal(read.sources[name], setting.default === undefined ? 'not set' : 'default');
  }
});

function badValues({ type }: Setting): readonly unknown[] {
  switch (type.kind) {
    case 'integer':
      return [type.min - 1, type.max + 1, type.min + 0.5, '1', null, true];
    case 'switch':
      return ['true', 1, null];
    case 'choice':
      return ['nothing', 1, null, 'constructor'];
    case 'texts':
      return ['a', [1], [''], null, {}];
    default:
      return ['', 1, null, [], {}];
  }
}

t.test('every bad value is named with its setting and place', async (t) => {
  for (const name of names) {
    for (const bad of badValues(settingsTable[name])) {
      const path = file(merge(required, nested(name, bad)));
      const read = readConfig({ file: path, environment: {}, flags: {} });
      const where = `${path}#/${name.replaceAll('.', '/')}`;
      t.match(
        read,
        { ok: false, findings: [{ setting: name, where, message: /^must be / }] },
        `${name} = ${JSON.stringify(bad)}`,
      );
    }
  }
  const read = readConfig({
    file: file(required),
    environment: { DEFERRED_IM_HTTP_PORT: '1e3', DEFERRED_IM_CLOCK_TRUSTED: 'yes' },
    flags: { 'ballast-octets': '-1' },
  });
  t.match(read, {
    ok: false,
    findings: [
      { setting: 'http.port', where: 'DEFERRED_IM_HTTP_PORT' },
      { setting: 'clockTrusted', where: 'DEFERRED_IM_CLOCK_TRUSTED' },
      { setting: 'ballastOctets', where: '--ballast-octets' },
    ],
  });
});

t.test('a host name is one that can stand in every Message-ID', async (t) => {
  for (const host of ['a b', 'a\r\nb', 'a@b', '<a>', 'ä.example', 'x'.repeat(254)])
    t.match(
      readConfig({ file: null, environment: {}, flags: { folder: '/data', host } }),
      {
        ok: false,
        findings: [{ setting: 'host', where: '--host', message: /^must be a host name/ }],
      },
      JSON.stringify(host),
    );
});

t.test('what is missing, unknown or no configuration at all', async (t) => {
  const findings = (content: unknown, environment = {}) => {
    const read = readConfig({
      file: content === null ? null : file(content),
      environment,
      flags: {},
    });
    return read.ok ? [] : read.findings.map(({ setting, message }) => `${setting}: ${message}`);
  };
  t.same(findings(null), ['folder: must be set', 'host: must be set'], 'all at once');
  t.same(findings({ ...required, colour: 1 }), ['colour: is not a setting']);
  t.same(findings({ ...required, nats: { colour: 1 } }), ['nats.colour: is not a setting']);
  t.same(findings({ ...required, nats: 'x' }), ['nats: must be an object']);
  t.same(findings('{"folder":"/d","host":"h","__proto__":{"x":1}}'), [
    '__proto__: is not a setting',
  ]);
  t.same(findings(required, { DEFERRED_IM_COLOUR: '1' }), [': is not a setting']);
  t.same(
    findings(required, { DEFERRED_IM_CONFIG: 'x', DEFERRED_IM_FAILPOINT: 'y:1' }),
    [],
    'ours, but no settings',
  );
  for (const text of ['', '[]', '"x"', '{"folder"', 'null'])
    t.ok(findings(text).length > 0, `${JSON.stringify(text)} is refused`);
  const nowhere = readConfig({ file: '/nowhere/x.json', environment: {}, flags: {} });
  t.match(nowhere, { ok: false, findings: [{ where: '/nowhere/x.json', message: /ENOENT/ }] });
});
