// The sizes of design.md section 5 and the bounds of the readers in this folder. Whatever is taken can be sent: a
// header block may grow by `headerGrowthOctetsMax` on its way out, and the bus has room for it. Unit in each name.

/** Octets of a body: what base64 takes to the proxy in one line (kamailio.md section 4 B). */
export const bodyOctetsMax = 48_000;
/** Octets from the start line to the blank line, at intake. */
export const headerOctetsMax = 12_000;
/**
 * What a delivery adds at most to the header block it was stored with: the asserted identity (1,024), our Call-ID with
 * a host of 253, From tag, CSeq, Date and Expires.
 */
export const headerGrowthOctetsMax = 2_000;
/** Octets of the display name of From: what one field of the bus carries. */
export const displayNameOctetsMax = 1_024;
/** Octets of a whole request, at intake. */
export const requestOctetsMax = 61_440;
/** RFC 3428 section 8: the most a MESSAGE may measure outside a session. */
export const messageOctetsMax = 1_300;
/** What a proxy adds to a request of ours: Via, Max-Forwards, Content-Length, request line. */
export const hopOctets = 250;
/** An IMDN document is read up to this size (threat P2). */
export const imdnOctetsMax = 16_384;
/** A document of access rules is read up to this size. */
export const accessRulesOctetsMax = 65_536;
/** How deep multipart bodies are searched, and how many parts of them. */
export const multipartDepthMax = 4;
export const multipartPartsMax = 32;
/** Octets of a CPIM header block. */
export const cpimHeaderOctetsMax = 8_192;
/** Octets of the JSON of a user command. */
export const commandOctetsMax = 16_384;
/** Ids one user command may name, and characters of each. */
export const commandIdsMax = 256;
export const deferredIdCharactersMax = 200;
/** Contacts read from one Contact value. */
export const contactsMax = 64;
export const callIdCharactersMax = 256;
/** Characters of an IMDN Message-ID by which a sender names his message. */
export const sentIdCharactersMax = 256;
/** Route of a subscriber, in hops. */
export const subscriptionRoutesMax = 8;
/** A shorter subscription is refused with 423 (RFC 6665 section 4.2.1.1). */
export const subscriptionSecondsMin = 60;
/** A SUBSCRIBE without Expires (RFC 3842 section 3.4). */
export const subscriptionSecondsDefault = 3_600;
