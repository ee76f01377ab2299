// The real process on a disk that fails: it ends at once with the code for I/O, writes nothing after the first error, and
// the next start finds everything that was accepted.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { makeStore } from '../../runtime/index.js';
import { type Injection, injected } from './injection.js';

const root = mkdtempSync(join(tmpdir(), 'deferred-im-faults-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

const program = fileURLToPath(new URL('../env/fill.js', import.meta.url));
const command = fileURLToPath(new URL('../../adapters/cli/main.js', import.meta.url));

let stores = 0;

/** A new store in a folder of its own. */
async function place() {
  stores += 1;
  const folder = join(root, `store-${stores}`);
  await makeStore({ folder }, 'store.example.org');
  return { folder, mark: `${folder}.watermark`, ids: `${folder}.ids`, trace: `${folder}.trace` };
}

/** Fills a store until a call fails; what the next start knows of what was accepted. */
async function filled(injection: Injection) {
  const { folder, mark, ids, trace } = await place();
  const ended = injected(folder, [program, 'fill', folder, mark], injection, trace);
  writeFileSync(ids, ended.stdout);
  const check = spawnSync(process.execPath, [program, 'check', folder, mark, ids], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const [accepted = -1, lost = -1] =
    /^(\d+) accepted, (\d+) lost$/m.exec(check.stdout)?.slice(1).map(Number) ?? [];
  return { ...ended, accepted, lost };
}

const rows: readonly (readonly [string, Injection])[] = [
  ['B1 no space for the log', { files: 'log', call: 'write', error: 'ENOSPC', when: '40+' }],
  ['B2 no space for one write alone', { files: 'log', call: 'write', error: 'ENOSPC', when: '40' }],
  [
    'B3 no space while tables are made',
    { files: 'ldb', call: 'write', error: 'ENOSPC', when: '40+' },
  ],
  ['B5 a sync fails', { files: 'log', call: 'fdatasync', error: 'EIO', when: '9' }],
  [
    'B17 the volume becomes read-only',
    { files: 'log', call: 'write', error: 'EROFS', when: '40+' },
  ],
  [
    'B18 no descriptor for the next log',
    { files: 'log', call: 'openat', error: 'EMFILE', when: '3+' },
  ],
];

for (const [name, injection] of rows) {
  t.test(`${name}: exit 74 at once, nothing accepted is lost`, async (t) => {
    const ended = await filled(injection);
    t.equal(ended.status, 74, ended.stderr.slice(-500));
    t.ok(ended.injected > 0, 'the error was met');
    // Tables are merged in the background: what is on its way there may still be written.
    if (injection.files === 'log') t.same(ended.after, [], 'no commit after the first error');
    t.ok(ended.before.length > 3, 'its writes are seen');
    t.ok(ended.accepted > 3, `${ended.accepted} were accepted before`);
    t.equal(ended.lost, 0);
  });
}

t.test('B17 a volume that is read-only from the beginning: exit 74', async (t) => {
  const { folder, trace } = await place();
  const readOnly = { files: 'LOCK', call: 'openat', error: 'EROFS', when: '1+' } as const;
  const args = [command, 'store', 'verify', '--folder', folder];
  const ended = injected(folder, args, readOnly, trace);
  t.equal(ended.status, 74, ended.stderr);
  t.match(ended.stderr, /Read-only file system/);
  t.equal(injected(folder, args, { ...readOnly, when: '9' }, trace).status, 0, 'without it: 0');
});
