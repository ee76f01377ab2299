// Keys: order, escaping, and that no user's text can reach another row than his own.
import t from 'tap';
import {
  arrivalNumber,
  base32,
  dedupDigest,
  keys,
  localId,
  partitionOf,
  partitionOfKey,
  partitionOfLocal,
  ranges,
  readTimerKey,
} from '../../runtime/keys.js';
import { partitionCount } from '../../runtime/limits.js';

const local = localId(9, new Uint8Array(17).fill(255));
const hostile = [
  'a!b',
  'a',
  'a!',
  'a"',
  'a%21b',
  'a\0',
  'a/../b',
  'ä',
  'a b',
  '\ud800',
  '__proto__',
  '',
];

t.test('instants and counters keep their order as text', async (t) => {
  const dues = [0, 1, 999, 1000, 1_154_426_400_000, 1_154_426_400_001, 99_999_999_999_999];
  const sorted = dues.map((due) => keys.timer(local, due));
  t.same([...sorted].sort(), sorted);
  for (const due of dues) t.same(readTimerKey(keys.timer(local, due)), { dueMs: due, local });
  const arrivals = [1, 9, 10, 35, 36, 1296, 10 ** 9].map(arrivalNumber);
  t.same([...arrivals].sort(), arrivals);
  t.equal(readTimerKey(keys.timer(local, -5)).dueMs, 0);
});

t.test('a range holds exactly its own rows, whatever a user is called', async (t) => {
  for (const aor of hostile) {
    const key = keys.mailbox(aor, arrivalNumber(1));
    t.match(key, /^[\x20-\x7e]*$/, 'ASCII');
    t.equal(partitionOfKey(key), partitionOf(aor));
    for (const other of hostile) {
      const { from, to } = ranges.mailbox(other, null);
      t.equal(key >= from && key < to, other === aor, `${aor} in ${other}`);
    }
  }
  const pairs = new Set(hostile.flatMap((a) => hostile.map((b) => keys.pair(a, b).slice(3))));
  t.equal(pairs.size, hostile.length ** 2, 'no two pairs share a row');
});

t.test(
  'after an arrival comes the next one, and a partition ends where the next begins',
  async (t) => {
    const aor = 'sip:bob@example.org';
    const at = (count: number) => keys.mailbox(aor, arrivalNumber(count));
    const { from, to } = ranges.mailbox(aor, arrivalNumber(7));
    t.same(
      [6, 7, 8].map((count) => at(count) >= from && at(count) < to),
      [false, false, true],
    );
    const five = ranges.partition(5);
    t.equal(five.to <= ranges.partition(6).from, true);
    for (const key of [keys.meta(5), '05!a!x', '05!w!~'])
      t.ok(key >= five.from && key < five.to, key);
    t.notOk('~sum' < ranges.partition(partitionCount).to);
  },
);

t.test('a local id tells its partition, and only one of ours does', async (t) => {
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const id = localId(partition, new Uint8Array(17));
    t.equal(partitionOfLocal(id), partition);
    t.match(id, /^[a-z0-9]{28}$/);
  }
  const tail = local.slice(2);
  for (const head of ['-1', '+1', ' 1', '1g', '40', 'ff', '0A', '\n1', '1.', ''])
    t.equal(partitionOfLocal(head + tail), null, JSON.stringify(head));
  for (const odd of ['', local.slice(1), `${local}a`, `09${'A'.repeat(26)}`, '__proto__'])
    t.equal(partitionOfLocal(odd), null, odd);
});

t.test('base32 and dedup digests', async (t) => {
  t.equal(base32(Buffer.from('foobar')), 'mzxw6ytboi', 'RFC 4648 section 10');
  t.equal(base32(Buffer.from('fooba')), 'mzxw6ytb');
  t.equal(base32(Buffer.from('f')), 'my');
  t.not(dedupDigest(['ab', 'c']), dedupDigest(['a', 'bc']), 'parts cannot be confused');
  t.not(dedupDigest(['a;1:b']), dedupDigest(['a', 'b']));
  t.match(dedupDigest(['x']), /^[a-z2-7]{32}$/);
});

t.test('users are spread over the partitions', async (t) => {
  const counts = new Map<number, number>();
  for (let user = 0; user < 6400; user += 1) {
    const at = partitionOf(`sip:user${user}@example.org`);
    counts.set(at, (counts.get(at) ?? 0) + 1);
  }
  t.equal(counts.size, partitionCount);
  t.ok(Math.max(...counts.values()) < 200, `fullest: ${Math.max(...counts.values())} of 100`);
});
