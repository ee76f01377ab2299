// The public face of adapters/nats/: what compose.ts and the tests of other folders may use.
export type { AdmissionLimits } from './admission.js';
export { createAuditPort } from './audit.js';
export {
  type Bus,
  type BusClock,
  BusError,
  type BusErrorCode,
  type BusHandler,
  type BusHooks,
  type BusOptions,
  type BusReason,
  type Requester,
} from './bus.js';
export type {
  CodecRefusal,
  CommandResult,
  ResultEffect,
  SipCodec,
  SipRequestParts,
  UserCommand,
} from './codec.js';
export { connectBus } from './connection.js';
export { type Consumer, type ConsumerOptions, type Doubtful, startConsumer } from './consumer.js';
export type { Finding, Parsed } from './fields.js';
export { natsLimits } from './limits.js';
export {
  type AliveLine,
  type AnswerLine,
  aliveLine,
  answerLine,
  type BeatLine,
  beatLine,
  formatRequest,
  type LateLine,
  type LineForm,
  lateLine,
  type OfflineLine,
  type OnlineLine,
  type OutcomeLine,
  offlineLine,
  onlineLine,
  outcomeLine,
  parseRequest,
  type QueueLine,
  queueLine,
  type RequestLine,
  type RequestPayload,
  type SendLine,
  sendLine,
} from './lines.js';
export { createPublisher, type Publisher, type PublisherOptions } from './publisher.js';
export {
  type Malformed,
  type RequestDoor,
  type RequestRefusal,
  refuse,
  serveRequests,
} from './requests.js';
export { adminReplySchema, type SchemaName, schemaNames } from './schemas.js';
export { type SecretFinding, type SecretOption, secretFindings } from './secrets.js';
export { serversFinding, serverUrlFinding } from './servers.js';
export {
  adminSubject,
  adminSubjects,
  engineQueue,
  inboxPrefix,
  isReplySubject,
  subjects,
} from './subjects.js';
