// A stage that does not come up leaves nothing behind. Its folders are counted in a temporary folder of this test's own.
import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { startKamailio } from '../../../adapters/cli/stage/kamailio.js';
import { startNats } from '../../../adapters/cli/stage/nats-server.js';

const natsUrl = 'nats://127.0.0.1:4222';

/** Where the temporary folders of this test go. */
function ownFolder(t: Test): string {
  const folder = t.testdir({});
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return folder;
}

t.test('a Kamailio that refuses its file', async (t) => {
  const folder = ownFolder(t);
  let seen: readonly string[] = [];
  const mainFile = (): string => {
    seen = readdirSync(folder);
    return 'no such directive';
  };
  await t.rejects(startKamailio({ natsUrl, users: {}, mainFile }), /kamailio: the program ended/);
  t.match(seen, [/^deferred-im-kamailio-/], 'there was a folder');
  t.same(readdirSync(folder), []);
});

t.test('a Kamailio whose accounts cannot be written', async (t) => {
  const folder = ownFolder(t);
  await t.rejects(startKamailio({ natsUrl, users: { 'a b': 'x' } }), /unusable user name/);
  t.same(readdirSync(folder), []);
});

t.test('a nats-server without its configuration', async (t) => {
  const folder = ownFolder(t);
  await t.rejects(
    startNats({ config: `${folder}/missing.conf` }),
    /nats-server: the program ended/,
  );
  t.same(readdirSync(folder), []);
});
