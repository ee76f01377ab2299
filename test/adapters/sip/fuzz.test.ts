// Every reader of this folder against seeded damage (F8, F11, P7), and against growth (F12: twice
// the input never takes much more than twice the time). A failure names its seed; `SEED=<n> node
// <this file>` repeats it alone.
import { performance } from 'node:perf_hooks';
import t from 'tap';
import {
  bareUri,
  canonicalAor,
  correlate,
  deliverRequest,
  headerValue,
  hostOf,
  nameAddr,
  parseSipDate,
  readCommand,
  readContacts,
  readCpim,
  readImdn,
  readMessage,
  readRequest,
  reportRequest,
} from '../../../adapters/sip/index.js';
import { parseJson } from '../../../adapters/sip/json.js';
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

const smallest = 16_384;

/** Least time of some runs, in milliseconds. */
function least(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let left = 7; left > 0; left--) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const fill = (text: string, size: number) =>
  text.repeat(Math.ceil(size / text.length)).slice(0, size);
const distinct = (size: number) =>
  Array.from({ length: size / 8 }, (_, at) => `;a${at} = b`).join('');
const body = (text: string) => Buffer.from(text);
const growing: Readonly<Record<string, (size: number) => void>> = {
  'blanks in a name-addr': (size) => void nameAddr(`${' '.repeat(size)}<${' '.repeat(size)}`),
  'brackets in a name-addr': (size) => void nameAddr(fill('<', size)),
  'quotes in a name-addr': (size) => void nameAddr(fill('"\\', size)),
  'parameters of a name-addr': (size) => void nameAddr(`<sip:a@b>${distinct(size)}`),
  'a list of contacts': (size) => void readContacts(fill('<sip:a@b>,', size), 60, 0),
  'a list without brackets': (size) => void readContacts(fill('a:b , ', size), 60, 0),
  'a URI': (size) => void canonicalAor(`sip:${fill('%61@', size)}`),
  'a date': (size) => void parseSipDate(fill(' ', size)),
  'header fields': (size) =>
    void readRequest(body(`MESSAGE sip:b@c SIP/2.0\r\n${fill('a: b\r\n', size)}`)),
  folds: (size) => void readRequest(body(`MESSAGE sip:b@c SIP/2.0\r\na:${fill('\r\n ', size)}`)),
  'cpim headers': (size) => void readCpim(body(fill('a: b\r\n', size)), 'message/cpim'),
  namespaces: (size) => void readCpim(body(fill('NS: a <b>\r\n', size)), 'message/cpim'),
  'one long cpim line': (size) => void readCpim(body(fill('a;b="', size)), 'message/cpim'),
  dispositions: (size) =>
    void readCpim(
      body(
        cpim(...asking, `imdn.Disposition-Notification: ${fill(',"', 7_000)}`) + fill('x', size),
      ),
      'message/cpim',
    ),
  'multipart delimiters': (size) =>
    void readCpim(body(fill('--b\r\n', size)), 'multipart/mixed;boundary=b'),
  'almost delimiters': (size) =>
    void readCpim(body(fill('--b', size)), 'multipart/mixed;boundary=b'),
  'a long boundary': (size) =>
    void readCpim(body(fill('-', size)), `multipart/mixed;boundary=${'-'.repeat(69)}b`),
  'json strings': (size) => void parseJson(fill('"a" ', size)),
  'json keys': (size) => void parseJson(`{${fill('"a":', size)}`),
  'json blanks': (size) => void parseJson(`["a"${' '.repeat(size)}]`),
  'json escapes': (size) => void parseJson(fill('"\\', size)),
};

/** Four times the input: linear is 4, quadratic 16. Below 0.1 ms nothing can be told apart. */
function growth(run: (size: number) => void, size: number): { fine: boolean; seen: string } {
  let seen = '';
  // A busy host may spoil one measurement, not three; a quadratic reader spoils all of them.
  for (let left = 3; left > 0; left--) {
    const small = least(() => run(size));
    const large = least(() => run(size * 4));
    seen = `${small.toFixed(3)} → ${large.toFixed(3)} ms`;
    if (large < 0.1 || large < small * 10) return { fine: true, seen };
  }
  return { fine: false, seen };
}

t.test('F12 time grows no faster than the input', async (t) => {
  for (const [name, run] of Object.entries(growing)) {
    const { fine, seen } = growth(run, smallest);
    t.ok(fine, `${name}: ${seen}`);
  }
  const xml = (size: number) => void readImdn(body(`<imdn>${fill('<a>&amp;</a>', size)}`));
  const { fine, seen } = growth(xml, 4_000);
  t.ok(fine, `xml: ${seen}`);
});

t.test('F12 the measurement itself notices what grows faster', async (t) => {
  // The fourth power, 256 times as much: no noise of a busy host and no code still cold can hide it.
  const steep = (size: number) => {
    let sum = 0;
    for (let at = 0; at < size ** 4; at++) sum = (sum + at) | 0;
    return void sum;
  };
  t.notOk(growth(steep, 24).fine);
});
