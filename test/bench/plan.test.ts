// The command line of the benchmarks: what is asked for is done, what is not understood is said.
import t from 'tap';
import { readWish, type Wish } from './plan.js';

const names = ['stores', 'memory'];
const wishOf = (...argv: string[]): Wish => {
  const wish = readWish(argv, names);
  if (typeof wish === 'string') throw new Error(wish);
  return wish;
};

t.test('sizes and choices', async (t) => {
  t.match(wishOf(), { plan: { thoroughness: 'full' }, only: [], json: false, write: false });
  t.match(wishOf('--quick', '--write'), { plan: { thoroughness: 'quick' }, write: true });
  t.same(wishOf('--only', 'stores,memory').only, names);
  for (const size of ['--quick', '--tiny']) t.ok(wishOf(size).plan.runs >= 3, 'a median of three');
  t.equal(wishOf('--quick').plan.waitingMessages, 100_000, 'memory is judged at its full size');
});

t.test('no mailbox reaches a quota', async (t) => {
  for (const size of ['--quick', '--tiny', '--json']) {
    const { plan } = wishOf(size);
    const most = Math.max(
      plan.waitingMessages,
      plan.warmMessages + plan.storeMessages,
      plan.warmMessages + plan.proxyMessages,
      plan.warmMessages + plan.openRatePerSecond * plan.openSeconds,
    );
    t.ok(most / plan.users <= 100, size);
  }
});

t.test('refusals', async (t) => {
  t.match(readWish(['--fast'], names), /--fast/);
  t.match(readWish(['--only', 'nothing'], names), /nothing.*stores/);
  t.match(readWish(['--only'], names), /no benchmark/);
  t.match(readWish(['--folder'], names), /folder/);
  t.match(readWish(['--write', '--tiny'], names), /--write/);
  t.match(readWish(['--write', '--only', 'stores'], names), /--write/);
});
