// Every MSRP stream and session description of the corpus is read as its file says: as RFC 4975 and clients write them,
// and torture of our own. A reading of a stream is its frames in order, with what our readers of fields make of each.
import t from 'tap';
import { readPath, sendFacts } from '../../../adapters/msrp/fields.js';
import { FrameScanner, type RequestHead, type ResponseHead } from '../../../adapters/msrp/frame.js';
import { readSdp } from '../../../adapters/msrp/sdp.js';
import { alone, difference, type Sample, samplesOf } from '../../support/corpus.js';

interface FrameRead {
  start: string;
  to: readonly string[] | null;
  from: readonly string[] | null;
  facts?: unknown;
  body: string;
  flag: string | null;
}

const headerOf = (head: RequestHead | ResponseHead, name: string): string =>
  head.headers.find(([given]) => given.toLowerCase() === name)?.[1] ?? '';

const pathOf = (head: RequestHead | ResponseHead, name: string) =>
  readPath(headerOf(head, name))?.map(({ text }) => text) ?? null;

function begun(head: RequestHead | ResponseHead): FrameRead {
  const what = head.kind === 'request' ? head.method : String(head.status);
  return {
    start: `${what} ${head.transactionId}`,
    to: pathOf(head, 'to-path'),
    from: pathOf(head, 'from-path'),
    ...(head.kind === 'request' && head.method === 'SEND' ? { facts: sendFacts(head) } : {}),
    body: '',
    flag: null,
  };
}

/** The frames of a stream that comes in pieces of some octets. */
function framesOf(octets: Buffer, pieceOctets: number): object {
  const scanner = new FrameScanner();
  const frames: FrameRead[] = [];
  for (let at = 0; at < octets.length; at += pieceOctets) {
    const { events, fault } = scanner.push(octets.subarray(at, at + pieceOctets));
    for (const event of events) {
      if (event.type === 'head') frames.push(begun(event.head));
      else if (event.type === 'body') frames.at(-1)!.body += event.octets.toString('latin1');
      else frames.at(-1)!.flag = event.flag;
    }
    if (fault !== null) return { refused: { code: fault.code } };
  }
  return { reading: frames };
}

const faultsIn = (samples: readonly Sample[], read: (octets: Buffer) => object) =>
  samples.flatMap(({ name, says, octets, expected }) => {
    const fault = difference(expected, read(octets));
    return fault === null ? [] : [`${name} (${says}): ${fault}`];
  });

t.test('every file of the MSRP corpus has its partner', async (t) => {
  for (const kind of ['msrp', 'sdp']) t.strictSame(alone(kind), [], kind);
});

t.test('C86 MSRP streams are read as expected, whole, and octet by octet', async (t) => {
  const samples = samplesOf('msrp');
  t.ok(samples.length >= 24);
  for (const pieceOctets of [100_000, 7, 1])
    t.strictSame(
      faultsIn(samples, (octets) => framesOf(octets, pieceOctets)),
      [],
    );
});

t.test('C86 session descriptions are read as expected', async (t) => {
  const samples = samplesOf('sdp');
  t.ok(samples.length >= 10);
  t.strictSame(
    faultsIn(samples, (octets) => ({ reading: readSdp(octets) })),
    [],
  );
});

t.test('a reading that differs is noticed', async (t) => {
  const [sample] = samplesOf('msrp');
  const other = { ...sample!, expected: { reading: [] } };
  t.equal(faultsIn([other], (octets) => framesOf(octets, 1)).length, 1);
});
