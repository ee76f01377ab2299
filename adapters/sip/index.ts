// The public face of the SIP, CPIM and IMDN codecs. Everything here is pure: octets in, facts or
// findings out.
export type { AccessNote, AccessOptions, AccessRules } from './access-rules.js';
export { accessRulesNamespace, readAccessRules } from './access-rules.js';
export type { UserCommand, UserOperation } from './commands.js';
export { bareDeferredId, commandType, readCommand, resultType } from './commands.js';
export { readContacts } from './contacts.js';
export type {
  Correlation,
  CorrelationFailure,
  Imdn,
  ImdnStatus,
  Notification,
  ReportMatch,
  SentMessage,
} from './correlate.js';
export { correlate, readImdn } from './correlate.js';
export type { CpimOptions, CpimReading } from './cpim.js';
export { readCpim } from './cpim.js';
export { formatIsoDate, formatSipDate, parseSipDate } from './date.js';
export type { ListStyle } from './deferred-list.js';
export { deferredListType, writeDeferredList } from './deferred-list.js';
export type { Failed, Finding, Refusal } from './finding.js';
export type { ImdnFacts, ImdnNotification, ReportEnvelope } from './imdn.js';
export { imdnFactsOf, writeImdn, writeReport } from './imdn.js';
export type { PassedImdn, RouteOptions } from './imdn-passing.js';
export { readPassedImdn } from './imdn-passing.js';
export { readInvite, readLarge } from './large.js';
export type { Call, LegOptions, SipLeg } from './leg/leg.js';
export { openLeg } from './leg/leg.js';
export {
  bodyOctetsMax,
  displayNameOctetsMax,
  headerGrowthOctetsMax,
  headerOctetsMax,
  requestOctetsMax,
} from './limits.js';
export type { ReadResult } from './message.js';
export { readMessage } from './message.js';
export { messageSummary, noticeRequest, noticeRowsMax, serviceUriOf } from './notice.js';
export type {
  DeliveryOptions,
  OutgoingOptions,
  ReportOptions,
  SipRequestParts,
} from './outgoing.js';
export { deliverRequest, largeRequest, reportRequest } from './outgoing.js';
export { shownOctets } from './privacy.js';
export type { Header, SipRequest } from './request.js';
export { headerValue, headerValues, readRequest } from './request.js';
export type { ResultEffect, UserResult } from './results.js';
export { pageOctetsMax, resultPages, resultRequest } from './results.js';
export type { SenderCommand, SenderReading } from './sender-commands.js';
export { readSenderCommand, revokeType } from './sender-commands.js';
export type { SubscriptionReading, SubscriptionRequest } from './subscribe.js';
export { noticePackage, readSubscribe } from './subscribe.js';
export type { NameAddr } from './uri.js';
export { bareUri, canonicalAor, hostOf, nameAddr, uriCharactersMax } from './uri.js';
