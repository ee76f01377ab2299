// The engine's own tests once more, each in a process of its own that finds every actor only where it lies durable
// (test/support/reload.ts). Which tests those are is read from the tree, so that a new one cannot be forgotten.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { filesBelow, textOf } from '../architecture/source-files.js';

const built = fileURLToPath(new URL('../', import.meta.url));

const mode = new URL('./reload.js', import.meta.url).href;

/** What opens an engine within the process of the test. */
const opening = /support\/engine\.js'|\bopen(Folder|LocalEngine|Engine)\b/;

/** The tests below a folder that open an engine. */
export const engineTestsBelow = (folder: string): readonly string[] =>
  filesBelow('test').filter(
    (path) => path.endsWith('.test.ts') && path.startsWith(folder) && opening.test(textOf(path)),
  );

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly reloaded: number;
}

function runReloading(path: string): Promise<Ended> {
  const file = built + path.replace(/^test\//, '').replace(/ts$/, 'js');
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEFERRED_IM_RELOAD: '1', TAP: '1', TAP_TIMEOUT: '110' };
    // What this process was started with holds for the repetition, too.
    const child = spawn(process.execPath, [...process.execArgv, '--import', mode, file], { env });
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

/** Adds one test for each of these files: it holds in that mode too, and the mode was at work. */
export function repeatReloading(paths: readonly string[]): void {
  // Two at a time: each waits for its own process.
  t.jobs = 2;
  t.setTimeout(115_000);
  for (const path of paths) {
    const name = `ED18 ${path} holds when every actor is reloaded between two events`;
    t.test(name, { buffered: true, timeout: 110_000 }, async (t) => {
      const { code, output, reloaded } = await runReloading(path);
      const failed = output.split('\n').filter((line) => line.includes('not ok'));
      t.equal(code, 0, failed.join(' ') || 'holds');
      t.ok(reloaded > 20, `${reloaded} rows`);
    });
  }
}
