// The log: one JSON object a line, levels, and long values cut.
import t from 'tap';
import { createLog } from '../../../adapters/log.js';

const now = () => new Date(0);

t.test('one JSON object a line, at its level or worse', async (t) => {
  const lines: string[] = [];
  const log = createLog('warn', (line) => lines.push(line), now);
  log('error', 'a', { count: 1, why: 'line\nbreak', none: null, gone: undefined });
  log('warn', 'b');
  log('info', 'c');
  log('debug', 'd');
  t.same(lines, [
    '{"time":"1970-01-01T00:00:00.000Z","level":"error","event":"a","count":1,"why":"line\\nbreak","none":null}\n',
    '{"time":"1970-01-01T00:00:00.000Z","level":"warn","event":"b"}\n',
  ]);
});

t.test('X15: a value longer than a line should be is cut', async (t) => {
  const lines: string[] = [];
  createLog('debug', (line) => lines.push(line), now)('debug', 'a', { text: 'x'.repeat(100_000) });
  t.ok((lines[0] ?? '').length < 700);
  t.match(lines[0], /x…"}\n$/);
});
