// What a deferred message is: the facts fixed when it is stored, and the small part of its life that a policy
// may look at. Both are plain JSON: they are the actor's input and its context, and survive every restart.
// This file knows nothing of clocks, disks or networks.

/** A disposition type a sender can ask for (RFC 5438 section 7.1.1.1); unknown ones are not kept. */
export type Disposition = 'positive-delivery' | 'negative-delivery' | 'processing' | 'display';

/** How a message came: one SIP MESSAGE, or the content of an MSRP session (OMA large message mode). */
export type MessageKind = 'page' | 'large';

/** A header field as it was received or sent. */
export type HeaderLine = readonly [name: string, value: string];

/** What is kept of the session a large message came by (OMA contribution of 2006, 9.3.2.4). */
export interface SessionFacts {
  /** From, To, P-Asserted-Identity, Subject and Date of the INVITE, as far as it had them. */
  readonly invite: readonly HeaderLine[];
  /** The same of its 200 OK. */
  readonly ok: readonly HeaderLine[];
  /** Header fields of the MSRP SEND that began the message. */
  readonly send: readonly HeaderLine[];
  /** MSRP's own Message-ID, which ties chunks together and nothing else. */
  readonly msrpMessageId: string;
}

/** The CPIM Subject header of RFC 3862 section 4.6: decoded text and, if given, its language tag. */
export interface Subject {
  readonly text: string;
  readonly lang: string | null;
}

/** What the CPIM layer of a message says, read once at the edge; null on a message without CPIM. */
export interface CpimFacts {
  /** `imdn.Message-ID` as received, byte for byte (RFC 5438 section 6.3), or null. */
  readonly imdnMessageId: string | null;
  /** CPIM DateTime as received, character for character (RFC 5438 section 11.1.2), or null. */
  readonly dateTime: string | null;
  readonly dispositions: readonly Disposition[];
  /** The whole CPIM From and To values, display name included: `Alice <sip:alice@example.com>`. */
  readonly from: string | null;
  readonly to: string | null;
  /** `imdn.Original-To` (RFC 5438 section 6.1), URI only, or null. */
  readonly originalTo: string | null;
  readonly subject: Subject | null;
  /** URIs of `imdn.IMDN-Record-Route`, top first (RFC 5438 section 6.5). */
  readonly recordRoutes: readonly string[];
  /** True when the payload is `message/imdn+xml`: a report about a message, never itself reported. */
  readonly isImdn: boolean;
  /** True when the CPIM content is S/MIME-encrypted; true also on an encrypted body whose CPIM cannot be read. */
  readonly encrypted: boolean;
  /** True when the content is signed: it is passed on untouched (RFC 5438 section 14.1). */
  readonly signed: boolean;
  /** Octets of the content within the CPIM envelope; absent where there is none, and in rows before 0.3.0. */
  readonly contentOctets?: number;
}

/** A message read at the edge, before anything is decided about it. Made by the SIP codec. */
export interface IncomingMessage {
  /** Absent: `page`. */
  readonly kind?: MessageKind;
  /** Large messages only. */
  readonly session?: SessionFacts;
  /** The whole request as received; of a large message its INVITE with the content in place of the description. */
  readonly octets: Uint8Array;
  /** Where the body begins within `octets`. */
  readonly bodyOffset: number;
  /** Canonical AOR of the served user, from the Request-URI: `sip:bob@example.org`. */
  readonly aor: string;
  /** Canonical identity the trusted proxy asserted for the sender, or null when it asserted none. */
  readonly asserted: string | null;
  /** URI of the SIP From, without display name, tag and header parameters. */
  readonly fromUri: string;
  /** Canonical AOR of the SIP From, or null when it has none. */
  readonly fromAor: string | null;
  readonly toUri: string;
  readonly fromTag: string;
  readonly callId: string;
  readonly cseq: number;
  /** SIP Date in epoch milliseconds, or null when absent or malformed. */
  readonly dateMs: number | null;
  /** SIP Expires in seconds (0 to 2^32-1), or null when absent or malformed. */
  readonly expiresSeconds: number | null;
  readonly contentType: string;
  /** From is anonymous or Privacy asks for it (RFC 3323). */
  readonly anonymous: boolean;
  readonly cpim: CpimFacts | null;
  /** `icid-value` of P-Charging-Vector (RFC 7315 section 4.6), or null. */
  readonly chargingId?: string | null;
}

