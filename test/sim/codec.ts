// The SIP codec handed to the bus adapter: what a request says is looked up by the number it carries, and a request of
// ours is written in a few lines that the simulated proxy can read back. The octets themselves go through untouched.
import type { PassedImdn } from '../../adapters/nats/codec.js';
import type { SipCodec } from '../../adapters/nats/index.js';
import type { OutgoingEffect } from '../../runtime/index.js';
import type { Letter } from './letters.js';
import { noticeBody } from './push.js';
import type { Stage } from './stage.js';

/** Ends the contact of a phone that takes large messages. */
export const largeMark = ';large';

/** Header block of an effect: the identities that must be the same at every repetition. */
const headersOf = (effect: OutgoingEffect, messageId: string): string =>
  `Call-ID: ${effect.callId}\r\nCSeq: ${effect.cseq} MESSAGE\r\nFrom-Tag: ${effect.fromTag}\r\nMessage-ID: ${messageId}\r\n`;

/** A delivery notification about a letter, as a phone sends it. */
export const passedOctets = ({ index }: Letter): Buffer => Buffer.from(`IMDN ${index}`);

const passedIndex = (octets: Uint8Array): number | null => {
  const text = Buffer.from(octets).toString();
  return text.startsWith('IMDN ') ? Number(text.slice('IMDN '.length)) : null;
};

// It goes on to whoever wrote the letter.
const passed = ({ index, from, aor, asserted, imdnMessageId }: Letter): PassedImdn => ({
  effectId: `i-passed${String(index).padStart(6, '0')}-1`,
  parts: {
    ruri: from,
    nextHop: null,
    headers: `Call-ID: passed-${index}\r\nCSeq: 1 MESSAGE\r\nFrom-Tag: p${index}\r\nMessage-ID: p-${index}\r\n`,
    body: Buffer.from(`delivered ${imdnMessageId}`),
    fromName: null,
  },
  about:
    asserted === null || imdnMessageId === null ? null : { sender: asserted, imdnMessageId, aor },
});

const featuresOf = (contact: string): readonly string[] =>
  contact.endsWith(largeMark) ? ['+g.oma.sip-im.large-message'] : [];

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
    readPassedImdn: (octets) => {
      const index = passedIndex(octets);
      const letter = index === null ? undefined : simulation.letters.all[index];
      if (letter === undefined) return null;
      return { ok: true, imdn: passed(letter) };
    },
    resultPages: () => [],
    resultRequest: () => {
      throw new TypeError('no results are sent');
    },
    readContacts: (contacts, seconds, nowMs) =>
      contacts.split(', ').map((contact) => ({
        contact,
        expiresAtMs: nowMs + seconds * 1000,
        features: featuresOf(contact),
      })),
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
    noticeRequest: (effect, rows) => ({
      ruri: effect.within?.target ?? effect.aor,
      nextHop: null,
      headers: headersOf(effect, '-'),
      body: Buffer.from(
        noticeBody(
          effect.waiting,
          rows.map((row) => row.deferredId),
        ),
      ),
      fromName: null,
    }),
    noticeRowsMax: 50,
  };
}
