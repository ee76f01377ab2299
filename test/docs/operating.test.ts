// docs/operating.md tells of everything an operator meets: each metric, exit code and reason not to be ready, and its
// sample configuration is one that passes.
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../adapters/config.js';
import { metricsText } from '../../adapters/metrics/index.js';
import type { BusReason } from '../../adapters/nats/index.js';
import { exitCodes } from '../../runtime/index.js';
import { textOf } from '../architecture/source-files.js';

const operating = textOf('docs/operating.md');

t.test('operating.md tells of every metric', async (t) => {
  const stats = {
    ...{ storeId: '', commits: 0, commands: {}, effectsSent: {}, outcomes: {}, events: {} },
    ...{ outbox: 0, waiting: 0, parked: 0, timerLagMs: 0, lastGroupSize: 0, lastSyncMs: 0 },
  };
  const text = metricsText({
    stats: () => stats,
    readiness: () => ({ ready: true, reason: null }),
    surroundings: () => ({ proxies: 0, storeFull: false, clockHeld: false }),
    busCounters: () => ({}),
    large: () => ({ sessions: 0, octets: {}, events: {} }),
  });
  const names = text
    .split('\n')
    .flatMap((line) => (line.startsWith('# TYPE ') ? [line.split(' ')[2]!] : []));
  t.ok(names.length > 10);
  t.strictSame(
    names.filter((name) => !operating.includes(`\`${name}\``)),
    [],
  );
});

t.test('operating.md tells of every exit code and every reason not to be ready', async (t) => {
  const reasons: Readonly<Record<BusReason, true>> = {
    connecting: true,
    disconnected: true,
    stale: true,
    unauthorized: true,
    'permissions-violation': true,
    'max-payload': true,
    closed: true,
  };
  for (const exit of Object.values(exitCodes)) t.match(operating, `| ${exit} |`);
  for (const reason of Object.keys(reasons)) t.match(operating, `\`bus: ${reason}\``);
  for (const reason of ['closing', 'store full: nothing new is stored', 'no proxy is heard'])
    t.match(operating, `| \`${reason}\` |`);
});

t.test('the sample configuration passes', async (t) => {
  const sample = operating.split('```json\n')[1]?.split('```')[0] ?? '';
  const folder = t.testdir({ 'deferred-im.json': sample });
  const file = join(folder, 'deferred-im.json');
  const read = readConfig({ file, environment: {}, flags: {} });
  t.ok(read.ok);
  if (read.ok) t.equal(read.config.host, 'store.example.org');
  const misspelt = readConfig({ file, environment: {}, flags: { 'http-port': 'many' } });
  t.notOk(misspelt.ok, 'a wrong value is noticed');
});
