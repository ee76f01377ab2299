// `npm test`, run by tap as its one file: every test file as a process of its own, some side by side, the longest first,
// so that none is left alone at the end. Invariant: each test among the sources is run, and one that fails, dies or hangs
// fails the run. Paths below the repository, as arguments, run those alone.
// tap would start each file itself, with a recorder of loaded modules in it and in every process that it starts: half a
// second of work for each engine of a test, for a coverage that is not asked for.
import { join } from 'node:path';
import t from 'tap';
import { filesBelow } from './architecture/source-files.js';
import { repositoryRoot } from './support/repository.js';

/** Side by side; made for two cores: tests on the wire wait more than they work. */
const jobs = 3;

/** A file that takes longer is ended. */
const fileSecondsMax = 120;

/** What takes long even when it runs alone, the longest first; those that keep both cores busy lie apart. */
const longest = [
  'test/kill/kill.test.ts',
  'test/adapters/chart/draw.test.ts',
  'test/soak/soak.test.ts',
  'test/runtime/reload.test.ts',
  'test/faults/bus-limits.test.ts',
  'test/docs/policies.test.ts',
  'test/conformance/reload.test.ts',
  'test/kill/process.test.ts',
  'test/package/pack.test.ts',
  'test/sim/sim.test.ts',
  'test/kill/course.test.ts',
  'test/nth-operation/nth-operation.test.ts',
  'test/adapters/cli/demo.test.ts',
  'test/crash-images/images.test.ts',
  'test/conformance/wire/failure.test.ts',
  'test/docs/reference.test.ts',
  'test/crash-images/faults.test.ts',
  'test/machines/gate/gate.test.ts',
  'test/faults/session-killed.test.ts',
  'test/machines/difference.test.ts',
  'test/crash-images/damage.test.ts',
  'test/env/drain.test.ts',
  'test/adapters/simulator/simulator.test.ts',
  'test/faults/proxy-killed.test.ts',
  'test/faults/bus-rights.test.ts',
  'test/faults/bus-killed.test.ts',
  'test/stacks/stacks.test.ts',
  'test/conformance/wire/answers.test.ts',
];

const unfollowed = new URL('./support/unfollowed.js', import.meta.url).href;

/** What the caller wants of Node.js. tap adds its recorder for this process, and anew for each that is spawned: hence `env`. */
const callersOptions = (process.env['NODE_OPTIONS'] ?? '')
  .split(' ')
  .filter((option) => !option.includes('/@tapjs/processinfo/'))
  .join(' ');

/** All test files in the order in which they begin. */
function ordered(): readonly string[] {
  const all = filesBelow('test').filter((path) => path.endsWith('.test.ts'));
  const gone = longest.filter((path) => !all.includes(path));
  if (gone.length > 0) throw new TypeError(`no such test: ${gone.join(', ')}`);
  return [...longest, ...all.filter((path) => !longest.includes(path))];
}

function begin(path: string): void {
  const file = join(repositoryRoot, 'dist', path.replace(/ts$/, 'js'));
  const node = [process.execPath, '--enable-source-maps', '--import', unfollowed, file];
  t.spawn('env', [`NODE_OPTIONS=${callersOptions}`, ...node], {
    name: path,
    env: { ...process.env, TAP_TIMEOUT: `${fileSecondsMax}` },
    buffered: true,
    timeout: fileSecondsMax * 1000,
  });
}

t.jobs = jobs;
const wanted = process.argv.slice(2);
for (const path of wanted.length > 0 ? wanted : ordered()) begin(path);
