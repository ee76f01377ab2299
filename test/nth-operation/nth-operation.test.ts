// Every operation of a story fails once: whatever the disk or the bus does at any moment, the engine ends at once where
// it must, and afterwards everything is as if nothing had happened. `npm run crash-images` tries every way of failing.
import t from 'tap';
import { type Every, everyOperation } from './every.js';
import { type Failure, failuresOf } from './failing-world.js';
import { tell } from './told.js';

// A busy machine needs longer than tap's own patience.
t.setTimeout(120_000);

let every: Every;

t.before(async () => {
  every = await everyOperation('one');
});

t.test('the story is long enough, and has everything in it', async (t) => {
  const { operations, end, wrong } = every.undisturbed;
  t.same(wrong, []);
  for (const [kind, least] of [
    ['get', 100],
    ['scan', 100],
    ['commit', 40],
    ['send', 15],
  ] as const)
    t.ok(operations.filter((one) => one === kind).length >= least, `${least} times ${kind}`);
  for (const fate of ['delivered', 'reported']) t.match(end, fate);
});

t.test('A3, B1, B5, C1, C7, C8, R5 any operation fails, and nothing comes of it', async (t) => {
  t.same(every.wrong, []);
  t.equal(every.runs, every.undisturbed.operations.length);
});

t.test('A3, B5 a commit that failed and is there afterwards is no second truth', async (t) => {
  const commits = every.undisturbed.operations.flatMap((one, index) =>
    one === 'commit' ? [index + 1] : [],
  );
  for (const at of commits.slice(0, 12)) {
    const { wrong, end } = await tell(at, 'ghost');
    t.same(wrong, [], `commit ${at}`);
    t.equal(end, every.undisturbed.end);
  }
});

t.test('what must not be is noticed', async (t) => {
  // An operation that nobody hears of ends nothing, and the check says so.
  const first = every.undisturbed.operations.indexOf('commit') + 1;
  const silent = 'silent' as Failure;
  t.notOk(Object.values(failuresOf).flat().includes(silent));
  t.ok(first > 100, 'the boot alone asks more than a hundred times');
});
