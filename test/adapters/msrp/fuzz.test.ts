// Every reader of this folder against seeded damage (F12, P7): none throws, and what is read is what the reader
// promises. A failure names its seed; `SEED=<n> node <this file>` repeats it alone.
import t from 'tap';
import { Assembly, Budget } from '../../../adapters/msrp/assembly.js';
import { byteRange, msrpUri, readPath, sendFacts } from '../../../adapters/msrp/fields.js';
import { type FrameEvent, FrameScanner } from '../../../adapters/msrp/frame.js';
import { accepts, readSdp, writeAnswer } from '../../../adapters/msrp/sdp.js';
import { samplesOf } from '../../support/corpus.js';
import { generator } from '../sip/samples.js';

const seeds = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: 3_000 }, (_, at) => at + 1);

const streams = samplesOf('msrp').map(({ octets }) => octets);
const descriptions = samplesOf('sdp').map(({ octets }) => octets);
const splinters = [
  ...['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ';', '/', '-', '*', '$', '+', '#', '@', '[', ']'],
  ...['-------', '-------a786hjs2$\r\n', '\r\n\r\n', 'MSRP ', ' SEND', ' 200 OK', 'Message-ID: x'],
  ...[
    'Byte-Range: 1-',
    '9007199254740993',
    '99999999999999999999',
    'msrp://',
    ';tcp',
    'm=message ',
  ],
  ...['a=path:', 'a=setup:', 'a=max-size:', 'é', '\ud83d', '%00', '--'],
];

/** A sample with some of its octets gone, changed, or joined by others. */
function damage(samples: readonly Buffer[], below: (limit: number) => number): Buffer {
  let octets = Buffer.from(samples[below(samples.length)]!);
  for (let left = below(6); left > 0; left--) {
    const at = below(octets.length + 1);
    const kind = below(5);
    if (kind === 0)
      octets = Buffer.concat([octets.subarray(0, at), octets.subarray(at + below(9))]);
    else if (kind === 1) octets[Math.min(at, octets.length - 1)] = below(256);
    else if (kind === 2) octets = Buffer.concat([octets, samples[below(samples.length)]!]);
    else {
      const splinter = Buffer.from(splinters[below(splinters.length)]!);
      octets = Buffer.concat([octets.subarray(0, at), splinter, octets.subarray(at)]);
    }
  }
  return octets;
}

/** What a stream says however it is cut: heads, whole bodies, flags, and the fault. */
function said(octets: Buffer, cut: () => number): { text: string; events: FrameEvent[] } {
  const scanner = new FrameScanner();
  const events: FrameEvent[] = [];
  let [text, code] = ['', ''];
  for (let at = 0; at < octets.length && code === ''; ) {
    const end = at + cut();
    const { events: more, fault } = scanner.push(octets.subarray(at, end));
    events.push(...more);
    code = fault?.code ?? '';
    at = end;
  }
  for (const event of events) {
    if (event.type === 'head') text += `|${JSON.stringify(event.head)}|`;
    else text += event.type === 'body' ? event.octets.toString('latin1') : `|${event.flag}`;
  }
  return { text: `${text}|${code}`, events };
}

/** What must hold for any stream; a sentence where it does not. */
function streamFault(octets: Buffer, below: (limit: number) => number): string | null {
  const whole = said(octets, () => octets.length);
  if (said(octets, () => 1 + below(20)).text !== whole.text)
    return 'the cutting changes what is read';
  const assembly = new Assembly(4_096, new Budget(8_192));
  for (const event of whole.events) {
    if (event.type === 'head' && event.head.kind === 'request') {
      const facts = sendFacts(event.head);
      for (const [, value] of event.head.headers) {
        readPath(value);
        byteRange(value);
        msrpUri(value);
      }
      if (typeof facts !== 'string') assembly.begin(facts.range);
    } else if (event.type === 'body') assembly.write(event.octets);
    else if (event.type === 'end' && event.flag === '$') assembly.last();
  }
  if (assembly.complete && assembly.content().length > 4_096) return 'more than the limit is held';
  return null;
}

const own = {
  ...{ host: '127.0.0.1', port: 2855, path: 'msrp://127.0.0.1:2855/ours1;tcp', setup: null },
  fingerprint: null,
  ...{ direction: 'recvonly' as const, maxSize: 1000, sessionNumber: 1 },
};

function descriptionFault(octets: Buffer): string | null {
  const offer = readSdp(octets);
  if (offer === null) return null;
  accepts(offer.medium, 'message/cpim');
  if (offer.medium.path.length === 0) return 'a medium without a path';
  const answer = writeAnswer(offer, own);
  const media = answer.split('\r\n').filter((line) => line.startsWith('m='));
  if (media.length !== offer.mediaLines.length) return 'an answer has another number of media';
  const again = readSdp(Buffer.from(answer));
  return again?.medium.path[0]?.text === own.path ? null : 'our own answer cannot be read';
}

t.test('F12 P7 no damage to a stream throws, or is read differently in pieces', async (t) => {
  for (const seed of seeds) {
    const below = generator(seed);
    const fault = streamFault(damage(streams, below), below);
    if (fault !== null) t.fail(`seed ${seed}: ${fault}`);
  }
  t.ok(seeds.length > 0);
});

t.test('F12 P7 no damage to a session description throws, or breaks our answer', async (t) => {
  for (const seed of seeds) {
    const fault = descriptionFault(damage(descriptions, generator(seed)));
    if (fault !== null) t.fail(`seed ${seed}: ${fault}`);
  }
  t.ok(seeds.length > 0);
});
