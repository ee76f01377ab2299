// A record that LevelDB dropped: refused at every start, however often a supervisor tries, until somebody accepts the
// loss. Real LevelDB, a flipped bit in the last record of its log, and no watermark that would tell.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeStore, openFolder } from '../../runtime/index.js';
import { storeHost } from '../support/engine.js';
import { numbered, received } from '../support/messages.js';
import { RecordingEffects } from '../support/world.js';

const root = mkdtempSync(join(tmpdir(), 'deferred-im-alarms-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const open = async (folder: string, acceptRollback = false) => {
  const opened = await openFolder({ folder }, { effects: new RecordingEffects(), acceptRollback });
  await opened.ready;
  return opened;
};

/** A store of twenty messages whose last record has a wrong bit. */
async function damaged(): Promise<string> {
  const folder = join(root, 'store');
  await makeStore({ folder }, storeHost);
  const opened = await open(folder);
  // By the host's clock they live on, so that the last record is that of the last message.
  for (let index = 0; index < 20; index += 1)
    await opened.engine.submit(received(numbered(index, { dateMs: Date.now() })));
  await opened.close();
  rmSync(`${folder}.watermark`, { recursive: true });
  const log = readdirSync(join(folder, 'db')).find((name) => name.endsWith('.log')) as string;
  const path = join(folder, 'db', log);
  const octets = readFileSync(path);
  const at = octets.length - 40;
  octets.writeUInt8(octets.readUInt8(at) ^ 1, at);
  writeFileSync(path, octets);
  return folder;
}

t.test('B9 what LevelDB dropped is refused at every start, until it is accepted', async (t) => {
  const folder = await damaged();
  for (let start = 1; start <= 5; start += 1) {
    const refused = { code: 'DEFERRED_IM_STORE_DAMAGED', exitCode: 65, details: [/dropping/] };
    await t.rejects(open(folder), refused, `start ${start}`);
  }
  const accepted = await open(folder, true);
  t.equal((await accepted.engine.ids(null, 100)).length, 19);
  await accepted.close();
  for (let start = 1; start <= 2; start += 1) await (await open(folder)).close();
});