/** Why no failure report may be sent for a message; the rows of exceptions.ts. */
export type ReportException =
  | 'not-asked'
  | 'recipient-declines'
  | 'recipient-forbids'
  | 'is-imdn'
  | 'encrypted'
  | 'no-message-id'
  | 'message-id-too-long'
  | 'no-datetime'
  | 'anonymous'
  | 'not-asserted'
  | 'identity-mismatch'
  | 'too-many-routes'
  | 'untrusted-route'
  | 'recipient-blocks';

/** The facts of a stored message: input of its actor, constant for its whole life but for an expiry that is extended. */
export interface Message {
  /** Absent in what was stored before there were two kinds: `page`. */
  readonly kind?: MessageKind;
  /** Large messages only. */
  readonly session?: SessionFacts;
  /** `string@store-host` (OMA contribution of 2006, 9.3.2.4); unguessable. */
  readonly deferredId: string;
  readonly aor: string;
  readonly asserted: string | null;
  readonly fromUri: string;
  readonly toUri: string;
  readonly callId: string;
  readonly contentType: string;
  /** Octets of the whole request. */
  readonly octets: number;
  readonly bodyOffset: number;
  /** When the complete message had arrived. */
  readonly receivedAtMs: number;
  readonly dateMs: number | null;
  /** The sender's own Expires in seconds, or null. */
  readonly expiresSeconds: number | null;
  /** The instant of expiry, fixed at storage, moved by nobody but an operator; null when there is none. */
  readonly expiresAtMs: number | null;
  /** The instant at which the message ends whatever happens; never null. */
  readonly outlivesAtMs: number;
  readonly cpim: CpimFacts | null;
  /** The sender asked for privacy: nobody is told who he is. Absent in rows of 0.2.0 and before. */
  readonly hidden?: boolean;
  /** Why no failure report may be sent; null when one was asked for and may be. */
  readonly reportException: ReportException | null;
  /** Where reports go in place of the SIP From: the asserted identity of an anonymous sender, where that is allowed. */
  readonly reportTo?: string;
  /** The recipient wants nobody to be told what becomes of his messages. Absent: he does not mind. */
  readonly declined?: boolean;
  /** Absent when the request had no charging id. */
  readonly chargingId?: string | null;
}

/** Every ending there is. */
export const endings = [
  'deleted',
  'expired',
  'outlived',
  'evicted',
  'withdrawn',
  'dropped',
] as const;

/** What waits to happen to a message while a delivery attempt is in flight. */
export type Ending = (typeof endings)[number];

/** The actor's XState context: the facts, and what its life has brought so far. */
export interface MessageContext {
  readonly message: Message;
  /** Delivery attempts begun. */
  readonly attempts: number;
  /** Report attempts begun. */
  readonly reportAttempts: number;
  /** A failure report has been decided; there is never a second one. */
  readonly reported: boolean;
  /** The expiry instant has passed; a later delivery is marked as expired. */
  readonly expired: boolean;
  /** What takes effect as soon as the attempt in flight has its answer. */
  readonly ending: Ending | null;
  /** Marks of a program's own vocabulary; absent where it set none. */
  readonly marks?: Readonly<Record<string, boolean>>;
  /** False when the proxy told us that the sender never heard our 202 (RFC 5438 section 12.1.3.1). */
  readonly acknowledged: boolean;
}

/** Patience with the answer to a push, in milliseconds. */
export const patienceMs = {
  /** Timer F of RFC 3261 (32 s) and 8 s of grace. */
  page: 40_000,
  /** A phone may ring for 60 s; then as many octets as the limits allow have to pass. */
  large: 180_000,
} as const;

/** How long a push of this message waits for its answer. */
export const pushPatienceMs = ({ kind = 'page' }: Pick<Message, 'kind'>): number =>
  patienceMs[kind];
