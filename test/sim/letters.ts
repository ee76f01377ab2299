// What is sent in a run: each message with its sender, recipient, life and body, drawn from a stream of its own, so that
// leaving one out changes no other.
import type { IncomingMessage } from '../../machines/index.js';
import { epochMs } from './epoch.js';
import type { Options } from './options.js';
import { Random } from './random.js';

export interface Letter {
  readonly index: number;
  readonly atMs: number;
  readonly aor: string;
  readonly from: string;
  readonly asserted: string | null;
  /** A failure report was asked for and may be sent. */
  readonly wantsReport: boolean;
  /** `stored` was asked for and may be sent. */
  readonly wantsStored: boolean;
  readonly body: string;
  readonly expiresAtMs: number | null;
  /** It came by a session, and is pushed in one. */
  readonly large: boolean;
  readonly imdnMessageId: string | null;
  readonly incoming: IncomingMessage;
}

export const recipientAor = (index: number): string => `sip:bob${index}@example.org`;
export const senderAor = (index: number): string => `sip:alice${index}@example.com`;

/** The request of a letter; another body under the same identity is a conflict. */
export const octetsOf = (letter: Letter, body: string = letter.body): Buffer =>
  Buffer.from(`MESSAGE ${letter.aor} ${letter.index}\r\n\r\n${body}`);

export class Letters {
  readonly all: readonly Letter[];

  constructor(options: Options) {
    this.all = Array.from({ length: options.messages }, (_, index) => letter(options, index));
  }

  /** The message a request carries, by the number on its first line. */
  read(octets: Uint8Array): IncomingMessage | null {
    const text = Buffer.from(
      octets.buffer,
      octets.byteOffset,
      Math.min(octets.length, 200),
    ).toString();
    const index = Number(text.slice(0, text.indexOf('\r')).split(' ')[2]);
    return this.all[index]?.incoming ?? null;
  }
}

function letter(options: Options, index: number): Letter {
  const random = new Random(options.seed, `letter ${index}`);
  const aor = recipientAor(random.below(options.recipients));
  const from = senderAor(random.below(options.senders));
  const atMs = random.between(0, options.faultMs * 0.9);
  const withCpim = random.chance(0.85);
  const asks = random.chance(0.75);
  const vouched = random.chance(0.95);
  const hasExpiry = random.chance(0.85);
  const lives = Math.trunc(random.spread(2, 200));
  const dead = new Random(options.seed, `dead ${index}`).chance(options.rates.deadOnArrival);
  const seconds = dead ? 0 : lives;
  const body = `body ${index} ${random.u32().toString(36)}`;
  const head = `MESSAGE ${aor} ${index}\r\n\r\n`.length;
  const processing = options.early === true && random.chance(0.5);
  const dateMs = epochMs + Math.trunc(atMs);
  const large = new Random(options.seed, `large ${index}`).chance(options.rates.largeLetters);
  const incoming: IncomingMessage = {
    ...(large ? { kind: 'large' as const, session: sessionOf(index) } : {}),
    octets: new Uint8Array(),
    bodyOffset: head,
    aor,
    asserted: null,
    fromUri: from,
    fromAor: from,
    toUri: aor,
    fromTag: `tag${index}`,
    callId: `call-${index}@example.com`,
    cseq: 1,
    dateMs,
    expiresSeconds: hasExpiry ? seconds : null,
    contentType: withCpim ? 'message/cpim' : 'text/plain',
    anonymous: false,
    cpim: withCpim ? cpimOf(index, { from, aor, asks, processing }) : null,
  };
  return {
    ...{ index, atMs, aor, from, body, incoming, large },
    imdnMessageId: withCpim ? `imdn-${index}` : null,
    asserted: vouched ? from : null,
    wantsReport: withCpim && asks && vouched,
    wantsStored: withCpim && processing && vouched,
    expiresAtMs: hasExpiry ? dateMs + seconds * 1000 : null,
  };
}

const sessionOf = (index: number): NonNullable<IncomingMessage['session']> => ({
  invite: [['Subject', `letter ${index}`]],
  ok: [],
  send: [],
  msrpMessageId: `msrp-${index}`,
});

interface Said {
  readonly from: string;
  readonly aor: string;
  readonly asks: boolean;
  readonly processing: boolean;
}

const cpimOf = (index: number, { from, aor, asks, processing }: Said): IncomingMessage['cpim'] => ({
  imdnMessageId: `imdn-${index}`,
  dateTime: '2026-03-01T12:00:00Z',
  dispositions: [
    asks ? 'negative-delivery' : 'positive-delivery',
    ...(processing ? (['processing'] as const) : []),
  ],
  from,
  to: aor,
  originalTo: null,
  subject: null,
  recordRoutes: [],
  isImdn: false,
  encrypted: false,
  signed: false,
});
