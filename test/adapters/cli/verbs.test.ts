// The command line without a store: help, unknown words, flags, files that are judged,
// configuration.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nearest } from '../../../adapters/cli/nearest.js';
import { verbs } from '../../../adapters/cli/verbs.js';
import { shippedPolicy } from '../../../machines/index.js';
import { brokenCases, brokenSource } from '../../machines/gate/cases.js';
import { run, start, temporaryFolder } from './command.js';

t.test('help', async (t) => {
  const all = await run('help');
  t.equal(all.code, 0);
  for (const { name, purpose, run: _run } of verbs) {
    t.match(all.out, new RegExp(`^  ${name}`, 'm'), `${name} is in the help`);
    for (const words of [
      [...name.split(' '), '--help'],
      ['help', ...name.split(' ')],
    ]) {
      const one = await run(...words);
      t.equal(one.code, 0, words.join(' '));
      for (const part of [
        `deferred-im ${name}: ${purpose.split(' ')[0]}`,
        'Usage:',
        'Flags:',
        'Examples:',
        'Exit codes:',
      ])
        t.ok(one.out.includes(part), `${words.join(' ')}: ${part}`);
      t.ok(
        one.out.split('\n').every((line) => line.length <= 100),
        'no line is too long',
      );
    }
  }
  t.same(await run('--help'), all);
  t.match((await run('messages', '--help')).out, /messages retry/);
  t.notMatch((await run('messages', '--help')).out, /policy list/);
  const bare = await run();
  t.same([bare.code, bare.out], [64, all.out], 'no verb at all: help, and a usage error');
});

t.test('unknown words are named, with the nearest that is known', async (t) => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['mesages', 'list'], 'unknown verb "mesages" (did you mean "messages"?)'],
    [['zzzzzz'], 'unknown verb "zzzzzz"; see deferred-im help'],
    [
      ['policy', 'actvate'],
      '(did you mean "activate"?); policy knows: list, show, check, schema, chart, simulate, diff, shadow, install, activate, deactivate, history, rules show, rules check, rules activate',
    ],
    [['policy'], 'policy needs one of: list'],
    [['help', 'srve'], '(did you mean "serve"?)'],
    [['--force'], 'a verb comes first, not --force'],
    [['serve', '--foldr', 'x'], 'serve: unknown flag --foldr (did you mean "--folder"?)'],
    [['serve', 'x'], 'serve: unexpected argument "x"'],
    [['serve', '--folder'], 'serve: --folder needs a value (TEXT)'],
    [['policy', 'chart', 'x', '--out', '--format'], 'policy chart: --out needs a value (FILE)'],
    [['policy', 'list', '--json=yes'], 'policy list: --json takes no value'],
    [['policy', 'list', '-x'], 'policy list: unknown flag -x'],
    [['messages', 'show'], 'messages show: ID is missing'],
    [
      ['messages', 'list', '--limit', '1e2', '--folder', 'x'],
      '--limit must be a whole number from 1 to 1000',
    ],
    [
      ['policy', 'chart', 'deliver-late', '--format', 'png'],
      '--format must be one of text, svg, mermaid, json',
    ],
    [['policy', 'list'], 'which store? Give --folder DIR'],
    [['policy', 'list', '--config', '/nowhere.json'], '/nowhere.json: ENOENT'],
    [['store', 'verify', '/nowhere'], 'there is no store in /nowhere'],
  ];
  for (const [argv, message] of cases) {
    const ran = await run(...argv);
    t.equal(ran.code, 64, argv.join(' '));
    t.ok(
      ran.err.startsWith('deferred-im: ') && ran.err.includes(message),
      `${argv.join(' ')}: ${ran.err}`,
    );
    t.equal(ran.out, '', 'nothing on standard output');
  }
  t.equal(nearest('lst', ['list', 'show']), 'list');
  t.equal(nearest('quarantine', ['list', 'show']), null);
});

t.test('errors are JSON with --json', async (t) => {
  const ran = await run('policy', 'list', '--folder', '/nowhere', '--json');
  t.equal(ran.code, 64);
  t.match(JSON.parse(ran.err), {
    error: { code: 'DEFERRED_IM_STORE_MISSING', message: /\/nowhere/, details: [] },
  });
  const dead = await run('clock', 'confirm', '--folder', '/nowhere', '--json');
  t.equal(dead.code, 69);
  t.match(JSON.parse(dead.err), {
    error: { code: 'not-running', message: /there is no such folder/ },
  });
});

