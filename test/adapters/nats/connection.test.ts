// The bus over a real nats-server: silence, kills, violations, limits. One server per test, on a
// free port.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from 'nats';
import t, { type Test } from 'tap';
import {
  type Bus,
  BusError,
  type BusOptions,
  type BusReason,
  connectBus,
  formatRequest,
  inboxPrefix,
  natsLimits,
  startConsumer,
  subjects,
} from '../../../adapters/nats/index.js';
import { countingEntropy, fakeCodec, fakeRuntime, manualClock, requestLine } from './fakes.js';
import { client, freePort, startServer, type TestServer, until, wait } from './nats-server.js';

interface Watched {
  readonly bus: Bus;
  readonly statuses: (BusReason | null)[];
  readonly alarms: string[];
}

async function watched(t: Test, url: string, options: Partial<BusOptions> = {}): Promise<Watched> {
  const statuses: (BusReason | null)[] = [];
  const alarms: string[] = [];
  const bus = await connectBus(
    {
      servers: [url],
      inboxPrefix: inboxPrefix('engine'),
      name: 'test',
      reconnectWaitMsMax: 100,
      violationRetryMs: 200,
      ...options,
    },
    {
      onStatus: (_ready, reason) => statuses.push(reason),
      onAlarm: (code, detail) => alarms.push(`${code} ${detail}`),
    },
  );
  t.teardown(() => bus.close());
  return { bus, statuses, alarms };
}

async function server(t: Test, config = ''): Promise<TestServer> {
  const started = await startServer(config);
  t.teardown(() => started.stop());
  return started;
}

/** Payloads a bare client hears on one subject. */
async function listen(t: Test, url: string, subject: string): Promise<string[]> {
  const heard: string[] = [];
  const nc = await client(url);
  t.teardown(() => nc.close());
  nc.subscribe(subject, { callback: (_error, message) => void heard.push(message.string()) });
  await nc.flush();
  return heard;
}

t.test('C12 after kill -9 the bus comes back with its subscriptions', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  const heard: string[] = [];
  let readies = 0;
  w.bus.subscribe(subjects.beat, null, (payload) => heard.push(Buffer.from(payload).toString()));
  w.bus.onReady(() => {
    readies += 1;
  });
  t.equal(w.bus.ready(), true);
  t.equal(w.bus.publish(subjects.beat, 'one'), true);
  await until(() => heard.length === 1);
  await s.kill();
  await until(() => !w.bus.ready());
  t.equal(w.bus.reason(), 'disconnected');
  t.equal(w.bus.publish(subjects.beat, 'lost'), false, 'nothing is published while it is away');
  t.equal(await w.bus.flush(), false);
  await s.start();
  await until(() => w.bus.ready());
  t.equal(readies, 1);
  t.equal(w.bus.publish(subjects.beat, 'two'), true);
  await until(() => heard.length === 2);
  t.strictSame(heard, ['one', 'two']);
  t.strictSame(w.statuses, [null, 'disconnected', null]);
});

t.test('C11 without a server at start the bus is not ready, and becomes so', async (t) => {
  const port = await freePort();
  const w = await watched(t, `nats://127.0.0.1:${port}`);
  t.equal(w.bus.ready(), false);
  t.equal(w.bus.publish(subjects.beat, 'x'), false);
  const heard: string[] = [];
  w.bus.subscribe(subjects.beat, null, () => heard.push('x'));
  await wait(150);
  const s = await startServer('', {}, port);
  t.teardown(() => s.stop());
  await until(() => w.bus.ready());
  w.bus.publish(subjects.beat, 'x');
  await until(() => heard.length === 1);
});

t.test('a frozen server makes the bus stale', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url, { pingIntervalMs: 60 });
  s.signal('SIGSTOP');
  await until(() => !w.bus.ready(), 3_000);
  t.ok(['stale', 'disconnected'].includes(String(w.bus.reason())), String(w.bus.reason()));
  s.signal('SIGCONT');
  await until(() => w.bus.ready(), 8_000);
});

const users = (publish: string, subscribe: string) => `
  accounts { A { users: [ { user: engine, password: p1, permissions: {
    publish: { allow: [${publish}] }
    subscribe: { allow: [${subscribe}] }
  } } ] } }`;

