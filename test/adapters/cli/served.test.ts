// One store, served by one real process behind a real nats-server, asked by every verb that needs a
// store; then the same store unserved, damaged, and read by others.
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startNats } from '../../../adapters/cli/stage/nats-server.js';
import { openEngine } from '../../../adapters/compose.js';
import { shippedPolicy } from '../../../machines/index.js';
import { aliceWrites, run, start, temporaryFolder } from './command.js';

const secretText = 'the letter nobody else may read';

t.test('a served store answers every verb', async (t) => {
  const folder = temporaryFolder(t);
  const store = join(folder, 'store');
  const engine = await openEngine({ folder: store, host: 'store.example.org', onEffect: () => {} });
  const ids: string[] = [];
  for (const id of ['m1', 'm2', 'm3']) {
    const reply = await engine.submit(aliceWrites(id, secretText), {
      asserted: 'sip:alice@example.com',
    });
    if (reply.kind === 'accepted') ids.push(reply.deferredId);
  }
  await engine.close();
  t.equal(ids.length, 3);
  const [first = '', second = '', third = ''] = ids;

  const nats = await startNats();
  t.teardown(() => nats.stop());
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({ folder: '/nowhere', host: 'store.example.org', allowVolatileFolder: true }),
  );
  const flags = ['--nats-servers', nats.url, '--http-port', '0', '--log-level', 'debug'];
  const served = start(t, ['serve', '--folder', store, ...flags], { DEFERRED_IM_CONFIG: config });
  const line = await served.up;
  t.match(
    line,
    /^deferred-im: serving .*store, http 127\.0\.0\.1:\d+$/,
    'the first line says where',
  );
  const http = `http://${line.slice(line.indexOf('127.'))}`;
  const at = ['--folder', store];

  t.test('the first line comes after the store was checked', async (t) => {
    const log = served
      .err()
      .split('\n')
      .filter(Boolean)
      .map((one) => JSON.parse(one));
    t.ok(log.some((one) => one.event === 'store.ready' && one.waiting === 3));
  });

  t.test('health, readiness, metrics', async (t) => {
    t.equal((await fetch(`${http}/healthz`)).status, 200);
    const ready = await fetch(`${http}/readyz`);
    t.same([ready.status, await ready.text()], [503, 'not ready: no proxy is heard\n']);
    t.match(await (await fetch(`${http}/metrics`)).text(), /^deferred_im_waiting_messages 3$/m);
  });

  t.test('a second process on the folder is refused with 75', async (t) => {
    const other = start(t, ['serve', ...at, ...flags], { DEFERRED_IM_CONFIG: config });
    t.equal((await other.ended).code, 75);
    const lines = other
      .err()
      .split('\n')
      .filter((one) => one.includes('"error"'));
    t.equal(lines.length, 1, 'one clear line');
    t.match(JSON.parse(lines[0] ?? '{}'), {
      event: 'service.refused',
      code: 'DEFERRED_IM_STORE_LOCKED',
      exitCode: 75,
    });
  });

  t.test('preferences: shown, set, imported, set back', async (t) => {
    const bob = 'sip:bob@example.org';
    const fresh = await run('preferences', 'show', bob, ...at);
    t.equal(fresh.code, 0);
    t.match(fresh.out, /^user +sip:bob@example\.org\ndeferral +on \(default\)\n/);
    t.match(fresh.out, /permission +on \(configuration\)\nchanged +-\n\nno rules about senders\n$/);
    const flags = ['--deferral', 'off', '--block', 'sip:mallory@example.net', '--by', 'anna'];
    const set = await run('preferences', 'set', 'SIP:bob@EXAMPLE.org', ...flags, ...at);
    t.equal(set.code, 0, set.err);
    t.match(set.out, /deferral +off \(set\)/);
    t.match(set.out, /changed +\S+ by anna/);
    t.match(set.out, /1 +sip:mallory@example\.net +block +-\n$/);
    const file = join(folder, 'rules.xml');
    writeFileSync(
      file,
      '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"><conditions><identity>' +
        '<one id="sip:alice@example.com"/></identity></conditions><actions>' +
        '<allow-offline-storage>true</allow-offline-storage><allow-tea>1</allow-tea></actions></rule></ruleset>',
    );
    const dry = await run('preferences', 'import', bob, file, '--dry-run', ...at);
    t.equal(dry.code, 0, dry.err);
    t.match(dry.err, 'ruleset/rule[1]/actions/allow-tea has no meaning');
    t.match(dry.out, /1 +sip:alice@example\.com +store +-\n2 +\* +no-storage/);
    t.match((await run('preferences', 'show', bob, ...at)).out, 'mallory', 'nothing was changed');
    const imported = await run(
      'preferences',
      'import',
      bob,
      file,
      '--unmatched',
      'deferral',
      '--json',
      ...at,
    );
    t.match(JSON.parse(imported.out), {
      preferences: { rules: [{ from: 'sip:alice@example.com', action: 'store' }] },
      notes: [{ path: 'ruleset/rule[1]/actions/allow-tea' }],
    });
    const reset = await run('preferences', 'reset', bob, '--json', ...at);
    t.match(JSON.parse(reset.out), { preferences: { deferral: 'on', rules: [], set: [] } });
    const bad: [string[], RegExp][] = [
      [['set', bob], /nothing to set/],
      [['set', bob, '--deferral', 'perhaps'], /\/change\/deferral must be equal to one of/],
      [['set', bob, '--block', 'mallory'], /\/change\/add\/0\/from must be an address of record/],
      [['set', bob, '--rules', join(folder, 'none.json')], /none\.json cannot be read/],
      [['set', 'bob at home', '--deferral', 'on'], /is not an address of record/],
      [['import', bob, join(folder, 'none.xml')], /none\.xml cannot be read/],
      [['import', bob, config], /an element is missing/],
    ];
    for (const [args, message] of bad) {
      const refused = await run('preferences', ...args, ...at);
      t.equal(refused.code, 64, args.join(' '));
      t.match(refused.err, message);
    }
    const discarded = await run(
      'preferences',
      'set',
      bob,
      '--block',
      'sip:nobody@example.com',
      '--discard-blocked',
      ...at,
    );
    t.match(discarded.err, 'discarded: 0 messages');
    await run('preferences', 'reset', bob, ...at);
  });

  t.test('messages list', async (t) => {
    const all = await run('messages', 'list', ...at);
    t.equal(all.code, 0);
    t.equal(all.out.split('\n').filter((one) => one.includes('@store.example.org')).length, 3);
    t.match(all.out, /^ID +FOR +STATE/);
    const page = await run('messages', 'list', 'sip:bob@example.org', '--limit', '2', ...at);
    t.match(page.out, new RegExp(`${first}.*\\n${second}`), 'oldest first');
    t.match(page.err, `more: --after ${second}`);
    const rest = await run(
      'messages',
      'list',
      'sip:bob@example.org',
      '--after',
      second,
      '--json',
      ...at,
    );
    const listing = JSON.parse(rest.out);
    t.same(
      [listing.messages.map((one: { deferredId: string }) => one.deferredId), listing.next],
      [[third], null],
    );
    const bad = await run('messages', 'list', 'bob at home', ...at);
    t.same([bad.code, bad.err.includes('"bob at home" is not an address of record')], [64, true]);
    t.equal((await run('messages', 'list', '--limit', '0', ...at)).code, 64);
    t.equal((await run('messages', 'list', '--limit', '1001', ...at)).code, 64);
  });

  t.test('messages delete, expire and retry', async (t) => {
    const gone = await run('messages', 'delete', first, 'x@store.example.org', ...at);
    t.equal(gone.code, 1, 'one of two is unknown');
    t.equal(gone.out, `${first}  done\n`, 'the other is done all the same');
    t.match(gone.err, 'No message of this id');
    const expired = await run('messages', 'expire', second, '--by', 'carol', '--json', ...at);
    t.same(JSON.parse(expired.out), { id: second, done: true, waiting: false });
    const retry = await run('messages', 'retry', third, '--json', ...at);
    t.equal(retry.code, 1);
    t.match(JSON.parse(retry.err), { error: { code: 'not-parked' } });
  });

  t.test('messages show', async (t) => {
    const shown = await run('messages', 'show', second, ...at);
    t.equal(shown.code, 0);
    t.match(shown.out, /1 +\d{4}-\d\d-\d\dT[\d:.]+Z +message\.received +stored/);
    t.match(
      shown.out,
      /2 +\S+Z +after expiry by carol +stored -> expired -> reporting\.sending +r-/,
    );
    t.match(shown.out, /\* sending \(3\) now/, 'the chart stands on the current state');
    t.match(shown.out, /> after expiry.*\(1-2\)/, 'and shows the path taken');
    t.notMatch(shown.out, secretText);
    const data = JSON.parse((await run('messages', 'show', second, '--json', ...at)).out);
    t.match(data, {
      state: 'reporting',
      policyId: 'delete-and-report',
      message: { deferredId: second },
    });
    const short = await run('messages', 'show', second, '--path-only', ...at);
    t.ok(short.out.length < shown.out.length);
    t.equal((await run('messages', 'show', 'nobody@nowhere', ...at)).code, 1);
  });

  t.test('policy verbs', async (t) => {
    const list = await run('policy', 'list', ...at);
    t.match(list.out, /^\* +delete-and-report +[0-9a-f]{12} /m);
    const shown = JSON.parse((await run('policy', 'show', 'deliver-late', ...at)).out);
    t.same(shown, shippedPolicy('deliver-late'));
    t.equal((await run('policy', 'show', 'nothing', ...at)).code, 1);
    const byId = await run('policy', 'activate', 'deliver-late', '--reason', 'a test', ...at);
    t.match(byId, { code: 0, out: /new messages are stored under [0-9a-f]{64}\n/ });
    t.match((await run('policy', 'list', ...at)).out, /^\* +deliver-late/m);
    const file = join(folder, 'mine.json');
    writeFileSync(
      file,
      JSON.stringify({ ...(shippedPolicy('deliver-late') as object), title: 'Mine' }),
    );
    const installed = JSON.parse((await run('policy', 'install', file, '--json', ...at)).out);
    const byFile = JSON.parse((await run('policy', 'activate', file, '--json', ...at)).out);
    t.same(byFile, { hash: installed.hash, mode: 'new' });
    const twice = await run('policy', 'activate', 'deliver-late', ...at);
    t.match(twice, { code: 1, err: /may be/ }, 'two versions of one id need a hash');
    const byHash = await run('policy', 'activate', installed.hash.slice(0, 12), ...at);
    t.equal(byHash.code, 0);
    const chart = await run(
      'policy',
      'chart',
      installed.hash.slice(0, 12),
      '--format',
      'mermaid',
      ...at,
    );
    t.match(chart.out, /^stateDiagram-v2/);
    writeFileSync(file, '{"id": "x"}');
    t.equal((await run('policy', 'activate', file, ...at)).code, 78);
  });

  t.test('living messages are moved, after a look at what that would do', async (t) => {
    const to = ['policy', 'activate', 'hold-for-operator', '--mode', 'migrate', ...at];
    const before = await run('policy', 'history', '--json', ...at);
    const looked = await run(...to, '--dry-run');
    t.equal(looked.code, 0, looked.err);
    t.match(looked.out, /POLICY +STATE +GOES TO +MESSAGES/);
    t.match(looked.out, /total: every state has a place to go/);
    t.equal(
      (await run('policy', 'history', '--json', ...at)).out,
      before.out,
      'nothing is changed',
    );
    const done = await run(...to, '--by', 'anna', '--reason', 'holidays');
    t.equal(done.code, 0, done.err);
    t.match(done.out, /moved \d+ messages, ended 0\n$/);
    const history = await run('policy', 'history', '--limit', '2', ...at);
    t.match(history.out, /migrated: \d+ moved, 0 ended +[0-9a-f]{12} +anna +holidays/);
    t.match(history.out, /activated, migrate +[0-9a-f]{12} +anna +holidays/);

    const map = join(folder, 'map.json');
    writeFileSync(map, '{"states": {"expired": "nowhere"}}');
    const back = ['policy', 'activate', 'delete-and-report', '--mode', 'migrate', ...at];
    const refused = await run(...back, '--map', map);
    t.match(refused, { code: 1, err: /cannot rest in "nowhere" of delete-and-report/ });
    writeFileSync(map, '{"state": {}}');
    t.match(await run(...back, '--map', map), { code: 64, err: /the state map: .*"state"/ });
    t.match(await run(...back, '--map', join(folder, 'none.json')), { code: 64, err: /ENOENT/ });
    t.match(await run('policy', 'activate', 'deliver-late', '--mode', 'old', ...at), { code: 64 });
    const left = await run('policy', 'deactivate', '--by', 'anna', ...at);
    t.match(left, { code: 0, out: /new messages are stored under [0-9a-f]{64}/ });
  });

  t.test('selection rules are checked, taken up, shown and left', async (t) => {
    const rules = join(folder, 'rules.json');
    const set = { servedDomains: ['example.org'], kinds: ['large'], policy: 'hold-for-operator' };
    writeFileSync(rules, JSON.stringify({ rules: [set, { ...set, policy: 'nothing' }] }));
    const bad = await run('policy', 'rules', 'check', rules, ...at);
    t.equal(bad.code, 78);
    t.match(bad.out, `${rules}#/rules/1/policy: error: No installed policy is called "nothing"`);
    t.match(bad.out, `${rules}#/rules/1: error: It never holds: rule 0 takes everything`);
    t.equal((await run('policy', 'rules', 'activate', rules, ...at)).code, 78);
    writeFileSync(rules, JSON.stringify({ rules: [set] }));
    t.match(await run('policy', 'rules', 'check', rules, ...at), { code: 0, out: /0 findings/ });
    const done = await run('policy', 'rules', 'activate', rules, '--by', 'anna', ...at);
    t.match(done, { code: 0, out: /chosen by [0-9a-f]{64}\n/ }, done.err);
    const shown = await run('policy', 'rules', 'show', ...at);
    t.match(
      shown.out,
      /0 +servedDomains: example.org, kinds: large +hold-for-operator +[0-9a-f]{12}/,
    );
    writeFileSync(rules, '{"rules": []}');
    t.equal((await run('policy', 'rules', 'activate', rules, ...at)).code, 0);
    const hash = done.out.slice(-65).trim();
    t.match(await run('policy', 'rules', 'activate', hash, ...at), { code: 0, out: hash });
  });

  t.test('store stats, store verify, clock confirm', async (t) => {
    t.match((await run('store', 'stats', ...at)).out, /^waiting +\d+$/m);
    t.equal((await run('store', 'verify', store)).code, 75, 'a served store is not verified');
    t.match(await run('clock', 'confirm', ...at), { code: 0, out: /the engine's time is \d{4}-/ });
  });

  t.test('the folder can come from the environment', async (t) => {
    process.env['DEFERRED_IM_FOLDER'] = store;
    t.teardown(() => delete process.env['DEFERRED_IM_FOLDER']);
    t.equal((await run('policy', 'list')).code, 0);
  });

  t.test("the admin socket is its owner's alone", async (t) => {
    t.equal(statSync(join(store, 'admin.sock')).mode & 0o777, 0o600);
  });

  t.test('SIGTERM drains and ends with 0 in under 10 s', async (t) => {
    const begun = performance.now();
    served.kill('SIGTERM');
    t.same(await served.ended, { code: 0, signal: null });
    t.ok(performance.now() - begun < 10_000);
    t.match(served.err(), '"event":"service.closed"');
    t.notOk(existsSync(join(store, 'admin.sock')), 'the socket is gone');
  });

  t.test('the log holds no body (P7, X15)', async (t) => {
    t.match(served.err(), '"event":"message.stepped"', 'even at level debug');
    t.notMatch(served.err(), secretText);
    t.notMatch(served.err(), 'alice@example.com');
  });

  t.test('unserved, reading verbs open the store, others say that it is not running', async (t) => {
    t.equal((await run('messages', 'list', ...at)).code, 0);
    t.match((await run('policy', 'list', ...at)).out, 'Mine');
    for (const words of [
      ['messages', 'delete', third],
      ['policy', 'activate', 'deliver-late'],
      ['clock', 'confirm'],
    ]) {
      const refused = await run(...words, ...at);
      t.same([refused.code, refused.err.includes('not running')], [69, true], words.join(' '));
    }
  });

  t.test('store verify counts rows and times the sync, and changes nothing', async (t) => {
    const before = readFileSync(join(`${store}.watermark`, 'watermark.json'), 'utf8');
    const verified = await run('store', 'verify', store, '--json');
    t.equal(verified.code, 0);
    const report = JSON.parse(verified.out);
    t.match(report, { host: 'store.example.org', waiting: 1, parked: 0, damage: [] });
    t.ok(report.rows > 3 && report.commits > 3 && report.syncMs >= 0);
    t.equal(readFileSync(join(`${store}.watermark`, 'watermark.json'), 'utf8'), before);
    t.match((await run('store', 'verify', store)).out, /store verify: no damage\n$/);
  });

  t.test('a damaged store is refused with 65 and a list, by verify and by serve', async (t) => {
    const damaged = join(folder, 'damaged');
    cpSync(store, damaged, { recursive: true });
    chmodSync(damaged, 0o700);
    damageTables(join(damaged, 'db'));
    const verified = await run('store', 'verify', damaged);
    t.equal(verified.code, 65);
    t.match(verified.err, /damaged/);
    const refused = start(t, ['serve', '--folder', damaged, ...flags], {
      DEFERRED_IM_CONFIG: config,
    });
    t.equal((await refused.ended).code, 65);
    t.match(
      refused.err(),
      /"event":"service.refused","code":"DEFERRED_IM_STORE_(DAMAGED|ROLLED_BACK)"/,
    );
    t.equal(refused.out(), '', 'it never said that it serves');
  });

  t.test('a folder that others can read is refused with 77', async (t) => {
    chmodSync(store, 0o755);
    t.match(await run('store', 'verify', store), { code: 77, err: /0700/ });
    t.match(await run('messages', 'list', ...at), { code: 77 });
    const refused = start(t, ['serve', ...at, ...flags], { DEFERRED_IM_CONFIG: config });
    t.equal((await refused.ended).code, 77);
    chmodSync(store, 0o700);
  });
});

/** Flips a byte in the middle of every log and table. */
function damageTables(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.log') && !name.endsWith('.ldb')) continue;
    const path = join(folder, name);
    const octets = readFileSync(path);
    const middle = octets.length >> 1;
    octets[middle] = (octets[middle] ?? 0) ^ 0xff;
    writeFileSync(path, octets);
  }
}
