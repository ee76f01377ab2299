// The engine's own tests once more, each event finding its actor only where it lies durable (test/support/reload.ts).
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { filesBelow, textOf } from '../architecture/source-tree.js';

const built = fileURLToPath(new URL('../', import.meta.url));

const mode = new URL('../support/reload.js', import.meta.url).href;

/** Tests that open an engine and are not repeated in this mode, each with the reason. */
const excused: Readonly<Record<string, string>> = {
  'test/nth-operation/nth-operation.test.ts':
    'tells its story once for every read, and this mode multiplies the reads',
};

/** What opens an engine within the process of the test. */
const opening = /support\/engine\.js'|\bopen(Folder|LocalEngine|Engine)\b/;

/** Tests of the engine: those below these folders that open one. */
const folders = [
  'test/runtime/',
  'test/conformance/engine/',
  'test/adapters/local/',
  'test/nth-operation/',
];

const engineTests = filesBelow('test').filter(
  (path) =>
    path.endsWith('.test.ts') &&
    folders.some((folder) => path.startsWith(folder)) &&
    opening.test(textOf(path)),
);

const files = engineTests
  .filter((path) => !(path in excused))
  .map((path) => path.replace(/^test\//, '').replace(/ts$/, 'js'));

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly reloaded: number;
}

function runReloading(file: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEFERRED_IM_RELOAD: '1', TAP: '1' };
    const child = spawn(process.execPath, ['--import', mode, built + file], { env });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      const reloaded = Number(/rows made anew: (\d+)/.exec(output)?.[1] ?? 0);
      resolve({ code, output, reloaded });
    });
  });
}

t.test('ED18 every test of the engine is repeated, or excused with a reason', async (t) => {
  t.ok(
    files.includes('runtime/upgrade.test.js') && files.includes('conformance/engine/clock.test.js'),
  );
  for (const path of Object.keys(excused))
    t.ok(engineTests.includes(path), `${path} opens an engine`);
});

// Two at a time: each waits for its own process.
t.jobs = 2;
t.setTimeout(230_000);
for (const file of files) {
  const name = `ED18 ${file} holds when every actor is reloaded between two events`;
  t.test(name, { buffered: true, timeout: 220_000 }, async (t) => {
    const { code, output, reloaded } = await runReloading(file);
    const failed = output.split('\n').filter((line) => line.includes('not ok'));
    t.equal(code, 0, failed.join(' ') || 'holds');
    t.ok(reloaded > 20, `${reloaded} rows`);
  });
}