t.test('C13 a forbidden publish takes readiness away until the right is back', async (t) => {
  const s = await server(t, users('"deferred-im-v1-send"', '">"'));
  const w = await watched(t, s.url, { user: 'engine', password: 'p1' });
  t.equal(w.bus.publish(subjects.send, 'x'), true);
  w.bus.publish(subjects.beat, 'x');
  await until(() => !w.bus.ready());
  t.equal(w.bus.reason(), 'permissions-violation');
  t.match(w.alarms, [/^permissions-violation publish deferred-im-v1-beat$/]);
  t.equal(w.bus.publish(subjects.send, 'x'), false);
  await wait(500);
  t.equal(w.bus.ready(), false, 'tried again, still forbidden');
  s.reload(users('"deferred-im-v1-send", "deferred-im-v1-beat"', '">"'));
  await until(() => w.bus.ready());
  t.equal(w.bus.publish(subjects.beat, 'x'), true);
});

t.test('C13 a forbidden subscription takes readiness away until the right is back', async (t) => {
  const s = await server(t, users('">"', '"deferred-im.v1.late"'));
  const w = await watched(t, s.url, { user: 'engine', password: 'p1' });
  const heard: string[] = [];
  w.bus.subscribe(subjects.store, 'q', () => heard.push('x'));
  await until(() => w.bus.reason() === 'permissions-violation');
  t.match(w.alarms[0], /subscription deferred-im.v1.store/);
  s.reload(users('">"', '">"'));
  await until(() => w.bus.ready());
  w.bus.publish(subjects.store, 'x');
  await until(() => heard.length === 1);
});

t.test('N3 a forbidden reply subject raises an alarm and leaves readiness alone', async (t) => {
  const s = await server(t, users('"deferred-im.>"', '">"'));
  const w = await watched(t, s.url, { user: 'engine', password: 'p1' });
  w.bus.publish('_INBOX_nobody.x', 'x');
  await until(() => w.alarms.length === 1);
  t.equal(w.bus.ready(), true);
});

t.test('C14 a server that takes less than our largest payload is refused', async (t) => {
  const s = await server(t, `max_payload: ${natsLimits.payloadBytesMax - 1}`);
  await t.rejects(watched(t, s.url), { name: 'BusError', code: 'bus-max-payload' });
});

t.test('C14 a server that comes back smaller makes the bus unready', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  await s.kill();
  await s.start('max_payload: 1024');
  await until(() => w.bus.reason() === 'max-payload');
  t.equal(w.bus.publish(subjects.beat, 'x'), false);
  t.match(w.alarms, [/^max-payload .*1024/]);
});

t.test('N5 without credentials the server refuses us, and so do we', async (t) => {
  const s = await server(t, users('">"', '">"'));
  await t.rejects(watched(t, s.url), { name: 'BusError', code: 'bus-unauthorized' });
  await t.rejects(watched(t, s.url, { user: 'engine', password: 'no' }), {
    code: 'bus-unauthorized',
  });
});

t.test('rights taken while it runs make the bus unready, and it recovers', async (t) => {
  const open = users('">"', '">"');
  const s = await server(t, open);
  const w = await watched(t, s.url, { user: 'engine', password: 'p1' });
  s.reload(open.replace('p1', 'p2'));
  await until(() => !w.bus.ready());
  await until(() => w.bus.reason() === 'unauthorized');
  await wait(400);
  s.reload(open);
  await until(() => w.bus.ready());
  t.ok(w.alarms.length >= 1);
});

t.test('N9 plain URLs beyond loopback are refused unless flagged', async (t) => {
  const tried = async (server: string, more: Partial<BusOptions> = {}) => {
    try {
      const bus = await connectBus({
        servers: [server],
        inboxPrefix: inboxPrefix('engine'),
        name: 'test',
        ...more,
      });
      await bus.close();
      return 'open';
    } catch (error) {
      return error instanceof BusError ? error.code : String(error);
    }
  };
  t.equal(await tried('nats://192.0.2.1:4222'), 'bus-plaintext');
  t.equal(await tried('nats://127.0.0.1.example.org:4222'), 'bus-plaintext');
  t.equal(await tried('nats://[::2]:4222'), 'bus-plaintext');
  t.equal(await tried('nats://127.0.0.1.1:4222'), 'bus-plaintext');
  t.equal(await tried('ws://127.0.0.1:4222'), 'bus-options');
  t.equal(await tried('127.0.0.1:4222'), 'bus-options');
  t.equal(await tried('nats://a:b@127.0.0.1:4222'), 'bus-options');
  const port = await freePort();
  t.equal(await tried(`nats://127.0.0.1:${port}`), 'open');
  t.equal(await tried(`nats://localhost:${port}`), 'open');
  t.equal(await tried(`nats://[::1]:${port}`), 'open');
  t.equal(await tried(`nats://0.0.0.0:${port}`, { allowPlaintext: true }), 'open');
  t.equal(await tried(`tls://127.0.0.1:${port}`), 'open');
});

t.test('N9 tls:// never falls back to plain', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url.replace('nats:', 'tls:'));
  await wait(300);
  t.equal(w.bus.ready(), false);
});

