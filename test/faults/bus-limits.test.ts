// A bus that cannot be used as it is: too small a payload, refused credentials, nobody who answers.
// The engine as a process of its own, without a proxy.
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { natsLimits } from '../../adapters/nats/index.js';
import { type Served, start, temporaryFolder } from '../adapters/cli/command.js';
import { freePort as freeTcpPort, startServer, wait } from '../adapters/nats/nats-server.js';
import { startChain } from '../support/chain.js';
import { Relay } from './relay.js';

t.setTimeout(90_000);

const small = `max_payload: ${natsLimits.payloadBytesMax - 1}`;

/** The engine, and what it says of itself. */
async function engine(t: Test, busPort: number) {
  const http = await freePort();
  const settings = {
    DEFERRED_IM_FOLDER: join(temporaryFolder(t), 'store'),
    DEFERRED_IM_HOST: 'store.example.org',
    DEFERRED_IM_NATS_SERVERS: `nats://127.0.0.1:${busPort}`,
    DEFERRED_IM_HTTP_PORT: String(http),
    DEFERRED_IM_ALLOW_VOLATILE_FOLDER: 'true',
    DEFERRED_IM_BALLAST_OCTETS: '0',
  };
  const served = start(t, ['serve'], settings);
  const readyz = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${http}/readyz`)).text();
  const says = async (wanted: string): Promise<void> => {
    let said = '';
    for (let turn = 0; turn < 500 && said !== wanted; turn += 1) {
      said = await readyz().catch(String);
      if (said !== wanted) await wait(30);
    }
    t.equal(said, wanted);
  };
  const logged = (event: string): Record<string, unknown>[] =>
    served
      .err()
      .split('\n')
      .filter((line) => line.includes(`"event":"${event}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { served, says, logged };
}

/** All is well with the bus; there is no proxy on it. */
const wellWithoutProxy = 'not ready: no proxy is heard\n';

/** How the process ended; bounded, so that one that does not end is still cleared away. */
function exitCode(served: Served): Promise<number | null | 'still running'> {
  return new Promise((resolve) => {
    const patience = setTimeout(() => resolve('still running'), 20_000);
    void served.ended.then(({ code }) => {
      clearTimeout(patience);
      resolve(code);
    });
  });
}

t.test('C14 a server that takes less than our largest payload: exit 69, in one line', async (t) => {
  const server = await startServer(small);
  t.teardown(() => server.stop());
  const { served, logged } = await engine(t, server.port);
  t.equal(await exitCode(served), 69);
  t.same(served.out(), '', 'it never said that it serves');
  const [line, ...more] = logged('service.refused');
  t.same(more, []);
  t.match(line, { level: 'error', code: 'bus-max-payload', exitCode: 69 });
  t.match(line?.['why'], 'takes 262143 octets, our largest payload has 262144');
});

t.test('C14 a server that refuses our credentials: exit 69', async (t) => {
  const server = await startServer('accounts { A { users: [ { user: a, password: b } ] } }');
  t.teardown(() => server.stop());
  const { served, logged } = await engine(t, server.port);
  t.equal(await exitCode(served), 69);
  t.match(logged('service.refused'), [{ code: 'bus-unauthorized', exitCode: 69 }]);
});

t.test('C14 replaced while it runs by a server with a smaller limit, and back', async (t) => {
  const server = await startServer();
  t.teardown(() => server.stop());
  const { served, says, logged } = await engine(t, server.port);
  await says(wellWithoutProxy);
  await server.kill();
  await server.start(small);
  await says('not ready: bus: max-payload\n');
  t.match(logged('bus.alarm'), [{ level: 'error', code: 'max-payload' }]);
  await server.kill();
  await server.start('');
  await says(wellWithoutProxy);
  served.kill('SIGTERM');
  t.equal(await exitCode(served), 0);
});

t.test('C14 C11 the first server to come after boot is too small, the next is not', async (t) => {
  const port = await freeTcpPort();
  const { says, logged } = await engine(t, port);
  await says('not ready: bus: disconnected\n');
  const server = await startServer(small, {}, port);
  t.teardown(() => server.stop());
  await says('not ready: bus: max-payload\n');
  t.match(logged('bus.alarm').at(-1), { code: 'max-payload' });
  await server.kill();
  await server.start('');
  await says(wellWithoutProxy);
});

t.test('C15 a bus that takes no connection is tried again, not hammered', async (t) => {
  const server = await startServer();
  t.teardown(() => server.stop());
  // Waits of 100 ms, doubled up to 2 s, before the first connection; of 2 s after it.
  await Promise.all([
    hammers(t, server.port, { connected: false, quickOnes: 5 }),
    hammers(t, server.port, { connected: true, quickOnes: 0 }),
  ]);
});

interface Refusal {
  /** Whether the engine had its connection before. */
  readonly connected: boolean;
  /** Attempts that may come before the longest wait is reached. */
  readonly quickOnes: number;
}

/** Refuses the engine every connection for a while and counts how often it asks. */
async function hammers(t: Test, busPort: number, { connected, quickOnes }: Refusal): Promise<void> {
  const relay = await Relay.open();
  t.teardown(() => relay.close());
  relay.to(busPort);
  relay.refusing = !connected;
  const { says } = await engine(t, relay.port);
  if (connected) await says(wellWithoutProxy);
  relay.refusing = true;
  relay.cut();
  await says('not ready: bus: disconnected\n');
  const [before, begunMs] = [relay.attempts, performance.now()];
  await wait(4500);
  const tries = relay.attempts - before;
  const most = quickOnes + 1 + Math.ceil((performance.now() - begunMs) / 2000);
  t.ok(tries >= 1 && tries <= most, `${tries} attempts, at most ${most} expected`);
  relay.refusing = false;
  await says(wellWithoutProxy);
}

t.test('C14 with a proxy: its sender is answered within the hold, and served again', async (t) => {
  const chain = await startChain({
    ...{ child: true, holdMs: 2000 },
    settings: { 'http.port': String(await freePort()) },
  });
  t.teardown(() => chain.stop());
  const [alice, bob] = [await chain.alice(), await chain.bob()];
  const readyz = () => chain.http('/readyz').catch(String);
  const before = await alice.message({ to: bob.uri, body: 'before' });
  t.equal(before.status, 202);
  await chain.killNats();
  await chain.restartNats(small);
  await chain.waitUntil('the engine says so', async () =>
    (await readyz()).includes('not ready: bus: max-payload'),
  );
  const begunMs = performance.now();
  const during = await alice.message({ to: bob.uri, body: 'during'.repeat(500) });
  t.same([during.status, during.local], [503, false], 'a final answer');
  t.ok(during.header('Retry-After'));
  t.ok(performance.now() - begunMs < 6000, 'within the hold, and what it takes to say so');
  await chain.killNats();
  await chain.restartNats('max_payload: 1048576');
  await chain.busAgain();
  await chain.serving();
  await chain.waitUntil('ready again', async () => (await readyz()).startsWith('ready'));
  t.equal((await alice.message({ to: bob.uri, body: 'after' })).status, 202);
  await bob.register();
  const texts = () => bob.received.map((one) => one.body.toString());
  await chain.waitUntil('the last one', () => texts().includes('after'));
  // A 503 means unknown: what the proxy had published may be kept all the same, and once.
  const known = texts().filter((text) => !text.startsWith('during'));
  t.same(known, ['before', 'after']);
  t.ok(texts().length <= 3);
});
