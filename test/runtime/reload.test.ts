// The engine's own tests once more, each event finding its actor only where it lies durable (test/support/reload.ts).
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const built = fileURLToPath(new URL('../', import.meta.url));

const mode = new URL('../support/reload.js', import.meta.url).href;

const files = [
  'runtime/recovery.test.js',
  'runtime/runtime.test.js',
  'runtime/quarantine.test.js',
  'conformance/engine/storing.test.js',
  'conformance/engine/delivery.test.js',
  'conformance/engine/deletion.test.js',
  'conformance/engine/effects.test.js',
  'conformance/engine/expiry.test.js',
  'adapters/local/engine.test.js',
];

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

// Two at a time: each waits for its own process.
t.jobs = 2;
t.setTimeout(115_000);
for (const file of files) {
  const name = `ED18 ${file} holds when every actor is reloaded between two events`;
  t.test(name, { buffered: true, timeout: 110_000 }, async (t) => {
    const { code, output, reloaded } = await runReloading(file);
    const failed = output.split('\n').filter((line) => line.includes('not ok'));
    t.equal(code, 0, failed.join(' ') || 'holds');
    t.ok(reloaded > 20, `${reloaded} rows`);
  });
}
