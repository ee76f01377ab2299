// B22: a volume that does not keep what it confirms is refused, unless the operator accepts it; and the check of a store
// tells how long the volume takes to sync. The volumes are mounted in a mount namespace of their own.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openEngine } from '../../adapters/compose.js';
import { mainFile, run, temporaryFolder } from '../adapters/cli/command.js';

// $1 tmpfs, $2 overlay, $3 node, $4 the program. An allowed start ends by the signal that asks it to.
const script = `
mount -t tmpfs -o size=64m tmpfs "$1" || exit 1
mkdir "$1/lower" "$1/upper" "$1/work"
mount -t overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" overlay "$2" || exit 1
flags="--host store.example.org --nats-servers nats://127.0.0.1:9 --http-port 0 --ballast-octets 0"
for folder in "$1" "$2"; do
  "$3" "$4" serve --folder "$folder/store" $flags 2>&1
  echo "exit $?"
done
"$3" "$4" serve --folder "$1/store" $flags --allow-volatile-folder true 2>/dev/null &
engine=$!
for turn in $(seq 100); do
  "$3" "$4" store stats --folder "$1/store" >/dev/null 2>&1 && echo "serves" && break
  sleep 0.1
done
kill "$engine"
wait "$engine"
echo "exit $?"
`;

t.test('B22 tmpfs and overlay are refused unless they are allowed', async (t) => {
  // Not a folder of tap's: the name of a socket may have 107 octets.
  const own = temporaryFolder(t);
  for (const kind of ['tmpfs', 'overlay']) mkdirSync(join(own, kind));
  const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
  const args = [`${own}/tmpfs`, `${own}/overlay`, process.execPath, mainFile];
  const { stdout, stderr } = spawnSync(
    'unshare',
    [...namespace, 'sh', '-c', script, 'sh', ...args],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NODE_ENV: 'production' },
    },
  );
  const lines = stdout.split('\n').filter((line) => line !== '');
  const refusals = lines.filter((line) => line.includes('service.refused'));
  t.equal(refusals.length, 2, `${stdout} ${stderr}`);
  for (const [at, kind] of ['tmpfs', 'overlay'].entries())
    t.match(JSON.parse(refusals[at] ?? '{}'), {
      code: 'DEFERRED_IM_STORE_VOLATILE',
      why: new RegExp(`lies on ${kind}`),
    });
  t.strictSame(
    lines.filter((line) => line.startsWith('exit') || line === 'serves'),
    ['exit 64', 'exit 64', 'serves', 'exit 0'],
  );
});

t.test('B22 store verify tells how long the volume takes to sync', async (t) => {
  const folder = join(temporaryFolder(t), 'store');
  await (await openEngine({ folder, onEffect: () => {} })).close();
  const told = await run('store', 'verify', folder, '--json');
  t.equal(told.code, 0);
  const { syncMs } = JSON.parse(told.out) as { syncMs: number };
  t.ok(Number.isFinite(syncMs) && syncMs > 0, `${syncMs} ms`);
  t.match((await run('store', 'verify', folder)).out, /^syncMs +\d+\.\d\d$/m);
});
