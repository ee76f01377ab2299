// The package as somebody gets it: packed, installed into an empty project with scripts off, its
// example type-checked and run, its command started. What npm prints goes into the failure, not to
// the terminal.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** The first block of a language in a Markdown page. */
function codeBlock(page: string, language: string): string {
  const open = `\`\`\`${language}\n`;
  const from = page.indexOf(open);
  const to = page.indexOf('\n```', from + open.length);
  if (from === -1 || to === -1) throw new Error(`no ${language} block`);
  return page.slice(from + open.length, to + 1);
}

const wanted = [
  'package.json',
  'LICENSE',
  'README.md',
  'dist/adapters/compose.js',
  'dist/adapters/compose.d.ts',
  'dist/adapters/cli/main.js',
  'dist/adapters/cli/watchdog-thread.js',
  'dist/adapters/kamailio/deferred-im.cfg',
  'dist/adapters/kamailio/proxy.cfg',
  'dist/adapters/nats/nats-server.conf',
  'dist/adapters/nats/schemas/send.schema.json',
  'dist/adapters/simulator/scenario.schema.json',
  'dist/adapters/simulator/scenarios/a-busy-mailbox.json',
  'dist/machines/policies/delete-and-report.json',
  'dist/machines/policies/deliver-late.json',
  'dist/machines/schemas/policy.schema.json',
];

/** True for what only this repository needs. */
function isForeign(path: string): boolean {
  if (path.endsWith('.ts') && !path.endsWith('.d.ts')) return true;
  if (path.endsWith('.map') || path.includes('tsbuildinfo') || path.includes('.built')) return true;
  if (path.startsWith('dist/')) return path.startsWith('dist/test/');
  return !['package.json', 'LICENSE', 'README.md'].includes(path);
}

// npm and the demo take their time on a busy machine.
t.setTimeout(115_000);

t.test('the package, installed into an empty project', { timeout: 110_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deferred-im-pack-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    {
      cwd: root,
      maxBuffer: 16 * 1024 * 1024,
    },
  );
  const [packed] = JSON.parse(stdout) as Packed[];
  const paths = packed?.files.map((one) => one.path) ?? [];

  t.test('holds what it needs and nothing of the workshop', async (t) => {
    for (const path of wanted) t.ok(paths.includes(path), path);
    t.same(paths.filter(isForeign), [], 'no sources, tests, maps or build marks');
  });

  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    '{"name":"empty","version":"1.0.0","type":"module","private":true}',
  );
  const flags = [
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  await run('npm', ['install', ...flags, join(folder, packed?.filename ?? '')], { cwd: project });

  t.test('the example of docs/embedding.md compiles and runs', async (t) => {
    const page = readFileSync(join(root, 'docs', 'embedding.md'), 'utf8');
    writeFileSync(join(project, 'example.ts'), codeBlock(page, 'ts'));
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      moduleResolution: 'nodenext',
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
    };
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['example.ts'] }),
    );
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const checked = await run(process.execPath, [compiler, '-p', project]).catch((cause) => cause);
    t.equal(checked.stdout, '', 'no type errors');
    const ran = await run(process.execPath, ['example.js'], { cwd: project, timeout: 30_000 });
    t.equal(ran.stdout, codeBlock(page, 'text'), 'it prints what the page says');
  });

  t.test('npx deferred-im', { timeout: 100_000 }, async (t) => {
    const npx = (...argv: string[]) =>
      run('npx', ['--no', '--', 'deferred-im', ...argv], { cwd: project, timeout: 90_000 });
    t.match((await npx('--help')).stdout, /^deferred-im keeps SIP messages/);
    t.match((await npx('--version')).stdout, /^deferred-im \d+\.\d+\.\d+\n$/);
    const { stdout: story } = await npx('demo', '--in-process');
    const last = story.trimEnd().split('\n').at(-1) ?? '';
    const [, held, of] = /^demo: (\d+) of (\d+) claims held$/.exec(last) ?? [];
    t.ok(held !== undefined && held === of && Number(of) > 0, last);
  });
});
