// G1 with a store that stalls: a stop is cut after nine seconds, and the exit code says that not everything was finished.
// The real process on a real disk; its syncs are held up from outside. It is gone when the kernel gives back the sync:
// no process can leave its disk before.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { askAdmin } from '../../adapters/admin/index.js';
import { adminPath, shippedPolicy } from '../../adapters/compose.js';
import { start, temporaryFolder } from '../adapters/cli/command.js';

t.setTimeout(120_000);

const holdUp = 'fsync,fdatasync:delay_enter=14000000';

t.test('G1 a stop that the store does not finish in time ends with 74', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const at = [
    '--folder',
    folder,
    '--host',
    'store.example.org',
    '--nats-servers',
    'nats://127.0.0.1:9',
  ];
  const more = ['--http-port', '0', '--allow-volatile-folder', 'true', '--ballast-octets', '0'];
  const served = start(t, ['serve', ...at, ...more]);
  await served.up;
  const tracing = spawn(
    'strace',
    [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=fsync,fdatasync',
      '-e',
      `inject=${holdUp}`,
      '-p',
      String(served.pid),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.teardown(() => tracing.kill('SIGKILL'));
  await once(tracing, 'spawn');
  // The tracer is there when a sync is slow: the policy that is installed again and again is another one each time.
  const install = (title: string) => {
    const source = { ...(shippedPolicy('delete-and-report') as object), title };
    return askAdmin(adminPath(folder), 'policy.install', { source });
  };
  const slow = () => new Promise<'slow'>((resolve) => setTimeout(() => resolve('slow'), 3000));
  let count = 0;
  const next = () =>
    install(`number ${count++}`).then(
      () => 'fast' as const,
      () => 'slow' as const,
    );
  while ((await Promise.race([next(), slow()])) === 'fast')
    if (count > 500) throw new Error('never slow');
  served.kill('SIGTERM');
  t.strictSame(await served.ended, { code: 74, signal: null });
  t.match(served.err(), /"event":"service.drain-cut".*"cut":true/);
  t.notMatch(served.err(), 'service.closed');
});

t.test('G1 a stop that is finished ends with 0', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  const at = [
    '--folder',
    folder,
    '--host',
    'store.example.org',
    '--nats-servers',
    'nats://127.0.0.1:9',
  ];
  const more = ['--http-port', '0', '--allow-volatile-folder', 'true', '--ballast-octets', '0'];
  const served = start(t, ['serve', ...at, ...more]);
  await served.up;
  served.kill('SIGTERM');
  t.equal((await served.ended).code, 0);
  t.notMatch(served.err(), 'drain-cut');
});
