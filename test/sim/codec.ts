// The SIP codec handed to the bus adapter: what a request says is looked up by the number it carries, and a request of
// ours is written in a few lines that the simulated proxy can read back. The octets themselves go through untouched.
import type { SipCodec } from '../../adapters/nats/index.js';
import type { OutgoingEffect } from '../../runtime/index.js';
import type { Stage } from './stage.js';

/** Header block of an effect: the identities that must be the same at every repetition. */
const headersOf = (effect: OutgoingEffect, messageId: string): string =>
  `Call-ID: ${effect.callId}\r\nCSeq: ${effect.cseq} MESSAGE\r\nFrom-Tag: ${effect.fromTag}\r\nMessage-ID: ${messageId}\r\n`;

export function codecOf(simulation: Stage): SipCodec {
  return {
    readMessage: (octets, asserted) => {
      const message = simulation.letters.read(octets);
      if (message === null)
        return { ok: false, status: 400, code: 'sip-bad', reason: 'Bad Request' };
      return { ok: true, message: { ...message, octets, asserted }, via: '' };
    },
    readCommand: () => ({ ok: false, status: 400, code: 'sip-bad', reason: 'Bad Command' }),
    readAccessRules: () => ({ ok: false, finding: { message: 'no documents are read' } }),
    readSenderCommand: () => null,
    resultPages: () => [],
    resultRequest: () => {
      throw new TypeError('no results are sent');
    },
    readContacts: (contacts, seconds, nowMs) =>
      contacts
        .split(', ')
        .map((contact) => ({ contact, expiresAtMs: nowMs + seconds * 1000, features: [] })),
    canonicalAor: (uri) => uri,
    shownOctets: (octets) => octets,
    deliverRequest: (effect) => ({
      ruri: effect.message.aor,
      nextHop: null,
      headers: headersOf(effect, effect.message.cpim?.imdnMessageId ?? '-'),
      body: effect.octets.subarray(effect.message.bodyOffset),
      fromName: null,
    }),
    reportRequest: (effect) => ({
      ruri: effect.message.fromUri,
      nextHop: null,
      headers: headersOf(effect, effect.imdnMessageId),
      body: Buffer.from(`${effect.status} ${effect.message.cpim?.imdnMessageId ?? '-'}`),
      fromName: null,
    }),
    noticeRequest: () => {
      throw new TypeError('no policy of this world asks for notices');
    },
    noticeRowsMax: 0,
  };
}
