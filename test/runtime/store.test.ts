// The store on disk: the contract it shares with the one in memory, its lock, its watermark, and
// what it says when the folder is not what it should be. Uses temporary folders and one child
// process.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  type DiskStore,
  dropBallast,
  makeStore,
  openFolder,
  openRuntime,
  openStore,
  writeBallast,
} from '../../runtime/index.js';
import { asFault, createStore } from '../../runtime/store.js';
import { readMark, writeMark } from '../../runtime/watermark.js';
import { storeHost } from '../support/engine.js';
import { numbered, received } from '../support/messages.js';
import { storeContract } from '../support/store-contract.js';
import { MemoryStore, RecordingEffects, seeded } from '../support/world.js';

const root = mkdtempSync(join(tmpdir(), 'deferred-im-store-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const fresh = () => {
  folders += 1;
  return join(root, `store-${folders}`);
};

storeContract(t, 'memory', async () => {
  const store = new MemoryStore();
  return { store, reopen: async () => store.afterCrash() };
});

storeContract(t, 'LevelDB', async () => {
  const folder = fresh();
  await createStore({ folder }, [{ key: 'x-first', value: Buffer.from('1') }]);
  const store = await openStore({ folder });
  await store.commit([{ key: 'x-first', value: null }]);
  return {
    store,
    reopen: async () => {
      await store.close();
      return openStore({ folder });
    },
  };
});

/** A store with some messages in it, closed. */
async function filled(count = 20): Promise<string> {
  const folder = fresh();
  await makeStore({ folder }, storeHost);
  const opened = await openFolder({ folder }, { effects: new RecordingEffects() });
  await opened.ready;
  const dateMs = Date.now();
  await Promise.all(
    Array.from({ length: count }, (_, number) =>
      opened.engine.submit(received(numbered(number, { dateMs, expiresSeconds: 86_400 }))),
    ),
  );
  await opened.close();
  return folder;
}

/** Opens and checks everything; what is wrong, or null. */
async function judge(folder: string, acceptRollback = false): Promise<string | null> {
  try {
    const opened = await openFolder(
      { folder },
      { effects: new RecordingEffects(), acceptRollback },
    );
    const { ready } = opened;
    const wrong = await ready.then(
      () => null,
      (cause) => cause.code as string,
    );
    await opened.close();
    return wrong;
  } catch (cause) {
    return (cause as { code?: string }).code ?? String(cause);
  }
}

t.test('G1 what was accepted is there after a clean stop', async (t) => {
  const folder = await filled();
  const opened = await openFolder({ folder }, { effects: new RecordingEffects() });
  await opened.ready;
  t.equal((await opened.engine.ids(null, 100)).length, 20);
  t.same(opened.progress(), { admitted: 65, of: 65 });
  await opened.close();
});

t.test('B13 a missing or emptied folder is never taken for a new store', async (t) => {
  await t.rejects(openStore({ folder: fresh() }), {
    code: 'DEFERRED_IM_STORE_MISSING',
    exitCode: 64,
  });
  const folder = await filled();
  rmSync(join(folder, 'db', 'CURRENT'));
  await t.rejects(openStore({ folder }), { code: 'DEFERRED_IM_STORE_DAMAGED', exitCode: 65 });
  t.ok(readdirSync(join(folder, 'db')).length > 1, 'nothing was thrown away');
  t.equal(existsSync(join(folder, 'db', 'CURRENT')), false);
});

t.test('R11 a store is made apart, and never over something', async (t) => {
  const folder = await filled(1);
  await t.rejects(makeStore({ folder }, storeHost), { code: 'DEFERRED_IM_STORE_EXISTS' });
  const other = fresh();
  mkdirSync(other);
  writeFileSync(join(other, 'letter.txt'), 'mine');
  await t.rejects(makeStore({ folder: other }, storeHost), { code: 'DEFERRED_IM_STORE_EXISTS' });
  t.equal(readFileSync(join(other, 'letter.txt'), 'utf8'), 'mine');
  mkdirSync(`${fresh()}.creating-${process.pid}`);
  const third = join(root, `store-${folders}`);
  await makeStore({ folder: third }, storeHost);
  t.equal(statSync(third).mode & 0o777, 0o700, 'X16 private');
});

t.test('R11 two that make a store at once: one is refused, neither is lost', async (t) => {
  const folder = fresh();
  const made = await Promise.allSettled([
    makeStore({ folder }, storeHost),
    new Promise((resolve) => setImmediate(resolve)).then(() => {
      mkdirSync(folder);
      writeFileSync(join(folder, 'other'), 'another store');
    }),
  ]);
  t.match(made[0], { status: 'rejected', reason: { code: 'DEFERRED_IM_STORE_EXISTS' } });
  t.equal(readFileSync(join(folder, 'other'), 'utf8'), 'another store');
});

t.test('X16 a folder others can read is refused', async (t) => {
  const folder = await filled(1);
  chmodSync(folder, 0o750);
  await t.rejects(openStore({ folder }), { code: 'DEFERRED_IM_STORE_PERMISSIONS', exitCode: 77 });
});

/** Tries to open a folder from another process; the code it is refused with. */
function intruder(folder: string): string {
  const module = fileURLToPath(new URL('../../runtime/index.js', import.meta.url));
  const script = `const { openStore } = await import(process.argv[1]);
    await openStore({ folder: process.argv[2] }).then(
      async (store) => { await store.commit([{ key: 'z', value: Buffer.from('1') }]);
        console.log('opened'); await store.close(); },
      (cause) => console.log(cause.code, cause.exitCode));`;
  const args = ['--input-type=module', '-e', script, module, folder];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim();
}

t.test('B15 a second process is refused', async (t) => {
  const folder = await filled(1);
  const store = await openStore({ folder });
  t.equal(intruder(folder), 'DEFERRED_IM_STORE_LOCKED 75');
  await t.rejects(openStore({ folder }), { code: 'DEFERRED_IM_STORE_LOCKED' }, 'this one too');
  await store.close();
  t.equal(intruder(folder), 'opened', 'the lock goes with its owner');
});

t.test('B16 our lock holds where that of LevelDB is gone', async (t) => {
  const folder = await filled(1);
  const link = fresh();
  symlinkSync(folder, link);
  const store = await openStore({ folder });
  closeSync(openSync(join(folder, 'db', 'LOCK'), 'r'));
  t.equal(intruder(folder), 'DEFERRED_IM_STORE_LOCKED 75', 'after LOCK was opened and closed');
  t.equal(intruder(link), 'DEFERRED_IM_STORE_LOCKED 75', 'through a symlink');
  await t.rejects(openStore({ folder: link }), { code: 'DEFERRED_IM_STORE_LOCKED' });
  await store.commit([{ key: 'y', value: Buffer.from('1') }]);
  await store.close();
  const again = await openStore({ folder });
  t.ok(again.get('y'));
  await again.close();
});

t.test('a failed opening gives the lock back', async (t) => {
  const folder = await filled(1);
  const current = join(folder, 'db', 'CURRENT');
  const kept = readFileSync(current);
  writeFileSync(current, '');
  await t.rejects(openStore({ folder }), { code: 'DEFERRED_IM_STORE_DAMAGED' });
  writeFileSync(current, kept);
  await (await openStore({ folder })).close();
});

t.test('B14 a store behind its watermark is refused, and its loss can be accepted', async (t) => {
  const folder = await filled();
  const marks = `${folder}.watermark`;
  const mark = readMark(marks);
  t.ok((mark?.seq ?? 0) > 0);
  await writeMark(marks, { ...mark!, seq: mark!.seq + 1 });
  t.equal(await judge(folder), 'DEFERRED_IM_STORE_ROLLED_BACK');
  t.equal(await judge(folder, true), null);
  t.equal(await judge(folder), null, 'accepted once is accepted: a new epoch has begun');
  t.equal(readMark(marks)?.epoch, mark!.epoch + 1);
  await writeMark(marks, { ...mark!, storeId: 'another-store', seq: 10 ** 6 });
  t.equal(await judge(folder), null, 'the mark of another store says nothing');
});

t.test('B14 the log of LevelDB is cut', async (t) => {
  const folder = await filled();
  const log = readdirSync(join(folder, 'db')).find((name) => name.endsWith('.log'));
  const path = join(folder, 'db', log as string);
  truncateSync(path, Math.floor(statSync(path).size / 2));
  t.match(await judge(folder), /DEFERRED_IM_STORE_(ROLLED_BACK|DAMAGED)/);
});

t.test('watermark: unreadable ones count as none, a new one replaces the old', async (t) => {
  const folder = fresh();
  t.equal(readMark(folder), null);
  await writeMark(folder, { storeId: 'a', epoch: 1, seq: 7 });
  t.same(readMark(folder), { storeId: 'a', epoch: 1, seq: 7 });
  await writeMark(folder, { storeId: 'a', epoch: 1, seq: 8 });
  t.equal(readMark(folder)?.seq, 8);
  for (const text of ['', '{', 'null', '{"storeId":1,"epoch":1,"seq":1}', '[]']) {
    writeFileSync(join(folder, 'watermark.json'), text);
    t.equal(readMark(folder), null, text);
  }
});

t.test('B10 random bit flips in a table: found, or without any effect', async (t) => {
  const folder = await filled(30);
  // Reopening moves the log into a table.
  await (await openStore({ folder })).close();
  const table = readdirSync(join(folder, 'db')).find((name) => name.endsWith('.ldb'));
  const path = join(folder, 'db', table as string);
  const whole = readFileSync(path);
  const before = await contents(folder);
  const random = seeded(11);
  const told = { damaged: 0, harmless: 0, missed: 0 };
  for (let round = 0; round < 60; round += 1) {
    const bit = Math.floor(random() * whole.length * 8);
    const copy = Buffer.from(whole);
    copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(path, copy);
    const wrong = await scanned(folder);
    if (wrong !== null) told.damaged += 1;
    else if ((await contents(folder)) === before) told.harmless += 1;
    else told.missed += 1;
  }
  t.equal(told.missed, 0, JSON.stringify(told));
  t.ok(told.damaged > 20, JSON.stringify(told));
});

/** Whether the boot check finds something; nothing is written, so that the table stays as it is. */
async function scanned(folder: string): Promise<string | null> {
  let store: DiskStore | null = null;
  try {
    store = await openStore({ folder });
    const silent = {
      ...store,
      commit: async () => {},
      writeMark: async () => {},
      close: async () => {},
    };
    const opened = await openRuntime(silent, { effects: new RecordingEffects() });
    await opened.ready;
    await opened.close();
    return null;
  } catch (cause) {
    return (cause as Error).message;
  } finally {
    await store?.close();
  }
}

async function contents(folder: string): Promise<string> {
  const store = await openStore({ folder });
  let text = '';
  for await (const [key, value] of store.scan('', '\x7f'))
    text += key + Buffer.from(value).toString('hex');
  await store.close();
  return text;
}

t.test('R5 after an error no commit is tried again', async (t) => {
  const folder = await filled(1);
  const store = await openStore({ folder });
  const bad = [{ key: 'a', value: undefined as unknown as null }];
  await t.rejects(store.commit(bad));
  await t.rejects(store.commit([{ key: 'b', value: Buffer.from('1') }]), 'the same error again');
  t.equal(store.get('b'), undefined);
  await store.close();
});

t.test('what LevelDB says, and the exit code it leads to', async (t) => {
  const level = (code: string, text: string) =>
    new Error('Database failed to open', { cause: Object.assign(new Error(text), { code }) });
  const cases: [Error, string, number][] = [
    [level('LEVEL_LOCKED', 'lock'), 'DEFERRED_IM_STORE_LOCKED', 75],
    [level('LEVEL_CORRUPTION', 'Corruption: 1 missing files'), 'DEFERRED_IM_STORE_DAMAGED', 65],
    [
      level('LEVEL_IO_ERROR', '/x/MANIFEST-000002: No such file or directory'),
      'DEFERRED_IM_STORE_DAMAGED',
      65,
    ],
    [level('LEVEL_IO_ERROR', 'No space left on device'), 'DEFERRED_IM_STORE_IO', 74],
    [level('LEVEL_IO_ERROR', 'Read-only file system'), 'DEFERRED_IM_STORE_IO', 74],
  ];
  for (const [cause, code, exitCode] of cases)
    t.match(asFault(cause, 'trial'), { code, exitCode }, cause.message);
});

t.test('B4 the ballast is given back once', async (t) => {
  const folder = await filled(1);
  t.equal(dropBallast(folder), false);
  writeBallast(folder, 4096);
  t.equal(statSync(join(folder, 'ballast')).mode & 0o777, 0o600);
  t.equal(dropBallast(folder), true);
  t.equal(dropBallast(folder), false);
});
