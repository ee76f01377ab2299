// What is armed and due, told anew from the row alone: by the charts of the shipped policies, not by the engine's reading
// of them (I8).
import type { ActorRow } from '../../../runtime/index.js';
import { contextOf, messageOf } from './view.js';

/** When a message must be woken: computed anew from what it says. */
export function dueOf(row: ActorRow): number | null {
  if (row.forgetAtMs !== null) return row.forgetAtMs;
  if (row.parked !== null) return row.outlived ? null : messageOf(row).outlivesAtMs;
  const dues = row.actor.timers.map((timer) => timer.dueMs);
  if (!row.outlived) dues.push(messageOf(row).outlivesAtMs);
  if (row.live && contextOf(row).acknowledged && row.early !== undefined)
    dues.push(row.early.dueMs);
  return dues.length === 0 ? null : Math.min(...dues);
}

/** Timers a state arms by its chart; the expiry is gone once it has fired. */
export function armedIn(row: ActorRow): readonly (readonly string[])[] {
  const expiry = messageOf(row).expiresAtMs === null ? [] : ['expiry'];
  switch (row.value) {
    case 'stored':
      return [expiry];
    case 'delivering': {
      // An expiry that came in flight and was moved is armed again when the answer is there.
      const extended = row.trail.some((one) => one.event === 'message.extended');
      const fired = contextOf(row).expired || contextOf(row).ending !== null || extended;
      return fired
        ? [['answerTimeout'], ['answerTimeout', ...expiry]]
        : [['answerTimeout', ...expiry]];
    }
    case 'expired.waiting':
      return [['grace']];
    case 'expired.delivering':
      return contextOf(row).ending === null
        ? [['answerTimeout', 'grace']]
        : [['answerTimeout'], ['answerTimeout', 'grace']];
    case 'released.delivering':
      return [['answerTimeout']];
    case 'reporting.backing-off':
      return [['reportRetry']];
    default:
      return [[]];
  }
}
