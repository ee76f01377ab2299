// The engine is halted (SIGSTOP), as by a disk that does not answer, while senders write and
// effects are under way; once so long that the proxy hears no beat, once while the bus floods it
// until the server throws it out as a slow consumer.
import t from 'tap';
import { freePort } from '../../adapters/cli/stage/child.js';
import { engineQueue, subjects } from '../../adapters/nats/index.js';
import { startChain } from '../support/chain.js';
import { answered, Flow, nothingLost } from './flow.js';
import { effectsUnderWay, endedOnce } from './under-way.js';

const holdMs = 1000;
const names = ['engine', 'proxy', 'looker'] as const;
const user = (name: string): string => `{ user: ${name}, password: the-${name} }`;
const chain = await startChain({
  child: true,
  holdMs,
  phoneMs: 20_000,
  settings: { 'http.port': String(await freePort()) },
  accounts: {
    // Little patience with a subscriber that does not read.
    config: `
      max_pending: 1048576
      write_deadline: "500ms"
      accounts { A { users: [ ${names.map(user).join(', ')} ] } }`,
    engine: 'engine:the-engine',
    proxy: 'proxy:the-proxy',
    neighbour: 'looker:the-looker',
  },
});
t.teardown(() => chain.stop());
t.setTimeout(100_000);

const ready = async (): Promise<boolean> => (await chain.http('/readyz')) === 'ready\n';

t.test('A9 A12 halted longer than the beat is believed: 503, and nothing is lost', async (t) => {
  const way = await effectsUnderWay(chain);
  const flow = await Flow.start(chain, 3);
  await flow.flows(chain);
  chain.signalEngine('SIGSTOP');
  // The phones' answers wait on the bus.
  way.answer();
  const quick = (): boolean =>
    flow.sent.some(({ answer, tookMs }) => answer.status === 503 && tookMs < holdMs / 2);
  await chain.waitUntil('senders are refused at once', quick);
  chain.signalEngine('SIGCONT');
  await chain.serving();
  await flow.flows(chain);
  await flow.stop();
  answered(t, flow.sent, holdMs);
  await endedOnce(t, chain, way);
  await nothingLost(t, chain, flow);
  t.equal(await ready(), true);
});

t.test('C16 thrown out as a slow consumer: it subscribes again, commands come again', async (t) => {
  const flow = await Flow.start(chain, 2);
  await flow.flows(chain);
  chain.signalEngine('SIGSTOP');
  const junk = 'x'.repeat(200_000);
  await chain.waitUntil('the server throws it out', async () => {
    chain.bus.publish(subjects.late, junk);
    await chain.bus.flush();
    return /Slow Consumer Detected/.test(chain.nats.log());
  });
  chain.signalEngine('SIGCONT');
  await chain.waitUntil('the engine notices', () =>
    /"event":"bus.status","ready":false/.test(chain.engineLog()),
  );
  await chain.waitUntil('ready again', ready);
  for (const name of ['store', 'outcome', 'online', 'late', 'alive'] as const)
    await chain.nats.subscribed(subjects[name], engineQueue);
  await flow.flows(chain);
  await flow.stop();
  answered(t, flow.sent, holdMs);
  await nothingLost(t, chain, flow);
});
