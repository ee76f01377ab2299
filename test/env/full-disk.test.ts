// B1, B2: a real full disk. LevelDB would take writes again when space returns, and drop them at the next opening
// (reliability 1.1); the engine must end at the first error, and everything it had accepted must be there afterwards.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const program = fileURLToPath(new URL('./fill.js', import.meta.url));

// In a mount namespace of its own, so that the small volume is gone with the shell. As root no user namespace is needed.
const script = `
set -e
mount -t tmpfs -o size=24m tmpfs "$1"
head -c 2000000 /dev/zero > "$1/reserve"
set +e
"$2" "$3" fill "$1/store" "$4/mark" > "$4/ids" 2> "$4/errors"
echo "exit $?"
rm "$1/reserve"
"$2" "$3" check "$1/store" "$4/mark" "$4/ids"
`;

t.test('B1, B2: a full disk ends the process, and nothing accepted is lost', async (t) => {
  const own = t.testdir({ volume: {}, outside: {} });
  const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
  const args = [...namespace, 'sh', '-c', script, 'sh'];
  const places = [`${own}/volume`, process.execPath, program, `${own}/outside`];
  const { stdout, stderr } = spawnSync('unshare', [...args, ...places], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.match(stdout, /^exit 74$/m, `the process ended with the code for I/O: ${stderr}`);
  const [accepted, lost] = /^(\d+) accepted, (\d+) lost$/m.exec(stdout)?.slice(1).map(Number) ?? [];
  t.ok((accepted ?? 0) > 100, `some were accepted: ${stdout}`);
  t.equal(lost, 0, 'all of them are there');
});
