// When no failure report may be sent, decided once, when the message is stored: the list of spec chapter 6 as one
// table. docs/reference/report-exceptions.md is made from it.
import type { IncomingMessage, ReportException } from './message.js';

/** What an operator sets about reports. */
export interface ReportRules {
  /** Domains whose IMDN-Record-Route is followed; each covers its subdomains. */
  readonly trustedRoutes: readonly string[];
  readonly recordRoutesMax: number;
  readonly messageIdCharactersMax: number;
  /** Report although the request had no CPIM DateTime, with the SIP Date or the time of receipt instead. */
  readonly withoutDateTime: boolean;
}

export const defaultReportRules: ReportRules = {
  trustedRoutes: [],
  recordRoutesMax: 8,
  messageIdCharactersMax: 256,
  withoutDateTime: true,
};

interface ExceptionRow {
  readonly meaning: string;
  readonly source: string;
  /** The setting that moves it, or null. */
  readonly setting: keyof ReportRules | null;
  readonly holds: (message: IncomingMessage, rules: ReportRules) => boolean;
}

/** The table, in the order in which it is asked. */
export const reportExceptions: Readonly<Record<ReportException, ExceptionRow>> = {
  'not-asked': {
    meaning: 'No CPIM part asks for `negative-delivery`.',
    source: 'OMA change request, step 1; RFC 5438 section 7.1.1.3',
    setting: null,
    holds: (message) => !(message.cpim?.dispositions.includes('negative-delivery') ?? false),
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
    setting: null,
    holds: (message) => message.anonymous,
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
    holds: (message) => message.asserted !== message.fromAor,
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
};

/** The first exception that holds for a message about to be stored, or null when a report may be owed. */
export function reportException(
  message: IncomingMessage,
  rules: ReportRules,
): ReportException | null {
  return exceptionNames.find((name) => reportExceptions[name].holds(message, rules)) ?? null;
}

const exceptionNames = Object.keys(reportExceptions) as ReportException[];

function trusted(route: string | undefined, domains: readonly string[]): boolean {
  if (route === undefined) return true;
  const host = hostOf(route);
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}

// The host of a SIP URI: after the scheme and user, before port, parameters and headers.
function hostOf(uri: string): string {
  const scheme = uri.indexOf(':');
  const at = uri.indexOf('@');
  const start = at === -1 ? scheme + 1 : at + 1;
  let end = start;
  while (end < uri.length && !':;?>'.includes(uri[end]!)) end += 1;
  return uri.slice(start, end).toLowerCase();
}