t.test('policy check', async (t) => {
  const folder = temporaryFolder(t);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const good = file('good.json', JSON.stringify(shippedPolicy('deliver-late')));
  const broken = file('broken.json', '{\n  "id": "x",\n  "title" "y"\n}');
  const cut = file('cut.json', '{"id":\n');
  const policy = structuredClone(shippedPolicy('delete-and-report')) as {
    machine: { states: { stored: { on: Record<string, string> } } };
  };
  policy.machine.states.stored.on['message.deleted'] = 'nowhere';
  const wrong = file('wrong.json', JSON.stringify(policy));

  const fine = await run('policy', 'check', good);
  t.same([fine.code, fine.out.split('\n').at(-2)], [0, 'policy check: 0 findings in 1 policies']);
  t.match(fine.out, /usable, hash [0-9a-f]{64}/);
  const bad = await run('policy', 'check', good, broken, cut, wrong, join(folder, 'none.json'));
  t.equal(bad.code, 78);
  t.match(bad.out, 'broken.json#: error: is not JSON:');
  t.match(bad.out, /broken\.json.*line 3, column 11/);
  t.match(bad.out, /cut\.json.*line 2, column 1/);
  t.match(
    bad.out,
    /wrong\.json#\/machine\/states\/stored\/on\/message\.deleted.*nowhere.*unknown-target/,
  );
  t.match(bad.out, 'none.json#: error: cannot be read');
  t.match(bad.out, /policy check: 4 findings in 5 policies\n$/);
  const json = await run('policy', 'check', '--json', wrong);
  t.match(JSON.parse(json.out), {
    findings: 1,
    policies: [{ file: wrong, hash: null, findings: [{ code: 'unknown-target' }] }],
  });
});

t.test('policy chart', async (t) => {
  const folder = temporaryFolder(t);
  const text = await run('policy', 'chart', 'deliver-late');
  t.match(
    text,
    { code: 0, out: /^ +o stored/ },
    'the initial state comes first, as its author wrote it',
  );
  t.match(
    (await run('policy', 'chart', 'deliver-late', '--format', 'mermaid')).out,
    /^stateDiagram-v2/,
  );
  t.match(JSON.parse((await run('policy', 'chart', 'deliver-late', '--format', 'json')).out), {
    id: 'deliver-late',
  });
  const out = join(folder, 'chart.svg');
  t.match(await run('policy', 'chart', 'deliver-late', '--format', 'svg', '--out', out), {
    code: 0,
    out: `${out}\n`,
  });
  t.match((await import('node:fs')).readFileSync(out, 'utf8'), /^<svg/);
  const nowhere = await run(
    'policy',
    'chart',
    'deliver-late',
    '--out',
    join(folder, 'no', 'chart'),
  );
  t.equal(nowhere.code, 74);
  const data = JSON.parse((await run('policy', 'chart', 'deliver-late', '--json')).out);
  t.match(data, { id: 'deliver-late', format: 'text', chart: text.out });
  writeFileSync(join(folder, 'bad.json'), '{}');
  t.equal((await run('policy', 'chart', join(folder, 'bad.json'))).code, 78);
});

