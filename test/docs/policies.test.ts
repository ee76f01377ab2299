// docs/policies.md as a new user reads it: its commands are run in their order, in an empty folder, against an engine that
// serves a store with three messages; each prints what the page shows. Instants are whatever they are.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openEngine } from '../../adapters/compose.js';
import { defaultSettings, shippedPolicyIds } from '../../machines/index.js';
import { aliceWrites, mainFile, temporaryFolder } from '../adapters/cli/command.js';
import { textOf } from '../architecture/source-files.js';

const page = textOf('docs/policies.md');
const run = promisify(execFile);

interface Shown {
  readonly command: string;
  readonly output: string;
}

/** Commands of the page, each with what it prints there. */
const shown = page
  .split('```sh\n')
  .slice(1)
  .flatMap((part) => (part.split('```')[0] ?? '').split(/^\$ /m).slice(1))
  .map((text): Shown => {
    const [command = '', ...lines] = text.split('\n');
    return { command, output: lines.join('\n') };
  });

const instant = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const timeless = (text: string): string => text.replaceAll(instant, '<instant>').trimEnd();

t.setTimeout(110_000);

t.test('every command prints what the page shows', { timeout: 105_000 }, async (t) => {
  const folder = temporaryFolder(t);
  const store = join(folder, 'store');
  const engine = await openEngine({ folder: store, admin: true, onEffect: () => {} });
  t.teardown(() => engine.close());
  for (const id of ['one', 'two', 'three'])
    await engine.submit(aliceWrites(id, 'Hello', 86_400), { asserted: 'sip:alice@example.com' });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = join(bin, 'deferred-im');
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${mainFile}" "$@"\n`, {
    mode: 0o755,
  });
  const environment = { ...process.env, NO_COLOR: '1', DEFERRED_IM_FOLDER: store };
  const env = { ...environment, PATH: `${bin}:${process.env['PATH']}` };
  t.ok(shown.length >= 16, `${shown.length} commands`);
  for (const { command, output } of shown) {
    const got = await run('sh', ['-c', `${command} 2>&1 || true`], { cwd: folder, env });
    t.equal(timeless(got.stdout), timeless(output), command);
  }
});

t.test('every shipped policy and every setting has its row', async (t) => {
  for (const id of shippedPolicyIds) t.match(page, `| \`${id}\``);
  for (const name of Object.keys(defaultSettings)) t.match(page, `| \`${name}\` |`);
});
