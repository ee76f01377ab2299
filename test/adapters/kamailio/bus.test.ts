// The bus fails under the proxy: what the sender hears, and that service comes back by itself.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { startNats } from '../../../adapters/cli/stage/nats-server.js';
import { openStage } from './fake-engine.js';

const operator = readFileSync(new URL('operator.cfg', import.meta.url), 'utf8');
const to = 'sip:bob@example.org';

t.test('C12 NATS is killed and returns', async (t) => {
  const stage = await openStage({ holdMs: 800 });
  t.teardown(() => stage.close());
  const alice = await stage.phone('alice');
  t.equal((await alice.message({ to, body: 'before' })).status, 202);
  stage.nats.kill('SIGKILL');
  const during = await alice.message({ to, body: 'during' });
  t.equal(during.status, 503, 'publishing succeeds while NATS is down: the hold ends it');
  t.equal(during.header('retry-after'), '30');
  const again = await startNats({ port: stage.nats.port });
  t.teardown(() => again.stop());
  for (const kind of ['answer', 'send', 'beat']) {
    await again.subscribed(`deferred-im-v1-${kind}`, 'n1', 15_000);
  }
  await stage.proxy.storeReady(15_000);
  t.equal((await alice.message({ to, body: 'after' })).status, 202);
  for (const line of stage.engine.of('store').filter(({ octets }) => octets.includes('during'))) {
    const ageMs = Date.now() - Number(line.fields[4]) * 1000;
    t.ok(ageMs > 800, 'what was kept says how old it is');
  }
});

t.test('what cannot be published gets 503 at once, and the proxy lives on', async (t) => {
  const small = operator.replace('pv_buffer_size=131072', 'pv_buffer_size=8192');
  const stage = await openStage({
    mainFile: ({ defines, include, accounts }) =>
      `#!KAMAILIO\n${defines}${small.replace('deferred-im.cfg', include)}${accounts}`,
  });
  t.teardown(() => stage.close());
  const alice = await stage.phone('alice');
  const began = performance.now();
  const answer = await alice.message({ to, body: Buffer.alloc(20_000, 'x') });
  t.equal(answer.status, 503);
  t.equal(answer.header('retry-after'), '30');
  t.ok(performance.now() - began < 1500, 'not only when the hold ends');
  t.equal((await alice.message({ to, body: 'small' })).status, 202);
});
