// The admin socket of an open engine: who may open it, what a line may be, what every verb answers.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { askAdmin, verbs } from '../../../adapters/admin/index.js';
import { adminPath, type LocalEngine, openEngine } from '../../../adapters/compose.js';
import { shippedPolicy } from '../../../machines/index.js';

const folder = mkdtempSync(join(tmpdir(), 'deferred-im-admin-'));
const path = adminPath(join(folder, 'store'));
const open = (): Promise<LocalEngine> =>
  openEngine({
    folder: join(folder, 'store'),
    host: 'store.example.org',
    onEffect: () => {},
    admin: true,
  });
const engine = await open();
t.teardown(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes octets as they are and collects the lines that come back, until `count` or the end. */
function speak(octets: string, count: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    const lines = () =>
      text
        .split('\n')
        .filter(Boolean)
        .map((one) => JSON.parse(one));
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (lines().length >= count) socket.destroy();
    });
    socket.on('close', () => resolve(lines()));
    socket.write(octets);
  });
}

t.test('S4: the socket is readable by its owner alone', async (t) => {
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test('the socket is gone after close, and only one engine has it', async (t) => {
  const other = join(folder, 'other');
  const second = await openEngine({ folder: other, onEffect: () => {}, admin: true });
  t.ok(existsSync(adminPath(other)));
  await second.close();
  t.notOk(existsSync(adminPath(other)));
  await t.rejects(askAdmin(adminPath(other), 'readiness', {}), { code: 'ENOENT' });
  await t.rejects(open(), { code: 'DEFERRED_IM_STORE_LOCKED' });
  t.match(await askAdmin(path, 'readiness', {}), { ok: true }, 'the refused one took nothing away');
});

t.test('a stale socket of a dead process is replaced', async (t) => {
  const stale = join(folder, 'stale');
  const first = await openEngine({ folder: stale, onEffect: () => {} });
  await first.close();
  writeFileSync(adminPath(stale), '');
  const again = await openEngine({ folder: stale, onEffect: () => {}, admin: true });
  t.match(await askAdmin(adminPath(stale), 'readiness', {}), { ok: true, result: { ready: true } });
  await again.close();
});

t.test('a path that no socket can have is refused', async (t) => {
  const long = join(folder, 'x'.repeat(120));
  await t.rejects(askAdmin(adminPath(long), 'readiness', {}), { code: 'ENAMETOOLONG' });
});

t.test('bad lines are answered, and the line after them too', async (t) => {
  const lines = ['', 'no json', '[]', 'null', '42', '{}', '{"verb":7}', '{"verb":"readiness"}'];
  const answers = await speak(`${lines.join('\n')}\n`, lines.length);
  t.equal(answers.length, lines.length);
  for (const [index, answer] of answers.slice(0, -1).entries())
    t.match(answer, { ok: false, code: 'bad-request', message: String }, `${lines[index]}`);
  t.match(answers.at(-1), { ok: true, result: { ready: true } });
});

t.test(
  'a line in pieces is one line; one that is too long is refused and the connection ended',
  async (t) => {
    const socket = createConnection(path);
    socket.write('{"verb":"readi');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write('ness"}\n');
    const whole = await new Promise((resolve) => socket.once('data', resolve));
    t.match(JSON.parse(String(whole)), { ok: true });
    socket.destroy();
    const long = await speak(`{"verb":"${'x'.repeat(300_000)}`, 9);
    t.match(long, [{ ok: false, code: 'bad-request', message: /at most/ }]);
    t.equal(long.length, 1);
  },
);

t.test('unknown verbs and names of the prototype are refused', async (t) => {
  for (const verb of ['nothing', 'constructor', '__proto__', 'toString'])
    t.match(await askAdmin(path, verb, {}), { ok: false, code: 'no-such-verb' }, verb);
});

const ruleset = '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>';

t.test('every verb is reachable, and refuses what its schema does not know', async (t) => {
  const args: Readonly<Record<string, object>> = {
    'messages.show': { id: 'x@y' },
    'messages.delete': { id: 'x@y' },
    'messages.expire': { id: 'x@y' },
    'messages.retry': { id: 'x@y' },
    'messages.withdraw': { id: 'x@y' },
    'messages.force': { id: 'x@y' },
    'messages.release': { id: 'x@y' },
    'messages.drop': { id: 'x@y', by: 'carol' },
    'messages.extend': { id: 'x@y', seconds: 60 },
    'clock.set': { to: '2036-08-01T10:00:00Z' },
    'clock.advance': { seconds: 60 },
    'preferences.show': { aor: 'sip:bob@example.org' },
    'preferences.set': { aor: 'sip:bob@example.org', change: { deferral: 'off' } },
    'preferences.import': { aor: 'sip:bob@example.org', document: ruleset },
    'policy.show': { policy: 'deliver-late' },
    'policy.install': { source: shippedPolicy('deliver-late') },
    'policy.shadow': { source: shippedPolicy('deliver-late') },
    'policy.rules-check': { rules: { rules: [] } },
    'policy.rules-activate': { rules: { rules: [] }, by: 'carol' },
    'policy.activate': { policy: 'deliver-late', mode: 'new', by: 'carol', reason: 'test' },
  };
  for (const name of Object.keys(verbs)) {
    const answer = await askAdmin(path, name, args[name] ?? {});
    if (name.startsWith('messages.') && name !== 'messages.list')
      t.match(answer, { ok: false, code: 'no-such-message' }, name);
    else if (name === 'clock.set' || name === 'clock.advance')
      t.match(answer, { ok: false, code: 'clock-real' }, `${name}: time is the host's`);
    else t.match(answer, { ok: true }, name);
    const refused = await askAdmin(path, name, { ...args[name], surprise: 1 });
    t.match(
      refused,
      { ok: false, code: 'bad-request', message: /surprise/ },
      `${name} and its schema`,
    );
  }
});

t.test('schemas name the place', async (t) => {
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ['messages.list', { limit: 0 }, /\/limit/],
    ['messages.list', { limit: 1001 }, /\/limit/],
    ['messages.list', { aor: 7 }, /\/aor/],
    ['messages.show', {}, /id/],
    ['messages.show', { id: 'x'.repeat(321) }, /\/id/],
    ['policy.activate', { policy: 'deliver-late', mode: 'old' }, /\/mode/],
    ['policy.activate', { policy: 'deliver-late', dryRun: true }, /dryRun/],
    ['policy.activate', { policy: 'deliver-late', mode: 'migrate', map: { stats: {} } }, /stats/],
    ['policy.install', { source: [] }, /\/source/],
  ];
  for (const [verb, args, where] of cases)
    t.match(
      await askAdmin(path, verb, args),
      { ok: false, code: 'bad-request', message: where },
      verb,
    );
  t.match(await askAdmin(path, 'messages.list', { aor: 'bob' }), { ok: false, code: 'bad-aor' });
  t.match(await askAdmin(path, 'policy.show', { policy: 'none' }), {
    ok: false,
    code: 'no-such-policy',
  });
  t.match(await askAdmin(path, 'policy.install', { source: {} }), {
    ok: false,
    code: 'policy-refused',
  });
});

t.test('many at once, and many on one connection, in their order', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => askAdmin(path, 'policy.list', {})),
  );
  t.ok(answers.every((one) => one.ok));
  const lines = Array.from({ length: 300 }, (_, index) =>
    index % 2 === 0 ? '{"verb":"readiness"}' : `{"verb":"none-${index}"}`,
  );
  const replies = (await speak(`${lines.join('\n')}\n`, lines.length)) as {
    ok: boolean;
    message?: string;
  }[];
  t.equal(replies.length, 300);
  t.ok(replies.every((one, index) => one.ok === (index % 2 === 0)));
  t.match(replies[299]?.message, 'none-299');
});
