// LevelDB's tables as the boot reads them: the checksum, the compression, and that no bit of a table is overlooked, least
// of all one that only a lookup needs.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { crc32c } from '../../runtime/crc32c.js';
import { openStore } from '../../runtime/index.js';
import { uncompressed } from '../../runtime/snappy.js';
import { createStore } from '../../runtime/store.js';
import { damagedTables, tablesIn, wrongIn } from '../../runtime/tables.js';
import { seeded } from '../support/world.js';

const root = mkdtempSync(join(tmpdir(), 'deferred-im-tables-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

/** A folder with a table of many blocks, its rows long enough for an index that is compressed. */
async function withTable(name: string): Promise<{ folder: string; db: string; table: string }> {
  const folder = join(root, name);
  const rows = Array.from({ length: 1000 }, (_, number) => ({
    key: `2a!a!${String(number).padStart(40, '0')}`,
    value: Buffer.alloc(120, number * 7),
  }));
  await createStore({ folder }, rows);
  // Reopening moves the log into a table.
  await (await openStore({ folder })).close();
  const db = join(folder, 'db');
  const table = readdirSync(db).find((one) => one.endsWith('.ldb')) as string;
  return { folder, db, table };
}

t.test('CRC-32C of what everybody computes it of (RFC 3720 B.4)', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.equal(crc32c(Buffer.from('x123456789x'), 1, 10), 0xe3069283);
});

t.test('Snappy: literals and copies of every form', async (t) => {
  const block = (...octets: (number | string)[]) =>
    Buffer.concat(
      octets.map((one) => (typeof one === 'string' ? Buffer.from(one) : Buffer.of(one))),
    );
  t.equal(uncompressed(block(4, 12, 'abcd')).toString(), 'abcd');
  t.equal(uncompressed(block(10, 0, 'a', 0b010101, 1)).toString(), 'a'.repeat(10), 'overlapping');
  t.equal(uncompressed(block(6, 4, 'ab', 0b1110, 2, 0)).toString(), 'ababab');
  t.equal(uncompressed(block(6, 4, 'ab', 0b1111, 2, 0, 0, 0)).toString(), 'ababab');
  const long = 'z'.repeat(100);
  t.equal(uncompressed(block(100, 60 << 2, 99, long)).toString(), long);
  for (const wrong of [
    block(),
    block(5, 12, 'abcd'),
    block(3, 12, 'abcd'),
    block(6, 4, 'ab', 0b1110, 3, 0),
    block(6, 4, 'ab', 0b1110, 0, 0),
    block(255, 255, 255, 255, 255, 255),
    block(255, 255, 255, 255, 15),
  ])
    t.throws(() => uncompressed(wrong), RangeError, wrong.toString('hex'));
});

t.test('B10 every flipped bit of a table is noticed, whatever reads it', async (t) => {
  const { db, table } = await withTable('flipped');
  const whole = readFileSync(join(db, table));
  t.equal(wrongIn(whole), null);
  t.ok(whole.length > 5000, 'it has several blocks');
  const random = seeded(17);
  // All bits of the index and the end, and some of each block before.
  const from = whole.length - 400;
  const places = [
    ...Array.from({ length: 352 * 8 }, (_, bit) => from * 8 + bit),
    ...Array.from({ length: 1000 }, () => Math.floor(random() * from * 8)),
  ];
  const overlooked = places.filter((bit) => {
    whole[bit >>> 3] = (whole[bit >>> 3] as number) ^ (1 << (bit & 7));
    const wrong = wrongIn(whole);
    whole[bit >>> 3] = (whole[bit >>> 3] as number) ^ (1 << (bit & 7));
    return wrong === null;
  });
  t.same(overlooked, []);
});

t.test('B11 every cut of a table is noticed', async (t) => {
  const { db, table } = await withTable('cut');
  const whole = readFileSync(join(db, table));
  for (let octets = 0; octets < whole.length; octets += 97)
    t.not(wrongIn(whole.subarray(0, octets)), null, `${octets} octets`);
  t.not(wrongIn(Buffer.concat([Buffer.alloc(10), whole])), null, 'pushed along');
});

t.test('B10 a store says which of its tables is damaged; one that is gone is not', async (t) => {
  const { folder, db, table } = await withTable('told');
  t.same(await damagedTables(db, [...tablesIn(db), { name: '999999.ldb', stamp: null }]), []);
  const whole = readFileSync(join(db, table));
  whole[100] = (whole[100] as number) ^ 1;
  writeFileSync(join(db, table), whole);
  const store = await openStore({ folder });
  t.match(store.damage, [`${table}: the block at 0 fails its checksum`]);
  await store.close();
  const noTable = { name: 'flipped', stamp: null };
  await t.rejects(damagedTables(root, [noTable]), { code: 'EISDIR' });
});

t.test(
  'B1 B3 a table that a full disk cut off is no damage once its number is given again',
  async (t) => {
    const { folder, db, table } = await withTable('unfinished');
    const whole = readFileSync(join(db, table));
    const unfinished = join(db, '000999.ldb');
    writeFileSync(unfinished, whole.subarray(0, 4096));
    const seen = tablesIn(db);
    t.same(await damagedTables(db, seen), ['000999.ldb: it has no end'], 'it is as it was');
    writeFileSync(unfinished, whole.subarray(0, 8192));
    t.same(await damagedTables(db, seen), [], 'somebody is writing it');
    writeFileSync(unfinished, whole.subarray(0, 4096));
    const store = await openStore({ folder });
    t.same(store.damage, [], 'LevelDB throws away what belongs to nothing');
    await store.close();
  },
);
