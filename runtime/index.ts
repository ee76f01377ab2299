// The public face of runtime/: what adapters and programs may use.
export type { MessageLife, PolicySummary, Runtime, RuntimeStats, TrailStep } from './api.js';
export { dropBallast, hasBallast, writeBallast } from './ballast.js';
export {
  hostClock,
  hostEntropy,
  type SteadyClock,
  steadyClock,
  virtualClock,
} from './clock.js';
export type {
  Binding,
  Command,
  IdResult,
  ListedMessage,
  ListedRow,
  Listing,
  OperatorAct,
  PreferencesView,
  Reply,
  SenderStatus,
  SentKey,
  SentStatus,
  Watcher,
} from './commands.js';
export { expiryInstant } from './decide/receive.js';
export {
  exitCodes,
  type FaultCode,
  faults,
  type RefusalCode,
  RuntimeFault,
  refusalOf,
  refusals,
} from './errors.js';
export { type Failpoint, type FailpointHook, failpoints } from './failpoints.js';
export { foundingRows } from './found.js';
export { type Judge, judge, stepper } from './gate.js';
export type { StepListener } from './hearing.js';
export { keyFamilies, partitionOf, partitionOfLocal, storeSumKey } from './keys.js';
export type {
  CallEnd,
  CallHooks,
  InviteFacts,
  LargeContent,
  LargeRequest,
  OutgoingCall,
  ProxyPlace,
  WaitingCall,
} from './large.js';
export { effectRepeatsMs, limits, partitionCount } from './limits.js';
export {
  type BootStore,
  defaultRuntimeSettings,
  makeStore,
  type Opened,
  openFolder,
  openRuntime,
  type RuntimeOptions,
} from './open.js';
export type { BoundRules } from './policy-course.js';
export type {
  MigrationForecast,
  MigrationRequest,
  PlannedPlace,
  PlannedPolicy,
} from './population.js';
export type {
  AuditEvent,
  AuditPort,
  Cancel,
  Clock,
  EffectPort,
  Entropy,
  OutgoingDelivery,
  OutgoingEffect,
  OutgoingNotice,
  OutgoingReport,
  OutgoingSubscription,
  RowWrite,
  StorePort,
  World,
} from './ports.js';
export type { ActorRow, HistoryRow, MigrationRow, PendingEffect } from './rows.js';
export { Engine } from './runtime.js';
export { type Fate, type Shadow, shadowOf } from './shadow.js';
export { begin, restore, type Step, StepError, type StepEvent, step } from './step.js';
export { type DiskStore, freeOctetsAt, openStore, storeExists, volumeKind } from './store.js';
export type { Notice, RuntimeSettings } from './turn.js';
export { type StoreReport, verifyStore } from './verify.js';
