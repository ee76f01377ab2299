// The loopback port: the exposition, health, readiness with its reason, and what is not served.
import t from 'tap';
import { metricsText, serveMetrics } from '../../../adapters/metrics/index.js';
import type { RuntimeStats } from '../../../runtime/index.js';

const stats: RuntimeStats = {
  storeId: 'abc',
  commits: 7,
  commands: { 'message.received': 3 },
  effectsSent: { deliver: 2, report: 1 },
  outcomes: { delivered: 2 },
  events: { 'stale-answer': 1 },
  outbox: 4,
  waiting: 5,
  parked: 1,
  timerLagMs: 250,
  lastGroupSize: 16,
  lastSyncMs: 2,
};

function source(ready: boolean, reason: string | null) {
  return {
    stats: () => stats,
    readiness: () => ({ ready, reason }),
    surroundings: () => ({ proxies: 2, storeFull: false, clockHeld: true }),
    busCounters: () => ({ malformed: 9 }),
    large: () => ({ sessions: 2, octets: { in: 10, out: 20 }, events: { aborted: 3 } }),
  };
}

t.test('the exposition is the Prometheus text format', async (t) => {
  const text = metricsText(source(true, null));
  const lines = text.trimEnd().split('\n');
  for (const expected of [
    'deferred_im_ready 1',
    'deferred_im_proxies 2',
    'deferred_im_store_full 0',
    'deferred_im_clock_held 1',
    'deferred_im_waiting_messages 5',
    'deferred_im_parked_messages 1',
    'deferred_im_outbox_effects 4',
    'deferred_im_timer_lag_seconds 0.25',
    'deferred_im_sync_seconds 0.002',
    'deferred_im_commits_total 7',
    'deferred_im_commands_total{type="message.received"} 3',
    'deferred_im_effects_total{type="report"} 1',
    'deferred_im_outcomes_total{outcome="delivered"} 2',
    'deferred_im_events_total{event="stale-answer"} 1',
    'deferred_im_bus_total{what="malformed"} 9',
    'deferred_im_large_sessions 2',
    'deferred_im_large_octets_total{direction="out"} 20',
    'deferred_im_large_total{what="aborted"} 3',
  ])
    t.ok(lines.includes(expected), expected);
  const sample = /^deferred_im_[a-z_]+(\{[a-z]+="[^"\\\n]*"\})? -?[0-9.]+$/;
  const named = /^# (HELP|TYPE) deferred_im_[a-z_]+ .+$/;
  t.ok(
    lines.every((line) => sample.test(line) || named.test(line)),
    'every line has its form',
  );
  const types = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  t.equal(new Set(types).size, types.length, 'no family comes twice');
});

t.test('without large messages nothing is told of them', async (t) => {
  t.notMatch(metricsText({ ...source(true, null), large: () => null }), 'large');
});

t.test('health, readiness and its reason', async (t) => {
  let state = source(false, 'checking the store: 3 of 65 partitions serve');
  const server = await serveMetrics('127.0.0.1', 0, {
    stats: () => state.stats(),
    readiness: () => state.readiness(),
    surroundings: () => state.surroundings(),
    busCounters: () => state.busCounters(),
  });
  t.teardown(() => server.close());
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [answer.status, await answer.text()] as const;
  };
  t.same(await get('/healthz'), [200, 'ok\n'], 'alive even while not ready');
  t.same(await get('/readyz'), [503, 'not ready: checking the store: 3 of 65 partitions serve\n']);
  t.match((await get('/metrics'))[1], /^deferred_im_ready 0$/m);
  state = source(true, null);
  t.same(await get('/readyz?verbose'), [200, 'ready\n']);
  t.equal((await get('/metrics'))[0], 200);
  t.same(await get('/admin'), [404, 'known: /metrics /healthz /readyz\n']);
  t.same(await get('/metrics', 'POST'), [405, 'only GET and HEAD\n']);
  await t.rejects(serveMetrics('127.0.0.1', server.port, state), { code: 'EADDRINUSE' });
});
