// SIPp's statistics file: columns are found by name, the last row counts.
import t from 'tap';
import { readStatistics } from './sipp.js';

const head =
  'StartTime;CurrentTime;TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);';
const row = (seconds: number, created: number, accepted: number) =>
  `2026-01-01\t10:00:00.000000\t1000.000000;2026-01-01\t10:00:0${seconds}.500000\t${1000 + seconds}.500000;${created};${accepted};0;3;`;

t.test('the last row', async (t) => {
  const text = `${head}\n${row(1, 500, 400)}\n${row(2, 1000, 1000)}\n`;
  t.same(readStatistics(text), { accepted: 1000, failed: 0, retransmissions: 3, perSecond: 400 });
});

t.test('a call without 202 is a failed one, whatever SIPp calls it', async (t) => {
  t.match(readStatistics(`${head}\n${row(2, 1000, 990)}\n`), { accepted: 990, failed: 10 });
});
