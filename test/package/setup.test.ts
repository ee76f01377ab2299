// The set-up of a bare machine, without installing anything: the project's own script runs in a mount namespace in which
// the programs of Debian are hidden, and a stand-in takes the place of apt-get and writes down what it is asked.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

// Hides what Debian's packages bring; what the namespace writes below /usr/sbin is gone with it.
const script = `
set -e
mount -t tmpfs tmpfs /usr/sbin
for folder in /usr/lib/*/kamailio; do mount -t tmpfs tmpfs "$folder"; done
cd "$1"
PATH="$1/stand-ins:$1/kept"
set +e
sh .ci/setup "$2"
echo "exit $?"
[ -e /usr/sbin/policy-rc.d ] && echo "policy-rc.d is left behind"
exit 0
`;

/** Programs the script may use; all others are hidden, as on a machine that has just been installed. */
const kept = [
  'sh',
  'cat',
  'chmod',
  'dirname',
  'find',
  'grep',
  'head',
  'ls',
  'mktemp',
  'mv',
  'rm',
  'touch',
];

const aptGet = `#!/bin/sh
echo "apt-get $*" >>"$SETUP_ASKED"
[ -x /usr/sbin/policy-rc.d ] && /usr/sbin/policy-rc.d
echo "services may start: $([ $? = 101 ] && echo no || echo yes)" >>"$SETUP_ASKED"
`;

interface Ran {
  readonly told: string;
  readonly asked: readonly string[];
}

function executable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Runs the set-up for a purpose as the given user, in a checkout where npm and the build have done their work. */
function setUp(t: Test, purpose: string, user: number): Ran {
  const folder = t.testdir({ 'stand-ins': {}, kept: {}, '.ci': {}, node_modules: {}, dist: {} });
  cpSync(join(root, '.ci/setup'), join(folder, '.ci/setup'));
  for (const name of ['package-lock.json', 'tsconfig.json', '.ci/assets.mjs'])
    writeFileSync(join(folder, name), '');
  for (const name of ['machines', 'runtime', 'adapters', 'test']) mkdirSync(join(folder, name));
  for (const name of ['node_modules/.package-lock.json', 'dist/.built'])
    writeFileSync(join(folder, name), '');
  for (const name of kept)
    executable(join(folder, 'kept', name), `#!/bin/sh\nexec /usr/bin/${name} "$@"\n`);
  const asked = join(folder, 'asked');
  writeFileSync(asked, '');
  executable(join(folder, 'stand-ins/apt-get'), aptGet);
  executable(join(folder, 'stand-ins/id'), `#!/bin/sh\necho ${user}\n`);
  executable(join(folder, 'stand-ins/node'), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
  const args = [...namespace, '/bin/sh', '-c', script, 'sh', folder, purpose];
  const env = { ...process.env, SETUP_ASKED: asked };
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', env, timeout: 60_000 });
  const lines = readFileSync(asked, 'utf8').trim().split('\n');
  return { told: `${stderr}${stdout}`, asked: lines.filter((line) => line !== '') };
}

const packages = 'nats-server kamailio kamailio-nats-modules kamailio-extra-modules';
const install = (more: string): string =>
  `apt-get install -y -q=2 --no-install-recommends ${packages}${more}`;

t.test('as root it prints the exact line, runs it, and lets no service start', async (t) => {
  const { told, asked } = setUp(t, 'demo', 0);
  t.match(told, `setup: ${install('')}\n`);
  t.strictSame(asked, [
    'apt-get update -q=2',
    'services may start: no',
    install(''),
    'services may start: no',
  ]);
  t.match(told, /^exit 0$/m);
  t.notMatch(told, 'left behind');
});

t.test('the tests want more than the demo', async (t) => {
  const { asked } = setUp(t, 'test', 0);
  for (const name of ['sip-tester', 'strace']) t.match(asked[2], name);
});

t.test(
  'without root the demo goes on in one process, the tests say what is missing and end',
  async (t) => {
    const demo = setUp(t, 'demo', 1000);
    t.match(demo.told, `setup: run as root: ${install('')}\n`);
    t.match(demo.told, 'setup: the demo goes on and tells its story inside one process');
    t.match(demo.told, /^exit 0$/m);
    const tests = setUp(t, 'test', 1000);
    t.match(tests.told, /^setup: run as root: apt-get install .*sip-tester/m);
    t.match(tests.told, /^exit 1$/m);
    t.strictSame([...demo.asked, ...tests.asked], [], 'nothing was installed');
  },
);

t.test('the simulation wants nothing of Debian', async (t) => {
  const { told, asked } = setUp(t, 'sim', 1000);
  t.match(told, /^exit 0$/m);
  t.strictSame(asked, []);
});
