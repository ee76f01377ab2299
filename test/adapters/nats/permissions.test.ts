// The shipped nats-server.conf, started as it is: every role against every subject (N3 to N6).
import { readFileSync } from 'node:fs';
import type { NatsConnection } from 'nats';
import t from 'tap';
import {
  adminSubject,
  connectBus,
  engineQueue,
  inboxPrefix,
  subjects,
} from '../../../adapters/nats/index.js';
import { client, startServer, until } from './nats-server.js';
import { projectFile } from './project-file.js';

const roles = ['engine', 'proxy', 'operator', 'tools', 'auditor'] as const;
type Role = (typeof roles)[number];

const fromProxy = ['store', 'command', 'online', 'offline', 'outcome', 'late', 'alive'] as const;
const toProxy = ['answer', 'send', 'beat', 'queue'] as const;
const user = [
  'userList',
  'userRetrieve',
  'userConfirm',
  'userDelete',
  'userPreferences',
  'userStatus',
  'userWithdraw',
] as const;

const of = (names: readonly (keyof typeof subjects)[]) => names.map((name) => subjects[name]);
const admin = adminSubject('try');
const foreign = ['other', '$JS.API.INFO', '$SYS.REQ.SERVER.PING', '>'];
const all = [
  ...Object.values(subjects),
  admin,
  ...foreign,
  ...roles.map((role) => `${inboxPrefix(role)}.x`),
];

const mayPublish: Record<Role, readonly string[]> = {
  engine: [...of(toProxy), subjects.event],
  proxy: of(fromProxy),
  operator: [admin],
  tools: of(user),
  auditor: [],
};

const maySubscribe: Record<Role, readonly string[]> = {
  engine: [...of(fromProxy), ...of(user), admin, '_INBOX_engine.x'],
  proxy: [...of(toProxy), '_INBOX_proxy.x'],
  operator: [subjects.beat, '_INBOX_operator.x'],
  tools: ['_INBOX_tools.x'],
  auditor: [subjects.event, '_INBOX_auditor.x'],
};

const config = readFileSync(projectFile('adapters/nats/nats-server.conf'), 'utf8');
const env = Object.fromEntries(
  roles.map((role) => [`DEFERRED_IM_${role.toUpperCase()}_PASSWORD`, `secret-${role}`]),
);

function as(url: string, role: Role): Promise<NatsConnection> {
  const options = { user: role, pass: `secret-${role}`, inboxPrefix: inboxPrefix(role) };
  return client(url, options);
}

t.test('the shipped server configuration', async (t) => {
  const server = await startServer(config, env);
  t.teardown(() => server.stop());

  for (const role of roles) {
    t.test(`N3 N4 N6 ${role} may do what is listed and nothing else`, async (t) => {
      const nc = await as(server.url, role);
      t.teardown(() => nc.close());
      const violations: string[] = [];
      void (async () => {
        for await (const status of nc.status())
          if (status.type === 'error') violations.push(status.error.message);
      })();
      const denied = async (run: () => void) => {
        const before = violations.length;
        run();
        await nc.flush();
        await new Promise((resolve) => setImmediate(resolve));
        return violations.length > before;
      };
      for (const subject of all) {
        if (!subject.includes('>')) {
          const refused = await denied(() => nc.publish(subject, ''));
          t.equal(refused, !mayPublish[role].includes(subject), `publish ${subject}`);
        }
        const refused = await denied(
          () => void nc.subscribe(subject, { callback: () => undefined }),
        );
        t.equal(refused, !maySubscribe[role].includes(subject), `subscribe ${subject}`);
      }
    });
  }

  t.test('N5 no credentials, no entrance', async (t) => {
    await t.rejects(client(server.url), /Authorization Violation/);
    await t.rejects(client(server.url, { user: 'engine', pass: '' }), /Authorization Violation/);
    await t.rejects(client(server.url, { user: 'nobody', pass: 'secret-engine' }));
  });

  t.test('N6 the engine may answer a request, and the requester alone hears it', async (t) => {
    const bus = await connectBus({
      servers: [server.url],
      user: 'engine',
      password: 'secret-engine',
      inboxPrefix: inboxPrefix('engine'),
      name: 'test',
    });
    t.teardown(() => bus.close());
    for (const subject of [...of(fromProxy), 'deferred-im.v1.admin.*'])
      bus.subscribe(subject, engineQueue, () => undefined);
    bus.subscribe(subjects.userList, engineQueue, (_payload, reply) => {
      bus.publish(reply!, 'yes');
    });
    await bus.flush();
    const tools = await as(server.url, 'tools');
    t.teardown(() => tools.close());
    const reply = await tools.request(subjects.userList, '{}', { timeout: 2_000 });
    t.equal(reply.string(), 'yes');
    t.match(reply.subject, /^_INBOX_tools\./);
    await until(() => bus.ready());
  });
});
