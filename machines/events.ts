// The closed list of facts a message can hear. The present and randomness never travel in them: the step is given both.
// The one instant among them, where an operator moved the expiry to, was decided before.

/** How the world took our MESSAGE; the classes of docs/reference/events.md. */
export type AnswerClass = 'success' | 'temporary' | 'unsuitable' | 'refused';

/** Every event a policy may react to, told apart by `type`. */
export type MessageEvent =
  /** The recipient can be reached and it is this message's turn. */
  | { readonly type: 'recipient.registered' }
  /** The recipient asked for this message and can be reached: it is its turn before the others. */
  | { readonly type: 'message.requested' }
  /** The delivery attempt in flight ended with a SIP final code, or 408 when nothing came. */
  | { readonly type: 'delivery.answered'; readonly status: number; readonly class: AnswerClass }
  /** The report in flight ended with a SIP final code, or 408 when nothing came. */
  | { readonly type: 'report.answered'; readonly status: number; readonly class: AnswerClass }
  /** The recipient, or an operator, deleted the message. */
  | { readonly type: 'message.deleted' }
  /** The recipient has fetched the message by a confirmed retrieval. */
  | { readonly type: 'message.retrieved' }
  /** The sender took the message back. */
  | { readonly type: 'message.withdrawn' }
  /** The mailbox was full and made room. */
  | { readonly type: 'message.evicted' }
  /** The maximum lifetime has passed: the message must come to its end. */
  | { readonly type: 'message.outlived' }
  /** An operator lets a held message go to its recipient, expired as it is. */
  | { readonly type: 'message.released' }
  /** An operator ends a held message undelivered. */
  | { readonly type: 'message.dropped' }
  /** An operator moved the expiry instant, epoch milliseconds; never beyond the maximum lifetime. */
  | { readonly type: 'message.extended'; readonly expiresAtMs: number };

export type MessageEventType = MessageEvent['type'];

/** What each event says, for editors and whoever else explains a policy; in the order of docs/reference/events.md. */
export const messageEventMeanings: Readonly<Record<MessageEventType, string>> = {
  'recipient.registered': 'The recipient can be reached and it is this message’s turn.',
  'message.requested': 'The recipient asked for this message: it is its turn before the others.',
  'delivery.answered': 'The push in flight was answered; `answered` asks how.',
  'report.answered': 'The report in flight was answered; `answered` asks how.',
  'message.deleted': 'The recipient, or an operator, deleted the message.',
  'message.retrieved': 'The recipient has fetched the message.',
  'message.withdrawn': 'The sender took the message back.',
  'message.evicted': 'The mailbox was full and made room.',
  'message.outlived': 'The maximum lifetime has passed: the message must come to its end.',
  'message.released': 'An operator lets a held message go to its recipient.',
  'message.dropped': 'An operator ends a held message undelivered.',
  'message.extended': 'An operator gave the message more time; `extend` moves its expiry.',
};

/** Every event type, in the order of docs/reference/events.md. */
export const messageEventTypes = Object.keys(messageEventMeanings) as readonly MessageEventType[];
