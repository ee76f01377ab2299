// The doors open all or none: whatever the last of them cannot do, those before it are closed again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../../adapters/cli/stage/child.js';
import { readConfig } from '../../../adapters/config.js';
import { type Interior, openDoors } from '../../../adapters/doors.js';

t.test('the bus refuses the last subject: no door stays open', async (t) => {
  const settings = { 'http-port': await freePort(), 'xcap-port': await freePort() };
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-doors-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const flags = {
    ...{ folder, host: 'im.example.org', 'allow-volatile-folder': 'true' },
    ...Object.fromEntries(Object.entries(settings).map(([name, port]) => [name, String(port)])),
  };
  const read = readConfig({ file: null, environment: {}, flags });
  if (!read.ok) throw new Error(JSON.stringify(read.findings));
  let subjects = 0;
  let subjectsMax = 3;
  const interior = {
    ...{ opened: { engine: {} }, publisher: {}, consumer: {}, large: null },
    bus: {
      subscribe: () => {
        subjects += 1;
        if (subjects > subjectsMax) throw new Error('the bus is closed');
        return () => {};
      },
    },
  } as unknown as Interior;
  const hooks = { log: () => {}, exit: () => {} };
  const open = () => openDoors(read.config, hooks, interior, () => ({ ready: true, reason: null }));
  await t.rejects(open(), /the bus is closed/);
  subjectsMax = Number.POSITIVE_INFINITY;
  const doors = await open();
  t.equal(doors.metrics.port, settings['http-port'], 'its port was free again');
  t.equal(doors.xcap?.port, settings['xcap-port'], 'and this one');
  for (const one of [doors.admin, doors.metrics, doors.xcap!]) await one.close();
});
