// The closed union of what a message may ask of the world. A step returns effects as data; nothing happens
// before they are committed, and each is known by an identity derived from stored data.

/** A request to the world, decided by a step. */
export type Effect =
  /** Push the message to its recipient; `attempt` counts from 1. `late`: its expiry has passed, mark it. */
  | { readonly type: 'deliver'; readonly attempt: number; readonly late: boolean }
  /** Send the IMDN failure report to the sender; `attempt` counts from 1, the identity never changes. */
  | { readonly type: 'report'; readonly attempt: number; readonly status: 'failed' }
  /** Tell the recipient that messages wait: the engine makes one notice of all of them, once for each return. */
  | { readonly type: 'notify' };

export type EffectType = Effect['type'];

/** The name a policy gives an effect, and the effect it stands for. */
export const effectTypes: readonly EffectType[] = ['deliver', 'report', 'notify'];
