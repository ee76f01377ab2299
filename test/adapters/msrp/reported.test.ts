// What a phone behind a relay reports of a message: pieces in any order, and as many of them as an honest phone can need.
import t from 'tap';
import { msrpLimits } from '../../../adapters/msrp/limits.js';
import { Reported } from '../../../adapters/msrp/reported.js';

const path = ['relay', 'phone'];

/** One REPORT of the phone, with status 200 and the range it has. */
const report = (range: string) => ({
  kind: 'request' as const,
  transactionId: 'tr1',
  method: 'REPORT',
  headers: (
    [
      ['From-Path', 'msrp://phone.example.org:2855/phone;tcp'],
      ['Message-ID', 'm1'],
      ['Status', '000 200 OK'],
      ['Byte-Range', range],
    ] as const
  ).map(([name, value]) => [name.toLowerCase(), value] as const),
});

t.test('a message has arrived when its pieces have, in any order', async (t) => {
  const reported = new Reported('m1', 30);
  for (const range of ['21-30/30', '1-10/30']) t.equal(reported.take(report(range), path), null);
  t.notOk(reported.whole, 'a piece is missing');
  t.equal(reported.take(report('11-20/30'), path), null);
  t.ok(reported.whole);
});

t.test('an empty message has arrived when it is reported', async (t) => {
  const reported = new Reported('m1', 0);
  t.notOk(reported.whole);
  t.equal(reported.take(report('1-0/0'), path), null);
  t.ok(reported.whole);
});

t.test('ranges of nothing take no room, and gaps without end are not kept', async (t) => {
  const octets = 8 * msrpLimits.gapsMax;
  const nothing = new Reported('m1', octets);
  for (let start = 2; start < octets; start += 1)
    if (nothing.take(report(`${start}-${start - 1}/*`), path) !== null) t.fail(`at ${start}`);
  t.equal(nothing.take(report(`1-${octets}/${octets}`), path), null);
  t.ok(nothing.whole, 'what has arrived still counts');
  const gaps = new Reported('m1', octets);
  const ends: number[] = [];
  for (let start = 1; start < octets && ends.length === 0; start += 2)
    if (gaps.take(report(`${start}-${start}/*`), path) === 400) ends.push((start + 1) / 2);
  t.strictSame(ends, [msrpLimits.gapsMax + 1], 'the first gap too many ends it');
});
