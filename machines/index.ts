// The public face of machines/: what other folders may use.
export type { Effect, EffectType } from './effects.js';
export { effectTypes } from './effects.js';
export type { AnswerClass, MessageEvent, MessageEventType } from './events.js';
export { messageEventTypes } from './events.js';
export type {
  CpimFacts,
  Disposition,
  Ending,
  IncomingMessage,
  Message,
  MessageContext,
  ReportException,
  Subject,
} from './message.js';
