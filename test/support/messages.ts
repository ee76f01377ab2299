// Builders of received messages, all variations of F1 (spec chapter 11): Alice writes at 10:00:00Z
// on 1 August 2006 with an hour to live. They make what the SIP codec would make; they know nothing
// of engines or stores.
import type { CpimFacts, IncomingMessage, PreferenceChange } from '../../machines/index.js';
import type { Binding, Command } from '../../runtime/index.js';

export const alice = 'sip:alice@example.com';
export const bob = 'sip:bob@example.org';

/** Alice's Date, and the instant at which F1 expires. */
export const writtenAtMs = Date.UTC(2006, 7, 1, 10, 0, 0);
export const expiresAtMs = Date.UTC(2006, 7, 1, 11, 0, 0);

export const minutesMs = (count: number): number => count * 60_000;
export const hoursMs = (count: number): number => count * 3_600_000;
export const daysMs = (count: number): number => count * 86_400_000;

/** What F1 says in CPIM, with changes. */
export function cpim(changes: Partial<CpimFacts> = {}): CpimFacts {
  return {
    imdnMessageId: 'Xk7qJ2mB9vTz4RwL',
    dateTime: '2006-08-01T10:00:00Z',
    dispositions: ['negative-delivery', 'positive-delivery'],
    from: `Alice <${alice}>`,
    to: `Bob <${bob}>`,
    originalTo: null,
    subject: { text: 'Lunch', lang: null },
    recordRoutes: [],
    isImdn: false,
    encrypted: false,
    signed: false,
    ...changes,
  };
}

export type MessageChanges = Partial<IncomingMessage> & { readonly text?: string };

/** F1 as the codec hands it over, with changes; `text` is the body. */
export function incoming(changes: MessageChanges = {}): IncomingMessage {
  const { text = 'Hello Bob, are we still on for lunch?', ...facts } = changes;
  const head = Buffer.from(
    `MESSAGE ${facts.aor ?? bob} SIP/2.0\r\nCall-ID: ${facts.callId ?? 'asd88asd77a'}\r\n\r\n`,
  );
  return {
    octets: Buffer.concat([head, Buffer.from(text)]),
    bodyOffset: head.length,
    aor: bob,
    asserted: alice,
    fromUri: alice,
    fromAor: alice,
    toUri: bob,
    fromTag: '49583',
    callId: 'asd88asd77a@pc33.example.com',
    cseq: 1,
    dateMs: writtenAtMs,
    expiresSeconds: 3600,
    contentType: 'message/cpim',
    anonymous: false,
    cpim: cpim(),
    ...facts,
  };
}

/** The n-th of many different messages. */
export function numbered(number: number, changes: MessageChanges = {}): IncomingMessage {
  return incoming({
    callId: `call-${number}@pc33.example.com`,
    text: `message number ${number}`,
    cpim: cpim({ imdnMessageId: `id-${number}-Xk7qJ2mB9vTz` }),
    ...changes,
  });
}

/** A message without CPIM: nothing in it can ask for a report. */
export const plain = (changes: MessageChanges = {}): IncomingMessage =>
  incoming({ contentType: 'text/plain', cpim: null, ...changes });

export const received = (message: IncomingMessage, node: string | null = null): Command => ({
  type: 'message.received',
  message,
  node,
});

export const contact = (
  untilMs: number,
  uri = 'sip:bob@192.0.2.7',
  features: readonly string[] = [],
): Binding => ({ contact: uri, expiresAtMs: untilMs, features });

export const registered = (
  bindings: readonly Binding[],
  aor = bob,
  node: string | null = 'node1',
): Command => ({ type: 'recipient.registered', aor, node, bindings });

/** Bob changes what he wants. */
export const wants = (change: PreferenceChange, aor = bob): Command => ({
  type: 'preferences.changed',
  aor,
  change,
  by: { role: 'owner' },
});

/** An operator changes it for him. */
export const ordered = (change: PreferenceChange, aor = bob): Command => ({
  type: 'preferences.changed',
  aor,
  change,
  by: { role: 'operator', name: 'anna' },
});

export const deleted = (ids: readonly string[] | 'all', aor = bob): Command => ({
  type: 'messages.deleted',
  aor,
  ids,
});
