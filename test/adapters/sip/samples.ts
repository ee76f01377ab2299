// Samples for the tests of the SIP codecs: the two requests of spec chapter 11, and small builders
// of others.
import { readFileSync } from 'node:fs';
import { type ReadResult, readMessage } from '../../../adapters/sip/index.js';
import type { IncomingMessage, Message } from '../../../machines/index.js';
import type { OutgoingDelivery, OutgoingReport } from '../../../runtime/index.js';

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/sip/${name}`, import.meta.url));

/** F1: page-mode message with failure request. */
export const f1 = fixture('f1.eml');
/** F3: its failure report. */
export const f3 = fixture('f3.eml');

export const alice = 'sip:alice@example.com';
export const receivedAtMs = Date.UTC(2006, 7, 1, 10, 0, 1);
export const expiredAtMs = Date.UTC(2006, 7, 1, 11, 0, 0);

export const cpimOfF1 = f1.subarray(f1.indexOf('\r\n\r\n') + 4).toString('utf8');

/** A whole MESSAGE around a body, its Content-Length right. */
export function request(body: string | Uint8Array, extra: readonly string[] = []): Buffer {
  const content = Buffer.from(body);
  const typed = extra.some((line) => /^(content-type|c):/i.test(line));
  const lines = [
    'MESSAGE sip:bob@example.org SIP/2.0',
    'Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1',
    'Max-Forwards: 70',
    ...(extra.some((line) => line.startsWith('From:')) ? [] : [`From: <${alice}>;tag=49583`]),
    ...(extra.some((line) => line.startsWith('To:')) ? [] : ['To: <sip:bob@example.org>']),
    'Call-ID: asd88asd77a@pc33.example.com',
    'CSeq: 1 MESSAGE',
    ...extra,
    ...(typed || content.length === 0 ? [] : ['Content-Type: message/cpim']),
    `Content-Length: ${content.length}`,
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), content]);
}

/** CPIM of F1 with other headers of its own. */
export function cpim(...headers: readonly string[]): string {
  return [
    'From: Alice <sip:alice@example.com>',
    'To: Bob <sip:bob@example.org>',
    ...headers,
    '',
    'Content-Type: text/plain',
    '',
    'Hello',
  ].join('\r\n');
}

export const asking = [
  'NS: imdn <urn:ietf:params:imdn>',
  'imdn.Message-ID: Xk7qJ2mB9vTz4RwL',
  'DateTime: 2006-08-01T10:00:00Z',
  'imdn.Disposition-Notification: negative-delivery',
];

export function accepted(result: ReadResult): IncomingMessage {
  if (!result.ok) throw new Error(`refused: ${result.status} ${result.code}`);
  return result.message;
}

/**
 * The message as the store would keep it: an hour to live, received one second after it was sent.
 */
export function stored(octets: Uint8Array, more: Partial<Message> = {}): Message {
  const read = accepted(readMessage(octets, alice));
  const { octets: _octets, fromTag: _tag, cseq: _cseq, anonymous: _anonymous, ...facts } = read;
  const { fromAor: _aor, ...rest } = facts;
  return {
    ...rest,
    deferredId: 'k3v9q2@im.example.org',
    octets: octets.length,
    receivedAtMs,
    expiresAtMs: expiredAtMs,
    outlivesAtMs: receivedAtMs + 90 * 86_400_000,
    reportException: null,
    ...more,
  };
}

const base = {
  token: 'a'.repeat(26),
  node: null,
  callId: '5f0c9be2@im.example.org',
  fromTag: 'srv-7f31',
  cseq: 1,
};

export function delivery(
  octets: Uint8Array,
  more: Partial<OutgoingDelivery> = {},
  facts: Partial<Message> = {},
): OutgoingDelivery {
  const message = stored(octets, facts);
  const fixed = { type: 'deliver', effectId: 'd-k3v9q2a7bc-1', late: false } as const;
  return { ...base, ...fixed, atMs: receivedAtMs + 60_000, message, octets, ...more };
}

export function report(octets: Uint8Array, facts: Partial<Message> = {}): OutgoingReport {
  const fixed = { type: 'report', status: 'failed', effectId: 'r-k3v9q2a7bc-1' } as const;
  const message = stored(octets, facts);
  return { ...base, ...fixed, atMs: expiredAtMs, message, imdnMessageId: 'p9Yd3Zc0uHn6sKfA' };
}

/** A seeded generator (mulberry32): the same seed gives the same inputs everywhere. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
