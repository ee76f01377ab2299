// An operator's verbs about policies on a real nats-server with the shipped permissions: an engine on LevelDB at one end,
// a client in the operator's role at the other, and every reply held against its schema.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { serveAdminSubjects, subjectWord } from '../../../adapters/admin-subjects.js';
import { openEngine } from '../../../adapters/compose.js';
import {
  adminReplySchema,
  adminSubject,
  connectBus,
  inboxPrefix,
} from '../../../adapters/nats/index.js';
import { canonicalAor, readAccessRules } from '../../../adapters/sip/index.js';
import { changed, shipped } from '../../support/policies.js';
import { aliceWrites } from '../cli/command.js';
import { client, startServer, wait } from './nats-server.js';
import { projectFile } from './project-file.js';

const config = readFileSync(projectFile('adapters/nats/nats-server.conf'), 'utf8');
const roles = ['engine', 'proxy', 'operator', 'tools', 'auditor'] as const;
const env = Object.fromEntries(
  roles.map((role) => [`DEFERRED_IM_${role.toUpperCase()}_PASSWORD`, `secret-${role}`]),
);
const as = (role: 'engine' | 'operator') => ({ user: role, inboxPrefix: inboxPrefix(role) });

type Reply = Readonly<Record<string, unknown>>;

const server = await startServer(config, env);
const folder = mkdtempSync(join(tmpdir(), 'deferred-im-admin-'));
const engine = await openEngine({ folder, host: 'store.example.org', onEffect: () => {} });
const bus = await connectBus({
  servers: [server.url],
  name: 'engine',
  password: 'secret-engine',
  ...as('engine'),
});
const logged: string[] = [];
const context = { engine: engine.runtime, canonicalAor, readAccessRules };
serveAdminSubjects(
  bus,
  { ...context, readiness: () => ({ ready: true, reason: null }) },
  (_level, event) => void logged.push(event),
);
const operator = await client(server.url, { pass: 'secret-operator', ...as('operator') });
t.teardown(async () => {
  await operator.close();
  await bus.close();
  await engine.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  rmSync(`${folder}.watermark`, { recursive: true, force: true });
});

/** Asks as an operator does, and holds the reply against its schema. */
async function ask(verb: string, args: object = {}): Promise<Reply> {
  const subject = adminSubject(subjectWord(verb));
  const message = await operator.request(subject, JSON.stringify({ v: 1, ...args }), {
    timeout: 30_000,
  });
  const reply = message.json() as Reply;
  if (reply['ok'] !== true) return reply;
  const checked = adminReplySchema(subjectWord(verb))(reply);
  if (!checked.ok) throw new Error(`${verb}: ${JSON.stringify([checked.findings, reply])}`);
  return reply;
}

const policiesIn = ({ result }: Reply) =>
  (result as { policies: readonly { id: string; hash: string; active: boolean }[] }).policies;
const activeIn = (reply: Reply) => policiesIn(reply).find((one) => one.active)?.hash;

async function moved(): Promise<Reply> {
  for (let asked = 0; asked < 300; asked += 1) {
    const reply = await ask('policy.history', { limit: 10 });
    if ((reply['result'] as { migration: unknown }).migration === null) return reply;
    await wait(50);
  }
  throw new Error('the migration does not end');
}

async function store(id: string): Promise<string> {
  const letter = aliceWrites(id, 'text');
  const reply = await engine.submit(letter, { asserted: 'sip:alice@example.com' });
  if (reply.kind !== 'accepted') throw new Error(JSON.stringify(reply));
  return reply.deferredId;
}

const audit = { by: 'anna', reason: 'a test' };
const base = shipped('delete-and-report').hash;
const mine = changed((policy) => {
  policy.title = 'Mine';
});

t.test('J7 install, list, show: a policy comes, and the gate keeps another out', async (t) => {
  const installed = await ask('policy.install', { source: mine, by: 'anna' });
  const { hash } = installed['result'] as { hash: string };
  const listed = await ask('policy.list');
  t.ok(policiesIn(listed).some((one) => one.hash === hash && !one.active));
  const shown = await ask('policy.show', { policy: hash });
  t.same(shown['result'], mine);
  const silent = changed((policy) => {
    policy.machine.states.expired.always = { target: 'dropped' };
  });
  t.match(await ask('policy.install', { source: silent, by: 'anna' }), {
    ...{ ok: false, code: 'policy-refused' },
    message: /a report is owed, and none was sent.*Shown by: message.received, after expiry/,
  });
  t.match(await ask('policy.show', { policy: 'nobody' }), { ok: false, code: 'no-such-policy' });
});

t.test('J7 activate new, migrate and force, and back again', async (t) => {
  const id = await store('first');
  const later = shipped('deliver-late').hash;
  await ask('policy.activate', { policy: later, ...audit });
  t.equal(activeIn(await ask('policy.list')), later);
  t.equal(engine.show(id)?.policyId, 'delete-and-report', 'a living message keeps its policy');

  const grace = shipped('grace-then-delete').hash;
  const told = await ask('policy.activate', {
    ...{ policy: grace, mode: 'migrate', from: ['delete-and-report', later], dryRun: true },
  });
  t.match(told, { ok: false }, 'delete-and-report is there twice: which one is meant?');
  const from = [base];
  const dry = await ask('policy.activate', { policy: grace, mode: 'migrate', from, dryRun: true });
  t.match(dry['result'], { dryRun: true, forecast: { total: true, moves: 1, placeless: 0 } });
  await ask('policy.activate', { policy: grace, mode: 'migrate', from, ...audit });
  t.match((await moved())['result'], { history: [{ act: 'migrated', moved: 1, ended: 0 }] });
  t.equal(engine.show(id)?.policyId, 'grace-then-delete');

  const back = { policy: base, from: [grace], ...audit };
  t.match(await ask('policy.activate', { ...back, mode: 'migrate' }), {
    ...{ ok: false, code: 'migration-not-total' },
  });
  await ask('policy.activate', { ...back, mode: 'force' });
  t.match((await moved())['result'], {
    history: [{ act: 'migrated', mode: 'force', moved: 1, ended: 0, by: 'anna', reason: 'a test' }],
  });
  t.equal(engine.show(id)?.policyId, 'delete-and-report');

  t.match((await ask('policy.deactivate', audit))['result'], { hash: grace });
  t.equal(activeIn(await ask('policy.list')), grace);
  const { history } = (await ask('policy.history'))['result'] as { history: readonly Reply[] };
  t.strictSame(
    history.map(({ act }) => act),
    [
      ...['deactivated', 'migrated', 'activated', 'migrated', 'activated', 'activated'],
      'installed',
    ],
  );
});

t.test('selection rules: checked, taken up, shown, and left again', async (t) => {
  const rules = { rules: [{ servedDomains: ['example.org'], policy: 'hold-for-operator' }] };
  t.match(await ask('policy.rules-check', { rules }), { result: { findings: [] } });
  t.match(await ask('policy.rules-check', { rules: { rules: [{ policy: 'nobody' }] } }), {
    result: { findings: [{ code: 'unknown-policy' }] },
  });
  await ask('policy.rules-activate', { rules, ...audit });
  t.match((await ask('policy.rules-show'))['result'], { rules: rules.rules });
  t.equal(engine.show(await store('ruled'))?.policyId, 'hold-for-operator');
  await ask('policy.rules-activate', { rules: { rules: [] }, ...audit });
  t.equal(engine.show(await store('unruled'))?.policyId, 'grace-then-delete');
  t.strictSame(logged, [], 'no reply had to be replaced');
});
