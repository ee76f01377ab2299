// When no report may be sent, decided once, when the message is stored: the list of spec chapter 6 as one table, for
// the failure report and for the one that says `stored`. docs/reference/report-exceptions.md is made from it.
import type { Disposition, IncomingMessage, ReportException } from './message.js';

/** What a served user wants done with reports in his name (RFC 5438 section 14.2). */
export type ReportConsent = 'send' | 'never' | 'forbidden';

/** The disposition types this engine reports on; positive delivery and display are the client's to tell. */
export type Reported = Extract<Disposition, 'negative-delivery' | 'processing'>;

/** What an operator sets about reports. */
export interface ReportRules {
  /** Domains whose IMDN-Record-Route is followed; each covers its subdomains. */
  readonly trustedRoutes: readonly string[];
  readonly recordRoutesMax: number;
  readonly messageIdCharactersMax: number;
  /** Report although the request had no CPIM DateTime, with the SIP Date or the time of receipt instead. */
  readonly withoutDateTime: boolean;
  /** Domains of the trust domain whose anonymous senders get their reports at the asserted identity. */
  readonly anonymousDomains: readonly string[];
  /** Reports in the recipient's name: sent, never sent, or answered at once by `forbidden`. */
  readonly consent: ReportConsent;
  /** Tell a sender who asked for `processing` that his message is stored. */
  readonly stored: boolean;
}

export const defaultReportRules: ReportRules = {
  trustedRoutes: [],
  recordRoutesMax: 8,
  messageIdCharactersMax: 256,
  withoutDateTime: true,
  anonymousDomains: [],
  consent: 'send',
  stored: false,
};

interface ExceptionRow {
  readonly meaning: string;
  readonly source: string;
  /** The setting that moves it, or null. */
  readonly setting: keyof ReportRules | null;
  /** Null: it is not known when a message is stored, and noted later. */
  readonly holds:
    | ((message: IncomingMessage, rules: ReportRules, about: Reported) => boolean)
    | null;
}

/** The table, in the order in which it is asked. */
export const reportExceptions: Readonly<Record<ReportException, ExceptionRow>> = {
  'not-asked': {
    meaning:
      'No CPIM part asks for it: `negative-delivery` for a failure, `processing` for `stored`.',
    source: 'OMA change request, step 1; RFC 5438 section 7.1.1.3',
    setting: null,
    holds: (message, _rules, about) => !(message.cpim?.dispositions.includes(about) ?? false),
  },
  'recipient-declines': {
    meaning: 'No report is sent in the name of this recipient.',
    source: 'RFC 5438 section 14.2',
    setting: 'consent',
    holds: (_message, rules) => rules.consent === 'never',
  },
  'recipient-forbids': {
    meaning:
      'The recipient denies dispositions: who asked for `negative-delivery` hears `forbidden` at once, and nothing later.',
    source: 'RFC 5438 sections 11.1.6 and 14.2',
    setting: 'consent',
    holds: (_message, rules) => rules.consent === 'forbidden',
  },
  'is-imdn': {
    meaning: 'The message is itself a disposition notification.',
    source: 'RFC 5438 section 7.2.1',
    setting: null,
    holds: (message) => message.cpim?.isImdn ?? false,
  },
  encrypted: {
    meaning:
      'The content is encrypted; its request cannot be read, its report could not be encrypted.',
    source: 'RFC 5438 section 14',
    setting: null,
    holds: (message) => message.cpim?.encrypted ?? false,
  },
  'no-message-id': {
    meaning: 'Without an IMDN Message-ID the sender could not tell which message is meant.',
    source: 'RFC 5438 section 6.3',
    setting: null,
    holds: (message) => !message.cpim?.imdnMessageId,
  },
  'message-id-too-long': {
    meaning: 'The Message-ID is longer than allowed; it is never cut, so it counts as none.',
    source: 'our decision',
    setting: 'messageIdCharactersMax',
    holds: (message, rules) =>
      (message.cpim?.imdnMessageId?.length ?? 0) > rules.messageIdCharactersMax,
  },
  'no-datetime': {
    meaning: 'The request has no CPIM DateTime, and the operator wants none replaced.',
    source: 'RFC 5438 section 11.1.2',
    setting: 'withoutDateTime',
    holds: (message, rules) => !rules.withoutDateTime && !message.cpim?.dateTime,
  },
  anonymous: {
    meaning:
      'The sender is anonymous: there is nowhere to send a report that would not tell who he is.',
    source: 'RFC 5438 section 12.1.1',
    setting: 'anonymousDomains',
    holds: (message, rules) => message.anonymous && reportTarget(message, rules) === null,
  },
  'not-asserted': {
    meaning: 'The proxy asserted no identity: a report could hit somebody who sent nothing.',
    source: 'RFC 5438 section 14; backscatter',
    setting: null,
    holds: (message) => message.asserted === null,
  },
  'identity-mismatch': {
    meaning: 'SIP From is not the asserted identity.',
    source: 'RFC 5438 section 14; backscatter',
    setting: null,
    holds: (message, rules) =>
      message.asserted !== message.fromAor && reportTarget(message, rules) === null,
  },
  'too-many-routes': {
    meaning: 'More IMDN-Record-Route entries than allowed.',
    source: 'RFC 5438 section 14',
    setting: 'recordRoutesMax',
    holds: (message, rules) => (message.cpim?.recordRoutes.length ?? 0) > rules.recordRoutesMax,
  },
  'untrusted-route': {
    meaning: 'The top IMDN-Record-Route lies outside the trusted domains.',
    source: 'RFC 5438 section 14',
    setting: 'trustedRoutes',
    holds: (message, rules) => !trusted(message.cpim?.recordRoutes[0], rules.trustedRoutes),
  },
  'recipient-blocks': {
    meaning:
      'The recipient blocked the sender politely later on, and let what was stored be discarded: a report would betray it.',
    source: 'our decision; RFC 5438 section 12.1.3.1 would ask for one',
    setting: null,
    holds: null,
  },
};

