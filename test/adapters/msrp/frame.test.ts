// The reader of MSRP frames: whole and cut into pieces, well formed and not, by seeded damage, and against growth
// (twice the input takes no more than about twice the time, up to 64 KiB and beyond).
import { performance } from 'node:perf_hooks';
import t from 'tap';
import {
  type FrameEvent,
  FrameScanner,
  isIdent,
  writeRequest,
  writeResponse,
} from '../../../adapters/msrp/frame.js';
import { msrpLimits } from '../../../adapters/msrp/limits.js';

const paths =
  'To-Path: msrp://a.example.org:7777/s1;tcp\r\nFrom-Path: msrp://b.example.org/s2;tcp\r\n';
const send = (body: string, flag = '$', id = 'tid12345'): string =>
  `MSRP ${id} SEND\r\n${paths}Message-ID: m1234\r\nByte-Range: 1-*/*\r\n` +
  `Content-Type: text/plain\r\n\r\n${body}\r\n-------${id}${flag}\r\n`;

/** What a stream says, bodies joined; cut into pieces of some octets. */
function read(text: string | Buffer, piece = Number.POSITIVE_INFINITY): string[] {
  const octets = Buffer.from(text as string, 'latin1');
  const scanner = new FrameScanner();
  const seen: string[] = [];
  let body = '';
  for (let at = 0; at < octets.length; at += piece) {
    const { events, fault } = scanner.push(
      octets.subarray(at, Math.min(octets.length, at + piece)),
    );
    for (const event of events) {
      if (event.type === 'body') body += event.octets.toString('latin1');
      else {
        if (event.type === 'end') seen.push(`body ${body}`);
        seen.push(shown(event));
        body = '';
      }
    }
    if (fault !== null) return [...seen, `fault ${fault.code}`];
  }
  return seen;
}

function shown(event: Exclude<FrameEvent, { type: 'body' }>): string {
  if (event.type === 'end') return `end ${event.flag}`;
  const { head } = event;
  return head.kind === 'request'
    ? `${head.method} ${head.transactionId}`
    : `${head.status} ${head.comment}`;
}

t.test('a SEND with a body', async (t) => {
  t.same(read(send('Hello')), ['SEND tid12345', 'body Hello', 'end $']);
  t.same(read(send('')), ['SEND tid12345', 'body ', 'end $'], 'an empty one');
  t.same(read(send('a\r\n', '+')), ['SEND tid12345', 'body a\r\n', 'end +'], 'its own CRLF stays');
});

t.test('frames without a body, and several in one piece', async (t) => {
  const bare = `MSRP tid99999 SEND\r\n${paths}-------tid99999$\r\n`;
  const answer = `MSRP tid12345 200 OK\r\n${paths}-------tid12345$\r\n`;
  const short = `MSRP tid12345 413\r\n${paths}-------tid12345$\r\n`;
  const all = [...read(send('one', '+')), 'SEND tid99999', 'body ', 'end $'];
  t.same(read(send('one', '+') + bare), all);
  t.same(read(answer), ['200 OK', 'body ', 'end $']);
  t.same(read(short), ['413 ', 'body ', 'end $']);
});

t.test('a blank line and then the end at once, as some write it', async (t) => {
  const odd = `MSRP tid99999 SEND\r\n${paths}\r\n-------tid99999$\r\n`;
  t.same(read(odd), ['SEND tid99999', 'body ', 'end $']);
});

t.test('what only looks like an end-line is body', async (t) => {
  const tricky = [
    'x-------tid12345$',
    '\r\n-------tid12345',
    '\r\n-------tid12345?\r\n',
    '\r\n-------tid1234$\r\n',
    '\r\n------tid12345$\r\n',
    '\r\n-------tid12345$\n',
    '\r\n-------tid12345+x\r\n-------tid12345-\r\n',
    '\n-------tid12345$\r\n',
    'MSRP tid12345 SEND\r\n\r\n',
    '\r\n\r\n\r\n-------',
  ];
  for (const body of tricky)
    for (const piece of [1, 2, 7, 64, 100_000])
      t.same(
        read(send(body), piece),
        ['SEND tid12345', `body ${body}`, 'end $'],
        `${piece} ${JSON.stringify(body)}`,
      );
});

t.test('cut anywhere it says the same', async (t) => {
  const text = send('Hello\r\n-------tid1234', '+') + send('World', '#', 'other999');
  const whole = read(text);
  t.equal(whole.at(-1), 'end #');
  for (let piece = 1; piece < 80; piece += 1) t.same(read(text, piece), whole, String(piece));
});

t.test('every octet passes: NUL, 8 bits, bare CR and LF', async (t) => {
  const body = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  t.same(read(send(body), 5), ['SEND tid12345', `body ${body}`, 'end $']);
});

