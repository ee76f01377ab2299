// What the benchmarks send: a MESSAGE of 200 characters from alice to one of many offline users, as octets and as the
// store line a proxy makes of it. The same text as in message.xml.
import { subjects } from '../../adapters/nats/subjects.js';

export const domain = 'example.org';
export const sender = 'alice';
export const node = 'n1';
export const storeSubject = subjects.store;
export const answerSubject = subjects.answer;

const text =
  'A message of two hundred characters, as people write them when somebody is away: I tried to call you twice. ' +
  'Are we still on for lunch tomorrow at 1, and do you bring the papers with you? See you soon.';

/**
 * Shared memory of every Kamailio measured here: tm keeps each transaction 5 s after its answer, about 12 kB of it. With
 * the usual 256 MiB requests are dropped without a word from about 4,000/s on.
 */
export const sharedMemoryMib = 1536;

export const userName = (number: number): string => `user${number}`;

/** Accounts for the proxy: the sender and all recipients. */
export function accounts(users: number): Record<string, string> {
  const names = [sender, ...Array.from({ length: users }, (_, number) => userName(number))];
  return Object.fromEntries(names.map((name) => [name, 'secret']));
}

/** SIPp's injection file. */
export const injectionFile = (users: number): string =>
  `SEQUENTIAL\n${Array.from({ length: users }, (_, number) => `${userName(number)}\n`).join('')}`;

export interface Letter {
  readonly recipient: number;
  /** Makes the message a message of its own: Call-ID, tag and branch. */
  readonly id: string;
  /** UDP port of the sender. */
  readonly port: number;
}

/** A MESSAGE as its sender writes it. */
export const messageText = ({ recipient, id, port }: Letter): string =>
  `MESSAGE sip:${userName(recipient)}@${domain} SIP/2.0\r\n` +
  `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-${id}\r\n` +
  'Max-Forwards: 70\r\n' +
  `From: <sip:${sender}@${domain}>;tag=${id}\r\n` +
  `To: <sip:${userName(recipient)}@${domain}>\r\n` +
  `Call-ID: ${id}@127.0.0.1\r\n` +
  'CSeq: 1 MESSAGE\r\n' +
  'Content-Type: text/plain\r\n' +
  `Content-Length: ${text.length}\r\n\r\n${text}`;

const asserted = Buffer.from(`sip:${sender}@${domain}`).toString('base64');

/** The store line of the contract for the n-th message. The text is ASCII, so characters are octets. */
export function storeLine(number: number, letter: Letter): Buffer {
  const message = messageText(letter);
  const nowMs = Date.now();
  const stamp = `${Math.floor(nowMs / 1000)} ${(nowMs % 1000) * 1000}`;
  const head = `v1 ${node} ${number & 0xffff} ${number} ${stamp} 60000 udp 127.0.0.1 ${letter.port} ${asserted} ${message.length}`;
  return Buffer.from(`${head}\r\n${message}`, 'latin1');
}
