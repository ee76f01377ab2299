// nats-server is killed, and frozen, while senders write and effects are under way. Every sender
// hears a final answer within the hold, nothing accepted is lost, nothing happens twice, readiness
// says what is so, and engine and proxy come back by themselves.
import t, { type Test } from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { engineQueue, subjects } from '../../adapters/nats/index.js';
import { startChain } from '../support/chain.js';
import { answered, Flow, nothingLost } from './flow.js';
import { effectsUnderWay, endedOnce } from './under-way.js';

const holdMs = 1000;
const settings = { 'http.port': String(await freePort()) };
const chain = await startChain({ child: true, holdMs, phoneMs: 20_000, settings });
t.teardown(() => chain.stop());
t.setTimeout(110_000);

/** Takes the bus away while everything is under way, and gives it back. */
async function withoutBus(
  t: Test,
  reason: RegExp,
  away: () => Promise<void> | void,
  back: () => Promise<void> | void,
): Promise<void> {
  const way = await effectsUnderWay(chain);
  const flow = await Flow.start(chain, 3);
  await flow.flows(chain);
  t.equal(await chain.http('/readyz'), 'ready\n');
  await away();
  await chain.waitUntil('the engine notices', async () => reason.test(await chain.http('/readyz')));
  await chain.waitUntil('senders are refused', () => flow.count(503) >= 2 * flow.pairs.length);
  // The phones' answers reach the proxy, and get no further.
  way.answer();
  await back();
  await chain.waitUntil('ready again', async () => (await chain.http('/readyz')) === 'ready\n');
  await chain.busAgain();
  await flow.flows(chain);
  await flow.stop();
  answered(t, flow.sent, holdMs);
  t.ok(flow.count(503) > 0 && flow.count(202) > 0);
  await endedOnce(t, chain, way);
  await nothingLost(t, chain, flow);
}

t.test('C12 C7 A12 nats-server killed mid-flow and started again on its port', async (t) => {
  await withoutBus(
    t,
    /^not ready: bus: disconnected$/m,
    () => chain.killNats(),
    () => chain.restartNats(),
  );
});

t.test('C16 after it every subscription of the engine is there again', async () => {
  const heard = ['store', 'command', 'online', 'offline', 'outcome', 'late', 'alive'] as const;
  for (const name of heard) await chain.nats.subscribed(subjects[name], engineQueue);
});

t.test('C12 A9 nats-server frozen mid-flow and thawed', async (t) => {
  await withoutBus(
    t,
    /^not ready: bus: (stale|disconnected)$/m,
    () => chain.nats.kill('SIGSTOP'),
    () => chain.nats.kill('SIGCONT'),
  );
});
