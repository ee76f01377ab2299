// Readings that are remembered: the same answer, read once, and bounded.
import t from 'tap';
import { remembered } from '../../../adapters/sip/remembered.js';

t.test('a text is read once, whatever the reading came to', async (t) => {
  let reads = 0;
  const half = remembered((text) => {
    reads += 1;
    return text === '' ? null : text.slice(0, text.length / 2);
  });
  for (let again = 0; again < 3; again += 1) {
    t.equal(half('sip:älice'), 'sip:');
    t.equal(half(''), null);
  }
  t.equal(reads, 2);
});

t.test('long texts and the oldest of many are read anew', async (t) => {
  let reads = 0;
  const measure = remembered((text) => {
    reads += 1;
    return text.length > 100;
  });
  const long = 'x'.repeat(129);
  t.same([measure(long), measure(long)], [true, true]);
  t.equal(reads, 2, 'a long text is not kept');
  for (let count = 0; count <= 4096; count += 1) measure(`sip:user${count}@example.org`);
  const before = reads;
  measure('sip:user0@example.org');
  measure('sip:user4096@example.org');
  t.equal(reads, before + 1, 'all but the last were forgotten when there was no more room');
});