t.test('an nkey opens the bus, another does not', async (t) => {
  const folder = t.testdir({ right: '', wrong: '' });
  const [right, wrong] = [nkeys.createUser(), nkeys.createUser()];
  writeFileSync(join(folder, 'right'), right.getSeed());
  writeFileSync(join(folder, 'wrong'), wrong.getSeed());
  const s = await server(t, `accounts { A { users: [ { nkey: ${right.getPublicKey()} } ] } }`);
  const w = await watched(t, s.url, { nkey: join(folder, 'right') });
  t.equal(w.bus.ready(), true);
  await t.rejects(watched(t, s.url, { nkey: join(folder, 'wrong') }), { code: 'bus-unauthorized' });
});

t.test('a subscription ends when asked, and stays ended after a reconnect', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  const heard: string[] = [];
  const end = w.bus.subscribe(subjects.late, null, () => heard.push('late'));
  w.bus.subscribe(subjects.beat, null, () => heard.push('beat'));
  end();
  await w.bus.flush();
  w.bus.publish(subjects.late, 'x');
  w.bus.publish(subjects.beat, 'x');
  await until(() => heard.length === 1);
  await s.kill();
  await until(() => !w.bus.ready());
  await s.start();
  await until(() => w.bus.ready());
  w.bus.publish(subjects.late, 'x');
  w.bus.publish(subjects.beat, 'x');
  await until(() => heard.length === 2);
  t.strictSame(heard, ['beat', 'beat']);
});

t.test('N8 a payload too large and a subject not ours are not published', async (t) => {
  const s = await server(t);
  const heard = await listen(t, s.url, '>');
  const { bus } = await watched(t, s.url);
  t.equal(bus.publish(subjects.send, 'x'.repeat(natsLimits.payloadBytesMax + 1)), false);
  t.equal(bus.publish(subjects.send, 'x'.repeat(natsLimits.payloadBytesMax)), true);
  for (const bad of ['', ' ', 'other', '>', 'deferred-im.v1.admin.*', '_INBOX.*', '_INBOX.a b'])
    t.equal(bus.publish(bad, 'x'), false, bad);
  await bus.flush();
  await until(() => heard.length === 1);
  t.equal(bus.ready(), true);
});

t.test('a handler that throws is an alarm, not an end', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  let heard = 0;
  w.bus.subscribe(subjects.late, null, () => {
    heard += 1;
    throw new Error('bug');
  });
  w.bus.publish(subjects.late, 'x');
  w.bus.publish(subjects.late, 'x');
  await until(() => heard === 2);
  t.match(w.alarms[0], /^handler-failed/);
  t.equal(w.bus.ready(), true);
});

t.test('a held request travels byte for byte and is answered over the real bus', async (t) => {
  const s = await server(t);
  const { bus } = await watched(t, s.url);
  const heard = await listen(t, s.url, subjects.answer);
  const octets = Buffer.from([0, 13, 10, 255, 254, 0xc3, 0x28, 0]);
  let seen: Uint8Array = new Uint8Array(0);
  const codec = fakeCodec({
    readMessage: (bytes) => {
      seen = bytes;
      return { ok: false, status: 415, code: 'x', reason: 'No' };
    },
  });
  const options = { clock: manualClock(), entropy: countingEntropy() };
  startConsumer(bus, fakeRuntime(), codec, options);
  await bus.flush();
  const nc = await client(s.url);
  t.teardown(() => nc.close());
  const made = formatRequest({ ...requestLine, length: octets.length }, octets);
  if (made.ok) nc.publish(subjects.store, made.value);
  await until(() => heard.length === 1);
  t.strictSame(Buffer.from(seen), octets);
  t.match(heard, [/^v1 k1 12 345 415 - /]);
});

t.test('close drains: what was published before arrives, later nothing leaves', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  const heard = await listen(t, s.url, subjects.beat);
  for (let i = 0; i < 100; i += 1) w.bus.publish(subjects.beat, String(i));
  await w.bus.close();
  t.equal(w.bus.reason(), 'closed');
  t.equal(w.bus.publish(subjects.beat, 'late'), false);
  await until(() => heard.length === 100);
  await w.bus.close();
});

t.test('close ends in time although the server is frozen or gone', async (t) => {
  const s = await server(t);
  const w = await watched(t, s.url);
  s.signal('SIGSTOP');
  const begun = Date.now();
  await w.bus.close();
  t.ok(Date.now() - begun < 4_000);
  const gone = await watched(t, `nats://127.0.0.1:${await freePort()}`);
  await gone.bus.close();
  t.equal(gone.bus.reason(), 'closed');
});
