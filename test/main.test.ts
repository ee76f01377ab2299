// The runner of the tests can say no: to a test that fails, an error astray, a process that ends too early, a file that is
// not there.
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { repositoryRoot } from './support/repository.js';

const run = promisify(execFile);
const folder = `test/.suite-${process.pid}`;
const built = join(repositoryRoot, 'dist', folder);
const main = join(repositoryRoot, 'dist/test/main.js');

mkdirSync(built, { recursive: true });
t.teardown(() => rmSync(built, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  writeFileSync(join(built, `${name}.test.js`), `import t from 'tap';\n${text}`);
  return `${folder}/${name}.test.ts`;
};

/** What the runner says of these files: its exit code, and each file that it holds for failed. */
async function judged(t: Test, files: readonly string[], NODE_OPTIONS = '') {
  const env = { ...process.env, TAP: '1', NODE_OPTIONS };
  const { code, stdout } = await run(process.execPath, [main, ...files], { env }).then(
    (said) => ({ ...said, code: 0 }),
    (failed: { readonly code: number; readonly stdout: string }) => failed,
  );
  const verdicts = stdout.split('\n').filter((line) => /^(not )?ok \d/.test(line));
  t.equal(verdicts.length, files.length, 'a verdict on each');
  const failed = files.filter((file) =>
    verdicts.some((line) => line.startsWith('not ok') && line.includes(file)),
  );
  return { code, failed, stdout };
}

const holds = write('holds', "t.test('holds', async (t) => t.ok(true));");

t.test('what holds is passed', async (t) => {
  const { code, failed } = await judged(t, [holds]);
  t.equal(code, 0);
  t.strictSame(failed, []);
});

t.test('whatever goes wrong in a file fails it, and the run', async (t) => {
  const later = "t.test('later', () => new Promise((resolve) => setTimeout(resolve, 200)));";
  const wrong = [
    write('fails', "t.test('fails', async (t) => t.ok(false));"),
    write('throws', `setTimeout(() => { throw new Error('astray'); }, 20);\n${later}`),
    write('rejects', `setTimeout(() => Promise.reject(new Error('astray')), 20);\n${later}`),
    write('ends', `setTimeout(() => process.exit(0), 20);\n${later}`),
    `${folder}/missing.test.ts`,
  ];
  const { code, failed } = await judged(t, [holds, ...wrong]);
  t.equal(code, 1);
  t.strictSame(failed, wrong);
});

t.test('what tap loads for itself reaches neither a test nor its engines', async (t) => {
  const text = [
    "import { execFileSync } from 'node:child_process';",
    "const said = execFileSync(process.execPath, ['-p', 'process.env.NODE_OPTIONS']);",
    "t.equal(String(said), '--no-warnings\\n');",
  ];
  const recorder = join(repositoryRoot, 'node_modules/@tapjs/processinfo/dist/esm/import.mjs');
  const options = `--import=${pathToFileURL(recorder).href} --no-warnings`;
  const { code, stdout } = await judged(t, [write('bare', text.join('\n'))], options);
  t.equal(code, 0, stdout);
});
