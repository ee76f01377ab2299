// A second proxy of the same bus, played by the test: it vouches for whom it likes and lets pass
// what ours refuses. Not a test file. It knows the bus contract and writes requests octet by octet.
import { randomBytes, randomInt } from 'node:crypto';
import { formatRequest, subjects } from '../../../adapters/nats/index.js';
import type { Chain } from '../../support/chain.js';

/** A MESSAGE as a proxy would have it; `headers` are whole lines, From among them. */
export function rawRequest(to: string, headers: readonly string[], body: string | Buffer): Buffer {
  const octets = Buffer.from(body);
  const lines = [
    `MESSAGE ${to} SIP/2.0`,
    'Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK776sgdkse',
    'Max-Forwards: 70',
    `To: <${to}>`,
    `Call-ID: ${randomBytes(8).toString('hex')}`,
    'CSeq: 1 MESSAGE',
    ...headers,
    `Content-Length: ${octets.length}`,
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), octets]);
}

/** Offers a request to the engine under an asserted identity; the code of its answer. */
export async function offer(
  chain: Chain,
  octets: Buffer,
  asserted: string | null,
  subject: string = subjects.store,
): Promise<number> {
  const label = randomInt(1, 2 ** 31);
  const answers: string[] = [];
  const answered = chain.bus.subscribe(subjects.answer, {
    callback: (_error, message) => void answers.push(message.string()),
  });
  await chain.bus.flush();
  chain.bus.publish(subject, storeLine(octets, asserted, label));
  const mine = await chain.waitUntil('an answer of the engine', () =>
    answers.find((line) => line.startsWith(`v1 other 1 ${label} `)),
  );
  answered.unsubscribe();
  return Number(mine.split(' ')[4]);
}

function storeLine(octets: Buffer, asserted: string | null, label: number): Uint8Array {
  const now = Date.now();
  const sec = Math.floor(now / 1000);
  const source = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 5060 };
  const transaction = { node: 'other', index: 1, label, sec, usec: 0, holdMs: 60_000 };
  const line = formatRequest(
    { ...transaction, ...source, asserted, length: octets.length },
    octets,
  );
  if (!line.ok) throw new TypeError(line.finding.message);
  return line.value;
}
