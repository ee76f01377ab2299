// B4: a start on a full disk. LevelDB needs room to open; the ballast gives it, and is given for what ends messages, not
// for more of them. The volume is a small tmpfs in a mount namespace of its own, gone with the shell.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const program = fileURLToPath(new URL('./ballast.js', import.meta.url));

// $1 volume, $2 node, $3 program, $4 folder on another volume. What fills the volume is not ours.
const script = `
mount -t tmpfs -o size=32m tmpfs "$1" || exit 1
step() { "$2" "$3" "$name" "$1/store" "$4/mark" 2>> "$4/errors"; echo "$name exit $?"; }
fill() { cat /dev/zero > "$1/$name" 2> "$4/full"; }
name=fill; step "$@"
name=filler; fill "$@"
name=full; step "$@"
name=second; step "$@"
rm "$1/filler"
name=room; step "$@"
name=filler; fill "$@"
truncate -s -524288 "$1/filler"
name=tight; step "$@"
rm "$1/filler"
name=again; step "$@"
name=fill; step "$@"
rm "$1/store/ballast"
name=filler; fill "$@"
name=bare; step "$@"
cat "$4/errors" >&2
`;

interface Told {
  readonly [name: string]: { readonly exit: number; readonly said: string };
}

/** Each step's exit code as the shell saw it, and what it printed before. */
function told(stdout: string): Told {
  const steps: Record<string, { exit: number; said: string }> = {};
  let said = '';
  for (const line of stdout.split('\n')) {
    const end = /^(\w+) exit (\d+)$/.exec(line);
    if (end === null) said = line;
    else {
      steps[end[1] ?? ''] = { exit: Number(end[2]), said };
      said = '';
    }
  }
  return steps;
}

t.test('B4: on a full disk the ballast is given back, and the store drains', async (t) => {
  const own = t.testdir({ volume: {}, outside: {} });
  const namespace = process.getuid?.() === 0 ? ['-m'] : ['-r', '-m'];
  const args = [...namespace, 'sh', '-c', script, 'sh'];
  const places = [`${own}/volume`, process.execPath, program, `${own}/outside`];
  const { stdout, stderr } = spawnSync('unshare', [...args, ...places], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const steps = told(stdout);
  const saidBy = (name: string) => {
    if (steps[name]?.exit !== 0) t.fail(`${name}: ${stdout} ${stderr}`);
    return JSON.parse(steps[name]?.said ?? '{}');
  };
  t.equal(steps['fill']?.exit, 137, 'it was killed with its log unread');
  t.match(
    saidBy('full'),
    {
      events: ['store.ballast-dropped', 'store.draining'],
      ...{ ballast: false, waiting: 100, offered: 'store-full', deleted: 200 },
    },
    'opened, nothing lost, nothing new taken, ending goes on',
  );
  t.match(
    saidBy('second'),
    { events: ['store.draining'], ballast: false, waiting: 99, offered: 'store-full' },
    'the next start still drains',
  );
  t.match(
    saidBy('room'),
    { events: [], ballast: true, waiting: 98, offered: 'accepted', deleted: 200 },
    'with room the ballast is back',
  );
  t.match(
    saidBy('tight'),
    {
      events: ['store.ballast-dropped', 'store.draining'],
      ...{ ballast: false, offered: 'store-full', deleted: 200 },
    },
    'it opens, but the first groups would not fit',
  );
  t.match(
    saidBy('again'),
    { ballast: true, offered: 'accepted' },
    'and with room it is back again',
  );
  t.same(
    steps['bare'],
    { exit: 74, said: 'DEFERRED_IM_STORE_IO' },
    'without ballast: 74, and the reason',
  );
});
