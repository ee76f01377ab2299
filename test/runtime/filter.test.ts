// The Bloom filter before the dedup rows: it never denies what it was told.
import t from 'tap';
import { SeenFilter } from '../../runtime/filter.js';
import { dedupDigest } from '../../runtime/keys.js';

t.test('R17: what was added is never denied, what was not rarely believed', async (t) => {
  const filter = new SeenFilter();
  const digests = Array.from({ length: 20_000 }, (_, index) => dedupDigest(['a', String(index)]));
  const [told, untold] = [digests.slice(0, 10_000), digests.slice(10_000)];
  t.equal(told.filter((one) => filter.mayHave(one)).length, 0, 'an empty one denies all');
  for (const one of told) filter.add(one);
  t.equal(told.filter((one) => !filter.mayHave(one)).length, 0, 'nothing known is denied');
  t.ok(untold.filter((one) => filter.mayHave(one)).length < 10, 'little unknown is believed');
});
