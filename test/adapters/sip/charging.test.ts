// The charging id of P-Charging-Vector (RFC 7315 section 4.6): kept as it stands, or not at all, in linear time.
import t from 'tap';
import { parseChargingId } from '../../../adapters/sip/charging.js';

t.test('the id is found wherever it stands, quoted or not', async (t) => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net', '1234bc9876e'],
    [
      'icid-value="AyretyU0dm+6O2IrT5tAFrbHLso=023551024";orig-ioi=home1.net',
      'AyretyU0dm+6O2IrT5tAFrbHLso=023551024',
    ],
    ['orig-ioi="a;icid-value=no"; ICID-Value = yes', 'yes'],
    ['icid-generated-at=192.0.6.8', null],
    ['icid-value=', null],
    ['icid-value', null],
    ['', null],
    [`icid-value=${'x'.repeat(257)}`, null],
    ['icid-value="a\tb"', null],
    ['orig-ioi="never closed;icid-value=x', null],
  ];
  for (const [value, id] of cases) t.equal(parseChargingId(value), id, value.slice(0, 60));
});

t.test('quotes that are never closed cost no more than others', async (t) => {
  const cost = (count: number): number => {
    const value = `x=${'"\\"'.repeat(count)}`;
    const begun = process.cpuUsage();
    for (let again = 0; again < 20; again += 1) parseChargingId(value);
    return process.cpuUsage(begun).user;
  };
  cost(1000);
  t.ok(cost(20_000) < 40 * (cost(5000) + 1000));
});