t.test('config check and print', async (t) => {
  const folder = temporaryFolder(t);
  const secret = join(folder, 'password');
  writeFileSync(secret, 'hush');
  const file = join(folder, 'config.json');
  writeFileSync(
    file,
    JSON.stringify({
      folder: '/data',
      host: 'a.example',
      nats: { passwordFile: secret },
      http: { port: 1 },
    }),
  );
  t.match(await run('config', 'check', '--config', file), { code: 0, out: 'config: 0 findings\n' });
  process.env['DEFERRED_IM_HTTP_PORT'] = '2';
  t.teardown(() => delete process.env['DEFERRED_IM_HTTP_PORT']);
  const printed = await run('config', 'print', '--config', file, '--host', 'b.example');
  t.match(printed.out, /^folder +\/data +\S+config\.json#\/folder$/m);
  t.match(printed.out, /^host +b\.example +--host$/m);
  t.match(printed.out, /^http\.port +2 +DEFERRED_IM_HTTP_PORT$/m);
  t.match(printed.out, /^clockTrusted +false +default$/m);
  t.match(printed.out, /^nats\.passwordFile +\S+password +/m, 'the name of a secret file');
  t.notMatch(printed.out, 'hush', 'and never what is in it');
  const { settings } = JSON.parse((await run('config', 'print', '--config', file, '--json')).out);
  t.match(
    settings.find((one: { name: string }) => one.name === 'nats.user'),
    { value: null, from: 'not set' },
  );
  const bad = await run(
    'config',
    'check',
    '--config',
    file,
    '--http-port',
    'many',
    '--log-level',
    'loud',
  );
  t.equal(bad.code, 64);
  t.match(bad.err, '--http-port: http.port must be a whole number from 0 to 65535');
  t.match(bad.err, '--log-level: logLevel must be one of error, warn, info, debug');
});

t.test('kamailio check', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'kamailio.cfg');
  writeFileSync(file, 'loadmodule "tm.so"\nrequest_route { drop; }\n');
  const found = await run('kamailio', 'check', file);
  t.equal(found.code, 64);
  t.match(found.out, /kamailio\.cfg: .*nats\.so.* \(KAMAILIO_MODULE\)/);
  t.match(found.out, /kamailio check: \d+ findings\n$/);
  t.match(JSON.parse((await run('kamailio', 'check', join(folder, 'none.cfg'), '--json')).out), {
    findings: [{ code: 'KAMAILIO_FILE' }],
  });
});

t.test('serve refuses what it cannot use, with one line and the right code', async (t) => {
  const folder = temporaryFolder(t);
  const bus = [
    '--nats-servers',
    'nats://127.0.0.1:1',
    '--host',
    'store.example.org',
    '--http-port',
    '0',
  ];
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'letter.txt'), 'not ours');
  const deep = join(folder, 'd'.repeat(100));
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      'a folder with other files',
      ['--folder', join(folder, 'full')],
      64,
      /DEFERRED_IM_STORE_EXISTS/,
    ],
    ['a path too long for a socket', ['--folder', deep], 64, /ENAMETOOLONG/],
  ];
  await Promise.all(
    cases.map(async ([name, flags, code, why]) => {
      const refused = start(t, ['serve', ...bus, '--allow-volatile-folder', 'true', ...flags]);
      t.equal((await refused.ended).code, code, name);
      const lines = refused
        .err()
        .split('\n')
        .filter((line) => line.includes('service.refused'));
      t.equal(lines.length, 1, `${name}: one line`);
      t.match(lines[0], why, name);
      t.equal(refused.out(), '');
    }),
  );
});

t.test('version and the program itself', async (t) => {
  const ran = start(t, ['help', 'serve']);
  t.same(await ran.ended, { code: 0, signal: null });
  t.match(ran.out(), /^deferred-im serve: /);
  const version = await run('--version');
  t.match(version, { code: 0, out: /^deferred-im \d+\.\d+\.\d+\n$/ });
});

t.test(
  'what the gate refuses is not tried: the findings of policy check, and its exit code',
  async (t) => {
    const file = join(temporaryFolder(t), 'silent.json');
    const one = brokenCases().find(({ name }) => name === 'never-reports')!;
    writeFileSync(file, JSON.stringify(brokenSource(one)));
    const checked = await run('policy', 'check', file);
    t.equal(checked.code, 78);
    const findings = checked.out.split('\n').slice(0, -2);
    t.match(findings[0], `${file}#${one.finds[0]!.pointer}: error: `);
    for (const words of [
      ['simulate', file],
      ['diff', file, 'deliver-late'],
      ['diff', 'deliver-late', file],
      ['shadow', file],
    ]) {
      const tried = await run('policy', ...words);
      t.strictSame([tried.code, tried.out], [78, ''], words.join(' '));
      t.strictSame(
        tried.err.split('\n'),
        [
          `deferred-im: ${file} did not pass its checks`,
          ...findings.map((line) => `  ${line}`),
          '',
        ],
        words.join(' '),
      );
    }
  },
);