t.test('what is no frame ends the reading, with what is wrong', async (t) => {
  const table: readonly (readonly [text: string, code: string])[] = [
    ['GET / HTTP/1.1\r\n', 'start-line'],
    ['MSRP tid SEND\r\n', 'start-line'],
    ['MSRP tid12345 send\r\n', 'start-line'],
    ['MSRP tid12345 20 OK\r\n', 'start-line'],
    ['MSRP tid12345 2000\r\n', 'start-line'],
    ['MSRP tid12345\r\n', 'start-line'],
    ['\r\n', 'start-line'],
    [`MSRP ${'i'.repeat(33)} SEND\r\n`, 'start-line'],
    ['MSRP -id12345 SEND\r\n', 'start-line'],
    ['MSRP tid12345 SEND\nTo-Path: x\r\n', 'bare-lf'],
    ['MSRP tid12345 SEND\r\nTo-Path\r\n', 'header-line'],
    ['MSRP tid12345 SEND\r\n: x\r\n', 'header-line'],
    ['MSRP tid12345 SEND\r\nTo Path: x\r\n', 'header-line'],
    ['MSRP tid12345 SEND\r\nTo-Path: a\0b\r\n', 'control-character'],
    ['MSRP tid12345 SEND\r\nTo-Path: \xff\xfe\r\n', 'bad-utf8'],
    [`MSRP tid12345 SEND\r\nA: ${'x'.repeat(msrpLimits.lineOctetsMax)}\r\n`, 'line-too-long'],
    [`MSRP tid12345 SEND\r\n${'A: x\r\n'.repeat(msrpLimits.headersMax + 1)}`, 'too-many-headers'],
    ['x'.repeat(msrpLimits.lineOctetsMax + 1), 'line-too-long'],
  ];
  for (const [text, code] of table)
    for (const piece of [1, 1000, 100_000])
      t.equal(read(text, piece).at(-1), `fault ${code}`, JSON.stringify(text.slice(0, 40)));
});

t.test('after a fault nothing more is read', async (t) => {
  const scanner = new FrameScanner();
  t.not(scanner.push(Buffer.from('nonsense\r\n')).fault, null);
  t.same(scanner.push(Buffer.from(send('Hello'))).events, []);
});

t.test('what is written is read again', async (t) => {
  const headers = [['To-Path', 'msrp://a/b;tcp'] as const, ['Subject', 'é☕'] as const];
  const head = { transactionId: 'abcd1234', method: 'SEND', headers };
  const scanner = new FrameScanner();
  const body = Buffer.from([0, 13, 10, 255]);
  const { events, fault } = scanner.push(
    Buffer.concat([
      writeRequest(head, body, '+'),
      writeRequest({ ...head, method: 'REPORT' }, null, '$'),
      writeResponse({ transactionId: 'abcd1234', status: 200, comment: 'OK', headers }),
    ]),
  );
  t.equal(fault, null);
  t.match(events[0], { type: 'head', head: { ...head, kind: 'request' } });
  t.match(events[1], { type: 'body' });
  t.equal(events.filter((one) => one.type === 'end').length, 3);
});

t.test('idents', async (t) => {
  for (const good of ['abcd', '0abc', 'a.-+%=b', 'x'.repeat(32)]) t.ok(isIdent(good), good);
  for (const bad of ['', 'abc', '.abc', 'ab cd', 'abc/', 'x'.repeat(33), 'abcdé'])
    t.notOk(isIdent(bad), bad);
});

t.test('F8 seeded damage never throws, and never loses count', async (t) => {
  const seeds = process.env['SEED'] ? [Number(process.env['SEED'])] : [...Array(2000).keys()];
  const base = send('Hello\r\n-------tid', '+') + send('World', '$', 'other999');
  for (const seed of seeds) {
    let state = seed * 2_654_435_761 + 1;
    const below = (max: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 4_294_967_296) * max);
    };
    let text = base;
    for (let left = 1 + below(4); left > 0; left -= 1) {
      const at = below(text.length);
      const splinter = ['', '\r\n', '-------', '\0', '$', 'MSRP ', '\xff', ':'][below(8)]!;
      text = text.slice(0, at) + splinter + text.slice(at + below(5));
    }
    const whole = read(text);
    t.ok(JSON.stringify(read(text, 1 + below(9))) === JSON.stringify(whole), `SEED=${seed}`);
  }
});

/** The least of several times, in milliseconds. */
function timeOf(run: () => void): number {
  const times = Array.from({ length: 7 }, () => {
    const begun = performance.now();
    for (let at = 0; at < 8; at += 1) run();
    return performance.now() - begun;
  });
  return Math.min(...times);
}

const growing: Readonly<Record<string, (size: number) => () => void>> = {
  'a body': (size) => {
    const text = Buffer.from(send('x'.repeat(size)), 'latin1');
    return () => void new FrameScanner().push(text);
  },
  'almost ends': (size) => {
    const text = Buffer.from(send('\r\n-------tid12345?'.repeat(size / 18)), 'latin1');
    return () => void new FrameScanner().push(text);
  },
  'CRLFs alone': (size) => {
    const text = Buffer.from(send('\r\n'.repeat(size / 2)), 'latin1');
    return () => void new FrameScanner().push(text);
  },
  'octet by octet': (size) => {
    const text = Buffer.from(send('\r\n-------tid1'.repeat(size / 208)), 'latin1');
    return () => {
      const scanner = new FrameScanner();
      for (let at = 0; at < text.length; at += 1) scanner.push(text.subarray(at, at + 1));
    };
  },
  'many frames': (size) => {
    const text = Buffer.from(send('x').repeat(size / 160), 'latin1');
    return () => void new FrameScanner().push(text);
  },
};

t.test('F12 twice the input takes no more than about twice the time, up to 64 KiB', async (t) => {
  for (const [name, make] of Object.entries(growing)) {
    // Measured again when the machine was busy: growth that is real is there each time.
    let seen = '';
    const fine = [1, 2, 3, 4].some(() => {
      const [small, large] = [timeOf(make(16_384)), timeOf(make(65_536))];
      seen = `${small.toFixed(3)} → ${large.toFixed(3)} ms`;
      return large < 4 * 2.5 * small + 1;
    });
    t.ok(fine, `${name}: ${seen}`);
  }
});
