// Checksums and sums: every change of a row is noticed, and the sums are numbers mod 2^64.
import t from 'tap';
import {
  add,
  DamagedRow,
  openRow,
  readSum,
  sameSum,
  sealRow,
  subtract,
  sumOf,
  unlessDamaged,
  writeSum,
  zero,
} from '../../runtime/integrity.js';
import { seeded } from '../support/world.js';

const big = (sum: { high: number; low: number }) => (BigInt(sum.high) << 32n) | BigInt(sum.low);
const mask = (1n << 64n) - 1n;

t.test('sum arithmetic is that of numbers mod 2^64', async (t) => {
  const random = seeded(7);
  const half = () => Math.floor(random() * 2 ** 32);
  let wrong = 0;
  for (let round = 0; round < 2000; round += 1) {
    const a = { high: half(), low: half() };
    const b = { high: half(), low: half() };
    if (big(add(a, b)) !== ((big(a) + big(b)) & mask)) wrong += 1;
    if (big(subtract(a, b)) !== ((big(a) - big(b)) & mask)) wrong += 1;
    if (!sameSum(subtract(add(a, b), b), a)) wrong += 1;
    if (!sameSum(readSum(writeSum(a)), a)) wrong += 1;
  }
  t.equal(wrong, 0);
  t.equal(writeSum(subtract(zero, { high: 0, low: 1 })), 'f'.repeat(16));
  t.equal(writeSum(zero), '0'.repeat(16));
});

t.test('a row opens under its own key alone', async (t) => {
  const { value, sum } = sealRow('00!a!x', Buffer.from('payload'));
  t.equal(openRow('00!a!x', value).toString(), 'payload');
  t.same(sumOf(value), sum);
  t.throws(() => openRow('00!a!y', value), DamagedRow);
  t.equal(openRow('k', sealRow('k', new Uint8Array()).value).length, 0);
});

t.test('B10 every flipped bit and every cut is noticed', async (t) => {
  const { value } = sealRow('00!a!x', Buffer.from('some payload'));
  let missed = 0;
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const copy = Buffer.from(value);
    copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7));
    if (unlessDamaged(() => openRow('00!a!x', copy)) !== null) missed += 1;
  }
  for (let length = 0; length < value.length; length += 1) {
    if (unlessDamaged(() => openRow('00!a!x', value.subarray(0, length))) !== null) missed += 1;
  }
  t.equal(missed, 0);
  t.throws(
    () =>
      unlessDamaged(() => {
        throw new TypeError('a bug');
      }),
    TypeError,
  );
});
