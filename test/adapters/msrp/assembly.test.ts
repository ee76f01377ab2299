// Chunks put together: in order and in none, repeated and overlapping, and what cannot be true.
import t from 'tap';
import { Assembly, Budget } from '../../../adapters/msrp/assembly.js';
import { byteRange, msrpUri, readPath } from '../../../adapters/msrp/fields.js';
import { msrpLimits } from '../../../adapters/msrp/limits.js';

const plenty = new Budget(1 << 30);

/** `[Byte-Range, text, flag]`, one after the other; the first fault, or null. */
function take(
  assembly: Assembly,
  chunks: readonly (readonly [range: string, text: string, flag?: string])[],
): string | null {
  for (const [range, text, flag = '+'] of chunks) {
    const read = byteRange(range);
    if (read === null) return 'range';
    const fault =
      assembly.begin(read) ??
      assembly.write(Buffer.from(text)) ??
      (flag === '$' ? assembly.last() : null);
    if (fault !== null) return fault;
  }
  return null;
}

const contentOf = (chunks: Parameters<typeof take>[1], octetsMax = 1000): string | null => {
  const assembly = new Assembly(octetsMax, plenty);
  const fault = take(assembly, chunks);
  const content = assembly.complete ? assembly.content().toString() : null;
  assembly.drop();
  return fault ?? content;
};

t.test('chunks in any order make one message', async (t) => {
  t.equal(contentOf([['1-5/5', 'Hello', '$']]), 'Hello');
  t.equal(contentOf([['1-*/*', 'Hello', '$']]), 'Hello', 'nothing announced');
  t.equal(
    contentOf([
      ['1-3/6', 'abc'],
      ['4-6/6', 'def', '$'],
    ]),
    'abcdef',
  );
  t.equal(
    contentOf([
      ['4-6/6', 'def', '$'],
      ['1-3/6', 'abc'],
    ]),
    'abcdef',
    'the last one first',
  );
  t.equal(
    contentOf([
      ['3-4/6', 'cd'],
      ['5-6/6', 'ef', '$'],
      ['1-2/6', 'ab'],
    ]),
    'abcdef',
  );
  t.equal(contentOf([['1-0/0', '', '$']]), '', 'an empty message');
});

t.test('repeated and overlapping octets: those that came last count', async (t) => {
  t.equal(
    contentOf([
      ['1-3/5', 'abc'],
      ['1-3/5', 'abc'],
      ['4-5/5', 'de', '$'],
    ]),
    'abcde',
  );
  t.equal(
    contentOf([
      ['1-4/5', 'abcX'],
      ['3-5/5', 'cde', '$'],
    ]),
    'abcde',
  );
  t.equal(
    contentOf([
      ['1-*/5', 'ab'],
      ['2-*/5', 'bcde', '$'],
    ]),
    'abcde',
    'interrupted, sent again',
  );
});

t.test('a message is complete only with its last chunk and every octet', async (t) => {
  t.equal(contentOf([['1-5/5', 'Hello']]), null, 'no last chunk');
  t.equal(
    contentOf([
      ['1-2/5', 'He'],
      ['4-5/5', 'lo', '$'],
    ]),
    null,
    'a gap',
  );
  t.equal(contentOf([['2-5/5', 'ello', '$']]), null, 'the first octet is missing');
});

t.test('what cannot be true is a contradiction', async (t) => {
  t.equal(contentOf([['1-5/5', 'Hell', '$']]), 'contradiction', 'shorter than announced');
  t.equal(contentOf([['1-5/5', 'Hello!']]), 'contradiction', 'longer than announced');
  t.equal(
    contentOf([
      ['1-2/5', 'He'],
      ['3-4/6', 'll'],
    ]),
    'contradiction',
    'two totals',
  );
  t.equal(
    contentOf([
      ['1-5/*', 'Hello'],
      ['1-2/*', 'He', '$'],
    ]),
    'contradiction',
    'two ends',
  );
});

t.test('the limit holds for what is announced and for what comes', async (t) => {
  t.equal(contentOf([['1-4/11', 'abcd']], 10), 'too-large');
  t.equal(contentOf([['1-*/*', 'abcdefghijk']], 10), 'too-large');
  t.equal(contentOf([['12-*/*', 'a']], 10), 'too-large');
  t.equal(contentOf([['1-*/*', 'abcdefghij', '$']], 10), 'abcdefghij', 'up to it');
});

t.test('memory is asked for before it is taken, and given back', async (t) => {
  const budget = new Budget(10_000);
  const [one, two] = [new Assembly(8000, budget), new Assembly(8000, budget)];
  t.equal(take(one, [['1-5/8000', 'Hello']]), null);
  t.equal(budget.held, 8000);
  t.equal(take(two, [['1-5/8000', 'Hello']]), 'no-memory');
  one.drop();
  t.equal(budget.held, 0);
  t.equal(take(two, [['1-5/8000', 'Hello']]), null);
});

t.test('the number of gaps is bounded', async (t) => {
  const assembly = new Assembly(100_000, plenty);
  const spread = Array.from(
    { length: msrpLimits.gapsMax + 1 },
    (_, at) => [`${2 * at + 1}-*/*`, 'x'] as const,
  );
  t.equal(take(assembly, spread), 'too-many-gaps');
});

t.test('any cut of a message in any order is the message', async (t) => {
  const text = 'The quick brown fox jumps over the lazy dog, twice as fast as before.';
  for (let seed = 1; seed <= 300; seed += 1) {
    let state = seed;
    const below = (max: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 4_294_967_296) * max);
    };
    const chunks: [string, string, string][] = [];
    for (let at = 0; at < text.length; ) {
      const end = Math.min(text.length, at + 1 + below(12));
      chunks.push([`${at + 1}-*/*`, text.slice(at, end), end === text.length ? '$' : '+']);
      at = end;
    }
    for (let left = below(5); left > 0; left -= 1) chunks.push(chunks[below(chunks.length)]!);
    for (let at = chunks.length - 1; at > 0; at -= 1) {
      const other = below(at + 1);
      [chunks[at], chunks[other]] = [chunks[other]!, chunks[at]!];
    }
    t.equal(contentOf(chunks), text, `seed ${seed}`);
  }
});

t.test('Byte-Range and paths', async (t) => {
  t.same(byteRange('1-10/20'), { start: 1, end: 10, total: 20 });
  t.same(byteRange('5-*/*'), { start: 5, end: null, total: null });
  for (const bad of [
    '',
    '1',
    '0-1/2',
    '1-2',
    '3-1/5',
    '1-9/5',
    '7-*/5',
    '-1-2/3',
    'a-b/c',
    '1-2/3/4',
  ])
    t.equal(byteRange(bad), null, bad);
  t.match(msrpUri('msrp://Example.org:7000/abc;tcp'), {
    host: 'example.org',
    port: 7000,
    sessionId: 'abc',
  });
  t.match(msrpUri('msrp://example.org/abc;tcp'), { port: 2855 });
  t.match(msrpUri('msrps://u@[::1]:1/abc;tcp;x=y'), { host: '::1', secure: true });
  for (const bad of [
    '',
    'http://a/b;tcp',
    'msrp://a/;tcp',
    'msrp://a/b',
    'msrp://a/b;ws',
    'msrp://a:0/b;tcp',
    'msrp://a b/c;tcp',
  ])
    t.equal(msrpUri(bad), null, bad);
  t.equal(readPath('msrp://a/b;tcp msrp://c/d;tcp')?.length, 2);
  t.equal(readPath('msrp://a/b;tcp nonsense'), null);
});
