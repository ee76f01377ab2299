// The soak itself, for a few seconds: it runs its parts, sums up, ends with 1 when one fails, and with a clear line when
// one is not there. The arithmetic of the memory's slope is checked by hand.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type Sample, slope } from './memory.js';
import { missingFrom, parts } from './parts.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));

// What tap tells its tests is not meant for those the soak runs.
const plain = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('TAP')),
);

function soak(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    timeout: 100_000,
    // A busy machine needs longer than tap's own patience.
    env: { ...plain, TAP_TIMEOUT: '90', ...environment },
  });
  return { status, stderr, last: stdout.trim().split('\n').at(-1) ?? '', stdout };
}

t.test('a short soak sums up', async (t) => {
  const { status, stdout, last } = soak(['--hours', '0.0005', '--parts', 'disk', '--seed', '7']);
  t.equal(status, 0, stdout);
  t.match(stdout, /^soak: 0\.0005 h of disk, seed 7$/m);
  t.match(stdout, /^soak: cycle 1, disk full-disk\.test\.js, [\d.]+ s, ok: .+pass: 3/m);
  const [, messages] =
    /^soak: \d+ cycles, \d+ runs, (\d+) messages, .+, 0 failures$/.exec(last) ?? [];
  t.ok(Number(messages) > 0, last);
});

t.test('a part that fails is told with its command, and makes the soak fail', async (t) => {
  // Where no program is found, nobody can mount a small volume.
  const { status, stdout, last } = soak(['--hours', '0.0001', '--parts', 'disk'], { PATH: '' });
  t.equal(status, 1);
  t.match(stdout, /^soak: cycle 1, disk full-disk\.test\.js, [\d.]+ s, FAILED with 1: /m);
  t.match(stdout, /^soak: again by: node .+full-disk\.test\.js$/m);
  t.match(last, / [1-9]\d* failures$/);
});

t.test('what cannot be asked for is refused', async (t) => {
  for (const argv of [
    ['--parts', 'nothing'],
    ['--hours', '0'],
    ['--hours', 'long'],
    ['--seed', 'x'],
    ['--seed', '400'],
  ]) {
    const { status, stderr } = soak(argv);
    t.equal(status, 64, argv.join(' '));
    t.match(stderr, /^soak: .+\n$/);
  }
});

t.test('every part of the table is there', async (t) => {
  t.strictSame(missingFrom(parts), []);
  const gone = { name: 'gone', programs: ['gone/main.js', 'gone/'], args: () => [] };
  t.equal(missingFrom([gone]).length, 2, 'one that is missing is noticed');
});

t.test('the slope of the memory', async (t) => {
  const line = (grow: number): Sample[] =>
    Array.from({ length: 60 }, (_, at) => ({
      atMs: at * 60_000,
      // The first samples belong to the warming up.
      rssOctets: at < 10 ? 0 : 1e8 + grow * at,
      accepted: at,
    }));
  t.equal(slope(line(0)), 0);
  t.ok(Math.abs((slope(line(1_048_576 / 60)) ?? 0) - 1) < 1e-6, 'one MiB an hour');
  t.equal(slope(line(1).slice(0, 12)), null, 'nine minutes tell nothing');
  t.equal(slope([]), null);
});
