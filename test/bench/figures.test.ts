// The arithmetic of the benchmarks: medians, ratios, percentiles, aims, and when something counts as lost.
import t from 'tap';
import { figure, imbalance, median, percentile, ratios, shown } from './figures.js';

t.test('a median is the middle, or the mean of the two in the middle', async (t) => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([4, 1, 3, 100]), 3.5);
  t.throws(() => median([]), TypeError);
});

t.test('a percentile is a value that occurred', async (t) => {
  const sorted = Array.from({ length: 200 }, (_, index) => index + 1);
  t.equal(percentile(sorted, 0.5), 100);
  t.equal(percentile(sorted, 0.99), 198);
  t.equal(percentile([7], 0.99), 7);
  t.equal(percentile([], 0.99), 0);
});

t.test('ratios are taken pair by pair', async (t) => {
  t.same(ratios([6, 8], [10, 8]), [0.6, 1]);
});

t.test('an aim is held against the median', async (t) => {
  t.match(figure('x', '/s', [1, 5, 9], { atLeast: 5 }).aim, { reached: true });
  t.match(figure('x', 'ms', [1, 5, 9], { atMost: 4 }).aim, { text: '<= 4', reached: false });
  t.equal(figure('x', '/s', [1]).aim, null);
});

t.test('202 and the store must agree', async (t) => {
  const base = { where: 'run', accepted: 10, unsure: 0, stored: 10 };
  t.same(imbalance(base), []);
  t.match(imbalance({ ...base, stored: 9 }), [/1 lost/]);
  t.match(imbalance({ ...base, stored: 11 }), [/1 stored without/]);
  t.same(imbalance({ ...base, unsure: 1, stored: 11 }), [], 'kept, but its sender heard 503');
  t.match(imbalance({ ...base, unsure: 5, stored: 9 }), [/lost/], 'doubt does not excuse a loss');
});

t.test('numbers are shown with the digits one can read', async (t) => {
  t.same([12_345.6, 45.67, 4.567, 0.6034, 3].map(shown), ['12,346', '45.7', '4.57', '0.603', '3']);
});
