// What the text of a setting must satisfy, each as a function: null, or what is wrong with it, in words that stand
// behind the name of the setting. Pure; knows no setting by name.

import { readNetwork } from './msrp/index.js';

const hostSigns = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-');

/** A host name. It stands in every deferred Message-ID, which travels in SIP headers, XML and subjects. */
export const hostCheck = (value: string): string | null =>
  value.length <= 253 && value.split('.').every(isLabel)
    ? null
    : 'must be a host name of letters, digits, dots and hyphens, at most 253 signs';

/** A domain: a host name that is not empty. */
export const domainCheck = (value: string): string | null =>
  value === '' || hostCheck(value) !== null ? 'must be a domain: example.org' : null;

/** A user or a domain. What a user is called is the codec's to judge, later; here only what cannot be one. */
export const usersCheck = (value: string): string | null =>
  (value.startsWith('@') && domainCheck(value.slice(1)) === null) ||
  /^(?:sips?|tel):[!-~]{1,250}$/.test(value)
    ? null
    : 'must be a user (sip:bob@example.org) or a domain (@example.org)';

/** A media type, or all of a kind. It stands in the header Accept as it is. */
export const mediaTypeCheck = (value: string): string | null =>
  /^[a-z0-9.+-]{1,64}\/(?:[a-z0-9.+-]{1,64}|\*)$/.test(value)
    ? null
    : 'must be a media type in lower case: text/plain or text/*';

/** A network, or one address. */
export const networkCheck = (value: string): string | null =>
  readNetwork(value) === null
    ? 'must be a network (192.0.2.0/24, 2001:db8::/32) or an address'
    : null;

/** One part of a host name (RFC 1123 section 2.1). */
const isLabel = (label: string): boolean =>
  label.length > 0 &&
  label.length <= 63 &&
  [...label].every((sign) => hostSigns.has(sign)) &&
  !label.startsWith('-') &&
  !label.endsWith('-');

/** A plain SIP URI. It is written into SIP headers as it stands. */
export const sipUriCheck = (value: string): string | null =>
  /^sips?:[A-Za-z0-9.!~*'()_+&=$-]{1,64}@[A-Za-z0-9.-]{1,253}$/.test(value)
    ? null
    : 'must be a plain SIP URI, for instance sip:reports@example.org';
