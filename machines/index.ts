// The public face of machines/: what other folders may use.
export { answerClass } from './answer.js';
export {
  mermaid,
  type TextChartOptions,
  textChart,
  transitionTable,
} from './chart.js';
export {
  innerLines,
  innerText,
  innerTransitions,
  isInner,
  isLeaf,
  orderStates,
  type Path,
  type PathStop,
  pathOfTrail,
  stopsOf,
  takenOn,
  transitionParts,
  transitionText,
  visible,
} from './chart-parts.js';
export {
  answerTimeoutMs,
  type Compiled,
  compilePolicy,
  initialContext,
  type Policy,
  policyBounds,
  policySchema,
  retentionMinMs,
} from './compile.js';
export {
  type ClassBehaviour,
  differenceOf,
  type Explored,
  endsByClass,
  type MessageClass,
  type PolicyDifference,
  type PossibleEnd,
} from './difference.js';
export type { Effect, EffectType } from './effects.js';
export { effectTypes } from './effects.js';
export type { AnswerClass, MessageEvent, MessageEventType } from './events.js';
export { messageEventTypes } from './events.js';
export {
  defaultReportRules,
  type EarlyStatus,
  earlyReport,
  isAnonymousUri,
  isTrustedRoute,
  type ReportConsent,
  type Reported,
  type ReportRules,
  reportException,
  reportExceptions,
  reportTarget,
} from './exceptions.js';
export {
  type FindingCode,
  findingKinds,
  findingOf,
  type PolicyFinding,
  type ReleaseCheck,
  releaseChecks,
  type Severity,
} from './findings.js';
export type { Behaviour } from './gate/behaviour.js';
export { type Difference, firstDifference } from './gate/difference.js';
export {
  type Edge,
  type Exploration,
  explore,
  gateBounds,
} from './gate/explorer.js';
export { type Judgement, judgePolicy, judgingPolicy, type Known } from './gate/judge.js';
export {
  isStranded,
  judgingMigration,
  type MigrationJudgement,
  type Stranded,
} from './gate/relocation.js';
export type { Situation } from './gate/situation.js';
export type { Stimulus, StimulusKind } from './gate/stimuli.js';
export { type Graph, type GraphState, type GraphTransition, graphOf, isWithin } from './graph.js';
export { effectPrefix, reportOwed } from './implementations.js';
export {
  type CpimFacts,
  type Disposition,
  type Ending,
  type HeaderLine,
  type IncomingMessage,
  type Message,
  type MessageContext,
  type MessageKind,
  patienceMs,
  pushPatienceMs,
  type ReportException,
  type SessionFacts,
  type Subject,
} from './message.js';
export {
  type MigrationMap,
  type MigrationPlan,
  type Move,
  migrationSchema,
  planMigration,
  readMigrationMap,
  type StateMap,
  takenOver,
} from './migration.js';
export {
  builtInVocabulary,
  type Marks,
  type OwnAction,
  type OwnGuard,
  type OwnVocabulary,
  type Parameters,
  type Sets,
  type Vocabulary,
  vocabularyWith,
} from './own-vocabulary.js';
export { atOnce, inPieces, type Piecemeal } from './piecemeal.js';
export { canonicalJson, type PolicyFile, policyHash } from './policy.js';
export { publishedPolicySchema } from './policy-schema.js';
export {
  applyChange,
  canonicalSenders,
  type PreferenceChange,
  preferencesSchema,
  type ReadChange,
  readPreferenceChange,
} from './preference-change.js';
export {
  type Admission,
  admissionOf,
  defaultPreferenceRules,
  domainOf,
  isKnown,
  noPreferences,
  type PreferenceRecord,
  type PreferenceRules,
  type Preferences,
  ruleExceptionsMax,
  ruleFor,
  type SenderAction,
  type SenderRule,
  senderRulesMax,
  type Wishes,
  wishesOf,
} from './preferences.js';
export {
  hasUncountedPlaces,
  type PlaceValue,
  placeName,
  type RestingPlace,
  restingPlaces,
  restingPlacesMax,
} from './resting.js';
export {
  checkRules,
  coversType,
  firstRule,
  type KnownPolicy,
  type RuleFinding,
  rulesSchema,
  type Selected,
  type SelectionRule,
  type SelectionRules,
} from './selection.js';
export { shownSender } from './sender.js';
export {
  type Duration,
  defaultSettings,
  durationMs,
  type PolicySettings,
  type SecondsOrNone,
  withDefaults,
} from './settings.js';
export { shippedPolicy, shippedPolicyIds } from './shipped.js';
export type { ActorState, ArmedTimer, Placement, Step, StepEvent, Stepper } from './stepping.js';
export { type Checked, type SchemaChecker, type SchemaFinding, schemaChecker } from './validate.js';
export {
  actionVocabulary,
  builtInDelays,
  effectActions,
  guardVocabulary,
  type ParameterType,
  stateTags,
  type VocabularyEntry,
} from './vocabulary.js';
