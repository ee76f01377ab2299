// Every reader of this folder against seeded damage (F8, F11, P7). A failure names its seed; `SEED=<n> node <this file>`
// repeats it alone.
import t from 'tap';
import {
  bareUri,
  canonicalAor,
  correlate,
  deliverRequest,
  headerValue,
  hostOf,
  nameAddr,
  readCommand,
  readContacts,
  readCpim,
  readImdn,
  readMessage,
  readRequest,
  reportRequest,
} from '../../../adapters/sip/index.js';
import { alice, asking, cpim, delivery, f1, f3, generator, report, request } from './samples.js';

const seeds = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: 3_000 }, (_, at) => at + 1);

const multipart = `--b\r\nContent-Type: message/cpim\r\n\r\n${cpim(...asking)}\r\n--b--`;
const samples = [
  f1,
  f3,
  f3.subarray(f3.indexOf('<?xml')),
  request(multipart, ['Content-Type: multipart/mixed; boundary=b', 'Subject: é☕']),
  request('{"v":1,"op":"delete","ids":["a@b"]}', [
    'Content-Type: application/vnd.deferred-im.command+json',
  ]),
];
const splinters = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '<',
  '>',
  '"',
  '\\',
  '&',
  '%00',
  '@',
  '--b',
  '\r\n ',
  '\r\n\r\n',
  '\u00e9',
  '\ud83d',
  'Content-Length: 0',
  '&#0;',
  '<!',
  ']]>',
  '{',
  '[',
  '-1',
];

function damage(seed: number): Buffer {
  const below = generator(seed);
  let octets = Buffer.from(samples[below(samples.length)]!);
  for (let left = 1 + below(6); left > 0; left--) {
    const at = below(octets.length + 1);
    const splinter = Buffer.from(splinters[below(splinters.length)]!);
    const kind = below(5);
    if (kind === 0)
      octets = Buffer.concat([octets.subarray(0, at), octets.subarray(at + below(9))]);
    else if (kind === 1) octets[at] = below(256);
    else if (kind === 2) octets = octets.subarray(0, at);
    else octets = Buffer.concat([octets.subarray(0, at), splinter, octets.subarray(at)]);
  }
  return below(2) ? mended(octets) : octets;
}

/**
 * Half of the damaged requests get their Content-Length right again, so that the readers behind it
 * see damage too.
 */
function mended(octets: Buffer): Buffer {
  const body = octets.indexOf('\r\n\r\n') + 4;
  const head = octets.subarray(0, body).toString('latin1');
  const right = head.replace(/^Content-Length: \d+/im, `Content-Length: ${octets.length - body}`);
  return Buffer.concat([Buffer.from(right, 'latin1'), octets.subarray(body)]);
}

/** What must hold for any octets; a sentence where it does not. */
function fault(octets: Buffer): string | null {
  const read = readMessage(octets, alice);
  readCommand(octets, alice);
  readCpim(octets, 'message/cpim');
  readImdn(octets);
  correlate(octets, [{ imdnMessageId: 'Xk7qJ2mB9vTz4RwL', recipients: [alice] }]);
  const text = octets.toString('latin1');
  for (const line of text.split('\r\n')) {
    nameAddr(line);
    hostOf(line);
    readContacts(line, 60, 0);
  }
  if (!read.ok) return read.status >= 400 && read.reason !== '' ? null : 'a refusal without reason';
  return sendFault(octets) ?? identityFault(read.message.aor);
}

function identityFault(aor: string): string | null {
  return canonicalAor(aor) === aor ? null : 'an identity that is not canonical';
}

/** Whatever was accepted can be sent on, and says the same when it is read again. */
function sendFault(octets: Buffer): string | null {
  const copy = deliverRequest(delivery(octets));
  const body = octets.subarray(octets.length - copy.body.length);
  if (!body.equals(Buffer.from(copy.body))) return 'the body changed';
  for (const parts of [copy, reportRequest(report(octets))]) {
    const end = `Content-Length: ${parts.body.length}\r\n\r\n`;
    const head = `MESSAGE ${parts.ruri} SIP/2.0\r\n${parts.headers}${end}`;
    const again = readRequest(Buffer.concat([Buffer.from(head), parts.body]));
    if (!again.ok) return `our own request is refused: ${again.finding.code}`;
    const from = headerValue(again.request, 'from') ?? '';
    if (bareUri(from) === null || !from.endsWith(';tag=srv-7f31')) return 'From was broken';
    if (!Buffer.from(parts.headers, 'utf8').equals(Buffer.from(parts.headers))) return 'not UTF-8';
  }
  return null;
}

t.test('F8 F11 P7 damaged input gives findings and nothing else', async (t) => {
  let accepted = 0;
  for (const seed of seeds) {
    const octets = damage(seed);
    try {
      const found = fault(octets);
      if (found !== null) t.fail(`${found}; SEED=${seed}`);
    } catch (error) {
      t.fail(`SEED=${seed}: ${String(error)}`);
    }
    if (readMessage(octets, alice).ok) accepted++;
  }
  t.ok(seeds.length === 1 || accepted > seeds.length / 20, `${accepted} were accepted`);
  t.ok(seeds.length === 1 || accepted < seeds.length / 1.1, `${accepted} were accepted`);
});

t.test('arbitrary octets give findings and nothing else', async (t) => {
  for (const seed of seeds.slice(0, 500)) {
    const below = generator(seed);
    const octets = Buffer.from(Array.from({ length: below(300) }, () => below(256)));
    t.doesNotThrow(() => fault(octets), `SEED=${seed}`);
  }
});