/** The first exception that holds for a message about to be stored, or null when a report may be owed. */
export function reportException(
  message: IncomingMessage,
  rules: ReportRules,
  about: Reported = 'negative-delivery',
): ReportException | null {
  return (
    exceptionNames.find((name) => reportExceptions[name].holds?.(message, rules, about)) ?? null
  );
}

/** What a sender is told as soon as his message is stored. */
export type EarlyStatus = 'stored' | 'forbidden';

/**
 * What the sender of a message is told at once, or null. `stored` is a processing notification (RFC 5438 section 8.1),
 * one of the two words there are; `forbidden` denies the delivery notification for good.
 */
export function earlyReport(message: IncomingMessage, rules: ReportRules): EarlyStatus | null {
  if (rules.stored && reportException(message, rules, 'processing') === null) return 'stored';
  if (reportException(message, rules) !== 'recipient-forbids') return null;
  // It is refused as a report is sent: only to one who could have got it.
  return reportException(message, { ...rules, consent: 'send' }) === null ? 'forbidden' : null;
}

/**
 * Where reports go that do not go to the SIP From: to the asserted identity of an anonymous sender, within the trust
 * domain (spec 7.4); else null.
 */
export function reportTarget(
  message: Pick<IncomingMessage, 'anonymous' | 'asserted' | 'fromAor' | 'fromUri'>,
  rules: Pick<ReportRules, 'anonymousDomains'>,
): string | null {
  const { anonymous, asserted, fromAor, fromUri } = message;
  if (!anonymous || asserted === null || !within(hostOf(asserted), rules.anonymousDomains))
    return null;
  // A From that names somebody else is no anonymous one.
  return fromAor === asserted || isAnonymousUri(fromUri) ? asserted : null;
}

/** A URI that stands for nobody (RFC 3323 section 4.1.1.3, RFC 2606): `sip:anonymous@anonymous.invalid`. */
export function isAnonymousUri(uri: string): boolean {
  const host = hostOf(uri);
  const user = uri.slice(uri.indexOf(':') + 1).toLowerCase();
  return host === 'invalid' || host.endsWith('.invalid') || user.startsWith('anonymous@');
}

const exceptionNames = Object.keys(reportExceptions) as ReportException[];

const trusted = (route: string | undefined, domains: readonly string[]): boolean =>
  route === undefined || isTrustedRoute(route, domains);

/** True for a route URI whose host is one of the domains, or below one. */
export const isTrustedRoute = (route: string, domains: readonly string[]): boolean =>
  within(hostOf(route), domains);

const within = (host: string, domains: readonly string[]): boolean =>
  domains.some((domain) => host === domain || host.endsWith(`.${domain}`));

// The host of a SIP URI: after the scheme and user, before port, parameters and headers.
function hostOf(uri: string): string {
  const scheme = uri.indexOf(':');
  const at = uri.indexOf('@');
  const start = at === -1 ? scheme + 1 : at + 1;
  let end = start;
  while (end < uri.length && !':;?>'.includes(uri[end]!)) end += 1;
  return uri.slice(start, end).toLowerCase();
}
