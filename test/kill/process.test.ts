// What the life cycle of a process promises: one for each store, a store made whole or not at all, and clean ends.
import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { waitFor } from '../../adapters/cli/stage/child.js';
import { startNats } from '../../adapters/cli/stage/nats-server.js';
import { openFolder, storeSumKey } from '../../runtime/index.js';
import { openRow } from '../../runtime/integrity.js';
import { openStore } from '../../runtime/store.js';
import { readMark } from '../../runtime/watermark.js';
import { temporaryFolder } from '../adapters/cli/command.js';
import { numbered, received } from '../support/messages.js';
import { RecordingEffects } from '../support/world.js';
import { type Ended, EngineProcess, servicePath } from './engine.js';
import { policies } from './traffic.js';

t.setTimeout(90_000);

t.test('one process for each store, and clean ends', async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  // A short path: a socket's has at most 107 octets.
  const home = temporaryFolder(t);
  const root = join(home, 'first');
  mkdirSync(root);
  mkdirSync(join(home, 'link'));
  const start = (folder: string): EngineProcess => {
    const engine = new EngineProcess({ root: folder, natsUrl: nats.url, program: servicePath });
    t.teardown(async () => {
      engine.signal('SIGKILL');
      await engine.ended;
    });
    return engine;
  };

  t.test('B8: killed while the store is made', async (t) => {
    for (const afterMs of [0, 5, 15]) {
      const fresh = join(home, `fresh${afterMs}`);
      mkdirSync(fresh);
      const engine = start(fresh);
      await waitFor('the making of a store', async () => readdirSync(fresh).length > 0, 20_000);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      engine.signal('SIGKILL');
      await engine.ended;
      const next = start(fresh);
      t.equal(await next.serving, true, `killed ${afterMs} ms after it began`);
      next.signal('SIGTERM');
      t.strictSame(await next.ended, { code: 0, signal: null } satisfies Ended);
    }
  });

  const owner = start(root);
  t.equal(await owner.serving, true);

  t.test('B15, G5: a second process is refused with 75 and writes nothing', async (t) => {
    const before = filesOf(join(root, 'store'));
    t.strictSame(await start(root).ended, { code: 75, signal: null });
    t.strictSame(filesOf(join(root, 'store')), before);
  });

  t.test(
    'B16: the lock holds when its owner opened and closed LOCK, and through a symlink',
    async (t) => {
      await owner.openInside(join(root, 'store', 'db', 'LOCK'));
      symlinkSync(join(root, 'store'), join(home, 'link', 'store'));
      for (const folder of [root, join(home, 'link')]) {
        const intruder = start(folder);
        t.equal(await intruder.serving, false);
        t.equal((await intruder.ended).code, 75);
      }
    },
  );

  t.test('G1: the watermark of a clean end is the last commit', async (t) => {
    await owner.ask('policy.install', { source: policies[0] });
    owner.signal('SIGTERM');
    t.strictSame(await owner.ended, { code: 0, signal: null });
    const mark = readMark(join(root, 'store.watermark'));
    const store = await openStore({ folder: join(root, 'store') });
    const sum = openRow(storeSumKey, store.get(storeSumKey) ?? Buffer.alloc(0)).toString();
    await store.close();
    const { epoch, seq } = JSON.parse(sum) as { epoch: number; seq: number };
    t.strictSame([mark?.epoch, mark?.seq], [epoch, seq]);
  });

  t.test('G5: the next process serves when the first is gone', async (t) => {
    const next = start(root);
    t.equal(await next.serving, true);
    next.signal('SIGTERM');
    t.equal((await next.ended).code, 0);
  });
});

/** Size and time of every file below a folder. */
function filesOf(folder: string): readonly string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

// ---- what closing owes to what is under way ----

t.test(
  'B19: what is being committed at the end is finished before the store is closed',
  async (t) => {
    const location = { folder: join(temporaryFolder(t), 'store'), host: 'store.example.org' };
    const opened = await openFolder(location, { effects: new RecordingEffects() });
    await opened.ready;
    const order: string[] = [];
    const replies = Array.from({ length: 100 }, (_, at) =>
      opened.engine.submit(received(numbered(at))).then(({ kind }) => void order.push(kind)),
    );
    await opened.close().then(() => order.push('closed'));
    await Promise.all(replies);
    t.strictSame(order, [...Array.from({ length: 100 }, () => 'accepted'), 'closed']);
    const again = await openFolder(location, { effects: new RecordingEffects() });
    await again.ready;
    t.equal((await again.engine.ids(null, 1000)).length, 100);
    await again.close();
  },
);

t.test('B20: reads under way at the end do no harm', async (t) => {
  const location = { folder: join(temporaryFolder(t), 'store'), host: 'store.example.org' };
  const exits: string[] = [];
  const exit = (code: number, why: string) => void exits.push(`${code} ${why}`);
  const opened = await openFolder(location, { effects: new RecordingEffects(), exit });
  await opened.ready;
  const { engine } = opened;
  await Promise.all(Array.from({ length: 150 }, (_, at) => engine.submit(received(numbered(at)))));
  const reads = Promise.allSettled([
    ...Array.from({ length: 20 }, () => engine.ids(null, 1000)),
    ...Array.from({ length: 20 }, () => engine.list('sip:bob@example.org', null, 1000)),
  ]);
  await opened.close();
  for (const read of await reads) t.equal(read.status, 'fulfilled');
  await t.rejects(engine.ids(null, 1000), 'asked too late');
  t.strictSame(exits, [], 'no read ended the process');
  const again = await openFolder(location, { effects: new RecordingEffects() });
  await again.ready;
  t.equal((await again.engine.ids(null, 1000)).length, 150);
  await again.close();
});
